"""python3 fifth.py MISTAKE PORT: falcon-cors or Responder, with one mistake of CAUSES.md made on purpose."""
from given import A, B, FAMILY, METHODS, OWN, PORT


def falconcors():
    import falcon
    from falcon_cors import CORS

    good = {"allow_origins_list": [A, B], "allow_methods_list": METHODS, "allow_headers_list": ["content-type"], "allow_credentials_all_origins": True}
    cors = CORS(**{"origin": good | {"allow_origins_list": [B]}, "methods": good | {"allow_methods_list": ["GET", "POST"]}, "headers": good | {"allow_headers_list": ["accept"]}, "credentials": good | {"allow_credentials_all_origins": False}}.get(OWN, good))

    class Login:
        def process_request(self, request, response):
            if request.get_header("Authorization") is None:
                raise falcon.HTTPUnauthorized(title="Auth token required", description="Please provide an auth token", challenges=["Token"])

    class Items:
        def on_get(self, request, response):
            response.media = {"ok": True}

        on_post = on_put = on_delete = on_get

    layers = [cors.middleware]
    if OWN == "auth":
        layers.insert(0, Login())
    app = falcon.App(middleware=[] if OWN == "none" else layers)
    app.add_route("/items", Items())
    from waitress import serve

    serve(app, host="127.0.0.1", port=PORT)


def responder():
    import responder as r

    params = {"allow_origins": [B] if OWN == "origin" else [A, B], "allow_methods": ["GET"] if OWN == "methods" else METHODS, "allow_headers": ["content-type"]}
    api = r.API(cors=OWN != "none", cors_params=params, secret_key="x" * 40, allowed_hosts=["www.one.test"] if OWN == "hosts" else ["*"])

    @api.route("/items")
    def items(req, resp):
        resp.media = {"ok": True}

    api.run(address="127.0.0.1", port=PORT)


globals()[FAMILY]()
