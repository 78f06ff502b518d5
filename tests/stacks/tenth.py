"""python3 tenth.py MISTAKE PORT: Flask, Django, FastAPI and other Python stacks, each as its documentation shows it, with one mistake of CAUSES.md made on purpose."""
import os
import sys

from given import A, FAMILY, HOST, METHODS, MISTAKE, OWN, PORT

PROD = ["https://www.one.test", "https://admin.one.test"]
ITEMS = [{"id": 1, "name": "Widget"}]


def fl():
    from flask import Flask, Response, abort, jsonify, redirect, request
    from flask_cors import CORS, cross_origin

    app = Flask(__name__)

    @app.before_request
    def guard():
        if request.path == "/health":
            return None
        if OWN == "auth" and not request.headers.get("Authorization"):
            return jsonify(error="Unauthorized"), 401
        if OWN == "login" and "session" not in request.cookies and request.path != "/login":
            return redirect("/login")
        if OWN == "apikey" and request.headers.get("X-Api-Key") != "x":
            abort(403)
        return None

    for own, given in {"good": {"origins": A}, "auth": {"origins": A}, "origin": {"origins": PROD}, "origin2": {"origins": "https://www.one.test"}, "resources": {"resources": {r"/v1/*": {"origins": A}}}, "methods": {"origins": A, "methods": ["GET", "POST"]}, "headers": {"origins": A, "allow_headers": ["Content-Type"]}, "creds": {"origins": A}, "boom": {"origins": A}, "slash": {"origins": A}, "trail": {"origins": A + "/"}, "host": {"origins": "app.one.test:18901"}, "tls": {"origins": "https://app.one.test:18903"}}.items():
        if own == OWN:
            CORS(app, **given)

    @app.after_request
    def more(response):
        if OWN in ("two", "hand", "login", "apikey"):
            response.headers.add("Access-Control-Allow-Origin", A)
        if OWN == "starred":
            response.headers.update({"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Headers": "Content-Type", "Access-Control-Allow-Methods": "GET,PUT,POST,DELETE"})
        if OWN == "bareerrors" and response.status_code < 400:
            response.headers.update({"Access-Control-Allow-Origin": A, "Access-Control-Allow-Headers": "Content-Type", "Access-Control-Allow-Methods": "GET,PUT,POST,DELETE"})
        return response

    if OWN == "two":
        CORS(app, origins=A)  # what is added last runs first
    one = cross_origin(origins=A) if OWN in ("one", "gets") else lambda view: view
    app.add_url_rule("/health", "health", lambda: "ok")
    app.add_url_rule("/public", "public", one(lambda: jsonify(public=True)))
    app.add_url_rule("/api/items", "list", one(lambda: jsonify(ITEMS)) if OWN == "gets" else lambda: jsonify(ITEMS))
    app.add_url_rule("/api/items/<int:id>", "item", lambda id: jsonify(id=id), methods=["PUT", "DELETE"])
    app.add_url_rule("/api/orders", "orders", lambda: (jsonify(order=1), 201), methods=["POST"])
    app.add_url_rule("/api/list/", "slashed", lambda: jsonify(ITEMS), methods=["GET", "POST", "PUT"])
    app.add_url_rule("/api/missing", "missing", lambda: abort(404), methods=["GET", "PUT"])
    app.add_url_rule("/api/crash", "crash", lambda: 1 // 0, methods=["GET", "PUT"])
    app.add_url_rule("/login", "login", lambda: Response("<form method=post>", mimetype="text/html"))
    if OWN == "boom":
        app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def dj():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    cors, common, security = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.security.SecurityMiddleware"
    sessions, auth = "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"
    more = {"origin": {"CORS_ALLOWED_ORIGINS": PROD}, "regex": {"CORS_ALLOWED_ORIGINS": [], "CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.one\.test$"]}, "methods": {"CORS_ALLOW_METHODS": ["GET", "POST"]}, "headers": {"CORS_ALLOW_HEADERS": ["accept", "content-type"]}, "creds": {}, "urls": {"CORS_URLS_REGEX": r"^/v1/.*$"},
            "ssl": {"SECURE_SSL_REDIRECT": True}, "tls": {"SECURE_SSL_REDIRECT": True, "CORS_ALLOWED_ORIGINS": ["https://app.one.test:18903"]}, "debug": {"CORS_ALLOW_ALL_ORIGINS": False, "CORS_ALLOWED_ORIGINS": []}}.get(OWN, {})
    middleware = {"none": [security, sessions, common, auth], "below": [security, common, cors], "auth": [f"{__name__}.token", security, cors, common], "login": [security, sessions, auth, "django.contrib.auth.middleware.LoginRequiredMiddleware", cors, common], "crash": [f"{__name__}.tenant", cors, common], "strip": [f"{__name__}.strip", cors, common], "ssl": [security, cors, common], "tls": [security, cors, common]}.get(OWN, [security, sessions, cors, common])
    settings.configure(**({"DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": __name__, "MIDDLEWARE": middleware, "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "corsheaders"], "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies", "CORS_ALLOWED_ORIGINS": [A], "LOGIN_URL": "/login/", "LOGGING_CONFIG": None} | more))
    import django
    django.setup()
    from django.http import HttpResponse, JsonResponse
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt
    global urlpatterns, token, tenant, strip

    def token(inner):
        return lambda request: inner(request) if request.path == "/health" or "Authorization" in request.headers else JsonResponse({"detail": "Authentication credentials were not provided."}, status=401)

    def tenant(inner):
        def call(request):
            if request.path == "/api/crash" and request.method != "OPTIONS":
                raise RuntimeError("no tenant")
            return inner(request)
        return call

    def strip(inner):
        return lambda request: inner(request) if request.method == "OPTIONS" or request.path != "/api/crash" else HttpResponse("Service error", status=500)

    view = csrf_exempt(lambda request, *rest, **named: JsonResponse(ITEMS, safe=False))
    urlpatterns = [path("health", lambda request: HttpResponse("ok")), path("api/items", view), path("api/items/<int:pk>", view), path("api/orders", view), path("api/list/", view), path("api/crash", view), path("v1/items", view)]
    return get_wsgi_application()


def fap():
    from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.responses import JSONResponse, RedirectResponse

    app = FastAPI()
    good = {"allow_origins": [A], "allow_methods": ["*"], "allow_headers": ["*"]}
    given = {"origin": {"allow_origins": PROD}, "trail": {"allow_origins": [A + "/"]}, "methods": {"allow_methods": ["GET"]}, "headers": {"allow_headers": ["x-token"]}, "regex": {"allow_origins": [], "allow_origin_regex": r"https://.*\.one\.test"}}.get(OWN, {})

    @app.get("/health")
    def health(): return {"ok": True}

    @app.get("/api/items")
    def list_items(): return ITEMS

    @app.put("/api/items/{id}")
    def put_item(id: int): return {}

    @app.delete("/api/items/{id}")
    def delete_item(id: int): return {}

    @app.post("/api/orders")
    def order(): return {}

    @app.get("/api/list/")
    @app.put("/api/list/")
    def slashed(): return ITEMS

    @app.get("/api/crash")
    @app.put("/api/crash")
    def crash(): raise RuntimeError("boom")

    if OWN == "mounted":
        inner = FastAPI()
        inner.add_middleware(CORSMiddleware, **good)
        inner.get("/items")(lambda: ITEMS)
        app.mount("/v1", inner)
    elif OWN == "hand":
        @app.middleware("http")
        async def add(request, call_next):
            response = await call_next(request)
            response.headers["Access-Control-Allow-Origin"] = A
            return response
    elif OWN == "two":
        app.add_middleware(CORSMiddleware, **good)

        @app.middleware("http")
        async def add(request, call_next):
            response = await call_next(request)
            response.headers.append("Access-Control-Allow-Origin", A)
            return response
    elif OWN != "none":
        app.add_middleware(CORSMiddleware, **(good | given))
    if OWN == "auth":
        @app.middleware("http")
        async def verify(request: Request, call_next):
            if request.url.path != "/health" and "authorization" not in request.headers:
                return JSONResponse({"detail": "Not authenticated"}, status_code=401)
            return await call_next(request)
    if OWN == "login":
        @app.middleware("http")
        async def login(request: Request, call_next):
            if request.url.path not in ("/health", "/login") and "session" not in request.cookies:
                return RedirectResponse("/login")
            return await call_next(request)
    if OWN == "rate":
        counts = {"n": 0}

        @app.middleware("http")
        async def limit(request: Request, call_next):
            counts["n"] += 1
            if counts["n"] > 2:
                return JSONResponse({"detail": "Rate limit exceeded"}, status_code=429)
            return await call_next(request)
    if OWN == "timeout":
        @app.middleware("http")
        async def late(request: Request, call_next):
            if request.url.path == "/api/crash" and request.method != "OPTIONS":
                return JSONResponse({"detail": "Request timed out"}, status_code=504)
            return await call_next(request)
    return app


def aio():
    from aiohttp import web
    routes = web.RouteTableDef()
    ok = lambda value: (lambda request: later(value))

    async def later(value): return web.json_response(value)

    @web.middleware
    async def guard(request, handler):
        if OWN == "auth" and request.path != "/health" and "Authorization" not in request.headers:
            raise web.HTTPUnauthorized(text="Unauthorized")
        response = await handler(request)
        if OWN in ("hand", "errors"):
            response.headers["Access-Control-Allow-Origin"] = A
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET, PUT"
        return response

    app = web.Application(middlewares=[guard])
    health = app.router.add_get("/health", ok("ok"))
    items = app.router.add_resource("/api/items")
    one = app.router.add_resource("/api/items/{id}")
    rest = [items.add_route("GET", ok(ITEMS)), one.add_route("PUT", ok({})), one.add_route("DELETE", ok({}))]

    async def missing(request): raise web.HTTPNotFound()
    async def preflight(request): return web.Response(status=204)
    app.router.add_get("/api/missing", missing)
    if OWN == "errors":
        one.add_route("OPTIONS", preflight)
    if OWN in ("origin", "methods", "headers", "creds", "some"):
        import aiohttp_cors
        options = aiohttp_cors.ResourceOptions(allow_headers=("Content-Type",), **({"allow_methods": ["GET"]} if OWN == "methods" else {}))
        cors = aiohttp_cors.setup(app, defaults={("https://www.one.test" if OWN == "origin" else A): options})
        for route in rest[:1] if OWN == "some" else rest:
            cors.add(route)
    web.run_app(app, host=HOST, port=PORT, print=None, access_log=None)


def tor():
    import asyncio
    from tornado.web import Application, HTTPError, RequestHandler

    class Base(RequestHandler):
        def set_default_headers(self):
            if OWN not in ("none", "late"):
                self.set_header("Access-Control-Allow-Origin", {"origin": "https://www.one.test", "star": "*"}.get(OWN, A))
                self.set_header("Access-Control-Allow-Headers", "Content-Type" if OWN != "headers" else "x-requested-with")
                self.set_header("Access-Control-Allow-Methods", "POST, GET, OPTIONS" + ("" if OWN == "methods" else ", PUT, DELETE"))
                if OWN == "star":
                    self.set_header("Access-Control-Allow-Credentials", "true")

        def prepare(self):
            if OWN == "auth" and "Authorization" not in self.request.headers:
                raise HTTPError(401)

        def get(self, *rest):
            self.write({"items": ITEMS})

        put = delete = post = get
    if OWN not in ("noptions", "none"):
        def options(self, *rest):
            self.set_status(204)
            if OWN == "late":
                self.set_header("Access-Control-Allow-Origin", A)
                self.set_header("Access-Control-Allow-Headers", "Content-Type")
                self.set_header("Access-Control-Allow-Methods", "POST, GET, PUT, DELETE, OPTIONS")
            self.finish()
        Base.options = options

    class Health(RequestHandler):
        def get(self):
            self.write("ok")

    async def main():
        Application([("/health", Health), (r"/api/items", Base), (r"/api/items/(\d+)", Base), (r"/api/orders", Base)], log_function=lambda handler: None).listen(PORT, HOST)
        await asyncio.Event().wait()
    asyncio.run(main())


def bot():
    import bottle
    app = bottle.Bottle()

    @app.hook("after_request")
    def enable_cors():
        if OWN != "none":
            bottle.response.headers["Access-Control-Allow-Origin"] = A
            bottle.response.headers["Access-Control-Allow-Methods"] = "PUT, GET, POST, DELETE, OPTIONS" if OWN != "methods" else "GET, POST, OPTIONS"
            bottle.response.headers["Access-Control-Allow-Headers"] = "Origin, Accept, Content-Type, X-Requested-With, X-CSRF-Token"
            if OWN == "creds":
                bottle.response.headers["Access-Control-Allow-Credentials"] = "True"

    app.route("/health", "GET", lambda: "ok")
    app.route("/api/items", "GET", lambda: {"items": ITEMS})
    app.route("/api/items/<id>", ["PUT", "DELETE"] + ([] if OWN in ("noptions", "none") else ["OPTIONS"]), lambda id: {})
    app.run(host=HOST, port=PORT, quiet=True, server="waitress" if OWN == "methods" else "wsgiref")


def fal():
    import falcon
    import waitress

    class Items:
        def on_get(self, req, resp, **rest): resp.media = ITEMS
        on_put = on_delete = on_post = on_get

    class Token:
        def process_request(self, req, resp):
            if OWN == "auth" and req.path != "/health" and not req.auth:
                raise falcon.HTTPUnauthorized(title="Authentication required")

    cors = falcon.CORSMiddleware(allow_origins={"origin": PROD}.get(OWN, [A]), allow_credentials=None)
    app = falcon.App(middleware=[Token()] + ([] if OWN == "none" else [cors]))
    for at in ("/health", "/api/items", "/api/items/{id}", "/api/orders"):
        app.add_route(at, Items())
    waitress.serve(app, host=HOST, port=PORT, threads=4)


def san():
    from sanic import Sanic
    from sanic.response import json
    app = Sanic("tenth")
    if OWN == "origin":
        from sanic_ext import Extend
        app.config.CORS_ORIGINS = "https://www.one.test"
        Extend(app)

    @app.on_response
    async def cors(request, response):
        if OWN == "methods":
            response.headers["Access-Control-Allow-Origin"] = A
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"

    async def ok(request, **rest): return json(ITEMS)
    app.add_route(ok, "/health", name="health")
    app.add_route(ok, "/api/items", name="items")
    app.add_route(ok, "/api/items/<id:int>", methods=["PUT", "DELETE"] + (["OPTIONS"] if OWN == "methods" else []), name="item")
    app.run(host=HOST, port=PORT, single_process=True, access_log=False, motd=False)


def served():
    """Flask and Django run as their own servers do, or under what is mostly put there; FastAPI under Uvicorn."""
    if FAMILY in ("fl", "dj", "fap"):
        app = globals()[FAMILY]()
        if FAMILY == "fap":
            import uvicorn
            uvicorn.run(app, host=HOST, port=PORT, log_level="critical")
        elif FAMILY == "fl":
            app.run(HOST, PORT, threaded=True)
        else:
            from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, run
            run(HOST, PORT, app, threading=True)
    else:
        globals()[FAMILY]()


def gunicorn():
    """As the name says: gfl_ and gdj_ are Flask and Django under it, gfap_ FastAPI with its workers."""
    worker = ["-k", "uvicorn.workers.UvicornWorker"] if FAMILY == "gfap" else ["--threads", "4"]
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "-b", f"{HOST}:{PORT}", *worker, "--chdir", os.path.dirname(os.path.abspath(__file__)), "--log-level", "critical", f"tenth:{FAMILY[1:]}()"], os.environ | {"CASE": f"{FAMILY}_{OWN} {PORT}"})


if __name__ == "__main__":
    gunicorn() if FAMILY.startswith("g") else served()
