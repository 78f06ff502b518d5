"""The eleventh set: as the tenth, what somebody else would write who has CAUSES.md alone, recorded while no rule knew it: a todo list's API in the stacks that most sites have. Form and words: see cases.py.

In company a case has what its page may do besides, the check that the server runs (`x`), or the page that the list does name (`a`, while `b` is refused). Each refusal is then met by
itself (@), and applications once more behind nginx (`_behind`).
"""

from kit import apache, caddy, haproxy, lighttpd, nginx, tls, varnish
from sixth_cases import AUTH, DOWN, ERROR, FORWARD, MALFORMED, NONE, ORIGIN, braces, made
from tenth_cases import AFTER, ASKED, CACHED, CREDS, FRONT, GONE, HEADER, METHOD, MOVED, RATE, SCHEME, SLASH, STAR, TWO, steps_of

X, FINE = ["x GET /health = -"], "a GET /api/todos = -"
GET, POST, PUT, DEL = "a GET /api/todos = %s", "a POST /api/todos json = %s", "a PUT /api/todos/1 json = %s", "a DELETE /api/todos/1 = %s"
TOKEN, COOKIE = "a GET /api/todos h:authorization = %s", "a PUT /api/todos/1 json cookie = %s"
GET_B, PUT_B, POST_B = "b GET /api/todos = %s", "b PUT /api/todos/1 json = %s", "b POST /api/todos json = %s"


def stack(command):
    def one(name, steps, alone=True, behind=True):
        steps, told = steps_of(steps, alone), command.replace("{case}", name).replace("{own}", name.split("_", 1)[1])
        name = name.replace("_", "11_", 1)  # other sets have some of these names
        seen = [step.replace(GONE, f"{GONE}|{DOWN}") for step in steps]  # nginx answers 502 then
        return [(name, [told % "{port}"], steps), *([(name + "_behind", [FRONT, told % "{port2}"], seen)] if behind else [])]
    return one


def front(name, server, back, steps, alone=True):
    return [(name.replace("_", "11_", 1), [server] + ([back] if back else []), steps_of(steps, alone))]


def secure(name, command, steps):
    """The page and its target are https; what is captured is the plain leg behind the gateway."""
    return [(name.replace("_", "11_", 1), [command.replace("{case}", name), tls("proxy_pass http://127.0.0.1:{port};")], steps_of(steps, True))]


node, python, go = stack("node {here}/eleventh.js {case} %s"), stack("{python} {here}/eleventh.py {case} %s"), stack("{work}/server-eleventh {case} %s")
ruby, php, rust = stack("ruby {here}/eleventh.rb {case} %s"), stack("env MISTAKE={own} php -S 127.0.0.1:%s {here}/eleventh.php"), stack("{work}/rust/debug/stacks-server {case} %s")

APPLICATIONS = [
    *node("ex_jwt", X + made(AUTH, GET, PUT)),
    *node("ex_basic", X + made(AUTH, GET, POST)),
    *node("ex_session", X + made(AUTH, PUT, GET)),
    *node("ex_login", X + made(ASKED, PUT) + made(MOVED, GET)),
    *node("ex_limiter", [FINE, FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *node("ex_list", X + made(ORIGIN, GET, PUT)),
    *node("ex_other", [FINE, *made(ORIGIN, GET_B, PUT_B)]),
    *node("ex_one", made(ORIGIN, GET, POST)),
    *node("ex_regex", X + made(ORIGIN, GET, PUT)),
    *node("ex_callback", X + made(ORIGIN, GET, POST)),
    *node("ex_dynamic", X + made(ORIGIN, GET, PUT)),
    *node("ex_origin2", X + made(ORIGIN, GET, PUT)),
    *node("ex_methods", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ex_manual", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ex_headers", [FINE, *made(HEADER, TOKEN)]),
    *node("ex_forgot", X + made(NONE, GET, POST, PUT)),
    *node("ex_scoped", ["a GET /public/todos = -", *made(NONE, GET, PUT)]),
    *node("ex_single", [FINE, *made(NONE, PUT, DEL)]),
    *node("ex_late", made(AFTER, PUT, GET)),
    *node("ex_large", [FINE, *made(ERROR, "a PUT /api/todos/1 json big = %s")]),
    *node("ex_handler", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *node("ex_https", made(ASKED, PUT) + made(MOVED, GET)),
    *node("ex_star", [FINE, *made(STAR, COOKIE)]),
    *node("ex_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *node("ex_slash", X + made(MALFORMED, GET, PUT)),
    *node("ex_comma", X + made(MALFORMED, GET, PUT)),
    *node("ex_unset", X + made(MALFORMED, GET, PUT)),
    *node("fy_key", X + made(AUTH, GET, PUT)),
    *node("fy_list", X + made(ORIGIN, GET, PUT)),
    *node("fy_regex", X + made(ORIGIN, GET, POST)),
    *node("fy_other", [FINE, *made(ORIGIN, GET_B, PUT_B)]),
    *node("fy_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *node("fy_headers", [FINE, *made(HEADER, TOKEN)]),
    *node("fy_forgot", X + made(NONE, GET, POST, PUT)),
    *node("fy_scoped", ["a GET /public/todos = -", *made(NONE, GET)]),
    *node("fy_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *node("fy_star", [FINE, *made(STAR, COOKIE)]),
    *node("fy_limiter", [FINE, FINE, FINE, *made(RATE, GET)], alone=False),
    *node("fy_https", made(ASKED, PUT) + made(MOVED, GET)),
    *node("fy_onsend", [FINE, *made(NONE, PUT, DEL)]),
    *node("ko_jwt", X + made(AUTH, GET, PUT)),
    *node("ko_list", X + made(ORIGIN, GET, PUT)),
    *node("ko_fixed", made(ORIGIN, GET, POST)),
    *node("ko_forgot", X + made(NONE, GET, PUT)),
    *node("ko_late", made(AFTER, PUT, GET)),
    *node("ko_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ko_headers", [FINE, *made(HEADER, TOKEN)]),
    *node("ko_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *node("ko_errors", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *node("ko_manual", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ho_bearer", X + made(AUTH, GET, PUT)),
    *node("ho_list", X + made(ORIGIN, GET, PUT)),
    *node("ho_forgot", X + made(NONE, GET, PUT)),
    *node("ho_path", ["a GET /api/v2/todos = -", *made(NONE, GET, PUT)]),
    *node("ho_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *node("ho_headers", [FINE, *made(HEADER, TOKEN)]),
    *node("ho_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *node("ho_star", [FINE, *made(STAR, COOKIE)]),
    *node("no_token", X + made(AUTH, GET, PUT)),
    *node("no_onlist", X + made(ORIGIN, GET, PUT)),
    *node("no_fixed", X + made(ORIGIN, GET, PUT)),
    *node("no_nulled", X + made(SLASH, GET, PUT)),
    *node("no_path", X + made(MALFORMED, GET, PUT)),
    *node("no_noscheme", X + made(MALFORMED, GET, PUT)),
    *node("no_twice", made(TWO, GET, PUT)),
    *node("no_forgot", X + made(NONE, GET, PUT)),
    *node("no_get", [FINE, *made(NONE, PUT, DEL)]),
    *node("no_simple", [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, POST)]),
    *node("no_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *node("no_nofields", [FINE, *made(HEADER, PUT, TOKEN)]),
    *node("no_wrote", [FINE, *made(AFTER, PUT, DEL)]),
    *node("no_destroy", X + made(GONE, PUT, GET)),
    *node("no_missing", [FINE, *made(ERROR, "a GET /api/todos/7 = %s")]),
    *python("fl_bearer", X + made(AUTH, PUT)),
    *python("fl_login", made(ASKED, PUT)),
    *python("fl_list", X + made(ORIGIN, GET, PUT)),
    *python("fl_other", [FINE, *made(ORIGIN, GET_B, PUT_B)]),
    *python("fl_resources", ["a GET /api/v2/todos = -", *made(NONE, GET, PUT)]),
    *python("fl_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *python("fl_headers", [FINE, *made(HEADER, TOKEN)]),
    *python("fl_supports", [FINE, *made(CREDS, COOKIE)]),
    *python("fl_slash", X + made(SLASH, GET, PUT)),
    *python("fl_forgot", X + made(NONE, GET, PUT)),
    *python("fl_twice", made(TWO, GET, PUT)),
    *python("fl_after", [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL), *made(HEADER, POST)]),
    *python("fl_ok", [FINE, *made(ERROR, "a GET /api/todos/7 = %s", "a PUT /api/todos/7 json = %s")]),
    *python("fl_propagate", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *python("fl_strict", [FINE, *made(ASKED, "a PUT /api/tags json = %s")]),
    *python("fl_byhand", ["a GET /api/mine = -", *made(NONE, "a PUT /api/mine/1 json = %s")]),
    *python("dj_forgot", X + made(NONE, GET, POST)),
    *python("dj_list", X + made(ORIGIN, GET, PUT)),
    *python("dj_other", [FINE, *made(ORIGIN, GET_B, PUT_B)]),
    *python("dj_regexes", X + made(ORIGIN, GET, PUT)),
    *python("dj_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *python("dj_headers", [FINE, *made(HEADER, TOKEN)]),
    *python("dj_urls", ["a GET /api/v2/todos = -", *made(NONE, GET, PUT)]),
    *python("dj_last", [FINE, *made(MOVED, "a GET /api/tags = %s")]),
    *python("dj_apikey", X + made(AUTH, GET, PUT)),
    *python("dj_outer", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *python("dj_ssl", made(ASKED, PUT) + made(MOVED, GET)),
    *python("dj_star", [FINE, *made(CREDS, COOKIE)]),
    *python("dj_byhand", [FINE, *made(NONE, PUT, DEL)]),
    *python("fap_bearer", X + made(AUTH, GET, PUT)),
    *python("fap_list", X + made(ORIGIN, GET, PUT)),
    *python("fap_plain", X + made(ORIGIN, GET, PUT)),
    *python("fap_other", [FINE, *made(ORIGIN, GET_B, PUT_B)]),
    *python("fap_slash", X + made(SLASH, GET, PUT)),
    *python("fap_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *python("fap_headers", [FINE, *made(HEADER, TOKEN)]),
    *python("fap_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *python("fap_forgot", X + made(NONE, GET, PUT)),
    *python("fap_sub", ["a GET /v2/todos = -", *made(NONE, GET, PUT)]),
    *python("fap_response", [FINE, *made(NONE, PUT, DEL)]),
    *python("fap_stats", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *python("fap_https", made(ASKED, PUT) + made(MOVED, GET)),
    *python("lit_list", X + made(ORIGIN, GET, PUT)),
    *python("lit_forgot", X + made(NONE, GET, PUT)),
    *python("lit_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *python("lit_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *python("qua_list", X + made(ORIGIN, GET, PUT)),
    *python("qua_forgot", X + made(NONE, GET, PUT)),
    *python("qua_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *python("fal_list", X + made(ORIGIN, GET, PUT)),
    *python("fal_forgot", X + made(NONE, GET, PUT)),
    *python("fal_hand", [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL)]),
    *python("fal_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *python("aio_jwt", X + made(AUTH, PUT)),
    *python("aio_list", X + made(ORIGIN, GET, PUT)),
    *python("aio_forgot", X + made(NONE, GET, PUT)),
    *python("aio_hand", [FINE, *made(NONE, PUT, DEL)]),
    *python("aio_raised", [FINE, *made(ERROR, "a GET /api/todos/7 = %s")]),
    *python("aio_options", [FINE, *made(METHOD, PUT, DEL)]),
    *python("aio_headers", [FINE, *made(HEADER, TOKEN)]),
    *python("aio_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *go("go_bearer", X + made(AUTH, GET, PUT)),
    *go("go_list", X + made(ORIGIN, GET, PUT)),
    *go("go_pattern", X + made(ORIGIN, GET, PUT)),
    *go("go_default", [FINE, *made(METHOD, PUT, DEL)]),
    *go("go_headers", [FINE, *made(HEADER, TOKEN)]),
    *go("go_slash", X + made(SLASH, GET, PUT)),
    *go("go_forgot", X + made(NONE, GET, PUT)),
    *go("go_enable", [FINE, *made(NONE, PUT, POST)]),
    *go("go_some", [FINE, *made(NONE, PUT, DEL)]),
    *go("go_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *go("go_timeout", [FINE, *made(f"{DOWN}|{ERROR}", "a GET /api/slow = %s")]),
    *go("gor_list", X + made(ORIGIN, GET, PUT)),
    *go("gor_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *go("gor_headers", [FINE, *made(HEADER, TOKEN)]),
    *go("gor_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *rust("axum11_bearer", X + made(AUTH, GET, PUT)),
    *rust("axum11_list", X + made(ORIGIN, GET, PUT)),
    *rust("axum11_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *rust("axum11_headers", [FINE, *made(HEADER, TOKEN, PUT)]),
    *rust("axum11_slash", X + made(SLASH, GET, PUT)),
    *rust("axum11_nest", ["a GET /public/todos = -", *made(NONE, GET, PUT)]),
    *rust("axum11_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *rust("axum11_forgot", X + made(NONE, GET, PUT)),
    *ruby("si_token", X + made(AUTH, GET, PUT)),
    *ruby("si_list", X + made(ORIGIN, GET, PUT)),
    *ruby("si_verbs", [FINE, *made(METHOD, PUT, DEL)]),
    *ruby("si_headers", [FINE, *made(HEADER, TOKEN)]),
    *ruby("si_resource", X + made(NONE, GET, PUT)),
    *ruby("si_before", [FINE, *made(NONE, PUT, DEL)]),
    *ruby("si_nocreds", [FINE, *made(CREDS, COOKIE)]),
    *ruby("si_forgot", X + made(NONE, GET, PUT)),
    *php("ph_session", X + made(AUTH, GET, PUT)),
    *php("ph_list", X + made(ORIGIN, GET, PUT)),
    *php("ph_one", X + made(ORIGIN, GET, PUT)),
    *php("ph_fatal", [FINE, *made(CREDS, COOKIE)], behind=False),
    *php("ph_end", [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *php("ph_forgot", X + made(NONE, GET, PUT)),
]

EX, FL, FA, GO = "node {here}/eleventh.js ex_%s {port2}", "{python} {here}/eleventh.py fl_%s {port2}", "{python} {here}/eleventh.py fap_%s {port2}", "{work}/server-eleventh go_%s {port2}"
GOOD, BARE = EX % "good", EX % "bare"
PASS = "proxy_pass http://127.0.0.1:{port2}; proxy_set_header Host $http_host; "
ALL = "add_header Access-Control-Allow-Origin %s%s; add_header Access-Control-Allow-Methods 'GET, POST, PUT, DELETE, OPTIONS'%s; add_header Access-Control-Allow-Headers 'Content-Type'%s; "
STARS, ALWAYS = ALL % ("*", "", "", ""), ALL % ("*", *(" always",) * 3)
FIXED, QUOTED = ALWAYS.replace(" * ", " https://todo.example "), ALWAYS.replace(" * ", " http://app.one.test:18901/ ")
ANSWER = "if ($request_method = OPTIONS) {{ %s return 204; }} "
FILES = "DocumentRoot /usr/share\n<Directory />\nRequire all granted\n</Directory>\n"
FRONTS = [
    *front("ngx_basic", nginx("location / {{ " + PASS + "}} location /api/ {{ auth_basic api; auth_basic_user_file /dev/null; " + PASS + "}}"), GOOD, X + made(AUTH, GET, PUT)[1:]),
    *front("ngx_authreq", nginx("location = /auth {{ internal; return 401; }} location / {{ " + PASS + "}} location /api/ {{ auth_request /auth; " + PASS + "}}"), GOOD, X + made(AUTH, GET, PUT)),
    *front("ngx_limit", nginx("location / {{ limit_req zone=z burst=2 nodelay; " + PASS + "}}"), GOOD, [FINE, FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("ngx_noalways", nginx("location / {{ " + ANSWER % STARS + STARS + PASS + "}}"), BARE, [FINE, *made(ERROR, "a GET /api/nowhere = %s", "a GET /api/stats = %s", "a PUT /api/nowhere json = %s")]),
    *front("ngx_inherit", nginx(STARS + "location / {{ " + PASS + "}} location /api/todos {{ add_header X-Frame-Options DENY; " + PASS + "}}"), BARE, ["a GET /health = -", *made(NONE, GET, PUT)]),
    *front("ngx_ifoptions", nginx("location / {{ " + STARS + ANSWER % "add_header Content-Length 0; add_header Content-Type text/plain;" + PASS + "}}"), BARE, [FINE, *made(NONE, PUT, DEL)]),
    *front("ngx_static", nginx("root /usr/share/common-licenses;"), None, made(NONE, "a GET /BSD = %s")),
    *front("ngx_down", nginx("location / {{ proxy_pass http://127.0.0.1:9; }}"), None, made(DOWN, GET, PUT)),
    *front("ngx_timeout", nginx("proxy_read_timeout 1s; location / {{ " + PASS + "}}"), GO % "good", [FINE, *made(DOWN, "a GET /api/slow = %s")]),
    *front("ngx_body", nginx("client_max_body_size 8k; location / {{ " + PASS + "}}"), FA % "good", [FINE, *made(ERROR, "a PUT /api/todos/1 json big = %s")]),
    *front("ngx_two", nginx(ALWAYS + "location / {{ " + PASS + "}}"), GOOD, made(TWO, GET, PUT)),
    *front("ngx_https", nginx("location / {{ return 301 https://$host$request_uri; }}"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("ngx_tags", nginx("location /api/tags/ {{ " + PASS + "}} location / {{ " + PASS + "}} location = /api/tags {{ return 301 $uri/; }}"), GOOD, [FINE, *made(MOVED, "a GET /api/tags = %s"), *made(ASKED, "a PUT /api/tags json = %s")]),
    *front("ngx_map", nginx("set $cors ''; if ($http_origin ~* '^https://(www\\.)?todo\\.example$') {{ set $cors $http_origin; }} location / {{ " + ANSWER % (ALWAYS.replace(" * ", " $cors ")) + ALWAYS.replace(" * ", " $cors ") + PASS + "}}"), BARE, X + made(ORIGIN, GET, PUT)),
    *front("ngx_fixed", nginx("location / {{ " + ANSWER % FIXED + FIXED + PASS + "}}"), BARE, made(ORIGIN, GET, PUT)),
    *front("ngx_quoted", nginx("location / {{ " + ANSWER % QUOTED + QUOTED + PASS + "}}"), BARE, made(MALFORMED, GET, PUT)),
    *front("ngx_cache", nginx("location / {{ proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 10m; add_header X-Cache-Status $upstream_cache_status; " + PASS + "}}"), EX % "reflect", ["b GET /api/todos = -", *made(CACHED, GET)], alone=False),
    *front("ngx_star", nginx("location / {{ " + ANSWER % (STARS + "add_header Access-Control-Allow-Credentials true;") + STARS + "add_header Access-Control-Allow-Credentials true; " + PASS + "}}"), BARE, [FINE, *made(STAR, COOKIE)]),
    *front("ngx_verbs", nginx("location / {{ " + (ANSWER % STARS).replace("POST, PUT, DELETE", "POST") + STARS + PASS + "}}"), BARE, [FINE, *made(METHOD, PUT, DEL), *made(HEADER, TOKEN)]),
    *front("ngx_originonly", nginx("location / {{ add_header Access-Control-Allow-Origin * always; " + PASS + "}}"), BARE, [FINE, *made(f"{METHOD}|{HEADER}", PUT), *made(METHOD, DEL)]),
    *front("hap_auth", haproxy(braces("http-request auth realm todo if { path_beg /api }")), GOOD, X + made(AUTH, PUT, DEL)),
    *front("hap_limit", haproxy(braces("stick-table type ip size 1k expire 60s store http_req_rate(60s)\n http-request track-sc0 src\n http-request deny deny_status 429 if { sc_http_req_rate(0) gt 3 }")), GOOD, [FINE, FINE, FINE, *made(RATE, GET, PUT)], alone=False),
    *front("hap_down", haproxy("", "option httpchk GET /health\n server s 127.0.0.1:9"), None, made(DOWN, GET, PUT)),
    *front("hap_timeout", haproxy("", "timeout server 1s\n server s 127.0.0.1:{port2}"), GO % "good", [FINE, *made(DOWN, "a GET /api/slow = %s")]),
    *front("hap_https", haproxy(braces("redirect scheme https code 301 if !{ ssl_fc }")), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("hap_two", haproxy("http-response add-header Access-Control-Allow-Origin *"), GOOD, made(TWO, GET)),
    *front("hap_list", haproxy(braces("acl ours req.hdr(Origin) -i https://todo.example\n http-request set-var(txn.origin) req.hdr(Origin) if ours\n http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m found }\n http-response set-header Access-Control-Allow-Methods GET,POST,PUT,DELETE\n http-response set-header Access-Control-Allow-Headers Content-Type")), BARE, X + made(ORIGIN, GET, PUT)),
    *front("hap_return", haproxy(braces("http-request return status 200 if METH_OPTIONS\n http-response set-header Access-Control-Allow-Origin *")), BARE, [FINE, *made(NONE, PUT, DEL)]),
    *front("cad_basic", caddy("basicauth /api/* {{\n  x $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n }}\n reverse_proxy 127.0.0.1:{port2}"), GOOD, X + made(AUTH, PUT, POST)),
    *front("cad_down", caddy("reverse_proxy 127.0.0.1:9"), None, made(DOWN, PUT, GET)),
    *front("cad_two", caddy("header Access-Control-Allow-Origin *\n reverse_proxy 127.0.0.1:{port2}"), GOOD, made(TWO, GET, PUT)),
    *front("cad_match", caddy("@ours header Origin https://todo.example\n header @ours Access-Control-Allow-Origin https://todo.example\n reverse_proxy 127.0.0.1:{port2}"), BARE, X + made(ORIGIN, GET, PUT)),
    *front("cad_handle", caddy("handle_path /public/* {{\n  header Access-Control-Allow-Origin *\n  reverse_proxy 127.0.0.1:{port2}\n }}\n handle {{\n  reverse_proxy 127.0.0.1:{port2}\n }}"), BARE, ["a GET /public/api/todos = -", *made(NONE, GET, PUT)]),
    *front("cad_static", caddy("root * /usr/share/common-licenses\n file_server"), None, made(NONE, "a GET /BSD = %s")),
    *front("cad_https", caddy("redir https://{{host}}{{uri}} permanent"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("apa_basic", apache("<Location /api>\nAuthType Basic\nAuthName todo\nAuthUserFile /dev/null\nRequire valid-user\n</Location>\n" + FORWARD), GOOD, X + made(AUTH, PUT, DEL)),
    *front("apa_down", apache("ProxyPass / http://127.0.0.1:9/\n"), None, made(DOWN, GET, PUT)),
    *front("apa_errors", apache("Header set Access-Control-Allow-Origin *\n" + FORWARD), BARE, [FINE, *made(ERROR, "a GET /api/stats = %s")]),
    *front("apa_static", apache(FILES), None, made(NONE, "a GET /common-licenses/BSD = %s")),
    *front("apa_folder", apache("Header set Access-Control-Allow-Origin *\n" + FILES), None, ["a GET /common-licenses/BSD = -", *made(MOVED, "a GET /common-licenses = %s")]),
    *front("apa_two", apache("Header always add Access-Control-Allow-Origin *\n" + FORWARD), FL % "good", made(TWO, GET)),
    *front("apa_https", apache("RewriteEngine On\nRewriteCond %{{HTTPS}} !=on\nRewriteRule ^/?(.*) https://%{{SERVER_NAME}}/$1 [R=301,L]\n"), None, made(ASKED, PUT) + made(MOVED, GET)),
    *front("apa_envif", apache('SetEnvIf Origin "^https://(www\\.)?todo\\.example$" ORIGIN=$0\nHeader always set Access-Control-Allow-Origin %{{ORIGIN}}e env=ORIGIN\nHeader always merge Vary Origin\nHeader always set Access-Control-Allow-Methods "GET, POST, PUT"\nHeader always set Access-Control-Allow-Headers "Content-Type"\n' + FORWARD), BARE, X + made(ORIGIN, GET, PUT)),
    *front("lig_down", lighttpd('proxy.server = ("/api" => (("host" => "127.0.0.1", "port" => 9)))'), None, made(DOWN, GET, PUT)),
    *front("lig_static", lighttpd('alias.url += ("/licenses" => "/usr/share/common-licenses")'), None, made(NONE, "a GET /licenses/BSD = %s")),
    *front("lig_header", lighttpd('alias.url += ("/licenses" => "/usr/share/common-licenses")\nsetenv.add-response-header = ("Access-Control-Allow-Origin" => "*")'), None, ["a GET /licenses/BSD = -", *made(HEADER, "a GET /licenses/BSD h:authorization = %s")]),
    *front("lig_two", lighttpd('proxy.server = ("/api" => (("host" => "127.0.0.1", "port" => {port2})))\nsetenv.add-response-header = ("Access-Control-Allow-Origin" => "*")'), GOOD, made(TWO, GET)),
    *front("lig_moved", lighttpd('url.redirect = ("^/api/todos" => "/api/v2/todos")'), None, made(MOVED, GET) + made(ASKED, "a GET /api/todos h:authorization = %s")),
    *front("var_cache", varnish('sub vcl_recv {{ set req.url = regsub(req.url, "[?].*", ""); }} sub vcl_backend_response {{ set beresp.ttl = 120s; }}'), EX % "reflect", ["b GET /api/todos = -", *made(CACHED, GET)], alone=False),
    *front("var_down", varnish(""), None, made(DOWN, GET, PUT)),
]

SECURE = [
    *secure("ex_scheme", "node {here}/eleventh.js {case} {port}", made(f"{SCHEME}|{ASKED}", "c PUT /api/todos/1 json = %s")),
    *secure("fl_tls", "{python} {here}/eleventh.py {case} {port}", ["c GET /api/todos = -", *made(f"{SCHEME}|{ASKED}", "c PUT /api/tags json = %s")]),
    *secure("dj_tls", "{python} {here}/eleventh.py {case} {port}", made(f"{SCHEME}|{ASKED}", "c PUT /api/todos/1 json = %s") + made(f"{SCHEME}|{MOVED}", "c GET /api/todos = %s")),
]

CASES = [*APPLICATIONS, *FRONTS, *SECURE]
