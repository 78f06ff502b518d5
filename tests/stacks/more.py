"""python3 more.py MISTAKE PORT: FastAPI, Sanic, Tornado, Bottle, Pyramid, Litestar, Quart, CherryPy, BlackSheep, Django (REST framework, Ninja) or
Flask under gunicorn or waitress, with one mistake of CAUSES.md made on purpose."""
import sys

from given import A, B, FAMILY, METHODS, OWN, PORT

LOGIN = (b"content-type", b"application/json")


class Login:
    """ASGI, before everything."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and not any(n == b"cookie" for n, _ in scope["headers"]):
            await send({"type": "http.response.start", "status": 401, "headers": [LOGIN]})
            return await send({"type": "http.response.body", "body": b"{}"})
        await self.app(scope, receive, send)


def serve(app):
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="critical")


def fastapi():
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.middleware.cors import CORSMiddleware
    from fastapi.responses import JSONResponse

    app = FastAPI()
    good = {"allow_origins": [A, B], "allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True}
    options = {
        "origin": good | {"allow_origins": [B]}, "slash_origin": good | {"allow_origins": [A + "/"]}, "methods": good | {"allow_methods": ["GET", "POST"]},
        "headers": good | {"allow_headers": []}, "credentials": good | {"allow_credentials": False}, "regex": good | {"allow_origins": [], "allow_origin_regex": r"http://app\.two\.test:\d+"},
    }.get(OWN, good)
    target = app
    if OWN == "sub":
        target = FastAPI()
        app.mount("/api", target)
    if OWN != "none":
        target.add_middleware(CORSMiddleware, **options)
    if OWN == "auth":

        @app.middleware("http")
        async def login(request: Request, call_next):
            return await call_next(request) if "session" in request.cookies else JSONResponse({"detail": "Not authenticated"}, 401)

    if OWN == "limiter":
        left = [3]

        @app.middleware("http")
        async def limit(request: Request, call_next):
            left[0] -= 1
            return await call_next(request) if left[0] >= 0 else JSONResponse({"error": "Rate limit exceeded"}, 429)

    async def denied():
        raise HTTPException(401)

    async def items():
        return {"ok": True}

    async def boom():
        raise RuntimeError("boom")

    for at in {app, target}:
        at.add_api_route("/items", items, methods=METHODS)
        at.add_api_route("/slash/", items, methods=METHODS)
        at.add_api_route("/boom", boom, methods=["GET", "PUT"])
        at.add_api_route("/denied", items, methods=METHODS, dependencies=[Depends(denied)])
    serve(app)


def sanic():
    from sanic import Sanic
    from sanic.response import json

    Sanic.start_method = "fork"
    app = Sanic("x")
    app.config.AUTO_EXTEND = False
    if OWN != "none" and OWN not in ("options", "hand", "late", "typo"):
        from sanic_ext import Extend

        app.config.CORS_ORIGINS = B if OWN == "origin" else f"{A},{B}"
        app.config.CORS_SUPPORTS_CREDENTIALS = OWN != "credentials"
        if OWN == "methods":
            app.config.CORS_METHODS = ["GET", "POST"]
        if OWN == "headers":
            app.config.CORS_ALLOW_HEADERS = ["content-type"]
        Extend(app)
    if OWN == "auth":

        @app.on_request(priority=1000)
        async def login(request):
            if not request.cookies.get("session"):
                return json({"error": "login"}, 401)

    if OWN in ("hand", "typo"):

        @app.on_response
        async def after(request, response):
            response.headers["Access-Control-Allow-Origin"] = A if OWN == "hand" else f'"{A}"'

    async def items(request):
        return json({"ok": True}, headers={"Access-Control-Allow-Origin": A} if OWN == "late" else None)

    async def boom(request):
        raise RuntimeError("boom")

    app.add_route(boom, "/boom")
    for path in ("/items", "/api/items"):
        app.add_route(items, path, methods=METHODS, name=path.strip("/").replace("/", "_"))
    app.run("127.0.0.1", PORT, single_process=True, access_log=False, motd=False)


def tornado():
    import asyncio

    from tornado.web import Application, HTTPError, RequestHandler

    class Items(RequestHandler):
        def set_default_headers(self):
            if OWN not in ("late", "none"):
                self.set_header("Access-Control-Allow-Origin", A)
                self.set_header("Access-Control-Allow-Headers", "content-type")
                self.set_header("Access-Control-Allow-Methods", "GET, POST" if OWN == "methods" else "GET, POST, PUT, DELETE")

        def prepare(self):
            if OWN == "prepare" and not self.get_cookie("session"):
                raise HTTPError(401)

        def get(self):
            if OWN == "late":
                self.set_header("Access-Control-Allow-Origin", A)
            if self.request.path == "/boom":
                raise RuntimeError("boom")
            self.write({"ok": True})

        post = put = delete = get
        if OWN != "options":

            def options(self):
                if OWN == "late":
                    self.set_header("Access-Control-Allow-Origin", A)
                    self.set_header("Access-Control-Allow-Headers", "content-type")
                    self.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
                self.set_status(204)

    async def main():
        Application([("/items", Items), ("/boom", Items)]).listen(PORT, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(main())


def bottle():
    from bottle import Bottle, HTTPResponse, abort, request, response

    app = Bottle()

    def allow():
        response.headers["Access-Control-Allow-Origin"] = A
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"

    if OWN != "handler":
        app.add_hook("after_request", allow)
    if OWN == "auth":
        app.add_hook("before_request", lambda: None if request.get_cookie("session") else abort(401, "login"))

    def items():
        if OWN == "handler":
            allow()
        return {"ok": True}

    def boom():
        raise RuntimeError("boom")

    for path in ("/items", "/other"):
        app.route(path, METHODS if OWN == "options" else METHODS + ["OPTIONS"], items)
    app.route("/boom", "GET", boom)
    app.route("/gone", "GET", lambda: abort(404, "gone"))
    app.run(host="127.0.0.1", port=PORT, server="waitress" if OWN == "options" else "wsgiref", quiet=True)


def pyramid():
    from waitress import serve as waitress
    from pyramid.config import Configurator
    from pyramid.events import NewResponse
    from pyramid.httpexceptions import HTTPForbidden
    from pyramid.response import Response

    config = Configurator()
    config.add_route("items", "/items")
    config.add_route("other", "/other")
    config.add_route("boom", "/boom")

    def items(request):
        if OWN == "forbidden" and "session" not in request.cookies:
            raise HTTPForbidden()
        if OWN == "view":
            request.response.headers["Access-Control-Allow-Origin"] = A
        return {"ok": True}

    def boom(request):
        raise RuntimeError("boom")

    def allow(event):
        if event.request.headers.get("Origin") in ([B] if OWN == "origin" else [A, B]):
            event.response.headers["Access-Control-Allow-Origin"] = event.request.headers["Origin"]
            event.response.headers["Access-Control-Allow-Headers"] = "content-type"
            event.response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"

    if OWN not in ("view", "forbidden"):
        config.add_subscriber(allow, NewResponse)
    methods = ("GET", "POST", "PUT", "DELETE")
    config.add_view(items, route_name="items", renderer="json", request_method=methods)
    config.add_view(items, route_name="other", renderer="json", request_method=("GET", "POST"))
    config.add_view(boom, route_name="boom")
    if OWN in ("origin", "crash"):
        config.add_view(lambda request: Response(status=204), route_name="items", request_method="OPTIONS")
    waitress(config.make_wsgi_app(), host="127.0.0.1", port=PORT, _quiet=True)


def litestar():
    from litestar import Litestar, Router, route
    from litestar.config.cors import CORSConfig
    from litestar.exceptions import NotAuthorizedException

    @route("/items", http_method=METHODS, status_code=200)
    async def items() -> dict:
        return {"ok": True}

    @route("/boom", http_method=["GET", "PUT"], status_code=200)
    async def boom() -> dict:
        raise RuntimeError("boom")

    @route("/denied", http_method=["GET", "PUT"], status_code=200)
    async def denied() -> dict:
        raise NotAuthorizedException()

    good = {"allow_origins": [A, B], "allow_credentials": True}
    options = {
        "origin": good | {"allow_origins": [B]}, "methods": good | {"allow_methods": ["GET", "POST"]}, "headers": good | {"allow_headers": ["content-type"]},
        "credentials": good | {"allow_credentials": False}, "star": good | {"allow_origins": ["*"]},
    }.get(OWN, good)
    app = Litestar([items, boom, denied], cors_config=None if OWN == "none" else CORSConfig(**options))
    serve(Login(app) if OWN == "auth" else app)


def quart():
    from quart import Quart, redirect, request
    from quart_cors import cors, route_cors

    app = Quart(__name__)
    if OWN not in ("none", "route"):
        app = cors(app, **{"origin": {"allow_origin": [B]}, "methods": {"allow_origin": [A, B], "allow_methods": ["GET"]}, "headers": {"allow_origin": [A, B], "allow_headers": ["content-type"]}, "credentials": {"allow_origin": [A, B]}, "star": {}}.get(OWN, {"allow_origin": [A, B], "allow_credentials": True}))

    async def items():
        return {"ok": True}

    async def boom():
        raise RuntimeError("boom")

    if OWN == "login":

        @app.before_request
        async def login():
            if "session" not in request.cookies and request.path != "/login":
                return {"error": "login"}, 401

    app.add_url_rule("/items", "items", route_cors(allow_origin=A)(items) if OWN == "route" else items, methods=METHODS)
    app.add_url_rule("/other", "other", items, methods=METHODS)
    app.add_url_rule("/boom", "boom", boom)
    app.add_url_rule("/slash/", "slash", items, methods=METHODS)
    serve(Login(app) if OWN == "auth" else app)


def cherry():
    import cherrypy

    class Root:
        @cherrypy.expose
        def items(self, **_):
            if OWN == "hand":
                cherrypy.response.headers["Access-Control-Allow-Origin"] = A
            return "{}"

        @cherrypy.expose
        def boom(self, **_):
            raise RuntimeError("boom")

        @cherrypy.expose
        def denied(self, **_):
            raise cherrypy.HTTPError(403)

    headers = [("Access-Control-Allow-Origin", A), ("Access-Control-Allow-Methods", "GET, POST, PUT"), ("Access-Control-Allow-Headers", "content-type")]
    conf = {"/": {"tools.response_headers.on": OWN == "tool", "tools.response_headers.headers": headers}}
    if OWN == "auth":
        conf["/"] |= {"tools.auth_basic.on": True, "tools.auth_basic.realm": "x", "tools.auth_basic.checkpassword": lambda *_: False}
    cherrypy.config.update({"server.socket_host": "127.0.0.1", "server.socket_port": PORT, "log.screen": False, "environment": "production"})
    cherrypy.quickstart(Root(), "/", conf)


def blacksheep():
    from blacksheep import Application, json

    app = Application()
    if OWN != "none":
        app.use_cors(
            allow_methods="GET POST" if OWN == "methods" else "GET POST PUT DELETE", allow_origins=B if OWN == "origin" else A,
            allow_headers="content-type", allow_credentials=OWN != "credentials")

    async def items():
        return json({"ok": True})

    async def boom():
        raise RuntimeError("boom")

    for method in METHODS:
        app.router.add(method, "/items", items)
    app.router.add("GET", "/boom", boom)
    serve(Login(app) if OWN == "auth" else app)


def drf():
    import django
    from django.conf import settings
    from django.http import HttpResponse, JsonResponse
    from django.urls import path

    cors = ["corsheaders.middleware.CorsMiddleware"]
    common = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
    middleware = {"none": common, "ssl": common + cors, "login": [f"{__name__}.login"] + cors + common, "session": cors + common + [f"{__name__}.login"], "crash": [f"{__name__}.crash"] + cors + common}.get(OWN, cors + common)
    settings.configure(
        DEBUG=False, SECRET_KEY="x", ALLOWED_HOSTS=["localhost"] if OWN == "hosts" else ["*"], ROOT_URLCONF=__name__, MIDDLEWARE=middleware, SECURE_SSL_REDIRECT=OWN == "ssl",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "corsheaders", "rest_framework"], CORS_ALLOWED_ORIGINS=[A, B], CORS_ALLOW_CREDENTIALS=True, DATABASES={},
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None, "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]})
    django.setup()
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Items(APIView):
        def get(self, request):
            return Response({"ok": True})

        post = put = delete = get

    class Boom(APIView):
        def get(self, request):
            raise RuntimeError("boom")

    def login(get_response):
        return lambda request: get_response(request) if "session" in request.COOKIES else JsonResponse({"detail": "login"}, status=403)

    def crash(get_response):
        return lambda request: HttpResponse("crash", status=500) if request.path == "/boom" and request.method != "OPTIONS" else get_response(request)

    globals().update(login=login, crash=crash, urlpatterns=[path("items", Items.as_view()), path("boom", Boom.as_view()), path("slash/", Items.as_view())])
    if OWN == "ninja":
        from ninja import NinjaAPI

        api = NinjaAPI()
        api.api_operation(METHODS, "/items")(lambda request: {"ok": True})
        globals()["urlpatterns"] = [path("", api.urls)]
    from django.core.wsgi import get_wsgi_application
    from waitress import serve as waitress

    waitress(get_wsgi_application(), host="127.0.0.1", port=PORT, _quiet=True)


def gunicorn():
    """Flask-CORS behind gunicorn: nothing of Werkzeug's signature is left."""
    from flask import Blueprint, Flask, abort, request
    from flask_cors import CORS
    from gunicorn.app.base import BaseApplication

    app = Flask(__name__)
    if OWN == "limiter":
        left = [3]

        @app.before_request
        def limit():
            left[0] -= 1
            if left[0] < 0:
                return "Too Many Requests", 429

    if OWN == "blueprint":
        api = Blueprint("api", __name__, url_prefix="/api")
        api.add_url_rule("/items", "items", lambda: {"ok": True}, methods=METHODS)
        CORS(api, origins=[A, B])
        app.register_blueprint(api)
    elif OWN != "none":
        CORS(app, **{"origin": {"origins": [B]}, "methods": {"origins": [A, B], "methods": "GET"}, "headers": {"origins": [A, B], "allow_headers": "content-type"}, "slash": {"origins": A + "/"}}.get(OWN, {"origins": [A, B], "supports_credentials": True}))
    app.add_url_rule("/items", "all", lambda: {"ok": True}, methods=METHODS)

    @app.route("/boom", methods=["GET", "PUT"])
    def boom():
        raise RuntimeError("boom")

    class Outer:
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, environ, start):
            if OWN == "auth" and "HTTP_COOKIE" not in environ:
                start("401 UNAUTHORIZED", [("Content-Type", "application/json"), ("Content-Length", "2")])
                return [b"{}"]
            return self.inner(environ, start)

    class Server(BaseApplication):
        def load_config(self):
            self.cfg.set("bind", f"127.0.0.1:{PORT}")
            self.cfg.set("loglevel", "critical")

        def load(self):
            return Outer(app)

    sys.argv = sys.argv[:1]
    Server().run()


globals()[FAMILY]()
