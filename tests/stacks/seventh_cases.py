"""The seventh set: recorded after the rules had learned from the sixth, to see how they do where nothing was learned. In form as the sixth."""

from kit import ADD, BEHIND, PASS, PRE, apache, caddy, haproxy, lighttpd, nginx
from sixth_cases import AUTH, COOKIE, DEL, DOWN, ERROR, EITHER, GET, MALFORMED, NONE, ORIGIN, POST, PUT, PUT_COOKIE, SLASH, TOKEN, app, at_once, case, listed, made

NODE = "node {here}/seventh.js {case} {port}"
PYTHON = "{python} {here}/seventh.py {case} {port}"
FLASK = "{python} {here}/seventh.py werk_%s {port2}"
BARE, GOOD = BEHIND % "bare", BEHIND % "good"


def node(name, steps, alone="all"):
    return case(name, [NODE], steps, alone)


def python(name, steps, alone="all"):
    return case(name, [PYTHON], steps, alone)


def front(name, server, back, steps, alone="all"):
    return case(name, [server] + ([back] if back else []), steps, alone)


CASES = [
    *node("shop_chain", app(made(AUTH, GET, PUT))),
    *node("shop_subdomain", made(ORIGIN, GET, PUT)),
    *node("shop_named", at_once(*made(ORIGIN, GET, PUT))),
    *node("shop_slashes", made(SLASH, PUT, GET)),
    *node("shop_late", app(["a PUT /items json = -", f"a GET /other = {DOWN}|{ERROR}", f"a PUT /other json = {DOWN}|{ERROR}"])),
    *node("shop_refuses", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *node("shop_twice", made("two_layers", GET, POST)),
    *node("shop_misspelt", ["a GET /items = -", "a DELETE /items = -", *made("header_not_listed", PUT, TOKEN)]),
    *node("shop_spaces", ["a GET /items = -", *made(MALFORMED + "|method_not_listed", PUT, DEL)]),
    *node("shop_busy", ["a GET /items = -", "a GET /me = -", "a GET /other = -", *made("rate_limited", GET, PUT)], alone=None),
    *node("shop_moved", app(["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"])),
    *node("shop_hand", listed(*made(ORIGIN, GET, PUT))),
    *node("shop_own404", ["a GET /me = -", "a PUT /items json = -", f"a GET /gone = {ERROR}|{NONE}", f"a PUT /gone json = {NONE}|{ERROR}"]),
    *node("shop_true1", ["a GET /items = -", *made("credentials_not_allowed", PUT_COOKIE)]),
    *node("shop_below", app(["a PUT /other json = -", "a PUT /items json = cors_after_router", f"a GET /items = {EITHER}"])),
    *node("plain_none", made(NONE, GET, PUT)),
    *node("plain_errors", app(["a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *node("plain_posts", app(["a GET /items = -", *made(NONE, PUT)])),
    *node("plain_closes", app(["a GET /items = -", *made("not_http_or_down", "a GET /other = %s")])),
    *python("werk_list", listed(*made(ORIGIN, GET, PUT))),
    *python("werk_miss", app(made(NONE, GET, PUT))),
    *python("werk_none", made(NONE, GET, PUT)),
    *python("werk_verbs", ["a GET /items = -", "a POST /items json = -", *made("method_not_listed", PUT, DEL)]),
    *python("werk_names", ["a GET /items = -", *made("header_not_listed", PUT, TOKEN)]),
    *python("werk_plain", ["a GET /items = -", *made("credentials_not_allowed", PUT_COOKIE)]),
    *python("werk_scheme", made(SLASH, GET, PUT)),
    *python("werk_token", app(made(AUTH, PUT))),
    *python("werk_login", app(["a PUT /items json = preflight_redirected", "a GET /items = -"])),
    *python("werk_slash", app(["a PUT /slash json = preflight_redirected", "a GET /slash = -"])),
    *python("werk_hand", ["a GET /items = -", *made(NONE, PUT, "a GET /other = %s")]),
    *python("dev_none", made(NONE, GET, PUT)),
    *python("dev_ip", app(made(AUTH, GET, PUT))),
    *python("dev_list", listed(*made(ORIGIN, GET, PUT))),
    *python("dev_names", ["a GET /items = -", "a PUT /items json = -", *made("header_not_listed", TOKEN)]),
    *python("dev_creds", ["a GET /items = -", *made("credentials_not_allowed", PUT_COOKIE)]),
    *python("dev_last", app(["a GET /items = -", "a GET /slash = actual_redirect_without_cors"])),
    *front("ng7_flask", nginx("location / {{ " + PASS + "}}"), FLASK % "none", made(NONE, GET, PUT)),
    *front("ng7_one", nginx("location = /items {{ " + PRE + ADD + PASS + "}} location / {{ " + PASS + "}}"), FLASK % "none", ["a GET /items = -", "a PUT /items json = -", *made(NONE, "a GET /other = %s", "a PUT /other json = %s")]),
    *front("ng7_basic", nginx(ADD + "location /items {{ auth_basic x; auth_basic_user_file /dev/null; " + PASS + "}} location / {{ " + PASS + "}}"), BARE, ["a GET /other = -", *made(AUTH, PUT, DEL)]),
    *front("ng7_stopped", nginx("location /me {{ " + PASS + "}} location / {{ proxy_pass http://127.0.0.1:9; }}"), FLASK % "good", app(made(DOWN, GET, PUT))),
    *front("ng7_twice", nginx("location / {{ add_header Access-Control-Allow-Origin $http_origin always; " + PASS + "}}"), FLASK % "good", made("two_layers", GET, PUT)),
    *front("ng7_fixed", nginx("location / {{ add_header Access-Control-Allow-Origin http://app.one.test always; " + PASS + "}}"), BARE, made(SLASH, GET)),
    *front("ng7_api", nginx("location /api/ {{ " + PRE + ADD + PASS + "}} location / {{ return 404; }}"), BARE, [f"a GET /items = {NONE}|{ERROR}", f"a PUT /items json = {NONE}|{ERROR}"]),
    *front("ha7_down", haproxy("http-request set-header x y", "server s 127.0.0.1:9"), None, made(DOWN, PUT, GET)),
    *front("ha7_auth", haproxy("http-request deny deny_status 401 unless {{ req.hdr(authorization) -m found }}"), GOOD, made(AUTH, PUT, GET)),
    *front("ca7_basic", caddy("handle /me {{\n reverse_proxy 127.0.0.1:{port2}\n }}\n basicauth {{\n  x $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n }}\n reverse_proxy 127.0.0.1:{port2}"), FLASK % "good", made(AUTH, PUT, DEL)),
    *front("ca7_none", caddy("reverse_proxy 127.0.0.1:{port2}"), FLASK % "none", made(NONE, GET, PUT)),
    *front("ap7_none", apache("ProxyPass / http://127.0.0.1:{port2}/\n"), BARE, made(NONE, GET, PUT)),
    *front("ap7_gone", apache("<Location /items>\nRequire all denied\n</Location>\nProxyPass / http://127.0.0.1:{port2}/\n"), FLASK % "good", app([f"a GET /items = {AUTH}|{ERROR}", f"a PUT /items json = {AUTH}"])),
    *front("li7_none", lighttpd(""), None, made(NONE, GET)),
]
