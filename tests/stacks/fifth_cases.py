"""The fifth set: recorded after the rules had learned from the fourth, to see how they do where nothing was learned. See cases.py."""

from kit import BEHIND
from more_cases import API, AUTH, GET, GOOD, HEADERS_FIRST, METHODS_FIRST, NONE, ORIGIN, OTHER_GOOD, PUT, POST, DELETE, SLASH, origin, simple, with_cause
from fourth_cases import BOOM_BARE, BOOM_FINE, NO_OPTIONS

NODE = "node {here}/fifth.mjs {case} {port}"
DENO = "{work}/node_modules/.bin/deno run -A {here}/fifth.mjs {case} {port}"
PYTHON = "{python} {here}/fifth.py {case} {port}"
GO = "{work}/server-fourth {case} {port}"
RUBY = "ruby {here}/rails.rb {case} {port}"
PHP = "env MISTAKE={case} php -S 127.0.0.1:{port} {here}/fourth.php"
PERL = "perl {here}/fourth.pl {case} {port}"


def h2o(paths):
    return ("h2o", "num-threads: 1\nlisten:\n  host: 127.0.0.1\n  port: {port}\nhosts:\n  default:\n    paths:\n" + paths)


def registry(headers):
    return ("registry", "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {dir}/r}}\nhttp:\n  addr: 127.0.0.1:{port}\n" + headers)


PROXY = "        proxy.reverse.url: http://127.0.0.1:{port2}/\n"
SET = "        header.set: \"Access-Control-Allow-Origin: %s\"\n"
LISTS = "        header.set: \"Access-Control-Allow-Methods: GET, PUT\"\n        header.set: \"Access-Control-Allow-Headers: content-type\"\n"

CASES = [
    *simple(NODE, "moleculer", "origin slash methods headers credentials auth limiter none", slash=GOOD, methods=METHODS_FIRST, headers=HEADERS_FIRST, auth=GOOD + ["a DELETE /items = -"], limiter=["a GET /items = -"] * 4 + ["a PUT /items json = -"]),
    ("moleculer_route", [NODE], GOOD + ["a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("moleculer_boom", [NODE], BOOM_FINE),
    ("deno_list", [DENO], with_cause(ORIGIN, PUT, GET) + OTHER_GOOD + with_cause(ORIGIN, DELETE)),
    ("deno_forgot", [DENO], with_cause("cors_after_router", PUT, DELETE)),
    ("deno_error", [DENO], BOOM_BARE + ["a PUT /boom json = error_page_without_cors"]),
    ("deno_throws", [DENO], ["a PUT /boom json = error_page_without_cors", "a GET /boom = error_page_without_cors"]),
    ("deno_jwt", [DENO], with_cause("auth_before_cors", PUT, DELETE)),
    ("deno_says", [DENO], with_cause(ORIGIN, GET, PUT)),
    ("deno_options", [DENO], NO_OPTIONS),
    ("deno_star", [DENO], ["a GET /items = -", "a PUT /items cookie json = credentials_with_wildcard"]),
    *simple(PYTHON, "falconcors", "origin methods headers credentials auth none", headers=HEADERS_FIRST),
    *simple(PYTHON, "responder", "origin methods none", methods=["a GET /items = -"] + with_cause("method_not_listed", PUT, DELETE)),
    *simple(GO, "httprouter", "guide", guide=["a GET /items = -"] + with_cause("header_not_listed", PUT, POST)),
    ("httprouter_global", [GO], with_cause("cors_after_router", PUT, DELETE)),
    ("httprouter_handle", [GO], NO_OPTIONS),
    ("httprouter_slash", [GO], ["a GET /dir = actual_redirect_without_cors", "a DELETE /dir = cors_not_mounted"]),
    ("httprouter_panic", [GO], BOOM_BARE),
    *simple(PHP, "lumen", "origin headers auth none", headers=HEADERS_FIRST),
    ("lumen_options", [PHP], NO_OPTIONS),
    ("lumen_route", [PHP], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    ("lumen_boom", [PHP], BOOM_FINE),
    ("cat_origin", [PERL], origin()),
    ("cat_lists", [PERL], ["a GET /items = -", "a PUT /items json = method_not_listed", "a POST /items json = header_not_listed"]),
    ("cat_login", [PERL], with_cause("auth_before_cors", PUT, DELETE, GET)),
    ("cat_none", [PERL], NONE),
    ("cat_boom", [PERL], BOOM_FINE),
    *simple(RUBY, "grape", "origin methods credentials none"),
    ("grape_path", [RUBY], ["a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]),
    ("grape_before", [RUBY], ["a GET /items = -", "a PUT /items json = -", "a GET /gone = error_page_without_cors|cors_not_mounted"]),
    ("grape_token", [RUBY], ["a GET /items = -", "a PUT /items json = -"]),
    ("h2o_none", [h2o("      /:\n" + PROXY), BEHIND % "bare"], NONE),
    ("h2o_origin", [h2o("      /:\n" + PROXY + SET % "http://app.two.test:18902"), BEHIND % "bare"], with_cause(ORIGIN, GET, PUT) + ["b GET /items = -"]),
    ("h2o_add", [h2o("      /:\n" + PROXY + '        header.add: "Access-Control-Allow-Origin: *"\n'), BEHIND % "good"], with_cause("two_layers", GET, PUT)),
    ("h2o_path", [h2o("      /items:\n" + PROXY.replace("{port2}/", "{port2}/items") + SET % "http://app.one.test:18901" + "      /:\n" + PROXY), BEHIND % "bare"], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("h2o_slash", [h2o("      /:\n" + PROXY + SET % "http://app.one.test:18901/"), BEHIND % "bare"], with_cause("config_value_malformed", GET, PUT)),
    ("h2o_down", [h2o("      /:\n        proxy.reverse.url: http://127.0.0.1:9/\n"), BEHIND % "bare"], with_cause("upstream_down", GET, PUT)),
    ("h2o_redirect", [h2o("      /other:\n        redirect: https://api.one.test/other\n      /:\n" + PROXY), BEHIND % "good"], ["a GET /items = -", "a PUT /other json = preflight_redirected", "a GET /other = actual_redirect_without_cors"]),
    ("registry_none", [registry("")], ["a GET /v2/ = cors_not_mounted", "a GET /v2/ h:authorization = cors_not_mounted"]),
    ("registry_origin", [registry("  headers:\n    Access-Control-Allow-Origin: [http://app.two.test:18902]\n")], ["a GET /v2/ = origin_not_listed", "b GET /v2/ = -", "a GET /v2/ h:authorization = origin_not_listed"]),
    ("registry_headers", [registry("  headers:\n    Access-Control-Allow-Origin: [http://app.one.test:18901]\n")], ["a GET /v2/ = -", "a GET /v2/ h:authorization = header_not_listed|cors_not_mounted"]),
    ("registry_auth", [registry("auth:\n  token: {{realm: http://x, service: x, issuer: x, rootcertbundle: /etc/ssl/certs/ca-certificates.crt}}\n")], with_cause("auth_before_cors", "a GET /v2/ = %s", "a GET /v2/ h:authorization = %s")),
]
