"""python3 sixth.py MISTAKE PORT: Flask, Django, DRF, Starlette, FastAPI and others, in more manners, with one mistake of CAUSES.md made on purpose."""
from given import A, B, FAMILY, HOST, METHODS, OWN, PORT


def flask6():
    from flask import Blueprint, Flask, abort, jsonify, make_response, redirect, request
    from flask_cors import CORS, cross_origin

    app = Flask(__name__)
    api = Blueprint("api", __name__)
    good = {"origins": [A, B], "supports_credentials": True}

    def manual(answer):
        answer.headers["Access-Control-Allow-Origin"] = A
        if OWN == "manual_lists":
            answer.headers["Access-Control-Allow-Methods"] = "GET,POST"
            answer.headers["Access-Control-Allow-Headers"] = "Content-Type,Authorization"
        return answer

    def items(**_):
        if OWN == "response":
            answer = make_response(jsonify(ok=True))
            answer.headers.add("Access-Control-Allow-Origin", A)
            return answer
        return jsonify(ok=True)

    def boom():
        if OWN == "response":
            raise RuntimeError("boom")
        abort(404)

    app.config["PROPAGATE_EXCEPTIONS"] = False
    if OWN in ("manual", "manual_lists"):
        app.after_request(manual)
    if OWN == "regex":
        CORS(app, origins=r"https?://\w+\.two\.test(:\d+)?")
    if OWN == "list":
        CORS(app, origins=["http://localhost:3000", B], supports_credentials=True)
    if OWN == "wildcard":
        CORS(app, send_wildcard=True)
    if OWN == "names":
        CORS(app, origins=[A, B], allow_headers="Content-Type")
    if OWN == "jwt":
        CORS(app, **good)

        @app.before_request
        def check():
            if request.path == "/items" and "authorization" not in request.headers:
                return jsonify(msg="Missing Authorization Header"), 401

    if OWN == "blueprint":
        CORS(api, **good)
    if OWN == "limiter":
        from flask_limiter import Limiter
        from flask_limiter.util import get_remote_address

        CORS(app, **good)
        Limiter(get_remote_address, app=app, default_limits=["3 per minute"])
    if OWN == "talisman":
        from flask_talisman import Talisman

        CORS(app, **good)
        Talisman(app)
    if OWN == "environ":
        CORS(app, **good)
        inner = app.wsgi_app

        def outer(environ, start):
            if environ["PATH_INFO"] == "/items" and "HTTP_AUTHORIZATION" not in environ:
                start("401 Unauthorized", [("Content-Type", "application/json"), ("WWW-Authenticate", "Bearer")])
                return [b'{"error":"unauthorized"}']
            return inner(environ, start)

        app.wsgi_app = outer
    if OWN == "moved":
        CORS(app, **good)
        app.add_url_rule("/v1/items", "v1", lambda: redirect("/v2/items", 301), methods=METHODS)
    view = items
    if OWN == "order":  # the decorator above the route's: what is registered is the bare view
        cross_origin(**good)(items)
    if OWN == "decorated":
        view = cross_origin(origins=[A], methods=["GET", "POST"])(items)
    api.add_url_rule("/items", "items", view, methods=METHODS)
    app.add_url_rule("/other", "other", cross_origin(**good)(lambda: jsonify(ok=True)) if OWN == "order" else items, methods=METHODS)
    app.add_url_rule("/me", "me", items, methods=["GET"])
    app.add_url_rule("/v2/items", "v2", items, methods=METHODS)
    app.add_url_rule("/boom", "boom", boom, methods=METHODS)
    app.register_blueprint(api)
    serve(app)


def serve(app):
    import waitress

    waitress.serve(app, host=HOST, port=PORT, _quiet=True)


def django6(rest=False):
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse, JsonResponse
    from django.urls import path
    from django.views.decorators.http import require_http_methods

    cors, common = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"
    before = {"auth": ["__main__.token"], "crash": ["__main__.crashes"], "login": ["django.contrib.sessions.middleware.SessionMiddleware", "__main__.login"], "hosts": [common]}.get(OWN, [])
    if OWN.startswith("hand") or OWN in ("none", "finalize", "view"):
        cors = "django.middleware.gzip.GZipMiddleware"
    more = {
        "regex": {"CORS_ALLOWED_ORIGINS": [], "CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.one\.test$"]},
        "origin": {"CORS_ALLOWED_ORIGINS": [B, "https://app.one.test"]},
        "asgi": {"CORS_ALLOWED_ORIGINS": [B]},
        "all": {"CORS_ALLOWED_ORIGINS": [], "CORS_ALLOW_ALL_ORIGINS": True, "CORS_ALLOW_CREDENTIALS": False},
        "hosts": {"ALLOWED_HOSTS": ["shop.example"]},
        "names": {"CORS_ALLOW_HEADERS": ["accept", "content-type"]},
        "verbs": {"CORS_ALLOW_METHODS": ["GET", "OPTIONS", "POST"]},
        "urls": {"CORS_URLS_REGEX": r"^/me$"},
    }.get(OWN, {})
    settings.configure(**({
        "DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": "__main__", "MIDDLEWARE": [*before, cors, common],
        "INSTALLED_APPS": ["corsheaders"] + (["rest_framework"] if rest else []), "CORS_ALLOWED_ORIGINS": [A, B], "CORS_ALLOW_CREDENTIALS": True,
        "REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None, "DEFAULT_AUTHENTICATION_CLASSES": []}, "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    } | more))
    import django
    django.setup()

    def items(request, *rest):
        answer = JsonResponse({"ok": True})
        if OWN.startswith("hand"):
            answer["Access-Control-Allow-Origin"] = A
        return answer

    if OWN == "hand_methods":
        items = require_http_methods(["GET", "PUT"])(items)

    def boom(request):
        raise RuntimeError("boom")

    view = items
    if rest:
        from rest_framework.permissions import BasePermission
        from rest_framework.response import Response
        from rest_framework.throttling import AnonRateThrottle
        from rest_framework.views import APIView

        class Denies(BasePermission):
            def has_permission(self, request, view):
                return OWN != "finalize" or request.path != "/items" or "Authorization" in request.headers

        class Throttle(AnonRateThrottle):
            rate = "2/min"

        class Items(APIView):
            permission_classes = [Denies]
            throttle_classes = [Throttle] if OWN == "throttle" else []

            def get(self, request):
                return Response({"ok": True})

            post = put = delete = get

            def finalize_response(self, request, response, *rest, **more):
                response = super().finalize_response(request, response, *rest, **more)
                if OWN == "finalize":
                    response["Access-Control-Allow-Origin"] = A
                    response["Access-Control-Allow-Methods"] = "GET, PUT"
                    response["Access-Control-Allow-Headers"] = "content-type"
                if OWN == "view":
                    response["Access-Control-Allow-Origin"] = A
                return response

        view = Items.as_view()
    global urlpatterns
    urlpatterns = [path("items", view), path("other", view), path("me", view), path("boom", boom), path("accounts/login/", lambda r: HttpResponse("login"))]
    if OWN == "asgi":
        import uvicorn
        uvicorn.run(get_asgi_application(), host=HOST, port=PORT, log_level="critical")
    else:
        serve(get_wsgi_application())


def drf6():
    django6(rest=True)


def token(get_response):
    from django.http import JsonResponse

    return lambda request: get_response(request) if request.path != "/items" or "Authorization" in request.headers else JsonResponse({"detail": "Authentication credentials were not provided."}, status=401)


def crashes(get_response):
    def handle(request):
        if request.path == "/other" and request.method != "OPTIONS":
            raise RuntimeError("settings")
        return get_response(request)

    return handle


def login(get_response):
    from django.shortcuts import redirect

    return lambda request: redirect("/accounts/login/?next=" + request.path) if request.path == "/items" else get_response(request)


def fast6():
    import uvicorn
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import JSONResponse
    from fastapi.staticfiles import StaticFiles
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI()
    good = {"allow_origins": [A, B], "allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True}

    async def bearer(request: Request):
        if OWN == "depends" and "authorization" not in request.headers:
            raise HTTPException(401, "Not authenticated")

    async def items():
        return {"ok": True}

    async def fails():
        if OWN == "handler":
            raise KeyError("boom")
        raise HTTPException(503, "later")

    for p in ("/items", "/other", "/me"):
        app.add_api_route(p, items, methods=METHODS, dependencies=[Depends(bearer)])
    app.add_api_route("/boom", fails, methods=METHODS)
    options = {
        "regex": good | {"allow_origins": [], "allow_origin_regex": r"https?://.*\.two\.test(:\d+)?"},
        "scheme": good | {"allow_origins": ["https://app.one.test:18901", B]},
        "star": {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]},
        "verbs": good | {"allow_methods": ["GET", "POST"]},
        "defaults": {"allow_origins": [A, B]},
        "slash": good | {"allow_origins": [A + "/"]},
    }.get(OWN, good)
    if OWN == "hand":

        @app.middleware("http")
        async def hand(request, proceed):
            answer = await proceed(request)
            answer.headers["Access-Control-Allow-Origin"] = A
            answer.headers["Access-Control-Allow-Methods"] = "*"
            answer.headers["Access-Control-Allow-Headers"] = "*"
            return answer

    elif OWN == "route":  # only what one router answers
        inner = FastAPI()
        inner.add_api_route("/items", items, methods=METHODS)
        inner.add_middleware(CORSMiddleware, **good)
        app.mount("/api", inner)
    elif OWN != "none":
        app.add_middleware(CORSMiddleware, **options)
    if OWN == "trusted":
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["shop.example"])
    if OWN == "https":
        app.add_middleware(HTTPSRedirectMiddleware)
    if OWN == "slow":
        from slowapi import Limiter, _rate_limit_exceeded_handler
        from slowapi.errors import RateLimitExceeded
        from slowapi.middleware import SlowAPIMiddleware
        from slowapi.util import get_remote_address

        app.state.limiter = Limiter(key_func=get_remote_address, default_limits=["2/minute"])
        app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
        app.add_middleware(SlowAPIMiddleware)
    if OWN in ("guard", "csrf"):

        @app.middleware("http")
        async def guard(request, proceed):
            if OWN == "guard" and request.url.path == "/items" and "authorization" not in request.headers:
                return JSONResponse({"detail": "Not authenticated"}, 401)
            if OWN == "csrf" and request.method in ("PUT", "POST", "DELETE"):
                return JSONResponse({"detail": "CSRF token missing"}, 403)
            return await proceed(request)

    if OWN == "proxied":

        @app.middleware("http")
        async def late(request, proceed):
            try:
                return await proceed(request)
            except KeyError:
                return JSONResponse({"detail": "Internal error"}, 500)

    if OWN == "static":
        import os, tempfile
        folder = tempfile.mkdtemp()
        with open(os.path.join(folder, "data.json"), "w") as file:
            file.write("{}")
        from starlette.applications import Starlette
        from starlette.routing import Mount
        app = Starlette(routes=[Mount("/files", StaticFiles(directory=folder)), Mount("/", app)])
    if OWN.startswith("hyper"):
        import asyncio

        from hypercorn.asyncio import serve as run
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"{HOST}:{PORT}"]
        asyncio.run(run(app, config))
    else:
        uvicorn.run(app, host=HOST, port=PORT, log_level="critical")


def asgicors():
    import uvicorn
    from asgi_cors import asgi_cors
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def items(request):
        return JSONResponse({"ok": True})

    app = Starlette(routes=[Route(p, items, methods=METHODS) for p in ("/items", "/other", "/me")])
    options = {"origin": {"hosts": [B]}, "wildcard": {"host_wildcards": ["https://*.one.test"]}, "headers": {"hosts": [A, B], "headers": ["accept"], "methods": METHODS}, "plain": {"hosts": [A, B]}, "star": {"allow_all": True, "headers": ["content-type"], "methods": METHODS}}[OWN]
    uvicorn.run(asgi_cors(app, **options), host=HOST, port=PORT, log_level="critical")


def eve():
    from eve import Eve

    domain = {"items": {"schema": {"x": {"type": "string"}}, "resource_methods": ["GET", "POST"], "datasource": {"source": "items"}}}
    settings = {"DOMAIN": domain, "MONGO_HOST": "127.0.0.1", "MONGO_PORT": 9, "MONGO_CONNECT": False, "MONGO_OPTIONS": {"serverSelectionTimeoutMS": 100, "connect": False}}
    if OWN != "none":
        settings |= {"X_DOMAINS": [B] if OWN == "origin" else [A, B], "X_HEADERS": ["Accept"] if OWN == "headers" else ["Content-Type"]}
    serve(Eve(settings=settings))


def klein():
    from klein import Klein
    from twisted.internet import reactor
    from twisted.web.server import Site

    app = Klein()

    def fine(request):
        request.setHeader("Content-Type", "application/json")
        if OWN in ("get", "list"):
            origin = request.getHeader("Origin") or ""
            if OWN == "get" or origin == B:
                request.setHeader("Access-Control-Allow-Origin", A if OWN == "get" else origin)
        return b"{}"

    app.route("/me", methods=["GET"])(fine)
    if OWN == "list":

        def options(request):
            if request.getHeader("Origin") == B:
                request.setHeader("Access-Control-Allow-Origin", B)
                request.setHeader("Access-Control-Allow-Methods", "GET, PUT")
                request.setHeader("Access-Control-Allow-Headers", "content-type")
            request.setResponseCode(204)
            return b""

        app.route("/items", methods=["OPTIONS"])(options)
    app.route("/items", methods=METHODS)(lambda request: fine(request))
    reactor.listenTCP(PORT, Site(app.resource()), interface=HOST)
    reactor.run()


def rest6():
    from flask import Flask
    from flask_cors import CORS, cross_origin
    from flask_restful import Api, Resource, abort

    app = Flask(__name__)
    api = Api(app)

    class Items(Resource):
        if OWN == "decorators":
            method_decorators = [cross_origin(origins=[B])]

        def get(self):
            return {"ok": True}

        def put(self):
            if OWN == "hand":
                return {}, 200, {"Access-Control-Allow-Origin": A}
            abort(409, message="conflict") if OWN == "abort" else None
            return {}

    class Me(Resource):
        def get(self):
            return {"ok": True}, 200, {"Access-Control-Allow-Origin": A}

        def options(self):
            return {}, 200, {"Access-Control-Allow-Origin": A, "Access-Control-Allow-Methods": "GET", "Access-Control-Allow-Headers": "authorization"}

    if OWN == "abort":
        CORS(app, origins=[A, B])
    if OWN == "names":
        CORS(app, resources={r"/*": {"origins": [A, B], "allow_headers": ["authorization"]}})
    api.add_resource(Items, "/items", "/other")
    api.add_resource(Me, "/me")
    serve(app)


globals()[FAMILY]()
