"""python3 fourth.py MISTAKE PORT: Connexion, aiohttp-middlewares, wsgicors, Datasette, Jupyter, APIFlask or Flask-RESTX, with one mistake of
CAUSES.md made on purpose."""
import os
import sys

from given import A, B, FAMILY, METHODS, OWN, PORT


def serve(app):
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", server_header=False)


def connexion():
    from connexion import AsyncApp
    from connexion.middleware import MiddlewarePosition
    from connexion.resolver import Resolver
    from starlette.middleware.cors import CORSMiddleware

    async def handle(body=None):
        if OWN == "crash":
            raise RuntimeError("boom")
        return {"ok": True}

    body = {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["x"] if OWN != "invalid" else ["y"]}}}}}
    verb = lambda name, extra: {"operationId": f"{name}", "responses": {"200": {"description": "ok"}}, **extra}
    secure = {"security": [{"key": []}]} if OWN == "secure" else {}
    paths = {"/items": {"get": verb("a", secure), "put": verb("b", body | secure), "post": verb("c", body | secure), "delete": verb("d", secure)}}
    spec = {"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": paths, "components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-key", "in": "header", "x-apikeyInfoFunc": "nobody"}}}}
    app = AsyncApp("x")
    if OWN != "none":
        position = MiddlewarePosition.BEFORE_CONTEXT if OWN in ("inner", "secure", "invalid") else MiddlewarePosition.BEFORE_EXCEPTION
        app.add_middleware(CORSMiddleware, position=position, allow_origins=[B] if OWN == "origin" else [A, B], allow_methods=["*"], allow_headers=["x-key", "content-type"], allow_credentials=True)
    sys.modules["nobody"] = None
    app.add_api(spec, resolver=Resolver(lambda name: (lambda *a, **k: None) if name == "nobody" else handle))
    serve(app)


def middlewares():
    from aiohttp import web
    from aiohttp_middlewares import cors_middleware, error_middleware

    async def items(request):
        return web.json_response({"ok": True})

    async def boom(request):
        raise RuntimeError("boom")

    @web.middleware
    async def login(request, handler):
        return await handler(request) if "Authorization" in request.headers else web.json_response({"error": "Unauthorized"}, status=401)

    cors = {"origin": {"origins": [B]}, "methods": {"origins": [A, B], "allow_methods": ("GET", "POST"), "allow_headers": ("content-type",)}, "headers": {"origins": [A, B], "allow_headers": ("accept",)},
            "credentials": {"origins": [A, B]}, "path": {"origins": [A, B], "urls": ["/items"]}}.get(OWN, {"origins": [A, B], "allow_credentials": True, "allow_headers": ("content-type",)})
    layers = {"none": [], "auth": [login, cors_middleware(**cors)], "boom": [cors_middleware(**cors)], "handled": [cors_middleware(**cors), error_middleware()]}.get(OWN, [cors_middleware(**cors)])
    app = web.Application(middlewares=layers)
    for path in ("/items", "/other"):
        for verb in METHODS:
            app.router.add_route(verb, path, items)
    app.router.add_get("/boom", boom)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None)


def wsgicors():
    from wsgicors import CORS

    def inner(environ, start):
        if environ["REQUEST_METHOD"] == "OPTIONS":
            start("405 Method Not Allowed", [("Content-Type", "text/plain"), ("Allow", "GET, POST, PUT, DELETE")])
            return [b"no"]
        failing = environ["PATH_INFO"] == "/boom"
        start("500 Internal Server Error" if failing else "200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    def login(app):
        def check(environ, start):
            if "HTTP_AUTHORIZATION" in environ:
                return app(environ, start)
            start("401 Unauthorized", [("WWW-Authenticate", 'Bearer realm="api"'), ("Content-Type", "application/json")])
            return [b'{"error":"invalid_token"}']
        return check

    options = {"headers": "content-type", "methods": "GET, POST, PUT, DELETE", "origin": f"{A} {B}", "credentials": "true"}
    options |= {"origin": {"origin": B}, "methods": {"methods": "GET, POST"}, "headers": {"headers": "accept"}, "credentials": {"credentials": "false"}, "star": {"origin": "*", "credentials": "false"}}.get(OWN, {})
    app = inner if OWN == "none" else CORS(inner, **options)
    if OWN == "auth":
        app = login(app)
    from cheroot.wsgi import Server

    Server(("127.0.0.1", PORT), app).start()


def datasette():
    os.execv(sys.executable, [sys.executable, "-m", "datasette", "serve", "--memory", "-h", "127.0.0.1", "-p", str(PORT)] + (["--cors"] if OWN != "none" else []))


def jupyter():
    own = {"origin": ["--ServerApp.allow_origin=" + B], "default": [], "star": ["--ServerApp.allow_origin=*"], "headers": ["--ServerApp.allow_origin=" + A], "token": ["--ServerApp.allow_origin=" + A, "--IdentityProvider.token=secret"]}[OWN]
    token = [] if OWN == "token" else ["--IdentityProvider.token="]
    os.environ["JUPYTER_CONFIG_DIR"] = os.environ["JUPYTER_DATA_DIR"] = os.environ["HOME"] = os.getcwd()
    os.execv(sys.executable, [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={PORT}", "--ServerApp.allow_remote_access=True", "--ServerApp.disable_check_xsrf=True", *token, *own])


def apiflask():
    from apiflask import APIFlask, HTTPTokenAuth
    from flask import abort, request
    from flask_cors import CORS

    app = APIFlask(__name__)
    auth = HTTPTokenAuth()

    @auth.verify_token
    def verify(token):
        return None

    if OWN == "before":
        @app.before_request
        def key():
            if request.headers.get("X-API-Key") is None:
                abort(401, message="missing key") if False else abort(401)
    CORS(app, origins=[B] if OWN == "origin" else [A, B], supports_credentials=OWN != "credentials", allow_headers=["Accept"] if OWN == "headers" else "*")

    @app.route("/items", methods=METHODS)
    def items():
        return {"ok": True}

    @app.route("/denied", methods=METHODS)
    @app.auth_required(auth)
    def denied():
        return {}

    from waitress import serve as run

    run(app, host="127.0.0.1", port=PORT)


def restx():
    from flask import Flask
    from flask_cors import cross_origin
    from flask_restx import Api, Resource, cors

    app = Flask(__name__)
    api = Api(app, decorators=[cors.crossdomain(origin=A, headers=["content-type"], methods=METHODS)] if OWN == "decorators" else [])

    class Items(Resource):
        @(cross_origin(origins=[A]) if OWN == "method" else lambda get: get)
        def get(self):
            return {"ok": True}

        def put(self):
            return {"ok": True}

        def post(self):
            return {"ok": True}

        if OWN == "options":
            def options(self):
                return {"Allow": "PUT"}, 200, {"Access-Control-Allow-Origin": A, "Access-Control-Allow-Methods": "PUT,POST", "Access-Control-Allow-Headers": "content-type"}

    api.add_resource(Items, "/items")
    from waitress import serve as run

    run(app, host="127.0.0.1", port=PORT)


globals()[FAMILY]()
