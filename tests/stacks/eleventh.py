"""python3 eleventh.py MISTAKE PORT: Flask, Django, FastAPI, Litestar, Quart, Falcon or aiohttp, as a todo list's API is mostly written, with one mistake of CAUSES.md made on purpose."""
from given import A, FAMILY, HOST, OWN, PORT

SHOP = ["https://todo.example", "https://www.todo.example"]
TODOS = [{"id": 1, "title": "Buy milk", "done": False}]


def fl():
    from flask import Flask, abort, jsonify, redirect, request
    from flask_cors import CORS

    app = Flask(__name__)
    given = {"list": {"origins": SHOP}, "other": {"origins": [A]}, "resources": {"resources": {r"/api/v2/*": {"origins": "*"}}}, "verbs": {"methods": ["GET", "HEAD", "POST"]}, "headers": {"allow_headers": "Content-Type"}, "slash": {"origins": A + "/"}, "supports": {}, "good": {"origins": A}, "propagate": {}, "strict": {}, "bearer": {}, "tls": {"origins": "https://app.one.test:18903"}}
    if OWN in given:
        CORS(app, **given[OWN])

    @app.before_request
    def check():
        if request.path == "/health":
            return None
        if OWN == "bearer" and "Authorization" not in request.headers:
            return jsonify(msg="Missing Authorization Header"), 401
        if OWN == "login" and "session" not in request.cookies and request.endpoint != "login":
            return redirect("/login?next=" + request.path)
        return None

    @app.after_request
    def add(response):
        if OWN in ("twice", "after", "login"):
            response.headers.add("Access-Control-Allow-Origin", "*")
        if OWN == "ok" and response.status_code == 200:
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET,POST,PUT,DELETE"
        return response

    if OWN == "twice":
        CORS(app)
    if OWN == "propagate":
        app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/health", "health", lambda: "ok")
    app.add_url_rule("/login", "login", lambda: "<form method=post></form>")
    app.add_url_rule("/api/todos", "todos", lambda: jsonify(TODOS), methods=["GET", "POST"])
    app.add_url_rule("/api/todos/<int:id>", "todo", lambda id: jsonify(TODOS[0]) if id == 1 else abort(404), methods=["GET", "PUT", "DELETE"])
    app.add_url_rule("/api/tags/", "tags", lambda: jsonify([]), methods=["GET", "PUT"])
    app.add_url_rule("/api/stats", "stats", lambda: {}["total"], methods=["GET", "PUT"])
    app.add_url_rule("/api/v2/todos", "v2", lambda: jsonify(TODOS))
    if OWN == "byhand":
        @app.get("/api/mine")
        def mine():
            response = jsonify(TODOS)
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response
        app.add_url_rule("/api/mine/<int:id>", "mine_one", lambda id: jsonify({}), methods=["PUT"])
    return app


def dj():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    cors, common, security = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.security.SecurityMiddleware"
    session, csrf, auth, frame = "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"
    usual = [security, session, cors, common, csrf, auth, frame]
    middleware = {"forgot": [security, session, common, csrf, auth, frame], "last": [security, session, common, csrf, auth, frame, cors], "apikey": [security, f"{__name__}.apikey", *usual[1:]], "outer": [f"{__name__}.outer", *usual], "ssl": [security, cors, common], "tls": [security, cors, common]}.get(OWN, usual)
    more = {"list": {"CORS_ALLOWED_ORIGINS": SHOP}, "other": {"CORS_ALLOWED_ORIGINS": [A]}, "regexes": {"CORS_ALLOWED_ORIGINS": [], "CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.todo\.example$"]}, "verbs": {"CORS_ALLOW_METHODS": ("GET", "OPTIONS", "POST")}, "headers": {"CORS_ALLOW_HEADERS": ("content-type", "accept", "origin")}, "urls": {"CORS_URLS_REGEX": r"^/api/v2/.*$"}, "ssl": {"SECURE_SSL_REDIRECT": True},
            "star": {}, "tls": {"SECURE_SSL_REDIRECT": True, "CORS_ALLOWED_ORIGINS": ["https://app.one.test:18903"]}}.get(OWN, {})
    settings.configure(**({"DEBUG": False, "SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": __name__, "MIDDLEWARE": middleware, "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "corsheaders", "rest_framework"], "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies", "CORS_ALLOWED_ORIGINS": [A], "LOGGING_CONFIG": None, "TEMPLATES": [], "REST_FRAMEWORK": {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"], "UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []}} | more))
    import django
    django.setup()
    from django.http import HttpResponse, HttpResponseForbidden, JsonResponse
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt
    from rest_framework.decorators import api_view
    from rest_framework.response import Response
    global urlpatterns, apikey, outer

    def apikey(inner):
        return lambda request: inner(request) if request.path == "/health" or "X-Api-Key" in request.headers else HttpResponseForbidden("API key required")

    def outer(inner):
        def call(request):
            if request.path == "/api/stats" and request.method == "GET":
                return HttpResponse("<h1>Server Error (500)</h1>", status=500)
            return inner(request)
        return call

    todos = api_view(["GET", "POST"])(lambda request: Response(TODOS))
    todo = api_view(["GET", "PUT", "DELETE"])(lambda request, pk: Response(TODOS[0]))

    @csrf_exempt
    def hand(request, pk=0):
        response = JsonResponse(TODOS, safe=False)
        if request.method == "GET":
            response["Access-Control-Allow-Origin"] = "*"
        return response

    byhand = OWN == "byhand"
    if byhand:
        settings.MIDDLEWARE = [security, session, common, csrf, auth, frame]
    urlpatterns = [path("health", lambda request: HttpResponse("ok")), path("api/todos", hand if byhand else todos), path("api/todos/<int:pk>", hand if byhand else todo), path("api/tags/", todos), path("api/stats", lambda request: JsonResponse({})), path("api/v2/todos", todos)]
    return get_wsgi_application()


def fap():
    from fastapi import FastAPI, Request
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
    from fastapi.responses import JSONResponse

    app = FastAPI()
    good = {"allow_origins": [A], "allow_credentials": True, "allow_methods": ["*"], "allow_headers": ["*"]}
    more = {"list": {"allow_origins": SHOP}, "plain": {"allow_origins": SHOP, "allow_credentials": False}, "other": {"allow_origins": [A]}, "slash": {"allow_origins": [A + "/"]}, "verbs": {"allow_methods": ["GET", "POST"]}, "headers": {"allow_headers": ["Content-Type"]}, "nocreds": {"allow_credentials": False}}.get(OWN, {})

    @app.get("/health")
    def health(): return {"status": "ok"}

    @app.get("/api/todos")
    def todos(): return TODOS

    @app.post("/api/todos", status_code=201)
    def create(): return {}

    @app.put("/api/todos/{id}")
    def change(id: int): return {}

    @app.delete("/api/todos/{id}", status_code=204)
    def remove(id: int): return None

    @app.get("/api/stats")
    def stats(): return 1 / 0

    if OWN == "sub":
        api = FastAPI()
        api.add_middleware(CORSMiddleware, **good)
        api.get("/todos")(lambda: TODOS)
        app.mount("/v2", api)
    elif OWN == "response":
        @app.middleware("http")
        async def add(request, call_next):
            response = await call_next(request)
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response
    elif OWN != "forgot":
        app.add_middleware(CORSMiddleware, **(good | more))
    if OWN == "bearer":
        @app.middleware("http")
        async def verify(request: Request, call_next):
            if request.url.path != "/health" and "authorization" not in request.headers:
                return JSONResponse(status_code=403, content={"detail": "Not authenticated"})
            return await call_next(request)
    if OWN == "https":
        app.add_middleware(HTTPSRedirectMiddleware)
    return app


def lit():
    from litestar import Litestar, delete, get, put
    from litestar.config.cors import CORSConfig

    @get("/health")
    async def health() -> str: return "ok"

    @get("/api/todos")
    async def todos() -> list: return TODOS

    @put("/api/todos/{pk:int}")
    async def change(pk: int) -> dict: return {}

    @delete("/api/todos/{pk:int}")
    async def remove(pk: int) -> None: return None

    config = {"list": CORSConfig(allow_origins=SHOP), "verbs": CORSConfig(allow_origins=[A], allow_methods=["GET", "POST"]), "headers": CORSConfig(allow_origins=[A], allow_headers=["Content-Type"]), "nocreds": CORSConfig(allow_origins=[A])}.get(OWN)
    return Litestar([health, todos, change, remove], cors_config=config)


def qua():
    from quart import Quart, jsonify, request
    from quart_cors import cors

    app = Quart(__name__)
    if OWN != "forgot":
        app = cors(app, **{"list": {"allow_origin": SHOP}, "verbs": {"allow_origin": A, "allow_methods": ["GET", "POST"]}, "nocreds": {"allow_origin": A}}[OWN])

    async def answer(id=0): return jsonify(TODOS)
    async def health(): return "ok"
    app.add_url_rule("/health", "health", health)
    app.add_url_rule("/api/todos", "todos", answer, methods=["GET", "POST"])
    app.add_url_rule("/api/todos/<int:id>", "todo", answer, methods=["PUT", "DELETE"])
    return app


def fal():
    import falcon

    class Todos:
        def on_get(self, req, resp): resp.media = TODOS
        def on_put(self, req, resp, id=0): resp.media = {}
        def on_delete(self, req, resp, id=0): resp.media = {}

    class Health:
        def on_get(self, req, resp): resp.text = "ok"

    class Hand:
        def process_response(self, req, resp, resource, ok):
            resp.set_header("Access-Control-Allow-Origin", A)

    middleware = {"list": [falcon.CORSMiddleware(allow_origins=SHOP)], "forgot": [], "hand": [Hand()], "nocreds": [falcon.CORSMiddleware(allow_origins=A)]}[OWN]
    app = falcon.App(middleware=middleware)
    app.add_route("/health", Health())
    app.add_route("/api/todos", Todos())
    app.add_route("/api/todos/{id:int}", Todos())
    return app


def aio():
    from aiohttp import web

    @web.middleware
    async def auth(request, handler):
        if OWN == "jwt" and request.path != "/health" and "Authorization" not in request.headers:
            return web.json_response({"reason": "Missing authorization token"}, status=401)
        return await handler(request)

    @web.middleware
    async def hand(request, handler):
        if OWN == "options" and request.method == "OPTIONS":
            response = web.Response()
        else:
            response = await handler(request)
        if OWN in ("hand", "raised", "options"):
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        return response

    async def health(request): return web.Response(text="ok")
    async def todos(request): return web.json_response(TODOS)

    async def todo(request):
        if request.match_info["id"] != "1":
            raise web.HTTPNotFound()
        return web.json_response(TODOS[0])

    app = web.Application(middlewares=[auth, hand])
    app.router.add_get("/health", health)
    routes = [app.router.add_get("/api/todos", todos), app.router.add_get("/api/todos/{id}", todo), app.router.add_put("/api/todos/{id}", todo), app.router.add_delete("/api/todos/{id}", todo)]
    if OWN in ("list", "jwt", "nocreds", "headers"):
        import aiohttp_cors
        choice = aiohttp_cors.ResourceOptions(allow_credentials=OWN != "nocreds", allow_headers=("Content-Type",) if OWN == "headers" else "*", allow_methods="*")
        setup = aiohttp_cors.setup(app, defaults={SHOP[0] if OWN == "list" else A: choice})
        for route in routes:
            setup.add(route)
    return app


app = globals()[FAMILY]()
if FAMILY in ("fl",):
    app.run(HOST, PORT)
elif FAMILY in ("dj", "fal"):
    import wsgiref.simple_server
    import socketserver

    class Threaded(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
        daemon_threads = True

    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *_): pass

    if FAMILY == "dj":
        from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
        server = ThreadedWSGIServer((HOST, PORT), WSGIRequestHandler)
        server.set_app(app)
        server.serve_forever()
    wsgiref.simple_server.make_server(HOST, PORT, app, Threaded, Quiet).serve_forever()
elif FAMILY == "aio":
    from aiohttp import web
    web.run_app(app, host=HOST, port=PORT, print=None)
else:
    import uvicorn
    uvicorn.run(app, host=HOST, port=PORT, log_level="error")
