"""The tenth set: what somebody else would write who has CAUSES.md alone, recorded while no rule knew it; each mistake in the most natural way of its stack, labelled as the mistake that was made. Form and words: see cases.py.

A case's first step is the check that its server runs (`x`: a script's, without Origin), or one of what the page may do; then the page is refused. Each refusal is then met by itself (@). The same once more behind nginx (`_behind`).
"""

from kit import apache, caddy, haproxy, lighttpd, nginx, tls, traefik, varnish
from sixth_cases import AUTH, DOWN, ERROR, FORWARD, MALFORMED, NONE, ORIGIN, braces, made

METHOD, HEADER, CREDS, STAR, RATE, GONE = "method_not_listed", "header_not_listed", "credentials_not_allowed", "credentials_with_wildcard", "rate_limited", "not_http_or_down"
MOVED, ASKED, TWO, AFTER, CACHED, SCHEME = "actual_redirect_without_cors", "preflight_redirected", "two_layers", "cors_after_router", "cached_for_other_origin", "scheme_lost_behind_tls"
SLASH = f"{ORIGIN}|{MALFORMED}"
X, FINE, FINE_PUT = ["x GET /health = -"], "a GET /api/items = -", "a PUT /api/items/1 json = -"
ITEM = "a PUT /api/items json = %s"
GET, PUT, DEL, POST = "a GET /api/items = %s", "a PUT /api/items/1 json = %s", "a DELETE /api/items/1 = %s", "a POST /api/orders json = %s"
TOKEN, TRACE, PUT_COOKIE = "a GET /api/items h:authorization = %s", "a GET /api/items h:x-requested-with = %s", "a PUT /api/items/1 json cookie = %s"

FRONT = nginx("location / {{ proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; proxy_pass http://127.0.0.1:{port2}; }}")


def steps_of(steps, alone):
    refused = [step for step in steps if not step.endswith("= -")] if alone else []
    return [*steps, *("@" + step for step in dict.fromkeys(refused))]


def makers(number):
    """What makes the cases of a set: of an application, once more behind nginx, and of a server in front. Other sets have some of their names."""
    def stack(command):
        def one(name, steps, alone=True, behind=True):
            steps, told = steps_of(steps, alone), command.replace("{case}", name).replace("{own}", name.split("_", 1)[1])
            name = name.replace("_", f"{number}_", 1)
            seen = [step.replace(GONE, f"{GONE}|{DOWN}") for step in steps]  # nginx answers 502 then
            return [(name, [told % "{port}"], steps), *([(name + "_behind", [FRONT, told % "{port2}"], seen)] if behind else [])]
        return one

    def front(name, server, back, steps, alone=True):
        return [(name.replace("_", f"{number}_", 1), [server] + ([back] if back else []), steps_of(steps, alone))]

    return stack, front


stack, front = makers(10)


node, python, go = stack("node {here}/tenth.js {case} %s"), stack("{python} {here}/tenth.py {case} %s"), stack("{work}/server-tenth {case} %s")
ruby, php = stack("ruby {here}/tenth.rb {case} %s"), stack("env MISTAKE={own} php -S 127.0.0.1:%s {here}/tenth.php")
spring, rails = stack("java -Xmx128m -cp {jars}:{work}/java Server spring_{own} %s"), stack("ruby {here}/rails.rb rails_{own} %s")
raw = stack("{python} {here}/raw.py {case} %s")
EX, FL, DJ, FA, GO = "node {here}/tenth.js ex_%s {port2}", "{python} {here}/tenth.py fl_%s {port2}", "{python} {here}/tenth.py dj_%s {port2}", "{python} {here}/tenth.py fap_%s {port2}", "{work}/server-tenth go_%s {port2}"
PASS = "proxy_pass http://127.0.0.1:{port2}; "

NODE = [
    *node("ex_auth", X + made(AUTH, GET, PUT)),
    *node("ex_apikey", X + made(AUTH, GET, PUT)),
    *node("ex_rate", [FINE, FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *node("ex_origin", X + made(ORIGIN, GET, PUT)),
    *node("ex_fn", X + made(ORIGIN, GET, PUT)),
    *node("ex_fnfalse", X + made(ORIGIN, GET, PUT)),
    *node("ex_single", X + made(ORIGIN, GET, PUT)),
    *node("ex_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ex_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *node("ex_none", X + made(NONE, GET, PUT, POST)),
    *node("ex_route", ["a GET /public = -", *made(NONE, GET, PUT)]),
    *node("ex_nopreflight", [FINE, *made(NONE, PUT, DEL)]),
    *node("ex_after", ["a GET /nowhere = -", *made(AFTER, PUT, GET, POST)]),
    *node("ex_body", [FINE, *made(ERROR, "a PUT /api/items/1 json big = %s")]),
    *node("ex_crash", [FINE, *made(ERROR, "a GET /api/crash = %s")]),
    *node("ex_https", made(ASKED, PUT) + made(MOVED, GET)),
    *node("ex_login", X + made(ASKED, PUT) + made(MOVED, GET)),
    *node("ex_two", made(TWO, GET, PUT)),
    *node("ex_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *node("ex_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *node("ex_slash", X + made(MALFORMED, GET, PUT)),
    *node("ex_list", X + made(MALFORMED, GET, PUT)),
    *node("ex_quotes", X + made(MALFORMED, GET, PUT)),
    *node("ex_wild", X + made(MALFORMED, GET, PUT)),
    *node("ex_drop", X + made(GONE, GET, PUT)),
    *node("ex_hand", [FINE, *made(NONE, PUT, DEL)]),
    *node("ex_handmethods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ko_auth", X + made(AUTH, GET, PUT)),
    *node("ko_origin", X + made(ORIGIN, GET, PUT)),
    *node("ko_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ko_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *node("ko_none", X + made(NONE, GET, PUT)),
    *node("ko_after", ["a GET /nowhere = -", *made(AFTER, GET, PUT)]),
    *node("ko_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *node("ko_star", [FINE, *made(STAR, "a PUT /api/items/1 cookie = %s")]),
    *node("ko_error", [FINE, *made(ERROR, "a GET /api/crash = %s")]),
    *node("ko_slash", X + made(MALFORMED, GET, PUT)),
    *node("ko_https", made(ASKED, PUT) + made(MOVED, GET)),
    *node("fa_auth", X + made(AUTH, GET, PUT)),
    *node("fa_jwt", X + made(AUTH, GET, PUT)),
    *node("fa_origin", X + made(ORIGIN, GET, PUT)),
    *node("fa_fn", X + made(ORIGIN, GET, PUT)),
    *node("fa_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("fa_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *node("fa_none", X + made(NONE, GET, PUT)),
    *node("fa_scope", ["a GET /public = -", *made(NONE, GET, PUT)]),
    *node("fa_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *node("fa_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *node("fa_slash", X + made(MALFORMED, GET, PUT)),
    *node("fa_raw", [FINE, *made(ERROR, "a GET /api/crash = %s")]),
    *node("fa_hand", [FINE, *made(NONE, PUT, DEL)]),
    *node("ha_auth", [*X, "a GET /api/items = -", *made(AUTH, PUT)]),
    *node("ha_origin", X + made(ORIGIN, GET, PUT)),
    *node("ha_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *node("ha_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *node("ha_none", X + made(NONE, GET, PUT)),
    *node("ha_item", [FINE, *made(NONE, PUT, DEL)]),
    *node("ha_https", made(ASKED, PUT)),
    *node("ha_slash", X + made(SLASH, GET, PUT)),
    *node("ne_auth", X + made(AUTH, GET, PUT)),
    *node("ne_origin", X + made(ORIGIN, GET, PUT)),
    *node("ne_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ne_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *node("ne_none", X + made(NONE, GET, PUT)),
    *node("ne_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *node("ne_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *node("ne_env", X + made(MALFORMED, GET, PUT)),
    *node("ne_rate", [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *node("no_auth", X + made(AUTH, GET, PUT)),
    *node("no_none", X + made(NONE, GET, PUT)),
    *node("no_strict", ["a GET /api/items = -", *made(NONE, PUT)]),
    *node("no_host", X + made(MALFORMED, GET, PUT)),
    *node("no_empty", X + made(MALFORMED, GET, PUT)),
    *node("no_undefined", X + made(MALFORMED, GET, PUT)),
    *node("no_origins", X + made(MALFORMED, GET, PUT)),
    *node("no_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *node("no_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("no_headers", [FINE, *made(HEADER, PUT, TRACE)]),
    *node("no_crash", X + made(GONE, GET, PUT)),
    *node("no_reset", X + made(AFTER, PUT, GET)),
    *node("no_notfound", X + made(ERROR, "a PUT /api/items/99 json = %s")),
]
PYTHON = [
    *python("fl_auth", X + made(AUTH, PUT)),
    *python("fl_login", made(ASKED, PUT)),
    *python("fl_apikey", X + made(AUTH, PUT)),
    *python("fl_origin", X + made(ORIGIN, GET, PUT)),
    *python("fl_origin2", X + made(ORIGIN, GET, PUT)),
    *python("fl_resources", X + made(NONE, GET, PUT)),
    *python("fl_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("fl_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *python("fl_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("fl_boom", [FINE, *made(ERROR, "a GET /api/crash = %s", "a PUT /api/crash json = %s")]),
    *python("fl_two", made(TWO, GET, PUT)),
    *python("fl_slash", [FINE, *made(ASKED, "a PUT /api/list json = %s")]),
    *python("fl_trail", X + made(SLASH, GET, PUT)),
    *python("fl_host", X + made(SLASH, GET, PUT)),
    *python("fl_hand", [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, POST)]),
    *python("fl_starred", [FINE, *made(STAR, PUT_COOKIE)]),
    *python("fl_bareerrors", [FINE, *made(ERROR, "a GET /api/missing = %s", "a PUT /api/missing json = %s")]),
    *python("fl_one", ["a GET /public = -", *made(NONE, GET, PUT)]),
    *python("fl_gets", [FINE, *made(NONE, PUT, DEL)]),
    *python("fl_none", X + made(NONE, GET, PUT)),
    *python("gfl_origin", X + made(ORIGIN, GET, PUT), behind=False),
    *python("gfl_none", X + made(NONE, GET, PUT), behind=False),
    *python("gfl_auth", X + made(AUTH, PUT), behind=False),
    *python("gfl_resources", X + made(NONE, GET, PUT), behind=False),
    *python("dj_none", X + made(NONE, GET, PUT)),
    *python("dj_origin", X + made(ORIGIN, GET, PUT)),
    *python("dj_regex", X + made(ORIGIN, GET, PUT)),
    *python("dj_debug", X + made(ORIGIN, GET, PUT)),
    *python("dj_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("dj_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *python("dj_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("dj_urls", ["a GET /v1/items = -", *made(NONE, GET, PUT)]),
    *python("dj_below", [FINE, *made(MOVED, "a GET /api/list = %s", "a GET /api/list h:x-requested-with = %s")]),
    *python("dj_auth", X + made(AUTH, GET, PUT)),
    *python("dj_ssl", made(ASKED, PUT) + made(MOVED, GET)),
    *python("dj_crash", [FINE, *made(ERROR, "a GET /api/crash = %s", "a PUT /api/crash json = %s")]),
    *python("dj_strip", [FINE, *made(ERROR, "a GET /api/crash = %s", "a PUT /api/crash json = %s")]),
    *python("gdj_origin", X + made(ORIGIN, GET, PUT), behind=False),
    *python("gdj_none", X + made(NONE, GET, PUT), behind=False),
    *python("fap_auth", X + made(AUTH, GET, PUT)),
    *python("fap_origin", X + made(ORIGIN, GET, PUT)),
    *python("fap_regex", X + made(ORIGIN, GET, PUT)),
    *python("fap_trail", X + made(SLASH, GET, PUT)),
    *python("fap_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("fap_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *python("fap_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("fap_none", X + made(NONE, GET, PUT)),
    *python("fap_mounted", ["a GET /v1/items = -", *made(NONE, GET, PUT)]),
    *python("fap_hand", [FINE, *made(NONE, PUT, DEL)]),
    *python("fap_two", made(TWO, GET, PUT)),
    *python("fap_login", made(ASKED, PUT) + made(MOVED, GET)),
    *python("fap_rate", [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *python("fap_crash", [FINE, *made(ERROR, "a GET /api/crash = %s", "a PUT /api/crash json = %s")]),
    *python("fap_timeout", [FINE, *made(f"{DOWN}|{ERROR}", "a GET /api/crash = %s")]),
    *python("gfap_origin", X + made(ORIGIN, GET, PUT), behind=False),
    *python("gfap_none", X + made(NONE, GET, PUT), behind=False),
    *python("aio_none", X + made(NONE, GET, PUT)),
    *python("aio_auth", X + made(AUTH, GET, PUT)),
    *python("aio_hand", [FINE, *made(NONE, PUT, DEL)]),
    *python("aio_errors", [FINE, *made(ERROR, "a GET /api/missing = %s")]),
    *python("aio_origin", X + made(ORIGIN, GET, PUT)),
    *python("aio_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *python("aio_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("aio_some", [FINE, *made(NONE, PUT, DEL)]),
    *python("tor_none", X + made(NONE, GET, PUT)),
    *python("tor_noptions", [FINE, *made(NONE, PUT, DEL)]),
    *python("tor_auth", X + made(AUTH, PUT)),
    *python("tor_origin", X + made(ORIGIN, GET, PUT)),
    *python("tor_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("tor_headers", [FINE, *made(HEADER, PUT)]),
    *python("tor_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *python("tor_late", made(AFTER, PUT, POST, GET)),
    *python("bot_none", X + made(NONE, GET, PUT)),
    *python("bot_noptions", [FINE, *made(NONE, PUT, DEL)]),
    *python("bot_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("bot_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("fal_none", X + made(NONE, GET, PUT)),
    *python("fal_origin", X + made(ORIGIN, GET, PUT)),
    *python("fal_auth", X + made(AUTH, PUT)),
    *python("fal_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *python("san_none", X + made(NONE, GET, PUT)),
    *python("san_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *python("san_origin", X + made(ORIGIN, GET, PUT)),
]
OTHERS = [
    *go("go_auth", X + made(AUTH, GET, PUT)),
    *go("go_origin", X + made(ORIGIN, GET, PUT)),
    *go("go_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *go("go_headers", [FINE, *made(HEADER, PUT, TRACE)]),
    *go("go_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *go("go_none", X + made(NONE, GET, PUT)),
    *go("go_handler", [FINE, *made(NONE, PUT)]),
    *go("go_slash", ["a GET /api/list/ = -", *made(ASKED, "a PUT /api/list json = %s"), *made(MOVED, "a GET /api/list = %s")]),
    *go("go_https", made(ASKED, PUT) + made(MOVED, GET)),
    *go("go_panic", [FINE, *made(f"{GONE}|{ERROR}", "a GET /api/crash = %s")]),
    *go("go_noreturn", [FINE, *made(NONE, PUT)]),
    *go("gin_origin", X + made(ORIGIN, GET, PUT)),
    *go("gin_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *go("gin_headers", [FINE, *made(HEADER, PUT, TOKEN)]),
    *go("gin_none", X + made(NONE, GET, PUT)),
    *go("gin_auth", X + made(AUTH, GET, PUT)),
    *go("gin_after", made(AFTER, PUT, GET)),
    *go("gin_group", [FINE, *made(NONE, PUT, DEL)]),
    *ruby("rb_auth", X + made(AUTH, GET, PUT)),
    *ruby("rb_origin", X + made(ORIGIN, GET, PUT)),
    *ruby("rb_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *ruby("rb_headers", [FINE, *made(HEADER, TOKEN, TRACE)]),
    *ruby("rb_creds", [FINE, *made(CREDS, PUT_COOKIE)]),
    *ruby("rb_none", X + made(NONE, GET, PUT)),
    *ruby("rb_path", X + made(NONE, GET, PUT)),
    *ruby("rb_https", made(ASKED, PUT) + made(MOVED, GET)),
    *ruby("rb_crash", [FINE, *made(ERROR, "a GET /api/crash = %s", "a PUT /api/crash json = %s")]),
    *rails("ror_auth", made(AUTH, GET, ITEM)),
    *rails("ror_origin", ["x GET /api/items = -", *made(ORIGIN, GET, ITEM)]),
    *rails("ror_methods", [FINE, *made(METHOD, ITEM)]),
    *rails("ror_headers", [FINE, *made(HEADER, TOKEN)]),
    *rails("ror_none", ["x GET /api/items = -", *made(NONE, GET, ITEM)]),
    *rails("ror_path", [FINE, *made(NONE, "a GET /items = %s", "a PUT /items json = %s")]),
    *spring("spr_auth", made(AUTH, GET, ITEM)),
    *spring("spr_origin", ["x GET /api/items = -", *made(f"{ORIGIN}|origin_or_method_not_listed", GET, ITEM)]),
    *spring("spr_methods", [FINE, *made(f"{METHOD}|origin_or_method_not_listed", ITEM)]),
    *spring("spr_headers", [FINE, *made(f"{HEADER}|origin_or_method_not_listed", TOKEN)]),
    *spring("spr_path", [FINE, *made(NONE, "a GET /items = %s", "a PUT /items json = %s")]),
    *spring("spr_credentials", [FINE, *made(CREDS, "a PUT /api/items json cookie = %s")]),
    *php("php_auth", X + made(AUTH, GET, PUT)),
    *php("php_login", made(ASKED, PUT) + made(MOVED, GET)),
    *php("php_star", [FINE, *made(STAR, PUT_COOKIE)]),
    *php("php_origins", X + made(ORIGIN, GET, PUT)),
    *php("php_list", X + made(ORIGIN, GET, PUT)),
    *php("php_simple", [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, POST)]),
    *php("php_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *php("php_two", made(TWO, GET, PUT)),
    *php("php_options", made(AFTER, PUT, GET)),
    *php("php_end", [FINE, *made(ERROR, "a GET /api/crash = %s")]),
    *php("php_none", X + made(NONE, GET, PUT)),
    *raw("raw_ssh", made(GONE, GET, PUT), behind=False),
    *raw("raw_close", made(GONE, GET, PUT), behind=False),
    *raw("raw_tls", made(GONE, GET, PUT), behind=False),
]
GOOD, BARE = EX % "good", EX % "none"
ADDS = "add_header Access-Control-Allow-Origin http://app.one.test:18901%s; add_header Access-Control-Allow-Methods 'GET, POST, PUT, DELETE'%s; add_header Access-Control-Allow-Headers 'Content-Type'%s; "
PRE = "if ($request_method = OPTIONS) {{ " + ADDS % ("", "", "") + "return 204; }} "
PROXY = "proxy_set_header Host $http_host; " + PASS
FRONTS = [
    *front("ngx_always", nginx("location / {{ " + PRE + ADDS % ("", "", "") + PROXY + "}}"), BARE, [FINE, *made(ERROR, "a GET /api/crash = %s", "a GET /nowhere = %s", "a PUT /nowhere json = %s")]),
    *front("ngx_basic", nginx("location /health {{ " + PROXY + "}} location / {{ auth_basic x; auth_basic_user_file /dev/null; " + PROXY + "}}"), GOOD, X + made(AUTH, PUT, DEL)),
    *front("ngx_deny", nginx("location /health {{ " + PROXY + "}} location / {{ if ($request_method = OPTIONS) {{ return 403; }} " + PROXY + "}}"), GOOD, [FINE, *made(AUTH, PUT, DEL)]),
    *front("ngx_limit", nginx("location / {{ limit_req zone=z burst=1 nodelay; " + PROXY + "}}"), GOOD, [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("ngx_limit429", nginx("location / {{ limit_req zone=z burst=1 nodelay; limit_req_status 429; " + PROXY + "}}"), FA % "good", [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("ngx_down", nginx("location / {{ proxy_pass http://127.0.0.1:9; }}"), None, made(DOWN, GET, PUT)),
    *front("ngx_partdown", nginx("location /api/orders {{ proxy_pass http://127.0.0.1:9; }} location / {{ " + PROXY + "}}"), DJ % "good", [FINE, *made(DOWN, POST)]),
    *front("ngx_timeout", nginx("location /api/orders {{ proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{port2}/api/slow; }} location / {{ " + PROXY + "}}"), "{python} {here}/raw.py raw_slow {port2}", made(DOWN, POST)),
    *front("ngx_size", nginx("client_max_body_size 1k; location / {{ " + PROXY + "}}"), FL % "good", [FINE, *made(ERROR, "a PUT /api/items/1 json big = %s")]),
    *front("ngx_slash", nginx("location = /api/items {{ return 301 /api/items/; }} location / {{ " + PROXY + "}}"), GOOD, ["a GET /api/me = -", *made(MOVED, GET)]),
    *front("ngx_https", nginx("return 301 https://$host$request_uri;"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("ngx_two", nginx("add_header Access-Control-Allow-Origin '*'; location / {{ " + PROXY + "}}"), FL % "good", made(TWO, GET)),
    *front("ngx_two2", nginx("add_header Access-Control-Allow-Origin $http_origin always; location / {{ " + PROXY + "}}"), FA % "good", made(TWO, GET, PUT)),
    *front("ngx_cache", nginx("location / {{ proxy_cache c; proxy_cache_key $host$uri; proxy_cache_valid 200 5m; add_header X-Cache-Status $upstream_cache_status; " + PROXY + "}}"), EX % "novary", ["b GET /api/items = -", *made(CACHED, GET)], alone=False),
    *front("ngx_cache2", nginx("location / {{ proxy_cache c; proxy_cache_valid 200 5m; proxy_cache_key $uri; add_header X-Cache $upstream_cache_status; " + PROXY + "}}"), EX % "novary", ["x GET /api/items = -", *made(CACHED, GET)], alone=False),
    *front("ngx_locations", nginx(ADDS % ((" always",) * 3) + " location / {{ " + PRE + PROXY + "}} location /api/items {{ add_header Cache-Control no-store; " + PROXY + "}}"), BARE, ["a GET /api/me = -", *made(NONE, GET, PUT)]),
    *front("ngx_optionsonly", nginx("location / {{ " + PRE + PROXY + "}}"), BARE, made(AFTER, PUT, POST, GET)),
    *front("ngx_getsonly", nginx("location / {{ if ($request_method = GET) {{ add_header Access-Control-Allow-Origin '*'; }} " + PROXY + "}}"), BARE, [FINE, *made(NONE, PUT, POST)]),
    *front("ngx_origin", nginx("location / {{ add_header Access-Control-Allow-Origin *; " + PROXY + "}}"), BARE, [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, TOKEN)]),
    *front("ngx_star", nginx("location / {{ add_header Access-Control-Allow-Credentials true; if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Credentials true; add_header Access-Control-Allow-Methods 'GET, PUT'; add_header Access-Control-Allow-Headers 'Content-Type'; return 204; }} add_header Access-Control-Allow-Origin *; " + PROXY + "}}"), BARE, [FINE, *made(STAR, PUT_COOKIE)]),
    *front("ngx_origins", nginx("location / {{ " + (ADDS % ("", "", "")).replace("http://app.one.test:18901", "'http://app.one.test:18901 http://www.one.test'") + "if ($request_method = OPTIONS) {{ " + (ADDS % ("", "", "")).replace("http://app.one.test:18901", "'http://app.one.test:18901 http://www.one.test'") + "return 204; }} " + PROXY + "}}"), BARE, made(MALFORMED, GET, PUT)),
    *front("ngx_map", nginx("location / {{ add_header Access-Control-Allow-Origin $cors; if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin $cors; add_header Access-Control-Allow-Methods 'GET, PUT'; add_header Access-Control-Allow-Headers 'Content-Type'; return 204; }} " + PROXY + "}} set $cors ''; if ($http_origin ~ '^https://(www|admin)\\.one\\.test$') {{ set $cors $http_origin; }}"), BARE, X + made(ORIGIN, GET, PUT)),
    *front("ngx_methods", nginx("location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Methods 'GET, POST, OPTIONS'; add_header Access-Control-Allow-Headers 'DNT,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range'; add_header Access-Control-Max-Age 1728000; return 204; }} add_header Access-Control-Allow-Origin * always; " + PROXY + "}}"), BARE, [FINE, *made(METHOD, PUT, DEL), *made(HEADER, TOKEN)]),
    *front("ngx_static", nginx("root /usr/share/common-licenses;"), None, made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-requested-with = %s")),
    *front("hap_basic", haproxy(braces("http-request auth realm api unless { path /health }")), GOOD, X + made(AUTH, PUT, DEL)),
    *front("hap_deny", haproxy(braces("http-request deny unless { path /health } || { req.hdr(authorization) -m found }")), GOOD, X + made(AUTH, GET, PUT)),
    *front("hap_rate", haproxy(braces("stick-table type ip size 1k expire 30s store http_req_rate(10s)\n http-request track-sc0 src\n http-request deny deny_status 429 if { sc_http_req_rate(0) gt 2 }")), FA % "good", [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("hap_down", haproxy("", "server s 127.0.0.1:9"), None, made(DOWN, GET, PUT)),
    *front("hap_https", haproxy(braces("http-request redirect scheme https unless { ssl_fc }")), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("hap_two", haproxy("http-response add-header Access-Control-Allow-Origin *"), DJ % "good", made(TWO, GET, PUT)),
    *front("hap_slash", haproxy("http-response set-header Access-Control-Allow-Origin http://app.one.test:18901/"), BARE, made(MALFORMED, GET, PUT)),
    *front("apa_cache", apache("LoadModule cache_module /usr/lib/apache2/modules/mod_cache.so\nLoadModule cache_disk_module /usr/lib/apache2/modules/mod_cache_disk.so\nCacheRoot {dir}\nCacheEnable disk /\nCacheIgnoreQueryString On\nCacheIgnoreCacheControl On\nCacheDefaultExpire 60\nCacheHeader on\n" + FORWARD), EX % "novary", ["b GET /api/items = -", *made(CACHED, GET)], alone=False),
    *front("cad_basic", caddy("basicauth /api/* {{\n  x $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n }}\n reverse_proxy 127.0.0.1:{port2}"), GOOD, X + made(AUTH, PUT, DEL)),
    *front("cad_down", caddy("reverse_proxy 127.0.0.1:9"), None, made(DOWN, PUT, GET)),
    *front("cad_two", caddy("header Access-Control-Allow-Origin *\n reverse_proxy 127.0.0.1:{port2}"), FA % "good", made(TWO, GET, PUT)),
    *front("cad_redir", caddy("redir /api/items /api/items/ permanent\n reverse_proxy 127.0.0.1:{port2}"), GOOD, ["a GET /api/me = -", *made(MOVED, GET)]),
    *front("cad_header", caddy("header Access-Control-Allow-Origin *\n reverse_proxy 127.0.0.1:{port2}"), BARE, [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, TOKEN)]),
    *front("cad_star", caddy("header Access-Control-Allow-Origin *\n header Access-Control-Allow-Credentials true\n header Access-Control-Allow-Methods *\n header Access-Control-Allow-Headers *\n @options method OPTIONS\n respond @options 204\n reverse_proxy 127.0.0.1:{port2}"), BARE, [FINE, *made(STAR, PUT_COOKIE)]),
    *front("cad_static", caddy("root * /usr/share/common-licenses\n file_server"), None, made(NONE, "a GET /MPL-2.0 = %s")),
    *front("apa_basic", apache("<Location /api>\nAuthType Basic\nAuthName api\nAuthUserFile /dev/null\nRequire valid-user\n</Location>\n" + FORWARD), GOOD, X + made(AUTH, PUT, DEL)),
    *front("apa_down", apache("ProxyPass / http://127.0.0.1:9/\n"), None, made(DOWN, PUT, GET)),
    *front("apa_always", apache("Header set Access-Control-Allow-Origin *\n" + "DocumentRoot /usr/share\n<Directory />\nRequire all granted\n</Directory>\n"), None, ["a GET /common-licenses/MPL-2.0 = -", *made(ERROR, "a GET /nowhere = %s")]),
    *front("apa_two", apache("Header always add Access-Control-Allow-Origin *\n" + FORWARD), FL % "good", made(TWO, GET, PUT)),
    *front("apa_redirect", apache("RewriteEngine On\nRewriteRule ^/api/items(.*)$ /api/things$1 [R=301,L]\n" + FORWARD), GOOD, ["a GET /api/me = -", *made(MOVED, GET), *made(ASKED, PUT)]),
    *front("apa_https", apache("RewriteEngine On\nRewriteCond %{{HTTPS}} off\nRewriteRule ^(.*)$ https://%{{SERVER_NAME}}$1 [R=301,L]\n"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("apa_slash", apache("Header set Access-Control-Allow-Origin http://app.one.test:18901/\n" + FORWARD), BARE, made(MALFORMED, GET, PUT)),
    *front("apa_origin", apache("Header set Access-Control-Allow-Origin https://www.one.test\nHeader set Access-Control-Allow-Methods 'GET, PUT'\nHeader set Access-Control-Allow-Headers Content-Type\n" + FORWARD), BARE, made(ORIGIN, GET, PUT)),
    *front("apa_htaccess", apache("Header set Access-Control-Allow-Origin *\n" + FORWARD), BARE, [FINE, *made(METHOD, DEL), *made(HEADER, TOKEN)]),
    *front("lig_headers", lighttpd('setenv.add-response-header = ("Access-Control-Allow-Origin" => "*")\nalias.url += ("/api/items" => "/etc/hostname")'), None, [FINE, *made(HEADER, TOKEN)]),
    *front("lig_down", lighttpd('proxy.server = ("/api" => (("host" => "127.0.0.1", "port" => 9)))'), None, made(DOWN, PUT, GET)),
    *front("lig_https", lighttpd('$HTTP["scheme"] == "http" {{ url.redirect = ("" => "https://api.one.test$0") }}'), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("lig_two", lighttpd('setenv.add-response-header = ("Access-Control-Allow-Origin" => "*")\nproxy.server = ("/api" => (("host" => "127.0.0.1", "port" => {port2})))'), FL % "good", made(TWO, GET)),
    *front("var_cache", varnish('sub vcl_recv {{ set req.url = regsub(req.url, "[?].*", ""); }} sub vcl_backend_response {{ set beresp.ttl = 60s; }}'), EX % "novary", ["b GET /api/items = -", *made(CACHED, GET)], alone=False),
    *front("var_down", varnish(""), None, made(DOWN, GET, PUT)),
    *front("var_synth", varnish('sub vcl_recv {{ if (req.url !~ "^/health" && !req.http.Authorization) {{ return (synth(401, "Unauthorized")); }} return (pass); }}'), GOOD, X + made(AUTH, GET, PUT)),
    *front("var_purge", varnish('sub vcl_recv {{ if (req.method != "GET" && req.method != "HEAD" && req.method != "PUT") {{ return (synth(405, "Method not allowed")); }} }}'), GOOD, [FINE, *made(NONE, PUT)]),
    *front("tra_basic", traefik("    r: {{rule: 'PathPrefix(`/api`)', service: s, middlewares: [m]}}\n    h: {{rule: 'Path(`/health`)', service: s}}", "    m: {{basicAuth: {{users: ['x:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/']}}}}"), GOOD, X + made(AUTH, PUT, DEL)),
    *front("tra_rate", traefik("    r: {{rule: 'PathPrefix(`/`)', service: s, middlewares: [m]}}", "    m: {{rateLimit: {{average: 1, period: 1m, burst: 2}}}}"), GOOD, [FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("tra_origin", traefik("    r: {{rule: 'PathPrefix(`/`)', service: s, middlewares: [m]}}", "    m: {{headers: {{accessControlAllowMethods: [GET, PUT], accessControlAllowHeaders: ['*'], accessControlAllowOriginList: ['https://www.one.test'], accessControlMaxAge: 100, addVaryHeader: true}}}}"), BARE, X + made(ORIGIN, GET, PUT)),
    *front("tra_methods", traefik("    r: {{rule: 'PathPrefix(`/`)', service: s, middlewares: [m]}}", "    m: {{headers: {{accessControlAllowMethods: [GET, POST], accessControlAllowHeaders: [content-type], accessControlAllowOriginList: ['http://app.one.test:18901']}}}}"), BARE, [FINE, *made(METHOD, PUT, DEL), *made(HEADER, TOKEN)]),
    *front("tra_https", traefik("    r: {{rule: 'PathPrefix(`/`)', service: s, middlewares: [m]}}", "    m: {{redirectScheme: {{scheme: https, permanent: true}}}}"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("tra_down", traefik("    r: {{rule: 'PathPrefix(`/`)', service: s}}", "    m: {{compress: {{}}}}", "9"), None, made(DOWN, GET, PUT)),
    *front("tra_norule", traefik("    r: {{rule: 'PathPrefix(`/health`)', service: s}}", "    m: {{compress: {{}}}}"), GOOD, X + made(NONE, PUT)),
]


def secure(name, command, steps):
    """The page and its target are https; what is captured is the plain leg behind the gateway. (A redirect to http that is followed is mixed content, no CORS error.)"""
    return [(name.replace("_", "10_", 1), [command if isinstance(command, tuple) else command.replace("{case}", name), tls("proxy_pass http://127.0.0.1:{port};")], steps_of(steps, True))]


SECURE = [
    *secure("ex_scheme", "node {here}/tenth.js {case} {port}", made(SCHEME, "c GET /api/items = %s", "c PUT /api/items/1 json = %s")),
    *secure("ex_moved", "node {here}/tenth.js {case} {port}", made(f"{SCHEME}|{ASKED}", "c PUT /api/items/1 json = %s") + made(f"{SCHEME}|{MOVED}", "c GET /api/items = %s")),
    *secure("fl_tls", "{python} {here}/tenth.py {case} {port}", ["c GET /api/items = -", *made(f"{SCHEME}|{ASKED}", "c PUT /api/list json = %s")]),
    *secure("dj_tls", "{python} {here}/tenth.py {case} {port}", made(f"{SCHEME}|{ASKED}", "c PUT /api/items/1 json = %s") + made(f"{SCHEME}|{MOVED}", "c GET /api/items = %s")),
    *secure("ngx_tls2", nginx("location = /api/items {{ return 301 $scheme://$http_host/api/items/; }}"), made(f"{SCHEME}|{MOVED}", "c GET /api/items = %s") + made(f"{SCHEME}|{ASKED}", "c PUT /api/items json = %s")),
]

CASES = [*NODE, *PYTHON, *OTHERS, *FRONTS, *SECURE]
