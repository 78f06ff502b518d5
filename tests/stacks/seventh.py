"""python3 seventh.py MISTAKE PORT: Flask on its own server and on gunicorn's, Django on its own server, Starlette, with one mistake of CAUSES.md made on purpose."""
from given import A, B, FAMILY, HOST, METHODS, OWN, PORT


def werk():
    from flask import Flask, jsonify, redirect, request, session
    from flask_cors import CORS

    app = Flask(__name__)
    app.secret_key = "x"
    good = {"origins": [A, B], "supports_credentials": True}
    options = {
        "list": {"origins": [B]}, "miss": {"resources": {r"/me": good, r"/api/.*": good}}, "verbs": good | {"methods": ["GET", "POST"]},
        "names": good | {"allow_headers": ["X-Client"]}, "plain": {"origins": A}, "scheme": {"origins": "https://app.one.test:18901"},
    }.get(OWN, good)
    if OWN not in ("none", "hand"):
        CORS(app, **options)

    @app.before_request
    def before():
        if OWN == "token" and request.path == "/items" and request.headers.get("Authorization") is None:
            return jsonify(error="token"), 401
        if OWN == "login" and request.path == "/items" and "user" not in session:
            return redirect("/login")

    def items(**_):
        answer = jsonify(ok=True)
        if OWN == "hand" and request.path != "/other":
            answer.headers["Access-Control-Allow-Origin"] = A
        return answer

    for path in ("/items", "/other", "/me", "/slash/"):
        app.add_url_rule(path, path, items, methods=METHODS)
    app.add_url_rule("/login", "login", items)
    app.run(HOST, PORT, threaded=True)


def dev():
    from django.conf import settings
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponseForbidden, JsonResponse
    from django.urls import path

    cors, common, security = "corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.security.SecurityMiddleware"
    middleware = {"none": [security, common], "ip": [security, "__main__.internal", cors, common], "last": [security, common, cors]}.get(OWN, [security, cors, common])
    more = {"list": {"CORS_ALLOWED_ORIGINS": ["https://app.one.test", B]}, "names": {"CORS_ALLOW_HEADERS": ["content-type"]}, "creds": {"CORS_ALLOW_CREDENTIALS": False}}.get(OWN, {})
    settings.configure(**({"DEBUG": False, "SECRET_KEY": "x", "ALLOWED_HOSTS": ["*"], "ROOT_URLCONF": "__main__", "MIDDLEWARE": middleware, "INSTALLED_APPS": ["corsheaders"],
                           "CORS_ALLOWED_ORIGINS": [A, B], "CORS_ALLOW_CREDENTIALS": True} | more))
    import django
    django.setup()
    global urlpatterns, forbidden
    forbidden = HttpResponseForbidden
    items = lambda request, *rest: JsonResponse({"ok": True})
    urlpatterns = [path("items", items), path("other", items), path("me", items), path("slash/", items)]
    run(HOST, PORT, get_wsgi_application(), threading=True)


def internal(get_response):
    return lambda request: forbidden("<h1>403 Forbidden</h1>") if request.path == "/items" else get_response(request)


{"werk": werk, "dev": dev}[FAMILY]()
