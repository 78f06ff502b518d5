"""The mistakes that are made on purpose, and what a page then does.

A case is (name, servers, steps). `servers` are commands, the first one listening at {port} and recorded; others listen at
{port2}. A step is "PAGE METHOD /path [options] = cause": PAGE is a (http://app.one.test, same site as the target) or b (another
site); options are `cookie` (credentials: include), `json` (a JSON body), `big` (64 KB), `h:NAME` (a header of the script's own), `wait:S`.
The cause is what CAUSES.md calls the mistake, `-` where the browser is to allow it; `a|b`: either is right.
"""

NODE = "node {here}/server.js {case} {port}"
PYTHON = "{python} {here}/server.py {case} {port}"
BEHIND = "node {here}/server.js express_%s {port2}"
GO = "{work}/server-go {case} {port}"
RUBY = "ruby {here}/server.rb {case} {port}"
JAVA = "java -Xmx128m -cp {jars}:{work}/java Server {case} {port}"
PHP = "env MISTAKE={case} php -S 127.0.0.1:{port} {here}/server.php"

NGINX_HEAD = """daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
map $http_origin $allowed {{ default ""; "http://app.one.test:18901" $http_origin; "http://app.two.test:18902" $http_origin; }}
limit_req_zone $binary_remote_addr zone=z:1m rate=2r/m; proxy_cache_path {dir}/c keys_zone=c:1m;
server {{ listen 127.0.0.1:{port}; %s }} }}
"""
ADD = "add_header Access-Control-Allow-Origin $allowed always; add_header Access-Control-Allow-Methods 'GET, POST, PUT, DELETE' always; add_header Access-Control-Allow-Headers 'Content-Type' always; add_header Vary Origin always;"
PRE = "if ($request_method = OPTIONS) {{ " + ADD + " return 204; }} "
PASS = "proxy_pass http://127.0.0.1:{port2}; "


def nginx(server):
    return ("nginx", NGINX_HEAD % server)


def haproxy(front, back="server s 127.0.0.1:{port2}"):
    return ("haproxy", """defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 2s
frontend f
 bind 127.0.0.1:{port}
 %s
 default_backend b
backend b
 %s
""" % (front, back))


def caddy(body):
    return ("caddy", "{{\n admin off\n auto_https off\n}}\nhttp://:{port} {{\n bind 127.0.0.1\n %s\n}}\n" % body)


def apache(body):
    modules = "mpm_event authn_core authz_core authz_user authn_file auth_basic headers alias dir mime proxy proxy_http rewrite".split()
    load = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
    return ("apache", "ServerName api.one.test\nListen 127.0.0.1:{port}\nPidFile {dir}/pid\nErrorLog {dir}/error.log\nDefaultRuntimeDir {dir}\nDocumentRoot {dir}\n" + load + "TypesConfig /dev/null\n" + body)


ALL = ["a GET /items = {c}", "a PUT /items json = {c}", "a DELETE /items = {c}", "a POST /items json = {c}"]


def varnish(sub):
    return ("varnish", """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port2}"; }}
%s
""" % sub)


def all_are(cause):
    return [step.format(c=cause) for step in ALL]


CASES = [
    ("express_auth_first", [NODE], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors", "a POST /login cookie = -", "a GET /items cookie = -", "a DELETE /items cookie = auth_before_cors", "a GET /other = auth_before_cors"]),
    ("express_after_router", [NODE], ["a POST /items json = cors_after_router", "a PUT /items json = cors_after_router", "a DELETE /items = cors_after_router", "a GET /items = cors_after_router", "a GET /none = -", "a GET /other = cors_after_router"]),
    ("express_star_credentials", [NODE], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("express_slash", [NODE], all_are("config_value_malformed")),
    ("express_methods", [NODE], ["a GET /items = -", "a PUT /items json = method_not_listed", "a DELETE /items = method_not_listed", "a PATCH /items json = method_not_listed", "a POST /items json = -"]),
    ("express_headers", [NODE], ["a GET /items h:authorization = header_not_listed", "a GET /items h:x-requested-with = header_not_listed", "a POST /items json h:x-trace-id = header_not_listed", "a POST /items json = -"]),
    ("express_callback_error", [NODE], ["b GET /items = origin_not_listed", "b PUT /items json = origin_not_listed", "a GET /items = -", "a PUT /items json = -", "b GET /items = origin_not_listed", "b DELETE /items = origin_not_listed"]),
    ("express_callback_false", [NODE], ["a GET /items = -", "a PUT /items json = -", "b GET /items = origin_not_listed", "b PUT /items json = origin_not_listed", "b POST /items = origin_not_listed"]),
    ("express_limiter", [NODE], ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited", "a GET /other = rate_limited"]),
    ("express_other_origin", [NODE], all_are("origin_not_listed")),
    ("express_fixed_origin", [NODE], all_are("origin_not_listed") + ["b GET /items = -"]),
    ("express_one_path", [NODE], ["a GET /items = -", "a PUT /items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("express_crash_first", [NODE], ["a GET /items = -", "a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    ("express_redirect_first", [NODE], ["a GET /old = actual_redirect_without_cors", "a PUT /old json = preflight_redirected", "a GET /items = -"]),
    ("express_no_credentials", [NODE], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("express_drops", [NODE], ["a GET /items = -", "a GET /other = not_http_or_down", "a PUT /other json = not_http_or_down"]),
    ("express_list_value", [NODE], ["a GET /items = config_value_malformed", "b GET /items = config_value_malformed", "a PUT /items json = config_value_malformed"]),
    ("express_twice", [NODE], ["a GET /items = two_layers", "a POST /items = two_layers"]),
    ("fastify_methods", [NODE], ["a GET /items = -", "a PUT /items json = method_not_listed", "a DELETE /items = method_not_listed"]),
    ("fastify_scope", [NODE], ["a GET /items = -", "a PUT /items json = -", "a PUT /other json = cors_not_mounted", "a GET /other = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("fastify_other_scheme", [NODE], all_are("origin_not_listed")),
    ("fastify_star_credentials", [NODE], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("fastify_auth_first", [NODE], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("fastify_headers", [NODE], ["a GET /items h:x-trace-id = header_not_listed", "a POST /items json = -"]),
    ("flask_plain", [PYTHON], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("flask_resources", [PYTHON], ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("flask_other_origin", [PYTHON], ["b GET /items = -", "b PUT /items json = -", "a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed"]),
    ("flask_methods", [PYTHON], ["a GET /items = -", "a PUT /items json = method_not_listed"]),
    ("flask_headers", [PYTHON], ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"]),
    ("flask_after_request_first", [PYTHON], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("flask_after_request_last", [PYTHON], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items json = method_not_listed", "a POST /items json = header_not_listed"]),
    ("flask_login_redirect", [PYTHON], ["a PUT /items json = preflight_redirected", "a DELETE /items = preflight_redirected", "a GET /items = -"]),
    ("flask_slash", [PYTHON], ["a PUT /slash json = preflight_redirected", "a GET /slash = -"]),
    ("flask_propagate", [PYTHON], ["a GET /items = -", "a GET /boom = error_page_without_cors"]),
    ("django_regex", [PYTHON], ["a GET /api/items = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    ("django_other_origin", [PYTHON], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -", "a DELETE /items = origin_not_listed"]),
    ("django_below_common", [PYTHON], ["a GET /slash = actual_redirect_without_cors", "a GET /items h:x-requested-with = -", "a GET /slash h:x-requested-with = actual_redirect_without_cors"]),
    ("django_headers", [PYTHON], ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"]),
    ("django_methods", [PYTHON], ["a GET /items = -", "a PUT /items json = method_not_listed", "a DELETE /items = method_not_listed"]),
    ("django_no_credentials", [PYTHON], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("starlette_other_origin", [PYTHON], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -"]),
    ("starlette_methods", [PYTHON], ["a GET /items = -", "a PUT /items = method_not_listed", "a DELETE /items = method_not_listed"]),
    ("starlette_headers", [PYTHON], ["a GET /items h:x-trace-id = header_not_listed", "a GET /items h:authorization = header_not_listed"]),
    ("starlette_boom", [PYTHON], ["a GET /items = -", "a GET /boom = error_page_without_cors"]),
    ("starlette_auth_outside", [PYTHON], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("starlette_mounted", [PYTHON], ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    ("nginx_not_always", [nginx("location / {{ " + PRE + ADD.replace(" always", "") + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = -", "a GET /denied = error_page_without_cors", "a GET /none = error_page_without_cors", "a GET /broken = error_page_without_cors", "a PUT /none json = error_page_without_cors"]),
    ("nginx_location", [nginx(ADD + " location / {{ " + PRE + PASS + "}} location /other {{ add_header Cache-Control no-store; " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("nginx_if", [nginx(ADD + " location / {{ if ($request_method = OPTIONS) {{ add_header Access-Control-Max-Age 600; return 204; }} " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("nginx_two_layers", [nginx("add_header Access-Control-Allow-Origin $allowed always; location / {{ " + PASS + "}}"), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers", "a POST /items = two_layers"]),
    ("nginx_body_size", [nginx("client_max_body_size 1k; location / {{ " + PASS + "}}"), BEHIND % "good"], ["a POST /items json = -", "a POST /items json big = error_page_without_cors", "a PUT /items json big = error_page_without_cors"]),
    ("nginx_upstream_down", [nginx("location / {{ " + PASS + "}} location /other {{ proxy_pass http://127.0.0.1:9; }}"), BEHIND % "good"], ["a GET /items = -", "a GET /other = upstream_down", "a PUT /other json = upstream_down"]),
    ("nginx_limit", [nginx("location / {{ limit_req zone=z burst=3 nodelay; " + PASS + "}}"), BEHIND % "good"], ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a GET /items = rate_limited"]),
    ("nginx_cache", [nginx("location / {{ proxy_cache c; proxy_cache_key $uri; proxy_cache_valid 200 1m; add_header X-Cache $upstream_cache_status; " + PASS + "}}"), BEHIND % "reflects"], ["b GET /items = -", "a GET /items = cached_for_other_origin", "a GET /other = -", "b GET /other = cached_for_other_origin", "a GET /items = cached_for_other_origin"]),
    ("nginx_auth", [nginx("location / {{ auth_basic x; auth_basic_user_file /dev/null; " + PASS + "}}"), BEHIND % "good"], ["a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("nginx_redirect", [nginx("location / {{ " + PASS + "}} location = /other {{ return 301 https://$host$request_uri; }}"), BEHIND % "good"], ["a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors", "a GET /items = -"]),
    ("haproxy_auth", [haproxy("http-request auth unless { req.cook(session) -m found }".replace("{", "{{").replace("}", "}}")), BEHIND % "good"], ["a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("haproxy_twice", [haproxy("http-response add-header Access-Control-Allow-Origin http://app.one.test:18901"), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("haproxy_https", [haproxy("http-request redirect scheme https if { path /other }".replace("{", "{{").replace("}", "}}")), BEHIND % "good"], ["a PUT /other json = preflight_redirected", "a GET /items = -"]),
    ("haproxy_down", [haproxy("", "server s 127.0.0.1:9")], ["a GET /items = upstream_down", "a PUT /items json = upstream_down"]),
    ("caddy_auth", [caddy("basic_auth {{\n  x $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n }}\n reverse_proxy 127.0.0.1:{port2}".replace("basic_auth", "basicauth")), BEHIND % "good"], ["a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("caddy_twice", [caddy("header Access-Control-Allow-Origin http://app.one.test:18901\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("caddy_down", [caddy("reverse_proxy 127.0.0.1:9")], ["a GET /items = upstream_down", "a PUT /items json = upstream_down"]),
    # not looked at while the rules were written
    ("koa_auth_first", [NODE], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("koa_after_router", [NODE], ["a PUT /items json = cors_after_router", "a GET /items = cors_after_router", "a GET /other = cors_after_router"]),
    ("koa_other_origin", [NODE], ["a GET /items = -", "b GET /items = origin_not_listed", "b PUT /items json = origin_not_listed", "b GET /other = origin_not_listed"]),
    ("koa_one_path", [NODE], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("koa_methods", [NODE], ["a GET /items = -", "a DELETE /items = method_not_listed"]),
    ("hapi_other_origin", [NODE], ["b GET /items = -", "b PUT /items json = -", "a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed"]),
    ("hapi_one_path", [NODE], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("hapi_no_credentials", [NODE], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("hapi_auth_first", [NODE], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("hapi_headers", [NODE], ["a GET /items h:x-trace-id = header_not_listed", "a POST /items json = -"]),
    ("hono_auth_first", [NODE], ["a PUT /items json = auth_before_cors", "a GET /items = auth_before_cors"]),
    ("hono_one_path", [NODE], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("hono_other_origin", [NODE], ["a GET /items = -", "b GET /items = origin_not_listed", "b PUT /items json = origin_not_listed"]),
    ("hono_fixed_origin", [NODE], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed"]),
    ("hono_headers", [NODE], ["a GET /items h:x-trace-id = header_not_listed"]),
    ("hono_star_credentials", [NODE], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard"]),
    ("node_gets_only", [NODE], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("node_errors_bare", [NODE], ["a PUT /items json = -", "a PUT /other json = error_page_without_cors", "a GET /other = error_page_without_cors"]),
    ("node_options_only", [NODE], ["a PUT /items json = cors_after_router", "a GET /items = cors_after_router"]),
    ("node_true_word", [NODE], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("node_list_semicolons", [NODE], ["a PUT /items json = config_value_malformed", "a DELETE /items = config_value_malformed"]),
    ("node_pattern", [NODE], ["a GET /items = config_value_malformed", "a PUT /items json = config_value_malformed"]),
    ("node_blocked_by_waf", [NODE], ["a GET /items = -", "a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("node_options_limited", [NODE], ["a GET /items = -", "a PUT /items json = rate_limited"]),
    ("varnish_cache", [varnish("sub vcl_recv {{ unset req.http.Cache-Control; unset req.http.Pragma; return (hash); }} sub vcl_hash {{ hash_data(regsub(req.url, \"[?].*\", \"\")); return (lookup); }}"), BEHIND % "reflects"], ["b GET /items = -", "a GET /items = cached_for_other_origin", "a GET /other = -", "b GET /other = cached_for_other_origin"]),
    ("varnish_down", [varnish("sub vcl_recv {{ return (pass); }}")], ["a GET /items = upstream_down", "a PUT /items json = upstream_down"]),
    # stacks of Debian's packages
    ("rack_auth", [RUBY], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("rack_methods", [RUBY], ["a GET /items = -", "a PUT /items json = method_not_listed", "a DELETE /items = method_not_listed", "a POST /items json = -"]),
    ("rack_methods_webrick", [RUBY], ["a POST /items json = -", "a PATCH /items json = method_not_listed", "a GET /items = -", "a DELETE /items = method_not_listed"]),
    ("rack_headers", [RUBY], ["a POST /items json = -", "a POST /items json h:x-trace-id = header_not_listed", "a GET /items h:authorization = header_not_listed"]),
    ("rack_origin", [RUBY], ["b GET /items = -", "b PUT /items json = -", "a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "a DELETE /items = origin_not_listed"]),
    ("rack_slash", [RUBY], ["a GET /items = origin_not_listed|config_value_malformed", "a PUT /items json = origin_not_listed|config_value_malformed"]),
    ("rack_path", [RUBY], ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("rack_star", [RUBY], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("rack_credentials", [RUBY], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("rack_limiter", [RUBY], ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited"]),
    ("rack_login", [RUBY], ["a GET /items = -", "a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors"]),
    ("rack_crash", [RUBY], ["a GET /items = -", "a GET /other = error_page_without_cors"]),
    ("rack_broken", [RUBY], ["a GET /items = -", "a GET /broken = -"]),
    ("rack_inside", [RUBY], ["a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    ("spring_auth", [JAVA], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("spring_forbidden", [JAVA], ["a PUT /items json = auth_before_cors", "a GET /items = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("spring_methods", [JAVA], ["a GET /items = -", "a PUT /items json = method_not_listed|origin_or_method_not_listed", "a DELETE /items = method_not_listed|origin_or_method_not_listed", "a POST /items json = -"]),
    ("spring_headers", [JAVA], ["a GET /items = -", "a POST /items json = -", "a POST /items h:x-trace-id = header_not_listed", "a GET /items h:authorization = header_not_listed", "a POST /items json h:x-trace-id = header_not_listed"]),
    ("spring_origin", [JAVA], ["a GET /items = origin_not_listed|origin_or_method_not_listed", "a PUT /items json = origin_not_listed|origin_or_method_not_listed", "b GET /items = -", "a GET /items = origin_not_listed|origin_or_method_not_listed"]),
    ("spring_slash", [JAVA], ["a GET /items = origin_not_listed|config_value_malformed|origin_or_method_not_listed"]),
    ("spring_path", [JAVA], ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted", "a DELETE /other = cors_not_mounted"]),
    ("spring_star", [JAVA], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("spring_credentials", [JAVA], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("spring_crash", [JAVA], ["a GET /items = -", "a GET /other = error_page_without_cors", "a PUT /other json = error_page_without_cors"]),
    ("spring_filter", [JAVA], ["a GET /items = -", "a PUT /items json = -", "a GET /broken = -"]),
    ("go_methods", [GO], ["a PUT /items json = method_not_listed|origin_or_method_not_listed", "a GET /items = -", "a POST /items json = -", "a DELETE /items = method_not_listed"]),
    ("go_headers", [GO], ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed", "a POST /items json h:authorization = header_not_listed"]),
    ("go_origin", [GO], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -", "a DELETE /items = origin_not_listed"]),
    ("go_slash", [GO], ["a GET /items = origin_not_listed|config_value_malformed", "a PUT /items json = origin_not_listed|config_value_malformed"]),
    ("go_auth", [GO], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("go_path", [GO], ["a GET /items = -", "a PUT /items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("go_twice", [GO], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("go_star", [GO], ["a GET /items = -", "a GET /items cookie = credentials_with_wildcard", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("go_credentials", [GO], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed", "a GET /items = -"]),
    ("go_redirect", [GO], ["a GET /items = -", "a PUT /dir json = preflight_redirected", "a GET /dir = actual_redirect_without_cors"]),
    ("go_panic", [GO], ["a GET /items = -", "a GET /panic = not_http_or_down", "a GET /broken = -"]),
    ("go_errors", [GO], ["a GET /items = -", "a GET /panic = error_page_without_cors", "a PUT /panic json = error_page_without_cors"]),
    ("gin_origin", [GO], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -", "b PUT /items json = -", "a GET /items = origin_not_listed", "a DELETE /items = origin_not_listed"]),
    ("gin_methods", [GO], ["a GET /items = -", "a PUT /items json = method_not_listed"]),
    ("gin_headers", [GO], ["a GET /items h:x-trace-id = header_not_listed", "a POST /items json = -"]),
    ("gin_credentials", [GO], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("gin_auth", [GO], ["a GET /items = auth_before_cors", "a PUT /items json = auth_before_cors"]),
    ("gin_order", [GO], ["a PUT /items json = cors_after_router", "a GET /items = cors_after_router", "a DELETE /other = cors_after_router"]),
    ("gin_path", [GO], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("gorilla_origin", [GO], ["b GET /items = -", "a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b PUT /items json = -", "a DELETE /items = origin_not_listed"]),
    ("gorilla_methods", [GO], ["a GET /items = -", "a PUT /items json = method_not_listed", "a POST /items json = -", "a DELETE /items = method_not_listed"]),
    ("gorilla_headers", [GO], ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed", "a POST /items json h:x-trace-id = header_not_listed"]),
    ("php_login", [PHP], ["a GET /items = -", "a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors"]),
    ("php_fatal", [PHP], ["a GET /items = -", "a PUT /items json = -", "a GET /other = error_page_without_cors", "a PUT /other json = error_page_without_cors"]),
    ("php_options", [PHP], ["a PUT /items json = cors_after_router", "a GET /items = cors_after_router"]),
    ("php_gets", [PHP], ["a GET /items = -", "a PUT /items json = cors_not_mounted"]),
    ("php_forgets", [PHP], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted"]),
    ("php_auth", [PHP], ["a PUT /items json = auth_before_cors", "a GET /items = auth_before_cors"]),
    ("php_origin", [PHP], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -"]),
    ("php_null", [PHP], ["a GET /items = config_value_malformed", "a PUT /items json = config_value_malformed"]),
    ("php_twice", [PHP], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("aiohttp_origin", [PYTHON], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -", "a DELETE /items = origin_not_listed"]),
    ("aiohttp_methods", [PYTHON], ["a GET /items = -", "a PUT /items json = -"]),
    ("aiohttp_headers", [PYTHON], ["a POST /items json = -", "a GET /items h:x-trace-id = header_not_listed"]),
    ("aiohttp_path", [PYTHON], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("aiohttp_auth", [PYTHON], ["a GET /items = -", "a PUT /items json = auth_before_cors"]),
    ("aiohttp_credentials", [PYTHON], ["a GET /items cookie = credentials_not_allowed", "a GET /items = -"]),
    ("falcon_origin", [PYTHON], ["a GET /items = origin_not_listed", "a PUT /items json = origin_not_listed", "b GET /items = -"]),
    ("falcon_auth", [PYTHON], ["a PUT /items json = auth_before_cors", "a GET /items = -"]),
    ("falcon_credentials", [PYTHON], ["a GET /items cookie = credentials_not_allowed", "a PUT /items cookie json = credentials_not_allowed"]),
    ("apache_not_always", [apache("Header set Access-Control-Allow-Origin http://app.one.test:18901\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "bare"], ["a GET /items = -", "a GET /broken = -", "a GET /none = -", "a GET /denied = -"]),
    ("apache_auth", [apache("<Location />\nAuthType Basic\nAuthName x\nAuthUserFile /dev/null\nRequire valid-user\n</Location>\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "good"], ["a PUT /items json = auth_before_cors", "a DELETE /items = auth_before_cors"]),
    ("apache_twice", [apache("Header add Access-Control-Allow-Origin http://app.one.test:18901\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "good"], ["a GET /items = two_layers", "a PUT /items json = two_layers"]),
    ("apache_location", [apache("<Location /items>\nHeader always set Access-Control-Allow-Origin http://app.one.test:18901\nHeader always set Access-Control-Allow-Methods PUT,DELETE\nHeader always set Access-Control-Allow-Headers content-type\n</Location>\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("apache_down", [apache("ProxyPass /other http://127.0.0.1:9/\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "good"], ["a GET /items = -", "a GET /other = upstream_down", "a PUT /other json = upstream_down"]),
    ("apache_redirect", [apache("RewriteEngine on\nRewriteRule ^/other https://%{{HTTP_HOST}}/other [R=301]\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "good"], ["a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors", "a GET /items = -"]),
    ("apache_static", [apache("Alias /items /etc/hostname\n<Directory />\nRequire all granted\n</Directory>\nHeader set Access-Control-Allow-Origin http://app.one.test:18901\n")], ["a GET /items = -", "a GET /none = error_page_without_cors"]),
]
