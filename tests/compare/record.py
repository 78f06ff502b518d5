#!/usr/bin/env python3
"""Records the captures of tests/data/compare/box-*: a real Chromium, a real box that is wrong in one way, a right server.

    sudo tests/compare/record.py [nginx haproxy varnish caddy]

Needs root (a network namespace of its own, dumpcap), and Debian's nginx-light, haproxy, varnish, caddy, chromium, tshark and zstd.
Everything listens on loopback of the namespace; the browser's side and the server's side are told apart by port.
"""

import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "data" / "compare"
APP, API, BOX = 9001, 9002, 9003  # pages, the server, the box before it
ORIGINS = {f"http://app.shop.test:{APP}", f"http://www.partner.test:{APP}"}

# Each box is wrong in one way of the infrastructure checklist.
NGINX = f"""
daemon off; pid {{tmp}}/pid; error_log {{tmp}}/err; events {{{{}}}}
http {{{{
  access_log off; client_body_temp_path {{tmp}}/b; proxy_temp_path {{tmp}}/p; fastcgi_temp_path {{tmp}}/f;
  uwsgi_temp_path {{tmp}}/u; scgi_temp_path {{tmp}}/s;
  server {{{{
    listen 127.0.0.1:{BOX};
    location / {{{{
      proxy_pass http://127.0.0.1:{API};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      # "CORS did not work, so I added it here": beside the server's own
      add_header Access-Control-Allow-Origin http://app.shop.test:{APP};
    }}}}
  }}}}
}}}}
"""
HAPROXY = f"""
global
  maxconn 100
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend box
  bind 127.0.0.1:{BOX}
  # "only methods that we use"
  http-request deny deny_status 405 if METH_OPTIONS
  option forwardfor
  default_backend api
backend api
  server one 127.0.0.1:{API}
"""
VARNISH = f"""
vcl 4.1;
backend default {{{{ .host = "127.0.0.1"; .port = "{API}"; }}}}
sub vcl_recv {{{{
  if (req.method != "GET" && req.method != "HEAD") {{{{ return (pass); }}}}
  if (req.http.Cookie) {{{{ return (pass); }}}}
}}}}
sub vcl_backend_response {{{{
  # "better hit rate"
  unset beresp.http.Vary;
}}}}
"""
CADDY = f"""
{{{{
  admin off
  auto_https off
}}}}
http://:{BOX} {{{{
  reverse_proxy 127.0.0.1:{API} {{{{
    # the list of the release before
    header_down Access-Control-Allow-Origin https://old.shop.test
  }}}}
}}}}
"""

PAGE = f"""<!doctype html><meta charset=utf-8><link rel=icon href=data:,><body><script>
const api = 'http://api.shop.test:{BOX}';
const get = (path, more) => fetch(api + path, more).then(r => r.text()).catch(() => 0);
(async () => {{
  await get('/v1/menu');
  if (location.hostname === 'app.shop.test') {{
    await get('/v1/me?token=CANARY-query', {{credentials: 'include'}});
    await get('/v1/orders/1', {{method: 'PUT', headers: {{'Content-Type': 'application/json'}}, body: '{{}}'}});
    await get('/v1/fail');
  }}
  document.title = 'done';
}})();
</script>"""


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, fields, body=b""):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Pages(Quiet):
    def do_GET(self):
        self.answer(200, [("Content-Type", "text/html")], PAGE.encode())


class Api(Quiet):
    """Does everything right: echoes known origins, says Vary on every answer, answers preflights, keeps CORS on errors."""

    def cors(self):
        origin = self.headers.get("Origin")
        granted = [("Vary", "Origin")]
        if origin in ORIGINS:
            granted += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        return granted

    def do_OPTIONS(self):
        allow = [("Access-Control-Allow-Methods", "GET, PUT"), ("Access-Control-Allow-Headers", "content-type")]
        self.answer(204, self.cors() + allow)

    def do_GET(self):
        if self.path == "/v1/fail":
            self.answer(500, self.cors(), b"oops")
        elif self.path == "/v1/menu":
            keep = [("Cache-Control", "public, max-age=60"), ("Content-Type", "application/json")]
            self.answer(200, self.cors() + keep, b"[]")
        else:
            self.answer(200, self.cors() + [("Cache-Control", "no-store")], b"{}")

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, self.cors(), b"{}")


def commands(tmp):
    return {
        "nginx": (NGINX, ["nginx", "-c", f"{tmp}/conf"]),
        "haproxy": (HAPROXY, ["haproxy", "-db", "-f", f"{tmp}/conf"]),
        "varnish": (VARNISH, ["varnishd", "-F", "-n", f"{tmp}/v", "-a", f"127.0.0.1:{BOX}", "-f", f"{tmp}/conf"]),
        "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", f"{tmp}/conf"]),
    }


def wait_for(port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"nothing listens on {port}")


def browse(host, tmp):
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp}/{host}", "--no-first-run",
        "--disable-background-networking", "--host-resolver-rules=MAP * 127.0.0.1", "--disable-dev-shm-usage",
        "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades", "--virtual-time-budget=4000", "--dump-dom",
    ]
    subprocess.run(["chromium", *flags, f"http://{host}:{APP}/"], check=True, timeout=90,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def record(box):
    with tempfile.TemporaryDirectory() as tmp:
        text, command = commands(tmp)[box]
        pathlib.Path(f"{tmp}/conf").write_text(text.format(tmp=tmp))
        os.chmod(tmp, 0o755)
        env = dict(os.environ, HOME=tmp, XDG_CONFIG_HOME=tmp, XDG_DATA_HOME=tmp)
        running = [subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
        wait_for(BOX)
        for side, port in (("front", BOX), ("back", API)):
            dump = ["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", f"{tmp}/{side}.pcapng"]
            running.append(subprocess.Popen(dump, stdout=subprocess.DEVNULL))
        time.sleep(2)
        browse("app.shop.test", tmp)
        browse("www.partner.test", tmp)
        time.sleep(1)
        for process in reversed(running):
            process.send_signal(signal.SIGINT if process is not running[0] else signal.SIGTERM)
        for process in running:
            process.wait(timeout=20)
        for side in ("front", "back"):
            out = OUT / f"box-{box}-{side}.pcapng.zst"
            subprocess.run(["zstd", "-q", "-19", "-f", f"{tmp}/{side}.pcapng", "-o", str(out)], check=True)
            print(out, out.stat().st_size)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # boxes reset idle connections when they stop


def main():
    lacking = [tool for tool in ("unshare", "dumpcap", "chromium", "zstd") if not shutil.which(tool)]
    if lacking:
        sys.exit(f"missing: {', '.join(lacking)}")
    if "CORSTAP_RECORDING" not in os.environ:
        os.environ["CORSTAP_RECORDING"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:]])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for handler, port in ((Pages, APP), (Api, API)):
        server = Server(("127.0.0.1", port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    for box in sys.argv[1:] or ["nginx", "haproxy", "varnish", "caddy"]:
        record(box)


main()
