"""python3 ninth.py MISTAKE PORT: Flask and Django under gunicorn, Starlette under uvicorn, with one more mistake of CAUSES.md made on purpose."""
import os
import sys

from given import A, B, FAMILY, HOST, METHODS, MISTAKE, OWN, PATHS, PORT


def flask():
    from flask import Flask, abort, jsonify, request
    from flask_cors import CORS, cross_origin

    app = Flask(__name__, static_folder="/usr/share/common-licenses", static_url_path="/static")
    good = {"origins": [A, B], "supports_credentials": True}
    options = {"port": {"origins": "http://app.one.test"}, "static": {"resources": {r"/(items|me|other)": good}}, "plain": {"origins": [A, B]}, "verbs": good | {"methods": "GET, POST"}, "names": good | {"allow_headers": "Accept"}}
    if OWN in ("port", "static", "plain", "verbs", "names", "guard"):
        CORS(app, **options.get(OWN, good))
    items = lambda **_: jsonify([])

    @app.before_request
    def before():
        if OWN == "guard" and request.path == "/items" and request.method != "GET" and "Authorization" not in request.headers:
            return "Unauthorized", 401

    for path in PATHS:
        if OWN == "decorated":
            app.add_url_rule(path, path + "get", cross_origin(**good)(lambda: jsonify([])), methods=["GET"])
            app.add_url_rule(path, path + "put", items, methods=["PUT", "DELETE"])
        else:
            app.add_url_rule(path, path, items, methods=METHODS)
    return app


def django():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import JsonResponse
    from django.urls import path

    cors, common, security = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.security.SecurityMiddleware"
    more = {"port": {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^http://\w+\.one\.test$"], "CORS_ALLOWED_ORIGINS": [B]}, "urls": {"CORS_URLS_REGEX": r"^/api/.*$"}, "tls": {"SECURE_SSL_REDIRECT": True}, "verbs": {"CORS_ALLOW_METHODS": ["GET"]}}.get(OWN, {})
    middleware = {"token": ["django9.token", cors, common], "none": [security, common]}.get(OWN, [security, cors, common])
    if OWN == "token":
        middleware[0] = f"{__name__}.token"
    settings.configure(**({"DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": __name__, "MIDDLEWARE": middleware, "INSTALLED_APPS": ["corsheaders"], "CORS_ALLOWED_ORIGINS": [A, B], "CORS_ALLOW_CREDENTIALS": True} | more))
    import django
    django.setup()
    global urlpatterns, token
    token = lambda inner: lambda request: JsonResponse({"detail": "no token"}, status=401) if request.path == "/items" else inner(request)
    items = lambda request, *rest: JsonResponse({"ok": True})
    urlpatterns = [path(at[1:], items) for at in PATHS + ["/api/items"]]
    return get_wsgi_application()


def star9():
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware.cors import CORSMiddleware
    from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    async def items(request):
        if OWN == "raises" and request.url.path == "/other":
            raise RuntimeError("no database")
        return JSONResponse([])

    good = {"allow_origins": [A, B], "allow_methods": METHODS, "allow_headers": ["content-type"], "allow_credentials": True}
    routes = [Route(at, items, methods=METHODS) for at in PATHS]
    if OWN == "mount":
        inner = Starlette(routes=list(routes))
        inner.add_middleware(CORSMiddleware, **good)
        app = Starlette(routes=[*routes, Mount("/api", inner)])
    else:
        app = Starlette(routes=routes)
        app.add_middleware(CORSMiddleware, **(good | {"port": {"allow_origins": ["http://app.one.test", B]}, "verbs": {"allow_methods": ["GET"]}, "creds": {"allow_credentials": False}}.get(OWN, {})))
    if OWN == "https":
        app.add_middleware(HTTPSRedirectMiddleware)
    uvicorn.run(app, host=HOST, port=PORT, log_level="critical")


def gunicorn():
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "-b", f"{HOST}:{PORT}", "--threads", "4", "--chdir", os.path.dirname(os.path.abspath(__file__)), "--log-level", "critical", f"ninth:{'flask' if FAMILY == 'flask9' else 'django'}()"], os.environ | {"CASE": f"{MISTAKE} {PORT}"})


if __name__ == "__main__":
    star9() if FAMILY == "star9" else gunicorn()
