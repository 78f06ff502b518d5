"""The eighth set: stacks, servers under them and proxies that no other set has, recorded while no rule knew it. In form as the sixth."""

from kit import ADD, BEHIND, PASS, PRE, apache, caddy, envoy, haproxy, lighttpd, nginx, traefik, varnish
from sixth_cases import AUTH, DEL, DOWN, ERROR, EITHER, FIELDS, FORWARD, GET, MALFORMED, NONE, ORIGIN, POST, PUT, PUT_COOKIE, SLASH, TOKEN, TRACE, app, at_once, braces, case, front, listed, made

METHOD, HEADER, CREDS, STAR, RATE, GONE = "method_not_listed", "header_not_listed", "credentials_not_allowed", "credentials_with_wildcard", "rate_limited", "not_http_or_down"
MOVED, ASKED_MOVED, TWO = "actual_redirect_without_cors", "preflight_redirected", "two_layers"
BARE, GOOD, SLOW = BEHIND % "bare", BEHIND % "good", BEHIND % "slow"
FLASK = "{python} {here}/seventh.py werk_%s {port2}"
DJANGO = "{python} {here}/seventh.py dev_%s {port2}"
FASTAPI = "{python} {here}/eighth.py hyp_%s {port2}"
FPM = ("php-fpm", "[global]\nerror_log = {dir}/fpm.log\n[www]\nlisten = 127.0.0.1:{port2}\npm = static\npm.max_children = 4\nuser = root\ngroup = root\nclear_env = no\n")


def run(command):
    return lambda name, steps, alone="all": case(name, [command], steps, alone)


node, python, go = run("node {here}/eighth.js {case} {port}"), run("{python} {here}/eighth.py {case} {port}"), run("{work}/server-eighth {case} {port}")
java, cpp, rust = run("java -Xmx128m -cp {work}/java8 Eighth {case} {port}"), run("{work}/server-cpp {case} {port}"), run("{work}/rust/debug/stacks-server {case} {port}")


def fpm(name, steps, alone="all", own=None, more="", fields="", back=FPM):
    own = own or name.split("_")[1]
    server = nginx(more + "location / {{ " + fields + "include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME {here}/eighth.php; fastcgi_param MISTAKE " + own + "; fastcgi_read_timeout 1s; fastcgi_pass 127.0.0.1:{port2}; }}")
    return case(name, [server] + ([back] if back else []), steps, alone)


def mod_php(name, own, body, steps, alone="all"):
    program, text = apache("LoadModule env_module /usr/lib/apache2/modules/mod_env.so\nLoadModule php_module /usr/lib/apache2/modules/libphp8.2.so\nUser www-data\nSetEnv MISTAKE " + own + "\nAliasMatch ^/ {here}/eighth.php\n<Directory {here}>\nRequire all granted\nSetHandler application/x-httpd-php\n</Directory>\n" + body)
    return case(name, [(program, text.replace("mpm_event", "mpm_prefork"))], steps, alone)


def squid(body, peer="{port2}"):
    return ("squid", "http_port 127.0.0.1:{port} accel defaultsite=api.one.test no-vhost\ncache_peer 127.0.0.1 parent " + peer + " 0 no-query originserver name=s\npid_filename {dir}/squid.pid\naccess_log none\ncache_log {dir}/cache.log\ncache_store_log none\ncoredump_dir {dir}\nshutdown_lifetime 0 seconds\npinger_enable off\nconnect_timeout 1 second\nvisible_hostname edge\n" + body)


NODE = [
    *node("hono8_bearer", app(made(AUTH, GET, PUT))),
    *node("hono8_basic", app(made(AUTH, PUT, DEL))),
    *node("hono8_late", ["a GET /other = -", "a PUT /items json = cors_after_router", f"a GET /items = {EITHER}", "a DELETE /items = cors_after_router"]),
    *node("hono8_sub", ["a GET /api/items = -", "a PUT /api/items json = -", *made(NONE, GET, PUT)]),
    *node("hono8_verbs", app(["a GET /items = -", "a POST /items json = -", *made(METHOD, PUT, DEL)])),
    *node("hono8_names", app(["a GET /items = -", *made(HEADER, PUT, TOKEN)])),
    *node("hono8_fn", listed(*made(ORIGIN, GET, PUT))),
    *node("hono8_csrf", app(["a GET /items = -", "a PUT /items json = -", f"a POST /items = {AUTH}|{ERROR}"])),
    *node("hono8_body", app(["a PUT /items json = -", f"a PUT /items json big = {ERROR}"])),
    *node("hono8_timeout", app(["a GET /items = -", "a GET /slow = -"])),
    *node("hono8_quota", ["a GET /items = -", "a PUT /items json = -", *made(RATE, GET, DEL)], alone=None),
    *node("hono8_creds", app(["a GET /items = -", *made(CREDS, PUT_COOKIE)])),
    *node("hono8_slash", made(SLASH, GET, PUT)),
    *node("hono8_none", made(NONE, GET, PUT)),
    *node("hono8_thrown", app(["a GET /items = -", f"a GET /other = {ERROR}"])),
    *node("loop_default", ["a GET /items = -", "a PUT /items json = -", *made(STAR, PUT_COOKIE)]),
    *node("loop_origin", listed(*made(ORIGIN, GET, PUT))),
    *node("loop_list", at_once(*made(ORIGIN, GET, PUT))),
    *node("loop_verbs", app(["a GET /items = -", *made(METHOD, PUT, DEL)])),
    *node("loop_names", app(["a PUT /items json = -", *made(HEADER, TOKEN)])),
    *node("loop_off", made(NONE, GET, PUT)),
    *node("rc_origin", listed(*made(ORIGIN, GET, PUT))),
    *node("rc_none", made(NONE, GET, PUT)),
    *node("rc_verbs", app(["a GET /items = -", *made(METHOD, PUT, DEL)])),
    *node("lambda8_origins", listed(*made(ORIGIN, GET))[:2] + made(ORIGIN, PUT), alone=made(ORIGIN, GET, PUT)),
    *node("lambda8_single", made(ORIGIN, GET, PUT)),
    *node("lambda8_simple", ["a GET /items = -", f"a PUT /items json = {METHOD}|{HEADER}", f"a DELETE /items = {METHOD}", *made(HEADER, TOKEN)]),
    *node("lambda8_throws", ["a GET /items = -", "a PUT /items json = -", f"a GET /other = {ERROR}|{DOWN}", f"a PUT /other json = {ERROR}|{DOWN}"]),
    *node("lambda8_many", made(ORIGIN, GET, PUT)),
    *node("worker_none", made(NONE, GET, PUT)),
    *node("worker_forgets", made("cors_after_router", PUT, "a POST /items json = %s")),
    *node("worker_list", listed(*made(ORIGIN, GET, PUT))),
    *node("worker_guide", ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *node("worker_gets", ["a GET /items = -", *made(NONE, PUT, TOKEN)]),
    *node("worker_crash", ["a GET /items = -", "a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"]),
    *node("worker_key", made(AUTH, GET, PUT)),
    *node("merc_origin", ["b POST /graphql json = -", *made(ORIGIN, "a POST /graphql json = %s", "a GET /graphql = %s")]),
    *node("merc_names", ["a POST /graphql json = -", *made(HEADER, "a POST /graphql json h:authorization = %s")]),
    *node("merc_none", made(NONE, "a POST /graphql json = %s")),
    *node("fast8_list", at_once(*made(ORIGIN, PUT, GET))),
    *node("fast8_error", listed(*made(ORIGIN, GET, PUT))),
    *node("fast8_bearer", app(made(AUTH, PUT, GET))),
    *node("fast8_handler", app(made(AUTH, GET, PUT))),
    *node("fast8_scope", app(made(NONE, GET, PUT))),
    *node("fast8_verbs", app(["a GET /items = -", *made(METHOD, PUT)])),
    *node("fast8_none", made(NONE, PUT, GET)),
    *node("koa8_fn", listed(*made(ORIGIN, GET, PUT))),
    *node("koa8_fixed", made(ORIGIN, PUT, GET)),
    *node("koa8_verbs", app(["a GET /items = -", *made(METHOD, PUT, DEL)])),
    *node("koa8_names", app(["a GET /items = -", *made(HEADER, PUT, TRACE)])),
    *node("koa8_guard", app(made(AUTH, GET, PUT))),
    *node("koa8_late", ["a GET /other = -", *made("cors_after_router", PUT, DEL), f"a GET /items = {EITHER}"]),
    *node("koa8_errors", app(["a PUT /items json = -", f"a GET /boom = {ERROR}", f"a PUT /invalid json = {ERROR}", f"a GET /denied = {ERROR}"])),
    *node("ex8_passport", app(made(AUTH, GET, PUT))),
    *node("ex8_reset", app(["a GET /items = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *node("ex8_answers", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *node("ex8_comma", made(MALFORMED, GET, PUT)),
    *node("ex8_pattern", made(MALFORMED, GET, PUT)),
    *node("ex8_subdomains", made(f"{MALFORMED}|{ORIGIN}", PUT, GET)),
    *node("ex8_ends", made(ORIGIN, GET, PUT)),
    *node("ex8_perhandler", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *node("ex8_validates", app(["a GET /items = -", f"a GET /other = {ERROR}", f"a PUT /other json = {NONE}|{ERROR}"])),
    *node("ex8_session", app([f"a GET /items = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"])),
    *node("ex8_gateway", app(["a PUT /items json = -", "a GET /other = -"]), alone=None),
    *node("ex8_inner", app(["a PUT /items json = -", *made(DOWN, "a GET /other = %s", "a PUT /other json = %s")])),
    *node("restana8_none", made(NONE, GET, PUT)),
    *node("restana8_auth", app(made(AUTH, GET, PUT))),
    *node("restana8_list", at_once(*made(ORIGIN, GET, PUT))),
    *node("peer8_origin", ["b GET /items/peerjs/id = -", *made(ORIGIN, "a GET /items/peerjs/id = %s", "a GET /items/peerjs/peers h:authorization = %s")]),
    *case("serve_none", ["node {work}/node_modules/serve/build/main.js -n -l tcp://127.0.0.1:{port} /usr/share/common-licenses"], made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-trace-id = %s")),
]
PYTHON = [
    *python("gra_origin", listed(*made(ORIGIN, GET, PUT))),
    *python("gra_none", made(NONE, PUT, GET)),
    *python("gra_boom", app(["a PUT /items json = -", f"a GET /boom = {ERROR}", f"a PUT /boom json = {ERROR}"])),
    *python("gra_auth", app(made(AUTH, GET, PUT))),
    *python("hyp_origin", at_once(*made(ORIGIN, GET, PUT))),
    *python("hyp_verbs", app(["a GET /items = -", *made(METHOD, PUT, DEL)])),
    *python("hyp_names", app(["a PUT /items json = -", *made(HEADER, TRACE)])),
    *python("hyp_late", app(["a GET /items = -", f"a GET /slow = {ERROR}|{DOWN}"])),
    *python("hyp_none", made(NONE, GET, PUT)),
    *python("wait_list", listed(*made(ORIGIN, GET, PUT))),
    *python("wait_none", made(NONE, GET, PUT)),
    *python("wait_names", app(["a GET /items = -", *made(HEADER, PUT, TOKEN)])),
    *python("wait_auth", app(made(AUTH, PUT))),
    *python("wait_path", ["a GET /api/items = -", "a PUT /api/items json = -", *made(NONE, GET, PUT)]),
    *python("wait_outside", app(["a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *python("gev_list", at_once(*made(ORIGIN, GET, PUT))),
    *python("gev_verbs", app(["a GET /items = -", *made(METHOD, PUT)])),
    *python("gev_creds", app(["a GET /items = -", *made(CREDS, PUT_COOKIE)])),
    *python("uws_list", listed(*made(ORIGIN, GET, PUT))),
    *python("uws_none", made(NONE, PUT, GET)),
    *python("uws_regex", at_once(*made(ORIGIN, PUT, GET))),
    *python("daph_origin", listed(*made(ORIGIN, GET, PUT))),
    *python("daph_none", made(NONE, GET, PUT)),
    *python("daph_below", app(made(AUTH, GET, PUT))),
    *python("daph_login", app([f"a GET /items = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"])),
    *python("daph_last", app(["a GET /items = -", f"a GET /slash = {MOVED}"])),
    *python("daph_white", app(["a GET /items = -", f"a GET /MPL-2.0 = {NONE}"])),
    *python("daph_names", app(["a PUT /items json = -", *made(HEADER, TOKEN)])),
    *python("robyn8_origin", listed(*made(ORIGIN, GET, PUT))),
    *python("robyn8_none", made(NONE, GET, PUT)),
    *python("robyn8_auth", app(made(AUTH, PUT))),
    *python("lil_origin", at_once(*made(ORIGIN, GET, PUT))),
    *python("lil_verbs", app(["a GET /items = -", *made(METHOD, PUT)])),
    *python("lil_names", app(["a GET /items = -", *made(HEADER, TOKEN)])),
    *python("lil_none", made(NONE, GET, PUT)),
    *python("pyhttp_none", made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-trace-id = %s")),
    *python("pyhttp_hand", ["a GET /MPL-2.0 = -", *made(NONE, "a GET /MPL-2.0 h:x-trace-id = %s")]),
    *python("aio8_routes", ["a GET /items = -", *made(NONE, PUT, DEL), f"a GET /other = {ERROR}"]),
    *python("aio8_catches", ["a GET /items = -", "a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}", f"a GET /gone = {ERROR}|{NONE}"]),
    *python("aio8_keys", app([f"a GET /items = {AUTH}|{ERROR}"])),
    *python("fal8_list", ["a GET /items = -", f"a PUT /items json = {HEADER}", f"a DELETE /items = {METHOD}"]),
    *python("fal8_simple", ["a GET /items = -", f"a PUT /items json = {METHOD}|{HEADER}", *made(HEADER, TOKEN)]),
    *python("fal8_fixed", made(ORIGIN, GET, PUT)),
    *python("fal8_none", made(NONE, GET, PUT)),
]
COMPILED = [
    *go("fh_list", listed(*made(ORIGIN, GET, PUT))),
    *go("fh_none", made(NONE, GET, PUT)),
    *go("fh_star", app(["a GET /items = -", *made(STAR, PUT_COOKIE)])),
    *go("fh_auth", app(made(AUTH, GET, PUT))),
    *go("fh_gets", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *go("fh_names", app(["a GET /items = -", *made(HEADER, PUT, TOKEN)])),
    *go("fh_error", app(["a GET /items = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *go("neg_list", at_once(*made(ORIGIN, GET, PUT))),
    *go("neg_auth", app(made(AUTH, GET, PUT))),
    *go("neg_panic", app(["a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *go("goji_sub", ["a GET /api/items = -", *made(NONE, GET, PUT)]),
    *go("goji_wraps", app(["a GET /items = -", *made(NONE, PUT)])),
    *go("goji_none", made(NONE, GET, PUT)),
    *go("rev_two", made(TWO, GET, PUT)),
    *go("rev_down", made(DOWN, GET, PUT)),
    *go("rev_part", app(["a PUT /items json = -", *made(DOWN, "a GET /other = %s", "a PUT /other json = %s")])),
    *java("jdk_none", made(NONE, GET, PUT)),
    *java("jdk_list", listed(*made(ORIGIN, GET, PUT))),
    *java("jdk_basic", app(made(AUTH, PUT, DEL))),
    *java("jdk_verbs", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *java("jdk_posts", app(["a GET /items = -", *made(METHOD, PUT, DEL)])),
    *java("jdk_throws", app(["a GET /items = -", *made(GONE, "a GET /other = %s", "a PUT /other json = %s")])),
    *cpp("cpp_defaults", app(["a GET /items = -", *made(NONE, PUT)])),
    *cpp("cpp_handlers", app(["a GET /items = -", *made(NONE, PUT)])),
    *cpp("cpp_list", listed(*made(ORIGIN, GET, PUT))),
    *cpp("cpp_none", made(NONE, GET, PUT)),
    *rust("rocket_list", at_once(*made(ORIGIN, GET, PUT))),
    *rust("rocket_fixed", made(ORIGIN, GET, PUT)),
    *rust("rocket_plain", app(["a GET /items = -", *made(NONE, PUT)])),
    *rust("rocket_verbs", app(["a GET /items = -", "a POST /items json = -", *made(METHOD, PUT, DEL)])),
    *rust("rocket_none", made(NONE, GET, PUT)),
]
PHP = [
    *fpm("fpm_token", app(made(AUTH, GET, PUT))),
    *fpm("fpm_fatal", app(["a PUT /items json = -", f"a GET /other = {ERROR}", f"a PUT /other json = {ERROR}"])),
    *fpm("fpm_exits", app(["a GET /items = -", *made(NONE, PUT, DEL)])),
    *fpm("fpm_json", app(["a GET /items = -", *made(NONE, PUT)])),
    *fpm("fpm_slow", app(["a PUT /items json = -", f"a GET /other = {DOWN}", f"a PUT /other json = {DOWN}"])),
    *fpm("fpm_list", listed(*made(ORIGIN, GET, PUT))),
    *fpm("fpm_verbs", app(["a GET /items = -", *made(METHOD, PUT)])),
    *fpm("fpm_names", app(["a GET /items = -", *made(HEADER, PUT)])),
    *fpm("fpm_none", made(NONE, GET, PUT)),
    *fpm("fpm_down", made(DOWN, PUT, GET), back=None),
    *fpm("fpm_two", made(TWO, GET, PUT), own="good", fields="add_header Access-Control-Allow-Origin $http_origin always; "),
    *fpm("fpm_upload", app(["a PUT /items json = -", f"a PUT /items json big = {ERROR}"]), own="good", more="client_max_body_size 2k; "),
    *mod_php("aphp_none", "none", "", made(NONE, GET, PUT)),
    *mod_php("aphp_always", "good", "Header always set Access-Control-Allow-Origin \"*\"\n", made(TWO, GET, PUT)),
    *mod_php("aphp_exits", "exits", "", app(["a GET /items = -", *made(NONE, PUT)])),
    *mod_php("aphp_limit", "good", "<Location />\n<Limit OPTIONS>\nRequire all denied\n</Limit>\n</Location>\n", app(["a GET /items = -", *made(AUTH, PUT, DEL)])),
    *mod_php("aphp_list", "list", "", listed(*made(ORIGIN, GET, PUT))),
]
JWT = ("envoy.filters.http.jwt_authn", """              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                p:
                  issuer: x
                  local_jwks: {{inline_string: '{{"keys":[{{"kty":"oct","kid":"x","alg":"HS256","k":"c2VjcmV0"}}]}}'}}
              rules:
              - match: {{prefix: "/items"}}
                requires: {{provider_name: p}}
""")
BUFFER = ("envoy.filters.http.buffer", '              "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer\n              max_request_bytes: 1024\n')
ROUTE = '              routes:\n              - match: {{prefix: "/"}}\n                route: {{cluster: c%s}}\n'
ROUTER = "    r:\n      rule: PathPrefix(`/`)\n      service: s\n      middlewares: [m]\n"
SECURITY = "LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so\nLoadModule security2_module /usr/lib/apache2/modules/mod_security2.so\nSecRuleEngine On\nSecRequestBodyAccess Off\nSecAuditEngine Off\n"
FRONTS = [
    *front("ng8_spa", nginx("root /usr/share/nginx/html; location /v1/ {{ proxy_pass http://127.0.0.1:{port2}/; }} location / {{ try_files $uri /index.html; }}"), GOOD, ["a GET /v1/items = -", "a PUT /v1/items json = -", *made(NONE, "a GET /items = %s", "a PUT /items json = %s")]),
    *front("ng8_hotlink", nginx("location /other {{ valid_referers server_names; if ($invalid_referer) {{ return 403; }} " + PASS + "}} location / {{ " + PASS + "}}"), GOOD, app(["a PUT /items json = -", f"a GET /other = {AUTH}|{ORIGIN}|{ERROR}", f"a PUT /other json = {AUTH}|{ORIGIN}"])),
    *front("ng8_444", nginx("location / {{ if ($request_method = OPTIONS) {{ return 444; }} " + PASS + "}}"), GOOD, ["a GET /items = -", *made(GONE, PUT, DEL)]),
    *front("ng8_hides", nginx("location /other {{ proxy_hide_header Access-Control-Allow-Origin; " + PASS + "}} location / {{ " + PASS + "}}"), GOOD, ["a GET /items = -", "a PUT /items json = -", *made(f"{NONE}|{ORIGIN}", "a GET /other = %s", "a PUT /other json = %s")]),
    *front("ng8_anchor", nginx("set $o \"\"; if ($http_origin ~ \"^http://app\\.(one|two)\\.test$\") {{ set $o $http_origin; }} location / {{ add_header Access-Control-Allow-Origin $o always; add_header Vary Origin always; " + PASS + "}}"), BARE, made(ORIGIN, GET)),
    *front("ng8_post", nginx("location / {{ root /usr/share/common-licenses; default_type text/plain; add_header Access-Control-Allow-Origin *; }}"), None, ["a GET /MPL-2.0 = -", f"a POST /MPL-2.0 = {ERROR}"]),
    *front("ng8_lua", ("nginx", "load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so; " + nginx("location /items {{ access_by_lua_block {{ if not ngx.var.http_authorization then ngx.status = 401 ngx.header.content_type = 'application/json' ngx.say('{{}}') return ngx.exit(401) end }} " + PASS + "}} location / {{ " + PASS + "}}")[1]), GOOD, ["a GET /other = -", *made(AUTH, GET, PUT)]),
    *front("ng8_more", ("nginx", "load_module /usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so; " + nginx("location / {{ more_set_headers -s '200 204' 'Access-Control-Allow-Origin: $allowed' 'Access-Control-Allow-Methods: GET, PUT' 'Access-Control-Allow-Headers: content-type'; if ($request_method = OPTIONS) {{ return 204; }} " + PASS + "}}")[1]), BARE, ["a GET /items = -", "a PUT /items json = -", f"a GET /broken = {ERROR}", f"a GET /denied = {ERROR}"]),
    *front("ng8_fastapi", nginx("location / {{ " + PASS + "}}"), FASTAPI % "origin", listed(*made(ORIGIN, GET, PUT))),
    *front("ng8_fastapi_none", nginx("location / {{ " + PASS + "}}"), FASTAPI % "none", made(NONE, GET, PUT)),
    *front("ng8_django", nginx("location / {{ " + PASS + "}}"), DJANGO % "list", at_once(*made(ORIGIN, GET, PUT))),
    *front("ng8_slash_api", nginx("location /items/ {{ proxy_pass http://127.0.0.1:{port2}/items; }} location / {{ " + PASS + "}}"), GOOD, ["a GET /other = -", f"a GET /items = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"]),
    *front("ng8_timeout_post", nginx("proxy_read_timeout 1s; location / {{ " + PASS + "}}"), SLOW, ["a GET /items = -", f"a POST /slow = {DOWN}"]),
    *front("ng8_intercept404", nginx("proxy_intercept_errors on; error_page 404 /404.html; location = /404.html {{ internal; return 404 '<h1>Not found</h1>'; }} location / {{ " + PASS + "}}"), GOOD, ["a GET /items = -", "a PUT /items json = -", f"a GET /gone = {ERROR}"]),
    *front("ng8_conflict", nginx("location / {{ add_header Access-Control-Allow-Origin '*' always; add_header Access-Control-Allow-Credentials true always; " + PASS + "}}"), FASTAPI % "good", made(TWO, GET, PUT)),
    *front("ng8_flask_auth", nginx("location /items {{ auth_basic x; auth_basic_user_file /dev/null; " + PASS + "}} location / {{ " + PASS + "}}"), FLASK % "good", ["a GET /other = -", *made(AUTH, PUT, DEL)]),
    *front("ha8_reject", haproxy(braces("http-request reject if METH_OPTIONS")), GOOD, ["a GET /items = -", *made(GONE, PUT, DEL)]),
    *front("ha8_big", haproxy(braces("option http-buffer-request\n http-request deny deny_status 413 if { req.body_size gt 1000 }")), GOOD, app(["a PUT /items json = -", f"a PUT /items json big = {ERROR}"])),
    *front("ha8_login", haproxy(braces("http-request redirect location /login if { path_beg /items } !{ req.cook(session) -m found }")), GOOD, ["a GET /other = -", f"a GET /items = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"]),
    *front("ha8_fastapi", haproxy(""), FASTAPI % "none", made(NONE, GET, PUT)),
    *front("ha8_flask", haproxy(""), FLASK % "list", listed(*made(ORIGIN, GET, PUT))),
    *front("ha8_deny", haproxy(braces("http-request deny if { path_beg /other }")), GOOD, ["a GET /items = -", f"a GET /other = {AUTH}|{ERROR}", f"a PUT /other json = {AUTH}", "a PUT /items json wait = -"]),
    *front("ca8_abort", caddy(braces("@o method OPTIONS\n abort @o\n reverse_proxy 127.0.0.1:{port2}")), GOOD, ["a GET /items = -", *made(GONE, PUT, DEL)]),
    *front("ca8_errors", caddy(braces("handle_errors {\n respond \"{err.status_code} sorry\"\n }\n handle /other* {\n reverse_proxy 127.0.0.1:9\n }\n handle {\n reverse_proxy 127.0.0.1:{port2}\n }")), GOOD, ["a GET /items = -", "a PUT /items json = -", *made(DOWN, "a GET /other = %s", "a PUT /other json = %s")]),
    *front("ca8_strips", caddy(braces("reverse_proxy 127.0.0.1:{port2} {\n header_down -Access-Control-Allow-Origin\n }")), GOOD, made(f"{NONE}|{ORIGIN}", GET, PUT)),
    *front("ca8_host", ("caddy", "{{\n admin off\n auto_https off\n}}\nhttp://api.elsewhere.test:{port} {{\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:{port2}\n}}\n"), GOOD, made(f"{NONE}|{GONE}", GET, PUT)),
    *front("ca8_gets", caddy(braces("@get method GET\n header @get Access-Control-Allow-Origin http://app.one.test:18901\n reverse_proxy 127.0.0.1:{port2}")), BARE, ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *front("ca8_fastapi", caddy("reverse_proxy 127.0.0.1:{port2}"), FASTAPI % "origin", at_once(*made(ORIGIN, GET, PUT))),
    *front("ca8_two", caddy("header +Access-Control-Allow-Origin http://app.one.test:18901\n reverse_proxy 127.0.0.1:{port2}"), FLASK % "good", made(TWO, GET, PUT)),
    *front("ap8_override", apache("ProxyErrorOverride On\n" + FORWARD), GOOD, ["a GET /items = -", "a PUT /items json = -", f"a GET /gone = {ERROR}"]),
    *front("ap8_module", apache("<IfModule mod_nothere.c>\nHeader set Access-Control-Allow-Origin *\n</IfModule>\n" + FORWARD), FLASK % "none", made(NONE, GET, PUT)),
    *front("ap8_methods", apache("LoadModule allowmethods_module /usr/lib/apache2/modules/mod_allowmethods.so\n<Location />\nAllowMethods GET POST PUT DELETE\n</Location>\n" + FORWARD), GOOD, ["a GET /items = -", *made(NONE, PUT, DEL)]),
    *front("ap8_waf", apache(SECURITY + "SecRule REQUEST_METHOD \"!@within GET POST HEAD\" \"id:1,phase:1,deny,status:403\"\n" + FORWARD), GOOD, ["a GET /items = -", *made(AUTH, PUT, DEL)]),
    *front("ap8_waf_path", apache(SECURITY + "SecRule REQUEST_URI \"@beginsWith /other\" \"id:1,phase:1,deny,status:406\"\n" + FORWARD), GOOD, ["a GET /items = -", "a PUT /items json = -", f"a GET /other = {AUTH}|{ERROR}", f"a PUT /other json = {AUTH}|{ERROR}"]),
    *front("ap8_django", apache(FORWARD), DJANGO % "none", made(NONE, GET, PUT)),
    *front("li8_auth", lighttpd('server.modules += ("mod_auth", "mod_authn_file")\nauth.backend = "htpasswd"\nauth.backend.htpasswd.userfile = "/dev/null"\nauth.require = ("/items" => ("method" => "basic", "realm" => "x", "require" => "valid-user"))\nsetenv.add-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901")\n'), None, ["a GET /other = -", *made(AUTH, PUT, DEL)]),
    *front("li8_denied", lighttpd('server.modules += ("mod_access")\n$HTTP["url"] =~ "^/items" {{ url.access-deny = ("") }}\nsetenv.add-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901")\n'), None, ["a GET /other = -", f"a PUT /items json = {NONE}|{AUTH}|{METHOD}|{HEADER}"], alone=None),
    *front("li8_down", lighttpd('proxy.server = ("/items" => (("host" => "127.0.0.1", "port" => 9)))\nsetenv.add-response-header = ("X-A" => "b")\n'), None, made(DOWN, GET, PUT)),
    *front("va8_verbs", varnish('sub vcl_recv {{ if (req.method != "GET" && req.method != "HEAD" && req.method != "POST" && req.method != "PUT") {{ return (synth(405)); }} return (pass); }}'), GOOD, ["a GET /items = -", *made(NONE, PUT, TOKEN)]),
    *front("va8_token", varnish('sub vcl_recv {{ if (req.url ~ "^/items" && !req.http.Authorization) {{ return (synth(401, "Unauthorized")); }} return (pass); }}'), GOOD, ["a GET /other = -", *made(AUTH, GET, PUT)]),
    *front("va8_vary", varnish('sub vcl_recv {{ set req.url = regsub(req.url, "\\?.*", ""); if (req.method == "GET") {{ return (hash); }} return (pass); }}\nsub vcl_backend_response {{ unset beresp.http.Vary; set beresp.ttl = 60s; }}'), BEHIND % "reflects", ["b GET /items = -", "a GET /items = cached_for_other_origin", "a GET /other = -", "b GET /other = cached_for_other_origin"], alone=None),
    *front("tr8_allow", traefik(ROUTER, "    m:\n      ipAllowList:\n        sourceRange: [10.0.0.0/8]\n"), GOOD, made(AUTH, "a PUT /items json wait = %s", GET)),
    *front("tr8_forward", traefik("    r:\n      rule: PathPrefix(`/items`)\n      service: s\n      middlewares: [m]\n    o:\n      rule: PathPrefix(`/other`)\n      service: s\n", "    m:\n      forwardAuth:\n        address: http://127.0.0.1:{port2}/denied\n"), BARE, made(AUTH, "a PUT /items json wait = %s", GET)),
    *front("tr8_body", traefik(ROUTER, "    m:\n      buffering:\n        maxRequestBodyBytes: 1024\n"), GOOD, ["a GET /items wait = -", "a PUT /items json = -", f"a PUT /items json big = {ERROR}"]),
    *front("tr8_www", traefik(ROUTER, "    m:\n      redirectRegex:\n        regex: '^http://([^/]+)/(.*)'\n        replacement: 'http://www.$1/$2'\n        permanent: true\n"), GOOD, [f"a GET /items wait = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"]),
    *front("en8_jwt", envoy([JWT], ROUTE % ""), GOOD, ["a GET /other = -", "a PUT /other json = -", *made(AUTH, GET, PUT)]),
    *front("en8_big", envoy([BUFFER], ROUTE % ""), GOOD, ["a GET /items = -", "a PUT /items json = -", f"a PUT /items json big = {ERROR}"]),
    *front("en8_timeout", envoy([], ROUTE % ", timeout: 1s"), SLOW, ["a GET /items = -", f"a GET /slow = {DOWN}"]),
    *front("en8_https", envoy([], '              routes:\n              - match: {{prefix: "/"}}\n                redirect: {{https_redirect: true}}\n'), GOOD, [f"a GET /items = {MOVED}", f"a PUT /items json = {ASKED_MOVED}"]),
    *front("en8_fastapi", envoy([], ROUTE % ""), FASTAPI % "origin", listed(*made(ORIGIN, GET, PUT))),
    *front("sq8_none", squid("http_access allow all\ncache deny all\n"), BARE, made(NONE, GET, PUT)),
    *front("sq8_denies", squid("acl o method OPTIONS\nhttp_access deny o\nhttp_access allow all\ncache deny all\n"), GOOD, ["a GET /items = -", *made(AUTH, PUT, DEL)]),
    *front("sq8_down", squid("http_access allow all\ncache deny all\n", "9"), None, made(DOWN, GET, PUT)),
    *case("ngh_none", ["nghttpx -f127.0.0.1,{port};no-tls -b127.0.0.1,{port2} --workers=1 --no-ocsp --accesslog-file=/dev/null --errorlog-file=/dev/null", BARE], made(NONE, GET, PUT)),
    *case("ngh_down", ["nghttpx -f127.0.0.1,{port};no-tls -b127.0.0.1,9 --workers=1 --no-ocsp --accesslog-file=/dev/null --errorlog-file=/dev/null"], made(DOWN, GET, PUT)),
    *case("etcd_origin", ["etcd --data-dir {dir}/e --listen-client-urls http://127.0.0.1:{port} --advertise-client-urls http://127.0.0.1:{port} --listen-peer-urls http://127.0.0.1:0 --cors http://app.two.test:18902 --log-level error"], ["b GET /version = -", *made(ORIGIN, "a GET /version = %s", "a POST /v3/kv/range json = %s")]),
    *case("prom_origin", ["prometheus --config.file=/dev/null --storage.tsdb.path={dir}/p --web.listen-address=127.0.0.1:{port} --web.cors.origin=http://.*[.]two[.]test.* --log.level=error"], ["b GET /api/v1/labels wait = -", *made(ORIGIN, "a GET /api/v1/labels = %s", "a GET /api/v1/labels h:authorization = %s")]),
    *case("rclone_origin", ["rclone rcd --rc-addr 127.0.0.1:{port} --rc-no-auth --rc-allow-origin http://app.two.test:18902"], made(ORIGIN, "a POST /rc/noop json = %s", "a POST /rc/noop = %s")),
    *case("aria_off", ["aria2c --enable-rpc --rpc-listen-port={port} --rpc-listen-all=false --quiet"], made(NONE, "a POST /jsonrpc json = %s", "a GET /jsonrpc = %s")),
    *case("webfs_none", ["webfsd -F -p {port} -i 127.0.0.1 -r /usr/share/common-licenses"], made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-trace-id = %s")),
    *case("mini_none", ["mini_httpd -D -p {port} -h 127.0.0.1 -d /usr/share/common-licenses"], made(NONE, "a GET /MPL-2.0 = %s", "a GET /MPL-2.0 h:x-trace-id = %s")),
]

CASES = [*NODE, *PYTHON, *COMPILED, *PHP, *FRONTS]
