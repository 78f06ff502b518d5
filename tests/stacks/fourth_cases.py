"""The fourth set: stacks, and mistakes with them, that none of the first three has; judged before any rule had seen it. Form and words: see cases.py."""

from kit import BEHIND, envoy, traefik
from more_cases import AUTH, CREDENTIALS, GET, GOOD, HEADERS_FIRST, METHODS_FIRST, NONE, ORIGIN, OTHER_GOOD, PATH, POST, PUT, DELETE, SLASH, STAR, origin, simple, with_cause

NODE = "node {here}/fourth.js {case} {port}"
PYTHON = "{python} {here}/fourth.py {case} {port}"
RUST = "{work}/rust/debug/stacks-server {case} {port}"
GO = "{work}/server-fourth {case} {port}"
RUBY = "ruby {here}/rails.rb {case} {port}"
PHP = "env MISTAKE={case} php -S 127.0.0.1:{port} {here}/fourth.php"
PERL = "perl {here}/fourth.pl {case} {port}"
JAVA = "java -Xmx128m -cp {netty}:{work}/java3 Netty {case} {port}"
NEXT = "env MISTAKE={case} NEXT_TELEMETRY_DISABLED=1 node {work}/node_modules/next/dist/bin/next start {work}/next -H 127.0.0.1 -p {port}"

AFTER = with_cause("cors_after_router", PUT, DELETE, GET)
NO_OPTIONS = ["a GET /items = -"] + with_cause("cors_not_mounted", PUT, DELETE)
BOOM_BARE = ["a GET /items = -", "a GET /boom = error_page_without_cors"]
BOOM_FINE = ["a GET /items = -", "a GET /boom = -"]
HEADERS_SHORT = with_cause("header_not_listed", PUT) + ["a GET /items = -"] + with_cause("header_not_listed", POST)
MALFORMED = with_cause("config_value_malformed", GET, PUT)
DOWN = "error_page_without_cors|upstream_down|rate_limited"
API_ITEMS = ["a GET /api/items = %s", "a PUT /api/items json = %s", "a DELETE /api/items = %s"]

ROUTER = """    r:
      rule: %s
      service: s
      middlewares: [%s]"""
CORS = """    cors:
      headers:
        accessControlAllowOriginList: [%s]
        accessControlAllowMethods: [%s]
        accessControlAllowHeaders: [%s]
        accessControlAllowCredentials: %s
        addVaryHeader: %s
"""
ALL = "GET, POST, PUT, DELETE"
AB = "http://app.one.test:18901, http://app.two.test:18902"
B = "http://app.two.test:18902"


def traefik_cors(origins=AB, methods=ALL, headers="content-type", credentials="true", vary="true", chain="cors", rule="PathPrefix(`/`)", more="", port="{port2}"):
    return [traefik(ROUTER % (rule, chain), CORS % (origins, methods, headers, credentials, vary) + more, port), BEHIND % "bare"]


def envoy_policy(origins=(AB.split(", ")), methods="GET, POST, PUT, DELETE", headers="content-type", credentials="true"):
    exact = "".join("                  - exact: %s\n" % o for o in origins)
    return """              typed_per_filter_config:
                envoy.filters.http.cors:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
                  allow_origin_string_match:
%s                  allow_methods: "%s"
                  allow_headers: "%s"
                  allow_credentials: %s
""" % (exact, methods, headers, credentials)


ROUTES = """              routes:
              - match: {{prefix: /gone}}
                direct_response: {{status: 404}}
              - match: {{prefix: /moved}}
                redirect: {{https_redirect: true}}
              - match: {{prefix: /}}
                route: {{cluster: c}}
"""
CORS_FILTER = ("envoy.filters.http.cors", '              "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors\n')
RBAC = ("envoy.filters.http.rbac", """              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: ALLOW
                policies:
                  p:
                    permissions: [{{any: true}}]
                    principals: [{{header: {{name: authorization, present_match: true}}}}]
""")
LIMIT = ("envoy.filters.http.local_ratelimit", """              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: l
              token_bucket: {{max_tokens: 3, tokens_per_fill: 1, fill_interval: 600s}}
              filter_enabled: {{default_value: {{numerator: 100, denominator: HUNDRED}}}}
              filter_enforced: {{default_value: {{numerator: 100, denominator: HUNDRED}}}}
""")
LIMITED = ["a GET /items = -", "a GET /items = -", "a GET /items = -", "a GET /items = rate_limited", "a PUT /items json = rate_limited"]

CASES = [
    *simple(NODE, "sails", "origin methods headers credentials star auth none", headers=HEADERS_SHORT, methods=METHODS_FIRST),
    ("sails_default", [NODE], GOOD + ["a GET /boom = -", "a GET /denied = -"]),
    ("sails_routes", [NODE], ["a GET /items = -", "a PUT /items json = cors_not_mounted|cors_after_router", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("sails_maintenance", [NODE], ["a GET /items = -", "a GET /other = " + DOWN, "a PUT /other json = " + DOWN]),
    *simple(NODE, "tiny", "origin fixed slash methods headers credentials star auth path none", fixed=origin(), slash=with_cause(SLASH, GET, PUT), headers=HEADERS_FIRST),
    ("tiny_late", [NODE], AFTER),
    ("tiny_get", [NODE], NO_OPTIONS),
    ("tiny_boom", [NODE], BOOM_FINE),
    ("jsonserver_off", [NODE], NONE),
    ("jsonserver_token", [NODE], AUTH),
    ("jsonserver_delay", [NODE], ["a GET /items = -", "a GET /other = error_page_without_cors", "a PUT /other json = error_page_without_cors|cors_not_mounted"]),
    ("wds_star", [NODE], ["a GET / = -", "a GET / cookie = credentials_with_wildcard", "a PUT / json = method_not_listed", "a POST / json = header_not_listed"]),
    ("wds_fixed", [NODE], ["a GET / = origin_not_listed", "a GET / h:x-trace-id = origin_not_listed", "b GET / = -"]),
    ("wds_lists", [NODE], ["a GET / = -", "a GET / h:x-trace-id = header_not_listed", "a PUT / json = method_not_listed"]),
    ("wds_none", [NODE], ["a GET / = cors_not_mounted", "a PUT / json = cors_not_mounted"]),
    ("functions_guide", [NODE], with_cause("method_not_listed", PUT, DELETE) + ["a GET /items = -", "a POST /items json = -"]),
    ("functions_all", [NODE], ["a GET /items = -", "a PUT /items json = -", "a GET /items cookie = credentials_with_wildcard", "a GET /items h:authorization = header_not_listed"]),
    ("functions_origin", [NODE], origin()),
    ("functions_credentials", [NODE], CREDENTIALS),
    ("functions_auth", [NODE], with_cause("auth_before_cors", PUT, DELETE, GET)),
    ("functions_only", [NODE], with_cause("cors_after_router", PUT, GET)),
    ("functions_boom", [NODE], BOOM_FINE),
    ("gateway_none", [NODE, BEHIND % "bare"], NONE),
    ("gateway_options", [NODE, BEHIND % "good"], GOOD),
    ("gateway_origin", [NODE, BEHIND % "bare"], origin()),
    ("gateway_down", [NODE], ["a GET /items = -", "a PUT /items json = -"]),
    ("gateway_after", [NODE, BEHIND % "bare"], ["a GET /items = -", "a GET /other = " + DOWN, "a PUT /other json = " + DOWN]),
    ("own4_suffix", [NODE], with_cause(ORIGIN, PUT, GET) + OTHER_GOOD + with_cause(ORIGIN, DELETE)),
    ("own4_referer", [NODE], with_cause(ORIGIN, PUT, GET) + ["b GET /items = -"] + with_cause(ORIGIN, PUT, GET)),
    ("own4_csrf", [NODE], ["a GET /items = -"] + with_cause("auth_before_cors", PUT, DELETE)),
    ("own4_apikey", [NODE], AUTH),
    ("own4_method", [NODE], NO_OPTIONS),
    ("own4_crash", [NODE], ["a GET /items = -", "a PUT /items json = error_page_without_cors", "a POST /items = error_page_without_cors"]),
    ("own4_quota", [NODE], ["a GET /items = -", "a GET /other = rate_limited", "a PUT /other json = rate_limited"]),
    ("own4_validation", [NODE], ["a GET /other = error_page_without_cors|cors_not_mounted", "a PUT /other json = error_page_without_cors", "a GET /items = -"]),
    ("own4_body", [NODE], NO_OPTIONS),
    ("own4_wildheader", [NODE], MALFORMED),
    ("own4_http", [NODE], MALFORMED),
    ("own4_host", [NODE], with_cause("origin_not_listed|config_value_malformed", GET, PUT)),
    ("own4_moved", [NODE], ["a PUT /items json = preflight_redirected", "a GET /items = -"]),
    ("own4_joined", [NODE], MALFORMED),
    *[(f"next_{own}", [NEXT], with_cause(cause, *API_ITEMS)) for own, cause in [("none", "cors_not_mounted"), ("guard", "auth_before_cors")]],
    ("next_origin", [NEXT], with_cause(ORIGIN, *API_ITEMS) + ["b GET /api/items = -", "b PUT /api/items json = -"]),
    ("next_methods", [NEXT], ["a PUT /api/items json = method_not_listed", "a GET /api/items = -", "a DELETE /api/items = method_not_listed"]),
    ("next_headers", [NEXT], ["a POST /api/items json = header_not_listed", "a GET /api/items = -", "a GET /api/items h:x-trace-id = header_not_listed"]),
    ("next_good", [NEXT], ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /api/items cookie = credentials_not_allowed", "a GET /api/other = cors_not_mounted", "a PUT /api/other json = cors_not_mounted", "a PUT /api/items/ json = preflight_redirected"]),
    ("next_handler", [NEXT], ["a GET /api/items = -", "a PUT /api/items json = cors_not_mounted", "a DELETE /api/items = cors_not_mounted"]),
    ("next_login", [NEXT], ["a PUT /api/items json = preflight_redirected", "a GET /api/items = actual_redirect_without_cors", "a DELETE /api/items = preflight_redirected"]),
    ("next_boom", [NEXT], ["a GET /api/items = -", "a PUT /api/items json = -"]),
    *simple(PYTHON, "connexion", "origin none"),
    ("connexion_crash", [PYTHON], ["a GET /items = -", "a PUT /items json = -"]),
    ("connexion_inner", [PYTHON], NO_OPTIONS),
    ("connexion_invalid", [PYTHON], ["a GET /items = -", "a POST /items = error_page_without_cors", "a PUT /items json = cors_not_mounted"]),
    *simple(PYTHON, "middlewares", "origin methods headers credentials path auth none", headers=HEADERS_FIRST),
    ("middlewares_boom", [PYTHON], BOOM_BARE),
    ("middlewares_handled", [PYTHON], BOOM_FINE),
    *simple(PYTHON, "wsgicors", "origin methods headers credentials star auth none", headers=HEADERS_FIRST, methods=METHODS_FIRST),
    ("wsgicors_boom", [PYTHON], BOOM_FINE),
    ("datasette_star", [PYTHON], ["a GET /-/versions.json = -", "a GET /-/versions.json cookie = credentials_with_wildcard", "a PUT /-/versions.json json = cors_not_mounted", "a POST /-/versions.json json = cors_not_mounted"]),
    ("datasette_none", [PYTHON], ["a GET /-/versions.json = cors_not_mounted", "a POST /-/versions.json json = cors_not_mounted"]),
    ("jupyter_default", [PYTHON], ["a GET /api/contents = origin_not_listed|cors_not_mounted", "a POST /api/contents json = origin_not_listed|cors_not_mounted"]),
    ("jupyter_origin", [PYTHON], ["a POST /api/contents json = origin_not_listed", "a GET /api/contents = origin_not_listed", "b GET /api/contents = -"]),
    ("jupyter_star", [PYTHON], ["a GET /api/contents = -", "a GET /api/contents cookie = credentials_with_wildcard"]),
    ("jupyter_headers", [PYTHON], ["a GET /api/contents = -", "a GET /api/contents h:x-trace-id = header_not_listed"]),
    ("jupyter_token", [PYTHON], ["a GET /api/contents = auth_before_cors|error_page_without_cors"]),
    *simple(PYTHON, "apiflask", "origin headers credentials", headers=["a GET /items = -", "a GET /items h:x-trace-id = header_not_listed", "a POST /items json = header_not_listed"]),
    ("apiflask_before", [PYTHON], ["a GET /items = -"] + with_cause("auth_before_cors", PUT, DELETE)),
    ("apiflask_denied", [PYTHON], ["a GET /denied = -", "a PUT /denied json = -"]),
    ("restx_none", [PYTHON], NONE),
    ("restx_method", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a POST /items = cors_not_mounted"]),
    ("restx_decorators", [PYTHON], ["a PUT /items json = cors_not_mounted", "a GET /items = -"]),
    ("restx_options", [PYTHON], with_cause("cors_after_router|cors_not_mounted", PUT, GET)),
    *simple(RUST, "salvo", "origin fixed slash methods headers credentials star auth path none", fixed=origin(), slash=with_cause(SLASH, GET, PUT), methods=METHODS_FIRST, headers=HEADERS_FIRST),
    ("salvo_router", [RUST], NO_OPTIONS),
    ("salvo_boom", [RUST], BOOM_FINE),
    *simple(RUST, "poem", "origin slash methods headers credentials auth path none", slash=with_cause(SLASH, GET, PUT), methods=METHODS_FIRST, headers=HEADERS_FIRST),
    ("poem_boom", [RUST], BOOM_FINE),
    *simple(RUBY, "rails", "origin methods headers credentials star auth none", headers=["a GET /items = -", "a GET /items h:x-trace-id = header_not_listed", "a PUT /items json h:x-trace-id = header_not_listed"]),
    ("rails_path", [RUBY], ["a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted", "a GET /api/items = -", "a DELETE /items = cors_not_mounted"]),
    ("rails_last", [RUBY], ["a GET /items = -", "a PUT /items json = -", "a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    ("rails_denied", [RUBY], ["a GET /denied = -", "a GET /boom = -"]),
    ("slim_origin", [PHP], with_cause("origin_not_listed|config_value_malformed", GET, PUT)),
    ("slim_two", [PHP], origin()),
    ("slim_slash", [PHP], MALFORMED),
    ("slim_lazy", [PHP], GOOD + ["a DELETE /items = -"]),
    ("slim_headers", [PHP], with_cause("header_not_listed", POST) + ["a GET /items = -"]),
    ("slim_simple", [PHP], with_cause("method_not_listed", PUT, DELETE) + ["a POST /items json = -"]),
    ("slim_methods", [PHP], METHODS_FIRST),
    ("slim_route", [PHP], ["a GET /items = -"] + with_cause("cors_not_mounted", PUT, "a GET /other = %s")),
    ("slim_token", [PHP], AUTH),
    ("slim_none", [PHP], NONE),
    ("slim_boom", [PHP], BOOM_BARE),
    ("symfony_origin", [PHP], origin()),
    ("symfony_response", [PHP], NO_OPTIONS),
    ("symfony_firewall", [PHP], ["a GET /items = -"] + with_cause("auth_before_cors", PUT, DELETE)),
    ("symfony_path", [PHP], ["a PUT /items json = cors_not_mounted", "a GET /api/items = -", "a GET /items = cors_not_mounted"]),
    ("symfony_credentials", [PHP], ["a GET /items = -", "a GET /items cookie = credentials_not_allowed", "a PUT /items json = method_not_listed", "a POST /items json = header_not_listed"]),
    ("symfony_uncaught", [PHP], ["a GET /items = -", "a GET /boom = error_page_without_cors", "a GET /gone = error_page_without_cors|cors_not_mounted"]),
    ("symfony_none", [PHP], NONE),
    ("dancer_before", [PERL], NO_OPTIONS),
    ("dancer_after", [PERL], NO_OPTIONS),
    ("dancer_options", [PERL], GOOD + ["a GET /boom = error_page_without_cors", "a GET /gone = error_page_without_cors"]),
    ("dancer_headers", [PERL], with_cause("header_not_listed", PUT) + ["a DELETE /items = -"]),
    ("dancer_login", [PERL], AUTH),
    ("dancer_origin", [PERL], origin()),
    ("dancer_none", [PERL], NONE),
    *simple(JAVA, "netty", "origin short methods headers credentials star auth none", short=origin(), headers=HEADERS_FIRST, methods=METHODS_FIRST),
    ("netty_boom", [JAVA], BOOM_FINE),
    *simple(GO, "restful", "origin methods headers credentials auth none", headers=HEADERS_FIRST),
    ("restful_options", [GO], ["a GET /items = cors_not_mounted", "a PUT /items json = cors_after_router|cors_not_mounted"]),
    ("restful_service", [GO], NO_OPTIONS + ["a GET /other = cors_not_mounted"]),
    *simple(GO, "mux", "auth none methods"),
    ("mux_forgot", [GO], NO_OPTIONS),
    ("mux_headers", [GO], with_cause("header_not_listed", POST, PUT) + ["a DELETE /items = -", "a GET /items = -"]),
    ("mux_subrouter", [GO], ["a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted", "a PUT /api/items json = method_not_listed", "a DELETE /items = cors_not_mounted"]),
    ("traefik_origin", traefik_cors(origins=B), origin()),
    ("traefik_methods", traefik_cors(methods="GET, POST"), METHODS_FIRST),
    ("traefik_headers", traefik_cors(headers="accept"), HEADERS_FIRST),
    ("traefik_credentials", traefik_cors(credentials="false"), CREDENTIALS),
    ("traefik_star", traefik_cors(origins='"*"', credentials="false"), STAR),
    ("traefik_slash", traefik_cors(origins="http://app.one.test:18901/"), with_cause(SLASH, GET, PUT)),
    ("traefik_auth", traefik_cors(chain="auth, cors", more='    auth:\n      basicAuth:\n        users: ["x:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"]\n'), with_cause("auth_before_cors", PUT, DELETE)),
    ("traefik_limit", traefik_cors(chain="limit, cors", more="    limit:\n      rateLimit:\n        average: 1\n        period: 1m\n        burst: 3\n"), LIMITED),
    ("traefik_path", traefik_cors(rule="PathPrefix(`/items`)"), ["a GET /items = -", "a GET /other = cors_not_mounted|error_page_without_cors", "a PUT /other json = cors_not_mounted"]),
    ("traefik_down", [traefik_cors(port="9")[0]], ["a GET /items = -", "a PUT /items json = -"]),
    ("traefik_none", [traefik(ROUTER % ("PathPrefix(`/`)", "strip"), "    strip:\n      stripPrefix:\n        prefixes: [/v1]\n"), BEHIND % "bare"], NONE),
    ("traefik_https", traefik_cors(chain="https, cors", more="    https:\n      redirectScheme:\n        scheme: https\n"), ["a PUT /items json = preflight_redirected", "a GET /items = actual_redirect_without_cors"]),
    ("envoy_origin", [envoy([CORS_FILTER], envoy_policy(origins=[B]) + ROUTES), BEHIND % "bare"], origin()),
    ("envoy_methods", [envoy([CORS_FILTER], envoy_policy(methods="GET, POST") + ROUTES), BEHIND % "bare"], METHODS_FIRST),
    ("envoy_headers", [envoy([CORS_FILTER], envoy_policy(headers="accept") + ROUTES), BEHIND % "bare"], HEADERS_FIRST),
    ("envoy_credentials", [envoy([CORS_FILTER], envoy_policy(credentials="false") + ROUTES), BEHIND % "bare"], CREDENTIALS),
    ("envoy_none", [envoy([], ROUTES), BEHIND % "bare"], NONE),
    ("envoy_rbac", [envoy([RBAC, CORS_FILTER], envoy_policy() + ROUTES), BEHIND % "bare"], with_cause("auth_before_cors", GET, PUT, DELETE)),
    ("envoy_rbac_after", [envoy([CORS_FILTER, RBAC], envoy_policy() + ROUTES), BEHIND % "bare"], ["a GET /items = -", "a PUT /items json = -"]),
    ("envoy_limit", [envoy([LIMIT, CORS_FILTER], envoy_policy() + ROUTES), BEHIND % "bare"], LIMITED),
    ("envoy_down", [envoy([], ROUTES, "9")], ["a GET /items = upstream_down", "a PUT /items json = upstream_down"]),
    ("envoy_twice", [envoy([CORS_FILTER], envoy_policy() + ROUTES), BEHIND % "good"], ["a GET /items = -", "a PUT /items json = -"]),
    ("envoy_gone", [envoy([CORS_FILTER], envoy_policy() + ROUTES), BEHIND % "bare"], ["a GET /items = -", "a GET /gone = error_page_without_cors", "a PUT /moved json = preflight_redirected"]),
]
