"""python3 eighth.py MISTAKE PORT: stacks of Python, or servers under them, that no other set has, with one mistake of CAUSES.md made on purpose."""
import asyncio
import os
import sys

from given import A, B, FAMILY, HOST, METHODS, MISTAKE, OWN, PATHS, PORT


def fastapi():
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse
    from starlette.middleware.cors import CORSMiddleware

    app = FastAPI()
    good = {"allow_origins": [A, B], "allow_methods": METHODS, "allow_headers": ["Content-Type"], "allow_credentials": True}
    options = {"origin": good | {"allow_origins": [B]}, "verbs": good | {"allow_methods": ["GET", "POST"]}, "names": good | {"allow_headers": ["X-Client"]}}.get(OWN, good)
    if OWN != "none":
        app.add_middleware(CORSMiddleware, **options)

    @app.middleware("http")
    async def outside(request: Request, call_next):
        if OWN == "auth" and request.url.path == "/items" and "authorization" not in request.headers:
            return JSONResponse({"detail": "Not authenticated"}, 401)
        if OWN == "late" and request.url.path == "/slow":
            try:
                return await asyncio.wait_for(call_next(request), 0.3)
            except TimeoutError:
                return JSONResponse({"detail": "timed out"}, 504)
        return await call_next(request)

    async def items():
        return [{"id": 1}]

    async def boom():
        raise RuntimeError("boom")

    async def slow():
        await asyncio.sleep(1)

    for path in PATHS:
        app.add_api_route(path, items, methods=METHODS)
    app.add_api_route("/boom", boom, methods=METHODS)
    app.add_api_route("/slow", slow)
    return app


def gra():
    bind = ["--host", HOST, "--port", str(PORT), "--working-dir", os.path.dirname(os.path.abspath(__file__))]
    os.execve(sys.executable, [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws", "--factory", *bind, "eighth:fastapi"], os.environ | {"CASE": f"{MISTAKE} {PORT}"})


def hyp():
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{HOST}:{PORT}"]
    asyncio.run(serve(fastapi(), config))


def flask():
    from flask import Flask, jsonify, request
    from flask_cors import CORS

    app = Flask(__name__)
    good = {"origins": [A, B], "supports_credentials": True}
    options = {"list": {"origins": [B]}, "verbs": good | {"methods": ["GET", "POST"]}, "names": good | {"allow_headers": ["X-Client"]}, "creds": {"origins": A}, "path": {"resources": {r"/api/*": good}}, "regex": {"origins": r"http://.*\.two\.test:\d+"}}.get(OWN, good)
    if OWN != "none":
        CORS(app, **options)

    @app.before_request
    def before():
        if OWN == "auth" and request.path == "/items" and "Authorization" not in request.headers:
            return jsonify(error="token"), 401

    items = lambda **_: jsonify([{"id": 1}])
    for path in PATHS + ["/api/items"]:
        app.add_url_rule(path, path, items, methods=METHODS)
    if OWN == "outside":  # what wraps the application answers before it
        def wrapped(environ, start_response, inner=app.wsgi_app):
            if environ["PATH_INFO"] == "/other":
                start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
                return [b"broken"]
            return inner(environ, start_response)
        app.wsgi_app = wrapped
    return app


def wait():
    import waitress
    waitress.serve(flask(), host=HOST, port=PORT)


def gev():
    from gevent.pywsgi import WSGIServer
    WSGIServer((HOST, PORT), flask(), log=None).serve_forever()


def uws():
    command = ["uwsgi", "--plugins", "http,python3", "--http", f"{HOST}:{PORT}", "--master", "--need-app", "--callable", "app", "--virtualenv", sys.prefix, "--pythonpath", os.path.dirname(os.path.abspath(__file__)), "--wsgi-file", os.path.abspath(__file__), "--die-on-term"]
    os.execvpe("/usr/bin/uwsgi", command, os.environ | {"CASE": f"{MISTAKE} {PORT}"})


def django():
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponseForbidden, HttpResponseRedirect, JsonResponse
    from django.urls import path

    cors, common, white = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware"
    middleware = {"none": [common], "below": ["__main__.guard", cors, common], "login": ["__main__.login", cors, common], "last": [common, cors], "white": [white, cors, common]}.get(OWN, [cors, common])
    more = {"origin": {"CORS_ALLOWED_ORIGINS": [B]}, "names": {"CORS_ALLOW_HEADERS": ["content-type"]}, "verbs": {"CORS_ALLOW_METHODS": ["GET", "POST"]}, "white": {"WHITENOISE_ALLOW_ALL_ORIGINS": False, "WHITENOISE_ROOT": "/usr/share/common-licenses", "STATIC_URL": "/static/", "STATIC_ROOT": "/usr/share/common-licenses"}}.get(OWN, {})
    settings.configure(**({"DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": "__main__", "MIDDLEWARE": middleware, "INSTALLED_APPS": ["corsheaders"],
                           "CORS_ALLOWED_ORIGINS": [A, B], "CORS_ALLOW_CREDENTIALS": True} | more))
    import django
    django.setup()
    global urlpatterns, guard, login
    guard = lambda inner: lambda request: HttpResponseForbidden("Forbidden") if request.path == "/items" else inner(request)
    login = lambda inner: lambda request: HttpResponseRedirect("/login/") if request.path == "/items" else inner(request)
    items = lambda request, *rest: JsonResponse({"ok": True})
    urlpatterns = [path(at[1:], items) for at in PATHS] + [path("slash/", items), path("login/", items)]
    return get_asgi_application()


def daph():
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    Server(application=django(), endpoints=build_endpoint_description_strings(host=HOST, port=PORT), signal_handlers=True).run()


def robyn8():
    from robyn import ALLOW_CORS, Response, Robyn

    app = Robyn(__file__)
    if OWN == "auth":
        @app.before_request()
        def check(request):
            if request.url.path == "/items" and not request.headers.get("authorization"):
                return Response(status_code=401, description="Unauthorized", headers={})
            return request
    if OWN in ("origin", "auth", "names"):
        ALLOW_CORS(app, origins=[B] if OWN == "origin" else [A, B])
    for at in PATHS:
        for method in ("get", "post", "put", "delete"):
            getattr(app, method)(at)(eval("lambda request: '{}'"))
    app.start(host=HOST, port=PORT)


def lil():
    import uvicorn
    from lilya.apps import Lilya
    from lilya.middleware import DefineMiddleware
    from lilya.middleware.cors import CORSMiddleware
    from lilya.routing import Path

    async def items():
        return {"ok": True}

    options = {"origin": {"allow_origins": [B], "allow_methods": METHODS, "allow_headers": ["content-type"]}, "verbs": {"allow_origins": [A, B], "allow_headers": ["content-type"]}, "names": {"allow_origins": [A, B], "allow_methods": METHODS}}.get(OWN)
    middleware = [DefineMiddleware(CORSMiddleware, **options)] if options else []
    uvicorn.run(Lilya(routes=[Path(at, handler=items, methods=METHODS) for at in PATHS], middleware=middleware), host=HOST, port=PORT, log_level="error")


def pyhttp():
    import http.server

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.0" if OWN == "none" else "HTTP/1.1"

        def end_headers(self):
            if OWN == "hand":
                self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

        def log_message(self, *_):
            pass

    os.chdir("/usr/share/common-licenses")
    http.server.ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()


def aio8():
    from aiohttp import web

    @web.middleware
    async def cors(request, handler):
        if OWN == "catches" and request.method == "OPTIONS":
            return web.Response(status=204, headers={"Access-Control-Allow-Origin": A, "Access-Control-Allow-Methods": "PUT, DELETE", "Access-Control-Allow-Headers": "content-type"})
        response = await handler(request)  # what is raised passes by
        response.headers["Access-Control-Allow-Origin"] = A
        return response

    @web.middleware
    async def keys(request, handler):
        if OWN == "keys" and request.path == "/items" and "X-Api-Key" not in request.headers:
            raise web.HTTPForbidden()
        return await handler(request)

    async def items(request):
        if request.path == "/other":
            raise web.HTTPBadRequest(text="bad")
        return web.json_response({})

    app = web.Application(middlewares=[cors, keys])
    for at in PATHS:
        for method in METHODS:
            app.router.add_route(method, at, items)
    web.run_app(app, host=HOST, port=PORT, print=None)


def fal8():
    import falcon
    from wsgiref.simple_server import make_server

    class Cors:
        def process_response(self, request, response, resource, succeeded):
            response.set_header("Access-Control-Allow-Origin", {"fixed": B}.get(OWN, A))
            if OWN != "simple":
                response.set_header("Access-Control-Allow-Methods", "GET, PUT")

    class Items:
        def on_get(self, request, response):
            response.media = {}
        on_put = on_post = on_delete = on_get

    app = falcon.App(middleware=None if OWN == "none" else [Cors()])
    for at in PATHS:
        app.add_route(at, Items())
    make_server(HOST, PORT, app).serve_forever()


if "uwsgi" in __name__:
    app = flask()
elif __name__ == "__main__":
    {"gra": gra, "hyp": hyp, "wait": wait, "gev": gev, "uws": uws, "daph": daph, "robyn8": robyn8, "lil": lil, "pyhttp": pyhttp, "aio8": aio8, "fal8": fal8}[FAMILY]()
