"""python3 server.py MISTAKE PORT: Flask, Django, Starlette, aiohttp or Falcon with one mistake of CAUSES.md made on purpose."""
from given import A, B, METHODS, MISTAKE, PORT


def flask():
    from flask import Flask, redirect, request
    from flask_cors import CORS

    app = Flask(__name__)
    own = MISTAKE.removeprefix("flask_")

    def after(answer):
        answer.headers.add("Access-Control-Allow-Origin", request.headers.get("Origin", "*"))
        return answer

    if own == "after_request_first":  # registered before CORS(app): runs last, doubles the field
        app.after_request(after)
    options = {
        "plain": {},
        "resources": {"resources": {r"/api/*": {"origins": [A, B]}}},
        "other_origin": {"origins": [B]},
        "methods": {"origins": [A, B], "methods": ["GET", "POST"]},
        "headers": {"origins": [A, B], "allow_headers": ["Content-Type"]},
    }.get(own, {"origins": [A, B], "supports_credentials": True})
    CORS(app, **options)
    if own == "after_request_last":  # runs first: CORS(app) then adds nothing
        app.after_request(after)
    if own == "login_redirect":

        @app.before_request
        def login():
            if request.path != "/login" and "session" not in request.cookies:
                return redirect("/login")

    if own == "propagate":
        app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.route("/login")
    @app.route("/items", methods=METHODS)
    @app.route("/api/items", methods=METHODS)
    @app.route("/slash/", methods=METHODS)
    def items():
        return {"ok": True}

    @app.route("/boom")
    def boom():
        raise RuntimeError("boom")

    app.run("127.0.0.1", PORT, threaded=True)


def django():
    from django.conf import settings
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application
    from django.http import JsonResponse
    from django.urls import path

    own = MISTAKE.removeprefix("django_")
    middleware = ["corsheaders.middleware.CorsMiddleware", "django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
    if own == "below_common":
        middleware = middleware[1:] + middleware[:1]
    more = {
        "regex": {"CORS_URLS_REGEX": r"^/api/.*$"},
        "other_origin": {"CORS_ALLOWED_ORIGINS": [B]},
        "headers": {"CORS_ALLOW_HEADERS": ["content-type"]},
        "methods": {"CORS_ALLOW_METHODS": ["GET", "POST"]},
        "no_credentials": {"CORS_ALLOW_CREDENTIALS": False},
    }.get(own, {})
    settings.configure(**({
        "DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": __name__, "MIDDLEWARE": middleware,
        "INSTALLED_APPS": ["corsheaders"], "CORS_ALLOWED_ORIGINS": [A, B], "CORS_ALLOW_CREDENTIALS": True,
    } | more))

    def items(request, *rest):
        return JsonResponse({"ok": True})

    global urlpatterns
    urlpatterns = [path("items", items), path("api/items", items), path("slash/", items)]
    run("127.0.0.1", PORT, get_wsgi_application(), threading=True)


def starlette():
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware.cors import CORSMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    own = MISTAKE.removeprefix("starlette_")

    async def items(request):
        return JSONResponse({"ok": True})

    async def boom(request):
        raise RuntimeError("boom")

    routes = [Route("/items", items, methods=METHODS), Route("/boom", boom), Route("/slash/", items, methods=METHODS)]
    options = {
        "other_origin": {"allow_origins": [B], "allow_methods": ["*"]},
        "methods": {"allow_origins": [A, B]},
        "headers": {"allow_origins": [A, B], "allow_methods": ["*"]},
        "star_fixed": {"allow_origins": ["*"], "allow_methods": ["*"]},
    }.get(own, {"allow_origins": [A, B], "allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True})

    class Login:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            if scope["type"] == "http" and not any(n == b"cookie" for n, _ in scope["headers"]):
                return await JSONResponse({"error": "login"}, 401)(scope, receive, send)
            await self.app(scope, receive, send)

    if own == "mounted":
        inner = Starlette(routes=[Route("/items", items, methods=METHODS)])
        inner.add_middleware(CORSMiddleware, **options)
        app = Starlette(routes=[Mount("/api", inner), *routes])
    else:
        app = Starlette(routes=routes)
        app.add_middleware(CORSMiddleware, **options)
    if own == "auth_outside":
        app.add_middleware(Login)
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="critical")


def aiohttp():
    import aiohttp_cors
    from aiohttp import web

    own = MISTAKE.removeprefix("aiohttp_")

    async def items(request):
        return web.json_response({"ok": True})

    @web.middleware
    async def login(request, handler):
        return await handler(request) if "session" in request.cookies else web.json_response({}, status=401)

    app = web.Application(middlewares=[login] if own == "auth" else [])
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=own != "credentials", allow_methods=["GET", "POST"] if own == "methods" else METHODS,
        allow_headers=["Content-Type"] if own == "headers" else "*")
    cors = aiohttp_cors.setup(app, defaults={origin: options for origin in ([B] if own == "origin" else [A, B])})
    for path in ("/items", "/other"):
        resource = app.router.add_resource(path)
        if path == "/items" or own != "path":
            resource = cors.add(resource)
        for method in METHODS:
            route = resource.add_route(method, items)
            if path == "/items" or own != "path":
                cors.add(route)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None)


def falcon():
    from wsgiref.simple_server import make_server

    import falcon

    own = MISTAKE.removeprefix("falcon_")

    class Items:
        def on_get(self, request, response):
            response.media = {"ok": True}

        on_post = on_put = on_delete = on_get

    class Login:
        def process_request(self, request, response):
            if own == "auth" and "session" not in request.cookies:
                raise falcon.HTTPUnauthorized()

    cors = falcon.CORSMiddleware(allow_origins=[B] if own == "origin" else [A, B], allow_credentials=None if own == "credentials" else "*")
    app = falcon.App(middleware=[cors, Login()])
    for path in ("/items", "/other"):
        app.add_route(path, Items())
    make_server("127.0.0.1", PORT, app).serve_forever()


{"flask": flask, "django": django, "starlette": starlette, "aiohttp": aiohttp, "falcon": falcon}[MISTAKE.split("_")[0]]()
