"""The sixth set: the stacks that most sites have, each mistake in more manners; judged before any rule had seen it. Form and words: see cases.py.

A case's first steps are what an application does there, much of it allowed. Then each of its refusals is met by itself (@), at a host that nobody else asks.
"""

from kit import ADD, BEHIND, PASS, PRE, apache, caddy, haproxy, nginx

NODE = "node {here}/sixth.js {case} {port}"
PYTHON = "{python} {here}/sixth.py {case} {port}"
RUBY = "ruby {here}/sixth.rb {case} {port}"
GO = "{work}/server-sixth {case} {port}"

ORIGIN, NONE, AUTH, ERROR, DOWN = "origin_not_listed", "cors_not_mounted", "auth_before_cors", "error_page_without_cors", "upstream_down"
MALFORMED = "config_value_malformed"
SLASH = f"{ORIGIN}|{MALFORMED}"
EITHER = f"{NONE}|cors_after_router"


def app(refused, *path, good="a GET /me = -", others=True, last=()):
    """One page opens and reads, then does what is refused; its user tries again."""
    return [good, *refused, "a GET /me wait = -", *last]


def listed(*refused):
    """The page that is not listed, and later one that is."""
    return [*refused, "b GET /items wait = -", "b PUT /items json = -", *(f"{step.split(' = ')[0]} wait = {step.split(' = ')[1]}" for step in refused[:1])]


def at_once(*refused):
    """Both pages are open."""
    return ["b GET /items = -", *refused, "b PUT /items json = -"]


GET, PUT, DEL, POST = "a GET /items = %s", "a PUT /items json = %s", "a DELETE /items = %s", "a POST /items json = %s"
TOKEN, TRACE, COOKIE = "a GET /items h:authorization = %s", "a GET /items h:x-trace-id = %s", "a GET /items cookie = %s"
PUT_COOKIE = "a PUT /items json cookie = %s"


def made(cause, *steps):
    return [step % cause for step in steps]


def case(name, servers, steps, alone="all"):
    """The case in company; then its refusals, or what else is named, each by itself."""
    if alone == "all":
        alone = [step.replace(" wait", "") for step in steps if not step.endswith("= -")]
    return [(name, servers, [*steps, *("@" + step for step in dict.fromkeys(alone or []))])]


def node(name, steps, alone="all"):
    return case(name, [NODE], steps, alone)


def python(name, steps, alone="all"):
    return case(name, [PYTHON], steps, alone)


def ruby(name, steps, alone="all"):
    return case(name, [RUBY], steps, alone)


def go(name, steps, alone="all"):
    return case(name, [GO], steps, alone)


EXPRESS = [
    *node("ex5_jwt", made(AUTH, TOKEN, GET, PUT) + ["a GET /me wait = auth_before_cors"]),
    *node("ex4_basic", app(made(AUTH, PUT, TOKEN))),
    *node("ex5_forbids", app(made(AUTH, GET, PUT))),
    *node("ex4_login", app(["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"])),
    *node("ex5_body", app(["a POST /items json = -", "a POST /items json big = " + ERROR, "a PUT /items json big = " + ERROR]), alone=["a PUT /items json big = " + ERROR]),
    *node("ex4_missing", ["a GET /me = -", "a PUT /items json = -", f"a GET /gone = {ERROR}|{NONE}", f"a PUT /gone json = {NONE}|{ERROR}"]),
    *node("ex5_route", app(["a GET /items = -"] + made(NONE, PUT, DEL))),
    *node("ex4_csrf", app([f"a PUT /items json = {AUTH}|{ERROR}", "a GET /items = -"])),
    *node("ex5_env", made(MALFORMED, GET, PUT, "a GET /me wait = %s")),
    *node("ex4_portless", made(SLASH, GET, PUT)),
    *node("ex5_https", at_once(*made(ORIGIN, GET, PUT))),
    *node("ex4_www", made(ORIGIN, GET, PUT_COOKIE)),
    *node("ex5_localhost", listed(*made(ORIGIN, PUT, GET))),
    *node("ex4_upper", made(MALFORMED, GET, PUT)),
    *node("ex5_unset", made(NONE, "a GET /me = %s", PUT_COOKIE, COOKIE, GET), alone=made(NONE, PUT_COOKIE)),
    *node("ex4_lower", app(["a GET /items = -", f"a PATCH /items json = method_not_listed|{MALFORMED}", f"a DELETE /items = method_not_listed|{MALFORMED}"])),
    *node("ex5_verbs", app(["a GET /items = -", "a POST /items json = -"] + made("method_not_listed", PUT, DEL))),
    *node("ex4_names", app(["a POST /items json = -"] + made("header_not_listed", TOKEN, "a PUT /items json h:x-request-id h:authorization = %s"))),
    *node("ex5_limiter", ["a GET /me = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited", "a GET /me wait = -"], alone=None),
    *node("ex4_files", app(["a GET /items = -", f"a GET /data.json = {NONE}|cors_after_router", "a GET /docs = actual_redirect_without_cors"])),
    *node("ex5_secure", ["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected", "a GET /me wait = actual_redirect_without_cors"]),
    *node("ex4_crash", app(["a GET /other = not_http_or_down", "a PUT /other json = not_http_or_down"])),
    *node("ex5_halfway", app(["a GET /other = -", "a PUT /items json = cors_after_router", f"a GET /items = {EITHER}", "a DELETE /items = cors_after_router"])),
    *node("ex4_proxy", ["a GET /items = -", "a PUT /items json = -"], alone=None),
    *node("ex5_noncors", made(NONE, GET, PUT, TOKEN, "a GET /me wait = %s")),
    *node("ex4_thrown", app(["a GET /items = -", "a GET /other = " + ERROR, "a PUT /other json = " + ERROR])),
    *node("ex5_whitelist", listed(*made(ORIGIN, GET, PUT))),
    *node("ex4_snippet", app(["a POST /items json = -"] + made("method_not_listed", PUT, DEL) + made("header_not_listed", TOKEN) + made("credentials_with_wildcard", PUT_COOKIE.replace("PUT", "POST")))),
    *node("ex5_dynamic", listed(*made(ORIGIN, GET, PUT))),
    *node("ex4_silent", at_once(*made(ORIGIN, GET, PUT, DEL))),
    *node("ex5_stale", made(ORIGIN, GET, PUT, DEL)),
    *node("ex4_appended", made("two_layers", GET, PUT)),
    *node("ex5_nocreds", ["a GET /items = -"] + made("credentials_not_allowed", "a GET /me cookie = %s", PUT_COOKIE), alone=made("credentials_not_allowed", PUT_COOKIE)),
    *node("ex4_expired", made(AUTH, GET, PUT_COOKIE, DEL)),
]
OTHER_NODE = [
    *node("fast_limit", ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a PUT /items json = -"], alone=None),
    *node("fast_jwt", made(AUTH, GET, PUT, TOKEN)),
    *node("fast_jwtAfter", ["a GET /items = -", "a PUT /items json = -"], alone=None),
    *node("fast_basic", app(made(AUTH, PUT, TOKEN))),
    *node("fast_origin", at_once(*made(ORIGIN, GET, PUT))),
    *node("fast_regexp", listed(*made(ORIGIN, PUT, GET))),
    *node("fast_text", made(SLASH, GET, PUT)),
    *node("fast_defaults", app(["a GET /items = -", "a POST /items json = -"] + made("method_not_listed", PUT, DEL))),
    *node("fast_files", app(["a GET /items = -"] + made(f"{NONE}|cors_after_router", "a GET /files/data.json = %s"))),
    *node("fast_none", made(NONE, PUT, GET, TOKEN)),
    *node("fast_decides", ["a GET /items = -", "a PUT /other json cookie = -"] + made("credentials_not_allowed", PUT_COOKIE)),
    *node("koa6_allowed", made(EITHER, PUT, GET, DEL)),
    *node("koa6_bare", ["a GET /me = -", "a PUT /items json = -", "a GET /boom = " + ERROR, "a PUT /boom json = " + ERROR]),
    *node("koa6_files", app(["a GET /items = -", f"a GET /data.json = {EITHER}"])),
    *node("koa6_function", at_once(*made(ORIGIN, GET, PUT))),
    *node("koa6_verbs", app(["a GET /items = -", *made("method_not_listed", PUT, DEL)])),
    *node("koa6_names", app(["a PUT /items json = -", *made("header_not_listed", TOKEN)])),
    *node("koa6_guard", app(made(AUTH, GET, PUT))),
    *node("koa6_none", made(NONE, GET, PUT)),
    *node("hapi6_origin", listed(*made(ORIGIN, GET, PUT))),
    *node("hapi6_pattern", made(ORIGIN, "b GET /items = %s", PUT, GET, "b PUT /items json = %s"), alone=made(ORIGIN, PUT, GET)),
    *node("hapi6_names", app(["a GET /items = -", *made("header_not_listed", PUT, TOKEN)])),
    *node("hapi6_somewhere", app(made(NONE, GET, PUT))),
    *node("hapi6_redirects", app(["a GET /items = -", "a PUT /items json = preflight_redirected"])),
    *node("hapi6_none", made(NONE, PUT, GET)),
    *node("nestfast_origin", listed(*made(ORIGIN, GET, PUT))),
    *node("nestfast_defaults", app(["a GET /items = -", "a PUT /items json = method_not_listed"]), alone=None),
    *node("nestfast_names", app(["a POST /items json = -", *made("header_not_listed", TOKEN)])),
    *node("nestfast_guard", ["a GET /items = -", "a PUT /items json = -"]),
    *node("nestfast_none", made(NONE, GET, PUT)),
    *node("feathers_origin", listed(*made(ORIGIN, GET), "a POST /items json = " + ORIGIN), alone=made(ORIGIN, GET, POST)),
    *node("feathers_headers", ["a GET /items = -", "a POST /items json = -", *made("header_not_listed", TOKEN)]),
    *node("feathers_late", made("cors_after_router|" + NONE, POST, GET)),
    *node("connect_auth", made(AUTH, GET, PUT)),
    *node("connect_path", ["a GET /api/items = -", "a PUT /api/items json = -"] + made(NONE, GET, PUT)),
    *node("connect_origin", at_once(*made(ORIGIN, GET, PUT))),
    *node("connect_none", made(NONE, GET, PUT)),
    *node("connect_star", ["a GET /me = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *node("itty_origin", listed(*made(ORIGIN, GET, PUT))),
    *node("itty_auth", made(AUTH, PUT, DEL)),
    *node("itty_verbs", ["a GET /items = -", *made("method_not_listed", PUT, DEL)]),
    *node("itty_forgets", made("cors_after_router", PUT, DEL)),
    *node("lambda_mock", made("cors_after_router", PUT, f"a GET /items h:authorization = %s")),
    *node("lambda_token", ["a GET /items = -"] + made(f"{NONE}|{AUTH}", PUT, TOKEN)),
    *node("lambda_authorizer", ["a GET /items h:authorization = " + f"{ERROR}|{AUTH}", f"a PUT /items json h:authorization = {ERROR}|{AUTH}"]),
    *node("lambda_timeout", app(["a PUT /items json = -", "a GET /other h:authorization = " + f"{DOWN}|{ERROR}", f"a PUT /other json = {DOWN}|{ERROR}"])),
    *node("lambda_throttle", app(["a PUT /items json = -", "a GET /other = rate_limited", "a PUT /other json = rate_limited"])),
    *node("lambda_proxy", app(["a PUT /items json = -", f"a GET /other = {DOWN}|{ERROR}", f"a PUT /other json = {DOWN}|{ERROR}"])),
    *node("lambda_keys", app(["a PUT /items json = -", *made("header_not_listed", TOKEN), *made("method_not_listed", DEL)])),
    *node("lambda_quotes", made(MALFORMED, GET, PUT)),
    *node("lambda_empty", made(MALFORMED, GET, PUT)),
    *node("lambda_waf", app(["a PUT /items json = -", f"a GET /other = {AUTH}|{ERROR}", f"a PUT /other json = {AUTH}"])),
    *node("lambda_edge", app(["a PUT /items json = -", f"a GET /other = not_http_or_down|{DOWN}|{ERROR}", f"a PUT /other json = not_http_or_down|{DOWN}"])),
    *node("lambda_bucket", ["b GET /items = -"] + made(ORIGIN, GET, TOKEN, PUT)),
    *node("lambda_cdn", ["a GET /me = -", "a GET /data = cached_for_other_origin", "b GET /data = -"]),
]
FLASK = [
    *python("flask6_manual", ["a GET /items = -", "a PUT /items json = method_not_listed|header_not_listed", *made("header_not_listed", POST, TOKEN)]),
    *python("flask6_manual_lists", ["a GET /items = -", "a POST /items json = -", *made("method_not_listed", PUT, DEL)]),
    *python("flask6_response", app(["a GET /items = -", *made(NONE, PUT, DEL), "a GET /boom = " + ERROR])),
    *python("flask6_regex", at_once(*made(ORIGIN, GET, PUT))),
    *python("flask6_list", listed(*made(ORIGIN, GET, PUT))),
    *python("flask6_wildcard", ["a GET /items = -", "a PUT /items json = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *python("flask6_names", ["a GET /items = -", "a POST /items json = -", *made("header_not_listed", TOKEN, "a PUT /items json h:authorization = %s")]),
    *python("flask6_jwt", app(made(AUTH, PUT))),
    *python("flask6_blueprint", ["a GET /items = -", "a PUT /items json = -", *made(NONE, "a GET /other = %s", "a PUT /other json = %s")]),
    *python("flask6_limiter", ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a PUT /items json = rate_limited"], alone=None),
    *python("flask6_talisman", ["a PUT /items json = preflight_redirected", "a DELETE /items wait = preflight_redirected"]),
    *python("flask6_environ", app(made(AUTH, GET, PUT))),
    *python("flask6_moved", ["a GET /me = -", "a PUT /v1/items json = -", "a GET /v1/items = -"]),
    *python("flask6_order", ["a PUT /other json = -", *made(NONE, GET, PUT)]),
    *python("flask6_decorated", ["a GET /items = -", *made("method_not_listed", PUT, DEL)]),
    *python("rest6_hand", app([f"a PUT /items json = {NONE}", f"a GET /items = {NONE}"])),
    *python("rest6_none", app(made(NONE, GET, PUT))),
    *python("rest6_names", ["a GET /items = -", *made("header_not_listed", PUT, TRACE)]),
    *python("eve_none", made(NONE, "a GET / = %s", TOKEN)),
    *python("eve_origin", listed(*made(ORIGIN, "a GET / = %s"))[:1] + ["b GET / = -"] + made(ORIGIN, "a GET / = %s", TOKEN)),
    *python("eve_headers", ["a GET / = -", *made("header_not_listed", TOKEN)]),
]
DJANGO = [
    *python("django6_auth", app(made(AUTH, GET, PUT))),
    *python("django6_crash", app(["a GET /items = -", "a GET /other = " + ERROR, "a PUT /other json = " + ERROR])),
    *python("django6_login", app(["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"])),
    *python("django6_hosts", made(f"{ERROR}|not_http_or_down", GET, PUT)),
    *python("django6_regex", made(ORIGIN, GET, PUT)),
    *python("django6_origin", listed(*made(ORIGIN, GET, PUT))),
    *python("django6_asgi", at_once(*made(ORIGIN, PUT, GET))),
    *python("django6_all", ["a GET /items = -", "a PUT /items json = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *python("django6_names", ["a POST /items json = -", *made("header_not_listed", TOKEN, TRACE)]),
    *python("django6_verbs", ["a POST /items json = -", *made("method_not_listed", PUT, DEL)]),
    *python("django6_urls", app(made(NONE, GET, PUT))),
    *python("django6_hand", ["a GET /items = -", "a PUT /items json = method_not_listed|header_not_listed", *made("header_not_listed", POST)]),
    *python("django6_hand_methods", ["a GET /items = -", *made(NONE, PUT)]),
    *python("django6_none", made(NONE, PUT, GET)),
    *python("drf6_finalize", app(made(AUTH, PUT))),
    *python("drf6_throttle", ["a GET /items = -", "a GET /items = -", "a GET /items = -"], alone=None),
    *python("drf6_view", ["a GET /items = -", "a PUT /items json = method_not_listed|header_not_listed", *made("header_not_listed", TOKEN)]),
    *python("drf6_origin", listed(*made(ORIGIN, GET, DEL))),
    *python("drf6_auth", app(made(AUTH, PUT, DEL))),
    *python("drf6_none", made(NONE, GET, PUT, TOKEN)),
]
STARLETTE = [
    *python("fast6_depends", app(["a GET /items = -", "a PUT /items json = -"]), alone=None),
    *python("fast6_regex", at_once(*made(ORIGIN, GET, PUT))),
    *python("fast6_scheme", listed(*made(ORIGIN, PUT, GET))),
    *python("fast6_star", ["a GET /items = -", "a PUT /items json = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *python("fast6_verbs", ["a GET /items = -", "a POST /items json = -", *made("method_not_listed", PUT, DEL)]),
    *python("fast6_defaults", ["a GET /items = -", *made("method_not_listed", DEL, POST)]),
    *python("fast6_slash", made(SLASH, GET, PUT)),
    *python("fast6_hand", ["a GET /items = -", *made(f"{NONE}|{ERROR}", PUT, DEL)]),
    *python("fast6_route", ["a GET /api/items = -", "a PUT /api/items json = -", *made(NONE, GET, PUT)]),
    *python("fast6_trusted", made(f"{ERROR}|not_http_or_down", GET, PUT)),
    *python("fast6_https", ["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"]),
    *python("fast6_slow", ["a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited"], alone=None),
    *python("fast6_guard", app(made(AUTH, GET, PUT))),
    *python("fast6_csrf", ["a GET /items = -", f"a PUT /items json = {AUTH}|{ERROR}", f"a DELETE /items = {AUTH}|{ERROR}"]),
    *python("fast6_static", app(made(NONE, "a GET /files/data.json = %s"))),
    *python("fast6_none", made(NONE, GET, PUT)),
    *python("asgicors_origin", listed(*made(ORIGIN, GET))[:2] + made(f"{ORIGIN}|{NONE}", PUT), alone=made(ORIGIN, GET)),
    *python("asgicors_wildcard", made(ORIGIN, GET)),
    *python("asgicors_headers", ["a GET /items = -", *made("header_not_listed", TOKEN)]),
    *python("klein_get", ["a GET /me = -", *made(NONE, PUT)]),
    *python("klein_list", listed(*made(ORIGIN, GET, PUT))),
]
RUBY_GO = [
    *ruby("sinatra_protected", ["a GET /items = -", "a PUT /items json = -"]),
    *ruby("sinatra_before", ["a GET /items = -", *made(f"{NONE}|{ERROR}", PUT, DEL)]),
    *ruby("sinatra_options", ["a GET /items = -", *made("header_not_listed", PUT), *made("method_not_listed", DEL)]),
    *ruby("sinatra_listed", listed(*made(ORIGIN, GET))[:2] + made(ORIGIN, GET), alone=made(ORIGIN, GET, DEL)),
    *ruby("sinatra_halts", ["a GET /me = -", "a PUT /items json = -", "a GET /items = -"], alone=None),
    *ruby("sinatra_verbs", ["a GET /me = -", "a POST /items json = -", *made("method_not_listed", PUT, DEL)]),
    *ruby("sinatra_none", made(NONE, GET, PUT)),
    *go("gohand_list", listed(*made(ORIGIN, GET, PUT))),
    *go("gohand_star", ["a GET /items = -", "a PUT /items json = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *go("gohand_none", made(NONE, GET, PUT)),
    *go("gohand_handler", ["a GET /save = -", *made(NONE, "a PUT /save json = %s")]),
    *go("gohand_token", app(made(AUTH, GET, PUT))),
    *go("gohand_forbids", app(made(AUTH, GET, PUT))),
    *go("gohand_refuses", at_once(*made(ORIGIN, GET, PUT))),
    *go("gohand_timeout", ["a GET /items = -", "a PUT /items json = -", f"a GET /slow = {ERROR}|{DOWN}", f"a PUT /slow json = {ERROR}|{DOWN}"]),
    *go("gohand_inner", ["a GET /me = -", "a PUT /items json = -", f"a GET /gone = {ERROR}|{NONE}", f"a PUT /gone json = {NONE}|{ERROR}", "a GET /docs = actual_redirect_without_cors"]),
    *go("gohand_late", made("cors_after_router", PUT, DEL)),
    *go("gohand_quota", ["a GET /items = -", "a PUT /items json = -", *made("rate_limited", GET, DEL)], alone=None),
]

FIELDS = "Header always set Access-Control-Allow-Origin http://app.one.test:18901\nHeader always set Access-Control-Allow-Methods 'GET, PUT, DELETE'\nHeader always set Access-Control-Allow-Headers 'content-type'\n"
FORWARD = "ProxyPass / http://127.0.0.1:{port2}/\n"
SLOW = GO.replace("{case}", "gohand_none").replace("{port}", "{port2}")
BARE, GOOD = BEHIND % "bare", BEHIND % "good"


def braces(text):
    return text.replace("{", "{{").replace("}", "}}").replace("{{port2}}", "{port2}").replace("{{dir}}", "{dir}").replace("{{port}}", "{port}")


def front(name, server, back, steps, alone="all"):
    return case(name, [server] + ([back] if back else []), steps, alone)


STATIC = "root /usr/share/common-licenses; default_type text/plain; add_header Access-Control-Allow-Origin $allowed; "
FRONTS = [
    *front("ng6_static", nginx("location / {{ " + STATIC + "}}"), None, ["a GET /MPL-2.0 = -", *made(NONE, "a GET /MPL-2.0 h:x-trace-id = %s", "a PUT /MPL-2.0 json = %s"), f"a GET /gone = {ERROR}"]),
    *front("ng6_https_map", nginx("set $o \"\"; if ($http_origin ~ ^https://.*\\.one\\.test) {{ set $o $http_origin; }} location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin $o; add_header Access-Control-Allow-Methods 'GET, PUT'; add_header Access-Control-Allow-Headers content-type; return 204; }} add_header Access-Control-Allow-Origin $o always; " + PASS + "}}"), BARE, made(ORIGIN, GET, PUT)),
    *front("ng6_if_origin", nginx("location / {{ if ($http_origin = http://app.two.test:18902) {{ add_header Access-Control-Allow-Origin $http_origin; add_header Access-Control-Allow-Methods 'GET, PUT'; add_header Access-Control-Allow-Headers content-type; }} " + PASS + "}}"), BARE, listed(*made(ORIGIN, GET, PUT))),
    *front("ng6_auth_request", nginx("location /items {{ auth_request /check; " + PASS + "}} location /check {{ return 401; }} location / {{ " + PASS + "}}"), GOOD, ["a GET /other = -", *made(AUTH, PUT, GET, DEL), "a PUT /other json = -"]),
    *front("ng6_denies", nginx("location /other {{ deny all; " + PASS + "}} location / {{ " + PASS + "}}"), GOOD, ["a GET /items = -", "a PUT /items json = -", f"a GET /other = {AUTH}|{ERROR}", f"a PUT /other json = {AUTH}"]),
    *front("ng6_intercepts", nginx("proxy_intercept_errors on; error_page 500 502 503 /50x.html; location = /50x.html {{ root /usr/share/nginx/html; internal; }} location / {{ " + PASS + "}}"), GOOD, ["a GET /items = -", f"a GET /boom = {ERROR}", "a PUT /items json = -"]),
    *front("ng6_timeout", nginx("location / {{ proxy_read_timeout 1s; " + PASS + "}} location /slow {{ proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{port2}; }}"), BEHIND % "slow", ["a GET /items = -", "a PUT /items json = -", f"a GET /slow = {DOWN}"]),
    *front("ng6_limit429", nginx("limit_req_status 429; location / {{ limit_req zone=z burst=2 nodelay; " + PASS + "}}"), GOOD, ["a GET /items = -", "a GET /items = -", "a GET /items = -", *made("rate_limited", GET, PUT)], alone=None),
    *front("ng6_rewrite", nginx("rewrite ^/(items)$ /$1/ permanent; location / {{ " + PASS + "}}"), GOOD, ["a GET /other = -", "a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"]),
    *front("ng6_https", nginx("return 301 https://$host$request_uri;"), None, ["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"]),
    *front("ng6_www", nginx("return 308 http://www.$host$request_uri;"), None, ["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    *front("ng6_cache", nginx("location / {{ proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 1m; add_header X-Cache-Status $upstream_cache_status; " + PASS + "}}"), BEHIND % "reflects", ["x GET /items = -", "a GET /items = cached_for_other_origin", "a GET /other = -", "b GET /other = cached_for_other_origin", "a GET /other = -"], alone=None),
    *front("ng6_cache_silent", nginx("location / {{ proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 1m; " + PASS + "}}"), BEHIND % "reflects", ["a GET /other = -", "b GET /other = cached_for_other_origin", "a GET /other = -"], alone=None),
    *front("ng6_maintenance", nginx("location / {{ return 503; }}"), None, made(f"{DOWN}|{ERROR}|not_http_or_down|rate_limited", GET, PUT)),
    *front("ng6_limit_except", nginx("location / {{ limit_except GET {{ deny all; }} " + PASS + "}}"), GOOD, ["a GET /items = -", *made(AUTH, PUT, DEL)]),
    *front("ng6_options_bare", nginx("location / {{ if ($request_method = OPTIONS) {{ return 204; }} add_header Access-Control-Allow-Origin $allowed; " + PASS + "}}"), BARE, ["a GET /items = -", *made("method_not_listed|header_not_listed", PUT), *made("method_not_listed", DEL)]),
    *front("ng6_put", nginx("location / {{ " + PRE.replace("GET, POST, PUT, DELETE", "GET, POST, OPTIONS") + ADD + PASS + "}}"), BARE, ["a GET /items = -", *made("method_not_listed", PUT, DEL)]),
    *front("ng6_token", nginx("location / {{ " + PRE + ADD + PASS + "}}"), BARE, ["a GET /items = -", "a PUT /items json = -", *made("header_not_listed", TOKEN)]),
    *front("ng6_upload", nginx("client_max_body_size 4k; location / {{ " + PRE + ADD.replace(" always", "") + PASS + "}}"), BARE, ["a PUT /items json = -", "a PUT /items json big = " + ERROR]),
    *front("ng6_two", nginx("location / {{ add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Credentials true; " + PASS + "}}"), BEHIND % "reflects", made("two_layers", GET, COOKIE)),
    *front("ng6_star", nginx("add_header Access-Control-Allow-Origin * always; add_header Access-Control-Allow-Credentials true always; add_header Access-Control-Allow-Methods 'GET, PUT' always; add_header Access-Control-Allow-Headers '*' always; location / {{ if ($request_method = OPTIONS) {{ return 204; }} " + PASS + "}}"), BARE, ["a GET /items = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *front("ng6_gone_upstream", nginx("location / {{ proxy_pass http://127.0.0.1:9; }}"), None, made(DOWN, GET, PUT)),
    *front("ha6_options", haproxy(braces("http-request deny if METH_OPTIONS")), GOOD, ["a GET /items = -", *made(AUTH, PUT, DEL)]),
    *front("ha6_rate", haproxy(braces("stick-table type ip size 1k expire 60s store http_req_rate(60s)\n http-request track-sc0 src\n http-request deny deny_status 429 if { sc_http_req_rate(0) gt 3 }")), GOOD, ["a GET /items = -", "a PUT /items json = -", *made("rate_limited", GET, DEL)], alone=None),
    *front("ha6_return", haproxy(braces("http-request return status 200 if METH_OPTIONS")), GOOD, ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *front("ha6_timeout", haproxy("timeout server 1s" if False else "", "timeout server 1s\n server s 127.0.0.1:{port2}"), BEHIND % "slow", ["a GET /items = -", f"a GET /slow = {DOWN}"]),
    *front("ha6_prefix", haproxy(braces("http-request redirect prefix http://www.api.one.test code 301")), None, ["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    *front("ha6_fixed", haproxy("http-response set-header Access-Control-Allow-Origin https://app.one.test:18901"), BARE, made(SLASH, GET)),
    *front("ha6_acl", haproxy(braces("acl fine hdr(origin) http://app.two.test:18902\n http-request set-var(txn.o) hdr(origin) if fine\n http-response set-header Access-Control-Allow-Origin %[var(txn.o)] if { var(txn.o) -m found }")), BARE, listed(*made(ORIGIN, GET))[:2] + made(ORIGIN, GET), alone=made(ORIGIN, GET)),
    *front("ha6_maxconn", haproxy("", "server s 127.0.0.1:9 check inter 200\n http-request set-header x y"), None, made(DOWN, GET, PUT)),
    *front("ca6_matcher", caddy(braces("@fine header Origin http://app.two.test:18902\n header @fine Access-Control-Allow-Origin http://app.two.test:18902\n reverse_proxy 127.0.0.1:{port2}")), BARE, listed(*made(ORIGIN, GET))[:2] + made(ORIGIN, GET), alone=made(ORIGIN, GET)),
    *front("ca6_options", caddy(braces("@options method OPTIONS\n respond @options 204\n header Access-Control-Allow-Origin http://app.one.test:18901\n header @options -Access-Control-Allow-Origin\n reverse_proxy 127.0.0.1:{port2}")), BARE, ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *front("ca6_slash", caddy("redir /items /items/ 308\n reverse_proxy 127.0.0.1:{port2}"), GOOD, ["a GET /other = -", "a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    *front("ca6_files", caddy("root * /usr/share/common-licenses\n file_server"), None, made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-trace-id = %s")),
    *front("ca6_files_cors", caddy("root * /usr/share/common-licenses\n header /MPL-2.0 Access-Control-Allow-Origin http://app.one.test:18901\n file_server"), None, ["a GET /MPL-2.0 = -", f"a GET /gone = {ERROR}|{NONE}", f"a GET /MPL-2.0 h:x-trace-id = header_not_listed|{NONE}"]),
    *front("ca6_timeout", caddy(braces("reverse_proxy 127.0.0.1:{port2} {\n transport http {\n response_header_timeout 1s\n }\n }")), BEHIND % "slow", ["a GET /items = -", f"a GET /slow = {DOWN}"]),
    *front("ca6_upload", caddy(braces("request_body {\n max_size 1KB\n }\n reverse_proxy 127.0.0.1:{port2}")), GOOD, ["a POST /items json = -", f"a PUT /items json big = {ERROR}"]),
    *front("ca6_star", caddy("header Access-Control-Allow-Origin *\n header Access-Control-Allow-Methods \"GET, PUT\"\n header Access-Control-Allow-Headers *\n header Access-Control-Allow-Credentials true\n reverse_proxy 127.0.0.1:{port2}"), BARE, ["a GET /items = -", *made("credentials_with_wildcard", PUT_COOKIE)]),
    *front("ca6_down", caddy("handle /other* {{\n reverse_proxy 127.0.0.1:9\n }}\n reverse_proxy 127.0.0.1:{port2}"), GOOD, ["a GET /items = -", *made(DOWN, "a GET /other = %s", "a PUT /other json = %s")]),
    *front("ap6_setenvif", apache('SetEnvIf Origin "^https?://(.+\\.)?two\\.test(:\\d+)?$" allow=$0\nHeader always set Access-Control-Allow-Origin %{{allow}}e env=allow\n' + FORWARD), BARE, listed(*made(ORIGIN, GET))[:2] + made(ORIGIN, GET), alone=made(ORIGIN, GET)),
    *front("ap6_rewrite", apache("Header set Access-Control-Allow-Origin http://app.one.test:18901\nHeader set Access-Control-Allow-Methods 'GET, PUT'\nHeader set Access-Control-Allow-Headers content-type\nRewriteEngine On\nRewriteCond %{{REQUEST_METHOD}} OPTIONS\nRewriteRule ^(.*)$ $1 [R=200,L]\n" + FORWARD), BARE, ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *front("ap6_limit", apache("<Location />\n<LimitExcept GET POST PUT>\nRequire all denied\n</LimitExcept>\n</Location>\n" + FORWARD), GOOD, ["a GET /items = -", *made(AUTH, PUT, DEL)]),
    *front("ap6_auth", apache(FIELDS + "<Location /items>\nAuthType Basic\nAuthName x\nAuthUserFile /dev/null\nRequire valid-user\n</Location>\n" + FORWARD), BARE, ["a GET /other = -", *made(AUTH, PUT, DEL)]),
    *front("ap6_folder", apache("DocumentRoot /usr/share\n<Directory />\nRequire all granted\n</Directory>\nHeader set Access-Control-Allow-Origin http://app.one.test:18901\n"), None, ["a GET /common-licenses/MPL-2.0 = -", f"a GET /gone = {ERROR}", f"a GET /common-licenses/MPL-2.0 h:x-trace-id = header_not_listed"]),
    *front("ap6_dir", apache("LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\nDocumentRoot /usr/share\n<Directory />\nRequire all granted\n</Directory>\nHeader set Access-Control-Allow-Origin http://app.one.test:18901\n".replace("LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so\n", "")), None, ["a GET /common-licenses/MPL-2.0 = -", "a GET /common-licenses = actual_redirect_without_cors"]),
    *front("ap6_timeout", apache("ProxyTimeout 1\n" + FORWARD), BEHIND % "slow", ["a GET /items = -", f"a GET /slow = {DOWN}"]),
    *front("ap6_verbs", apache(FIELDS + "RewriteEngine On\nRewriteCond %{{REQUEST_METHOD}} OPTIONS\nRewriteRule ^(.*)$ $1 [R=204,L]\n" + FORWARD), BARE, ["a GET /items = -", "a PUT /items json = -", *made("header_not_listed", TOKEN), "a PATCH /items json = method_not_listed"]),
    *front("ap6_www", apache("Redirect permanent / http://www.api.one.test/\n"), None, ["a GET /items = actual_redirect_without_cors", "a PUT /items json = preflight_redirected"]),
    *front("ap6_down", apache("ProxyPass / http://127.0.0.1:9/\n"), None, made(DOWN, GET, PUT)),
]

CASES = [*EXPRESS, *OTHER_NODE, *FLASK, *DJANGO, *STARLETTE, *RUBY_GO, *FRONTS]
