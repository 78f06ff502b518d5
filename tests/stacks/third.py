"""python3 third.py MISTAKE PORT: Microdot, web.py or Connexion with one mistake of CAUSES.md made on purpose."""
import sys

MISTAKE, PORT = sys.argv[1], int(sys.argv[2])
FAMILY, OWN = MISTAKE.split("_", 1)
A, B = "http://app.one.test:18901", "http://app.two.test:18902"
METHODS = ["GET", "POST", "PUT", "DELETE"]


def microdot():
    from microdot import Microdot
    from microdot.cors import CORS

    app = Microdot()
    if OWN == "auth":

        @app.before_request
        async def login(request):
            if "session" not in request.cookies:
                return {"error": "login"}, 401

    if OWN != "none":
        CORS(app, allowed_origins=[B] if OWN == "origin" else [A, B], allow_credentials=OWN != "credentials",
             allowed_methods=["GET", "POST"] if OWN == "methods" else None, allowed_headers=["accept"] if OWN == "headers" else None)

    @app.route("/items", methods=METHODS)
    async def items(request):
        return {"ok": True}

    @app.route("/boom")
    async def boom(request):
        raise RuntimeError("boom")

    app.run("127.0.0.1", PORT)


def webpy():
    import web

    class Items:
        def GET(self):
            if OWN != "none":
                web.header("Access-Control-Allow-Origin", A)
            if OWN == "login" and not web.cookies().get("session"):
                raise web.seeother("/login")
            return "{}"

        POST = PUT = DELETE = GET

    class Boom:
        def GET(self):
            web.header("Access-Control-Allow-Origin", A)
            raise RuntimeError("boom")

    sys.argv = [sys.argv[0], f"127.0.0.1:{PORT}"]
    web.config.debug = False
    web.application(("/items", "Items", "/boom", "Boom"), {"Items": Items, "Boom": Boom}).run()


globals()[FAMILY]()
