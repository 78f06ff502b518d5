"""The second set: stacks and mistakes that no rule had seen when they were recorded. Form and words: see cases.py."""

from kit import ADD, BEHIND, PASS, PRE, apache, caddy, haproxy, lighttpd, nginx

NODE = "node {here}/more.js {case} {port}"
BUN = "{work}/node_modules/.bin/bun {here}/more.js {case} {port}"
PYTHON = "{python} {here}/more.py {case} {port}"
RUST = "{work}/rust/debug/stacks-server {case} {port}"
ECHO = "{work}/server-echo {case} {port}"
JAVA = "java -Xmx128m -cp {jars}:{work}/java2 Filters {case} {port}"
PERL = "perl {here}/server.pl {case} {port}"

GET, PUT, POST, DELETE = "a GET /items = %s", "a PUT /items json = %s", "a POST /items json = %s", "a DELETE /items = %s"
GOOD, OTHER_GOOD = ["a GET /items = -", "a PUT /items json = -"], ["b GET /items = -", "b PUT /items json = -"]
ORIGIN, SLASH = "origin_not_listed", "origin_not_listed|config_value_malformed"


def with_cause(cause, *steps):
    return [step % cause for step in steps]


def origin(others=True):
    return with_cause(ORIGIN, GET, PUT) + (OTHER_GOOD if others else []) + with_cause(ORIGIN, DELETE)


METHODS = ["a GET /items = -", "a POST /items json = -"] + with_cause("method_not_listed", PUT, DELETE)
ONLY_GET = ["a GET /items = -"] + with_cause("method_not_listed", POST, PUT, DELETE)
METHODS_FIRST = with_cause("method_not_listed", DELETE, PUT) + ["a GET /items = -"]
HEADERS = ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed", "a POST /items json h:authorization = header_not_listed"]
HEADERS_FIRST = ["a GET /items h:x-trace-id = header_not_listed", "a GET /items = -", "a POST /items json = header_not_listed"]
CREDENTIALS = ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]
STAR = ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]
AUTH = with_cause("auth_before_cors", GET, PUT, DELETE)
NONE = with_cause("cors_not_mounted", GET, PUT)
PATH = GOOD + ["a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]
API = ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]
LIMITER = ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited"]
BOOM = ["a GET /items = -", "a GET /boom = error_page_without_cors"]
SIMPLE = {"origin": origin(), "methods": METHODS, "headers": HEADERS, "credentials": CREDENTIALS, "star": STAR, "auth": AUTH, "none": NONE, "path": PATH, "limiter": LIMITER}


def simple(command, family, mistakes, **own):
    return [(f"{family}_{mistake}", [command], own.get(mistake) or SIMPLE[mistake]) for mistake in mistakes.split()]


SET = "Header always set Access-Control-Allow-Origin http://app.one.test:18901\nHeader always set Access-Control-Allow-Methods 'GET, POST, PUT, DELETE'\nHeader always set Access-Control-Allow-Headers content-type\n"
FORWARD = "ProxyPass / http://127.0.0.1:{port2}/\n"
RETURN = 'http-request return status 204 hdr Access-Control-Allow-Origin "http://app.one.test:18901" hdr Access-Control-Allow-Methods "GET, PUT" hdr Access-Control-Allow-Headers "content-type" if METH_OPTIONS'

CASES = [
    *simple(NODE, "nest", "origin fixed slash methods headers credentials star auth limiter none prefix", fixed=origin(), slash=with_cause(SLASH, GET, PUT), methods=METHODS_FIRST,
            prefix=["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    ("nest_guard", [NODE], ["a GET /items = -", "a GET /denied = -", "a GET /boom = -"]),
    ("restify_use", [NODE], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("restify_options", [NODE], GOOD + ["a GET /gone = error_page_without_cors|cors_not_mounted"]),
    ("restify_pre", [NODE], ["a PUT /items json = cors_not_mounted", "a GET /items = -", "a GET /gone = -"]),
    ("restify_auth", [NODE], AUTH),
    *simple(NODE, "polka", "origin auth path route regexp star", regexp=with_cause(ORIGIN, GET, PUT), route=["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    *simple(NODE, "h3", "origin methods headers credentials star auth path none", headers=["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"]),
    ("h3_rules", [NODE], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a GET /items h:authorization = cors_not_mounted", "a GET /items cookie = credentials_with_wildcard"]),
    ("yoga_origin", [NODE], ["a POST /graphql json = origin_not_listed", "a GET /graphql = origin_not_listed", "a POST /graphql json = origin_not_listed"]),
    ("yoga_two", [NODE], ["a POST /graphql json = origin_not_listed", "b POST /graphql json = -", "a GET /graphql = origin_not_listed"]),
    ("yoga_headers", [NODE], ["a POST /graphql json = header_not_listed", "a POST /graphql json h:authorization = header_not_listed"]),
    ("yoga_credentials", [NODE], ["a POST /graphql json = -", "a POST /graphql json cookie = credentials_not_allowed"]),
    ("yoga_none", [NODE], ["a POST /graphql json = cors_not_mounted", "a GET /graphql = cors_not_mounted"]),
    ("trpc_none", [NODE], ["a GET /items = cors_not_mounted", "a POST /save json = cors_not_mounted"]),
    ("trpc_origin", [NODE], ["a GET /items = origin_not_listed", "a POST /save json = origin_not_listed", "b POST /save json = -"]),
    ("trpc_fixed", [NODE], ["a GET /items = origin_not_listed", "a POST /save json h:x-trpc-source = origin_not_listed"]),
    ("apollo_alone", [NODE], ["a POST / json = -", "a POST / json cookie = credentials_with_wildcard"]),
    ("apollo_none", [NODE], ["a POST /items json = cors_not_mounted", "a GET /items = cors_not_mounted"]),
    ("apollo_origin", [NODE], ["a POST /items json = origin_not_listed", "b POST /items json = -", "a POST /items json = origin_not_listed"]),
    ("apollo_headers", [NODE], ["a POST /items json = -", "a POST /items json h:authorization = header_not_listed", "a POST /items json h:apollographql-client-name = header_not_listed"]),
    ("socket_none", [NODE], ["a GET /socket.io/?EIO=4&transport=polling = cors_not_mounted", "a POST /socket.io/?EIO=4&transport=polling = cors_not_mounted"]),
    ("socket_origin", [NODE], ["a GET /socket.io/?EIO=4&transport=polling = origin_not_listed", "b GET /socket.io/?EIO=4&transport=polling = -"]),
    ("socket_star", [NODE], ["a GET /socket.io/?EIO=4&transport=polling = -", "a GET /socket.io/?EIO=4&transport=polling cookie = credentials_with_wildcard"]),
    ("vite_default", [NODE], ["a GET / = origin_not_listed", "a GET / h:x-trace-id = origin_not_listed"]),
    ("vite_off", [NODE], ["a GET / = cors_not_mounted", "a GET / h:x-trace-id = cors_not_mounted"]),
    ("files_none", [NODE], ["a GET /items = cors_not_mounted", "a GET /items h:x-trace-id = cors_not_mounted"]),
    ("files_cors", [NODE], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a GET /items h:x-trace-id = header_not_listed", "a PUT /items json = method_not_listed", "a GET /gone = -"]),
    *simple(BUN, "elysia", "origin methods credentials slash auth order none", slash=with_cause(SLASH, GET, PUT), order=["a PUT /items json = -", "a GET /items = -", "a DELETE /items = -"]),
    ("bun_error", [BUN], ["a GET /items = -", "a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    ("bun_json", [BUN], with_cause("cors_after_router", PUT, GET)),
    ("bun_origin", [BUN], with_cause(ORIGIN, GET, PUT) + ["b GET /items = -", "b PUT /items json = -"] + with_cause(ORIGIN, GET, PUT)),
    ("bun_none", [BUN], NONE),
    ("bun_typo", [BUN], with_cause("config_value_malformed", PUT, DELETE)),
    *simple(PYTHON, "fastapi", "origin slash_origin methods headers credentials regex auth limiter none sub", slash_origin=with_cause(SLASH, GET, PUT), methods=METHODS_FIRST, headers=["a GET /items h:x-trace-id = header_not_listed", "a POST /items json h:authorization = header_not_listed"],
            regex=origin(), sub=API),
    ("fastapi_boom", [PYTHON], ["a GET /denied = -", "a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    ("fastapi_slash", [PYTHON], ["a GET /slash = -", "a PUT /slash json = -"]),
    *simple(PYTHON, "sanic", "origin methods headers credentials auth none options hand late typo", auth=["a GET /items = -", "a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"], options=NONE, hand=["a GET /items = -", "a PUT /items json = cors_not_mounted", "a POST /items json = cors_not_mounted"],
            late=["a GET /items = -", "a GET /boom = error_page_without_cors", "a GET /gone = error_page_without_cors|cors_not_mounted"], typo=with_cause("config_value_malformed", GET, "a GET /gone = %s")),
    ("tornado_none", [PYTHON], NONE),
    ("tornado_options", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("tornado_prepare", [PYTHON], ["a GET /items = -", "a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("tornado_methods", [PYTHON], METHODS),
    ("tornado_late", [PYTHON], ["a GET /items = -", "a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    ("bottle_options", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("bottle_handler", [PYTHON], GOOD + ["a GET /boom = error_page_without_cors", "a GET /gone = error_page_without_cors"]),
    ("bottle_auth", [PYTHON], ["a GET /items = -", "a PUT /items json = auth_before_cors"]),
    ("pyramid_subscriber", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("pyramid_view", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a GET /boom = error_page_without_cors"]),
    ("pyramid_forbidden", [PYTHON], ["a GET /items = cors_not_mounted|auth_before_cors", "a PUT /items json = cors_not_mounted"]),
    ("pyramid_origin", [PYTHON], origin()),
    ("pyramid_crash", [PYTHON], GOOD + ["a GET /boom = error_page_without_cors"]),
    *simple(PYTHON, "litestar", "origin methods headers credentials auth none", methods=METHODS_FIRST, headers=["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"]),
    ("litestar_errors", [PYTHON], ["a GET /items = -", "a GET /denied = -", "a GET /boom = -"]),
    *simple(PYTHON, "quart", "origin methods headers credentials star auth none route", methods=ONLY_GET, headers=["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"], route=["a GET /items = -", "a PUT /items json = -", "a GET /other = cors_not_mounted"]),
    ("quart_login", [PYTHON], ["a GET /items = -", "a PUT /items json = auth_before_cors"]),
    ("quart_slash", [PYTHON], ["a PUT /slash json = preflight_redirected", "a GET /boom = -", "a GET /slash = -"]),
    ("cherry_tool", [PYTHON], ["a GET /items = -", "a PUT /items json = -", "a DELETE /items = method_not_listed", "a GET /denied = -", "a GET /boom = -"]),
    ("cherry_hand", [PYTHON], ["a GET /items = -", "a PUT /items json = method_not_listed", "a POST /items json = header_not_listed", "a GET /denied = error_page_without_cors|cors_not_mounted", "a GET /boom = error_page_without_cors|cors_not_mounted"]),
    ("cherry_auth", [PYTHON], with_cause("auth_before_cors", PUT, DELETE)),
    *simple(PYTHON, "blacksheep", "origin methods headers credentials auth none", headers=["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"], methods=METHODS_FIRST),
    ("blacksheep_boom", [PYTHON], ["a GET /items = -", "a GET /boom = -"]),
    ("drf_none", [PYTHON], NONE),
    ("drf_ssl", [PYTHON], ["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    ("drf_login", [PYTHON], AUTH),
    ("drf_session", [PYTHON], ["a GET /items = -", "a PUT /items json = -"]),
    ("drf_crash", [PYTHON], ["a GET /items = -", "a GET /boom = error_page_without_cors"]),
    ("drf_hosts", [PYTHON], ["a GET /items = -", "a GET /items cookie = -"]),
    ("drf_ninja", [PYTHON], GOOD),
    *simple(PYTHON, "gunicorn", "origin methods headers slash auth limiter none blueprint", methods=ONLY_GET, limiter=["a GET /items = -"] * 3 + ["a GET /items = -", "a PUT /items json = rate_limited"], slash=with_cause(SLASH, GET, PUT), headers=["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"], blueprint=API),
    *simple(RUST, "axum", "origin exact slash methods headers credentials star nothing early none route merge auth outside", exact=origin(), slash=with_cause(SLASH, GET, PUT), headers=HEADERS_FIRST, nothing=with_cause(ORIGIN, GET, PUT),
            early=PATH, merge=PATH, route=["a GET /items = -", "a PUT /items json = -", "a POST /other json = cors_not_mounted"], outside=BOOM + ["a PUT /boom json = error_page_without_cors"]),
    ("axum_inner", [RUST], ["a GET /items = -", "a PUT /items json = -"]),
    ("axum_panic", [RUST], ["a GET /items = -", "a GET /boom = not_http_or_down"]),
    *simple(RUST, "actix", "origin unblocked methods headers credentials star default auth scope resource none", unblocked=origin(), headers=HEADERS_FIRST, default=with_cause(ORIGIN, GET, PUT), methods=METHODS_FIRST, scope=API, resource=PATH),
    ("actix_errors", [RUST], ["a GET /items = -", "a GET /boom = -"]),
    *simple(RUST, "warp", "origin methods headers credentials path", headers=HEADERS_FIRST),
    ("warp_reject", [RUST], ["a GET /items = -", "a GET /strict = error_page_without_cors", "a PUT /strict json = error_page_without_cors"]),
    *simple(ECHO, "echo", "origin slash methods headers credentials star auth group route none", slash=with_cause(SLASH, GET, PUT), headers=HEADERS_FIRST, group=["a GET /api/items = -", "a PUT /api/items json = cors_not_mounted", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"],
            route=["a GET /items = -", "a PUT /items json = cors_not_mounted"]),
    ("echo_guarded", [ECHO], ["a GET /items = -", "a PUT /items json = -"]),
    ("echo_redirect", [ECHO], ["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    ("echo_panic", [ECHO], BOOM),
    *simple(ECHO, "chi", "origin methods headers credentials auth limiter group route none", headers=HEADERS_FIRST,
            methods=with_cause("method_not_listed|origin_or_method_not_listed", DELETE, PUT) + ["a GET /items = -"], group=["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"],
            route=["a GET /api/items = -", "a PUT /api/items json = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    *simple(JAVA, "tomcat", "origin slash methods headers credentials auth none path", slash=with_cause(SLASH, GET, PUT), path=API, methods=METHODS_FIRST, headers=HEADERS_FIRST),
    ("tomcat_forbidden", [JAVA], AUTH),
    ("tomcat_boom", [JAVA], ["a GET /items = -", "a GET /boom = -"]),
    *simple(JAVA, "jetty", "origin methods headers credentials auth none path", path=API, headers=HEADERS_FIRST),
    ("jetty_chained", [JAVA], GOOD),
    ("jetty_boom", [JAVA], ["a GET /items = -", "a GET /boom = -"]),
    ("mojo_options", [PERL], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("mojo_in_route", [PERL], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a GET /gone = cors_not_mounted|error_page_without_cors"]),
    ("mojo_by_hand", [PERL], with_cause("cors_after_router", PUT, GET)),
    ("mojo_auth", [PERL], AUTH),
    *simple(PERL, "plack", "origin methods headers credentials auth path none", headers=HEADERS_FIRST),
    ("plack_boom", [PERL], BOOM),
    # servers in front, and their other mistakes
    ("nginx_static", [nginx("root {dir}; location / {{ " + ADD + " return 200 x; }} location /items {{ " + ADD + " alias /etc/hostname; }}")], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a GET /other h:x-trace-id = header_not_listed"]),
    ("nginx_options_404", [nginx("location / {{ " + PASS + "add_header Access-Control-Allow-Origin $allowed; if ($request_method = OPTIONS) {{ return 404; }} }}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = cors_not_mounted"]),
    ("nginx_map_misses", [nginx("set $mine ''; if ($http_origin ~ ^https://app[.]) {{ set $mine $http_origin; }} location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin $mine; add_header Access-Control-Allow-Methods PUT; return 204; }} add_header Access-Control-Allow-Origin $mine; " + PASS + "}}"), BEHIND % "bare"], with_cause(ORIGIN, PUT, DELETE) + ["a GET /items = origin_not_listed|cors_not_mounted"]),
    ("nginx_fixed", [nginx("location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin http://app.two.test:18902; add_header Access-Control-Allow-Methods PUT; add_header Access-Control-Allow-Headers content-type; return 204; }} add_header Access-Control-Allow-Origin http://app.two.test:18902; " + PASS + "}}"), BEHIND % "bare"], origin()),
    ("nginx_auth_request", [nginx("location / {{ auth_request /who; " + PASS + "}} location = /who {{ internal; return 401; }}"), BEHIND % "good"], with_cause("auth_before_cors", PUT, GET)),
    ("nginx_limit_except", [nginx("location / {{ limit_except GET POST {{ deny all; }} " + PASS + "}}"), BEHIND % "good"], ["a GET /items = -", "a PUT /items json = auth_before_cors|cors_not_mounted", "a DELETE /items = auth_before_cors|cors_not_mounted"]),
    ("nginx_no_headers", [nginx("location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin $allowed; add_header Access-Control-Allow-Methods 'GET, PUT'; return 204; }} add_header Access-Control-Allow-Origin $allowed; " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = header_not_listed", "a DELETE /items = method_not_listed"]),
    ("nginx_timeout", [nginx("location / {{ " + PASS + "}} location /other {{ proxy_connect_timeout 1s; proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{port2}/slow; }}"), BEHIND % "slow"], ["a GET /items = -", "a GET /other = upstream_down"]),
    ("nginx_slash", [nginx("location /dir/ {{ " + PASS + "}} location / {{ " + PASS + "}}"), BEHIND % "good"], ["a GET /items = -", "a PUT /dir json = preflight_redirected", "a GET /dir = actual_redirect_without_cors"]),
    ("nginx_maintenance", [nginx("location / {{ " + PASS + "}} location /other {{ return 503; }}"), BEHIND % "good"], ["a GET /items = -", "a GET /other = upstream_down|error_page_without_cors", "a PUT /other json = upstream_down|error_page_without_cors"]),
    ("nginx_only_options", [nginx("location / {{ " + PRE + PASS + "}}"), BEHIND % "bare"], with_cause("cors_after_router|cors_not_mounted", PUT, GET)),
    ("nginx_null_list", [nginx("add_header Access-Control-Allow-Origin 'http://app.one.test:18901 http://app.two.test:18902' always; location / {{ " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = config_value_malformed", "b GET /items = config_value_malformed"]),
    ("nginx_star", [nginx("add_header Access-Control-Allow-Origin * always; add_header Access-Control-Allow-Credentials true always; location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Methods *; add_header Access-Control-Allow-Headers *; return 204; }} " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a GET /items h:authorization = -", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("haproxy_deny", [haproxy("http-request deny if METH_OPTIONS"), BEHIND % "good"], ["a GET /items = -", "a PUT /items json = auth_before_cors|cors_not_mounted", "a DELETE /items = auth_before_cors|cors_not_mounted"]),
    ("haproxy_limit", [haproxy("stick-table type ip size 1k expire 30s store http_req_rate(30s)\n http-request track-sc0 src\n http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 3 }}"), BEHIND % "good"], LIMITER),
    ("haproxy_return", [haproxy(RETURN), BEHIND % "bare"], with_cause("cors_after_router", PUT, GET)),
    ("haproxy_response", [haproxy("http-response set-header Access-Control-Allow-Origin http://app.one.test:18901\n http-request return status 404 if {{ path /gone }}"), BEHIND % "bare"], ["a GET /items = -", "a GET /broken = -", "a GET /gone = error_page_without_cors"]),
    ("haproxy_timeout", [haproxy("", "timeout server 1s\n server s 127.0.0.1:{port2}"), BEHIND % "slow"], ["a GET /items = -", "a GET /slow = upstream_down", "a PUT /slow json = upstream_down"]),
    ("haproxy_acl", [haproxy("acl ours hdr(origin) -i http://app.two.test:18902\n http-request set-var(txn.origin) hdr(origin)\n http-request return status 204 hdr Access-Control-Allow-Origin %[hdr(origin)] hdr Access-Control-Allow-Methods PUT hdr Access-Control-Allow-Headers content-type if METH_OPTIONS ours\n http-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if {{ var(txn.origin) -m str http://app.two.test:18902 }}"), BEHIND % "bare"], OTHER_GOOD + with_cause(ORIGIN, GET, PUT)),
    ("caddy_options", [caddy("@o method OPTIONS\n respond @o 204\n header Access-Control-Allow-Origin http://app.one.test:18901\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = method_not_listed", "a POST /items json = header_not_listed"]),
    ("caddy_path", [caddy("header /items Access-Control-Allow-Origin http://app.one.test:18901\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "bare"], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("caddy_origin", [caddy("@ours header Origin http://app.two.test:18902\n header @ours Access-Control-Allow-Origin {{header.Origin}}\n header @ours Access-Control-Allow-Methods PUT\n header @ours Access-Control-Allow-Headers content-type\n @o method OPTIONS\n respond @o 204\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "bare"], OTHER_GOOD + with_cause(ORIGIN, GET, PUT)),
    ("caddy_redirect", [caddy("redir /other https://api.one.test/other 301\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "good"], ["a GET /items = -", "a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors"]),
    ("caddy_forward", [caddy("forward_auth 127.0.0.1:{port2} {{\n uri /denied\n }}\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "bare"], with_cause("auth_before_cors", PUT, GET)),
    ("apache_options_204", [apache("RewriteEngine on\nRewriteCond %{{REQUEST_METHOD}} OPTIONS\nRewriteRule .* - [R=204,L]\nHeader set Access-Control-Allow-Origin http://app.one.test:18901\nHeader set Access-Control-Allow-Methods PUT\nHeader set Access-Control-Allow-Headers content-type\n" + FORWARD), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = cors_not_mounted|error_page_without_cors", "a DELETE /items = cors_not_mounted|error_page_without_cors"]),
    ("apache_env", [apache('SetEnvIf Origin "^https://(app\\.one\\.test)$" ORIGIN=$0\nHeader always set Access-Control-Allow-Origin "%{{ORIGIN}}e" env=ORIGIN\nHeader always set Access-Control-Allow-Methods PUT\n' + FORWARD), BEHIND % "bare"], with_cause(ORIGIN, GET, PUT)),
    ("apache_limit", [apache("<Location />\n<LimitExcept GET POST PUT DELETE>\nRequire all denied\n</LimitExcept>\n</Location>\n" + FORWARD), BEHIND % "good"], ["a GET /items = -", "a PUT /items json = auth_before_cors|cors_not_mounted", "a DELETE /items = auth_before_cors|cors_not_mounted"]),
    ("apache_add_twice", [apache(SET + "Header add Access-Control-Allow-Origin http://app.two.test:18902\n" + FORWARD), BEHIND % "bare"], ["a GET /items = two_layers", "b GET /items = two_layers"]),
    ("apache_merge", [apache("Header merge Access-Control-Allow-Origin *\n" + FORWARD), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("apache_literal", [apache('Header always set Access-Control-Allow-Origin "%%{{HTTP_ORIGIN}}e"\n' + FORWARD), BEHIND % "bare"], with_cause("config_value_malformed", GET, PUT)),
    ("apache_none", [apache("DocumentRoot /usr/share/doc\n<Directory />\nRequire all granted\n</Directory>\n")], ["a GET /apt = actual_redirect_without_cors|cors_not_mounted", "a PUT /apt/ json = cors_not_mounted"]),
    ("lighttpd_origin", [lighttpd('setenv.set-response-header = ("Access-Control-Allow-Origin" => "http://app.two.test:18902")')], ["a GET /items = origin_not_listed", "b GET /items = -"]),
    ("lighttpd_options", [lighttpd('setenv.set-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901")')], ["a GET /items = -", "a GET /items h:x-trace-id = header_not_listed", "a PUT /items json = method_not_listed", "a GET /gone = -"]),
    ("lighttpd_path", [lighttpd('$HTTP["url"] =~ "^/items" {{ setenv.set-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901") }}')], ["a GET /items = -", "a GET /other = cors_not_mounted", "a GET /other h:x-trace-id = cors_not_mounted"]),
    ("lighttpd_proxy", [lighttpd('setenv.add-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901")\nproxy.server = ("" => (("host" => "127.0.0.1", "port" => {port2})))'), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("lighttpd_down", [lighttpd('proxy.server = ("" => (("host" => "127.0.0.1", "port" => 9)))')], ["a GET /items = upstream_down", "a PUT /items json = upstream_down"]),
    ("lighttpd_redirect", [lighttpd('$HTTP["url"] =~ "^/other" {{ url.redirect = ("" => "https://api.one.test${{url.path}}") }}\nsetenv.set-response-header = ("Access-Control-Allow-Origin" => "http://app.one.test:18901")')], ["a PUT /other json = preflight_redirected", "a GET /items = -"]),
    ("varnish_synth", [("varnish", 'vcl 4.1;\nbackend default {{ .host = "127.0.0.1"; .port = "{port2}"; }}\nsub vcl_recv {{ if (req.method == "OPTIONS") {{ return (synth(405)); }} return (pass); }}\n'), BEHIND % "good"], ["a GET /items = -", "a PUT /items json = cors_not_mounted"]),
    ("varnish_strips", [("varnish", 'vcl 4.1;\nbackend default {{ .host = "127.0.0.1"; .port = "{port2}"; }}\nsub vcl_recv {{ unset req.http.Origin; return (pass); }}\n'), BEHIND % "good"], with_cause("origin_not_listed|cors_not_mounted", GET, PUT)),
]
