"""The third set: recorded after the rules had learned from the second, to see how they do where nothing was learned. See cases.py."""

from kit import BEHIND, PASS, apache, caddy, haproxy, nginx
from more_cases import GET, GOOD, HEADERS_FIRST, NONE, ORIGIN, PUT, simple, with_cause

NODE = "node {here}/third.js {case} {port}"
PYTHON = "{python} {here}/third.py {case} {port}"
API = ["a GET /api/items = -", "a PUT /api/items json = -", "a GET /items = cors_not_mounted", "a PUT /items json = cors_not_mounted"]

CASES = [
    *simple(NODE, "micro", "origin methods headers auth none", headers=HEADERS_FIRST),
    ("micro_boom", [NODE], ["a GET /items = -", "a GET /boom = -"]),
    *simple(NODE, "hand", "origin methods auth star", star=["a GET /items = -", "a PUT /items cookie json = credentials_with_wildcard"]),
    ("hand_maintenance", [NODE], with_cause("rate_limited|upstream_down|error_page_without_cors", GET, PUT)),
    ("hand_api", [NODE], API),
    ("hand_null", [NODE], ["a GET /items = origin_not_listed|config_value_malformed", "a PUT /items json = origin_not_listed|config_value_malformed", "b GET /items = -"]),
    ("hand_undefined", [NODE], with_cause("config_value_malformed", GET, PUT)),
    ("hand_port", [NODE], with_cause("origin_not_listed|config_value_malformed", GET, PUT)),
    ("hand_refuses", [NODE], with_cause(ORIGIN, GET, PUT) + ["b GET /items = -"] + with_cause(ORIGIN, GET, PUT)),
    ("hand_status", [NODE], ["a GET /items = -", "a PUT /items json = cors_not_mounted|error_page_without_cors"]),
    ("hand_boom", [NODE], GOOD + ["a GET /boom = error_page_without_cors", "a PUT /boom json = error_page_without_cors"]),
    *simple(PYTHON, "microdot", "origin methods headers auth none", headers=HEADERS_FIRST, auth=["a GET /items = -", "a PUT /items json = -", "a DELETE /items = -"]),
    ("webpy_none", [PYTHON], NONE),
    ("webpy_hand", [PYTHON], ["a GET /items = -", "a PUT /items json = cors_not_mounted", "a DELETE /items = cors_not_mounted", "a GET /gone = cors_not_mounted|error_page_without_cors"]),
    ("nginx_api_only", [nginx("location /items {{ add_header Access-Control-Allow-Origin $allowed always; " + PASS + "}} location / {{ " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a GET /other = cors_not_mounted", "a PUT /other json = cors_not_mounted"]),
    ("nginx_twice_star", [nginx("add_header Access-Control-Allow-Origin *; location / {{ " + PASS + "}}"), BEHIND % "good"], with_cause("two_layers", GET, PUT)),
    ("nginx_basic_errors", [nginx("location / {{ add_header Access-Control-Allow-Origin $allowed; " + PASS + "}} location /private {{ add_header Access-Control-Allow-Origin $allowed; auth_basic x; auth_basic_user_file /dev/null; " + PASS + "}}"), BEHIND % "bare"], ["a GET /items = -", "a PUT /private json = auth_before_cors", "a DELETE /private = auth_before_cors"]),
    ("haproxy_down_path", [haproxy("use_backend dead if {{ path_beg /other }}", "server s 127.0.0.1:{port2}\nbackend dead\n server d 127.0.0.1:9"), BEHIND % "good"], ["a GET /items = -", "a GET /other = upstream_down", "a PUT /other json = upstream_down"]),
    ("caddy_respond", [caddy("respond /other 403\n reverse_proxy 127.0.0.1:{port2}"), BEHIND % "good"], ["a GET /items = -", "a PUT /other json = auth_before_cors", "a DELETE /other = auth_before_cors"]),
    ("apache_slash", [apache("Header always set Access-Control-Allow-Origin http://app.one.test:18901/\nProxyPass / http://127.0.0.1:{port2}/\n"), BEHIND % "bare"], with_cause("config_value_malformed", GET, PUT)),
]
