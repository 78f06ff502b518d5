#!/usr/bin/env python3
"""Records the captures beside this file: HTTP/2 in plain text between clients, gateways and servers, over loopback with an MTU of 1,500, in a network namespace.

  sudo unshare -n python3 record.py FOLDER        needs nginx, haproxy, caddy, curl, nghttp2-client, dumpcap, tshark (Debian 12), ip

For each NAME: NAME.pcapng and NAME.messages, what tshark reads of it: a line for each request that was answered, with its connection.
"""
import collections, json, os, signal, subprocess, sys, tempfile, time

OUT = os.path.abspath(sys.argv[1])
TMP = tempfile.mkdtemp(prefix="http2-")
os.chmod(TMP, 0o755)
PAGE = ["-H", "origin: https://app.shop.test", "-H", "sec-fetch-mode: cors", "-H", "sec-fetch-site: same-site"]
BROWSER = ["-A", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"]


def start(*args):
    return subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def nginx(port):
    root = os.path.join(TMP, str(port))
    os.makedirs(root + "/www", exist_ok=True)
    with open(root + "/www/big", "w") as f:
        f.write("".join(f"{i:07d}\n" for i in range(700)))
    conf = f"""
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
  uwsgi_temp_path {root}/u; scgi_temp_path {root}/s; default_type application/json;
  server {{
    listen 127.0.0.1:{port} http2;
    location /big {{ root {root}/www; add_header Access-Control-Allow-Origin https://app.shop.test always; }}
    location /none {{ return 200 '{{}}'; }}
    location /gone {{ return 404 '{{"error":"gone"}}'; }}
    location / {{
      add_header Access-Control-Allow-Origin https://app.shop.test always; add_header Vary Origin always;
      if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin https://app.shop.test;
        add_header Access-Control-Allow-Methods PUT; return 204; }}
      return 200 '{{"path":"$uri"}}';
    }}
  }}
}}"""
    open(root + "/conf", "w").write(conf)
    return start("nginx", "-c", root + "/conf", "-p", root)


def haproxy(port, behind):
    conf = os.path.join(TMP, "haproxy.cfg")
    open(conf, "w").write(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  option forwardfor
  http-reuse always
  server s 127.0.0.1:{behind} proto h2
""")
    return start("haproxy", "-db", "-f", conf)


def caddy(port, lines):
    conf = os.path.join(TMP, f"Caddyfile{port}")
    open(conf, "w").write(f"""
{{
  admin off
  auto_https off
  servers {{
    protocols h1 h2c
  }}
}}
http://127.0.0.1:{port} {{
{lines}
}}
""")
    return start("caddy", "run", "--config", conf, "--adapter", "caddyfile")


def pages(port, *options):
    """What pages send, one after the other."""
    base = f"http://127.0.0.1:{port}"
    ask = ["-X", "OPTIONS", "-H", "access-control-request-method: PUT"]
    each = [
        [f"{base}/allowed?token=not-for-you"],
        [f"{base}/none"],
        [*ask, f"{base}/put"],
        ["-X", "PUT", "-d", '{"a":1}', "-H", "content-type: application/json", f"{base}/put"],
        ["-b", "sid=not-for-you", "-H", "authorization: Bearer not-for-you", f"{base}/allowed"],
        [f"{base}/gone"],
        [f"{base}/big"],
        [f"{base}/allowed"],
    ]
    for one in each:
        subprocess.run(["curl", "-s", "-o", "/dev/null", *options, *PAGE, *BROWSER, *one], check=True, timeout=20)


def capture(name, port, act, upgraded=False):
    path = os.path.join(OUT, name + ".pcapng")
    dump = start("dumpcap", "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", path)
    time.sleep(1)
    act()
    time.sleep(0.5)
    dump.send_signal(signal.SIGINT)
    dump.wait()
    os.chmod(path, 0o644)
    told = [] if upgraded else ["-d", f"tcp.port=={port},http2"]
    tshark = ["tshark", "-r", path, *told, "-Y", "http2.headers.method or http2.headers.status", "-T", "json"]

    asked, answered = collections.OrderedDict(), {}

    def frames(node):
        if isinstance(node, dict):
            if "http2.type" in node:
                yield node
            for value in node.values():
                yield from frames(value)
        elif isinstance(node, list):
            for value in node:
                yield from frames(value)

    def find(node, key):
        if isinstance(node, dict):
            if key in node:
                return node[key]
            for value in node.values():
                found = find(value, key)
                if found is not None:
                    return found
        elif isinstance(node, list):
            for value in node:
                found = find(value, key)
                if found is not None:
                    return found
        return None

    text = subprocess.run(tshark + ["--no-duplicate-keys"], check=True, capture_output=True, text=True).stdout
    for packet in json.loads(text):
        layers = packet["_source"]["layers"]
        tcp = layers["tcp"]["tcp.stream"]
        for frame in frames(layers):
            key = (tcp, frame["http2.streamid"])
            method, status = find(frame, "http2.headers.method"), find(frame, "http2.headers.status")
            if method is not None:
                asked[key] = f"{method} {find(frame, 'http2.headers.path')}"
            elif status is not None and not str(status).startswith("1"):
                answered.setdefault(key, status)
    with open(os.path.join(OUT, name + ".messages"), "w") as f:
        for key, request in asked.items():
            if key in answered:
                f.write(f"{key[0]} {request} {answered[key]}\n")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up", "mtu", "1500"], check=True)
    running = [nginx(8081), haproxy(8082, 8081), caddy(8083, "  reverse_proxy h2c://127.0.0.1:8081"),
               caddy(8084, '  header Access-Control-Allow-Origin "https://app.shop.test"\n  respond "{}"')]
    time.sleep(2)
    try:
        capture("nginx-curl", 8081, lambda: pages(8081, "--http2-prior-knowledge"))
        many = [f"http://127.0.0.1:8081/{path}" for path in ("allowed", "big", "none", "gone", "put")]
        capture("nginx-nghttp", 8081, lambda: subprocess.run(["nghttp", "-n", "-m", "4", *PAGE[:2], *many], timeout=20, stdout=subprocess.DEVNULL))
        capture("haproxy", 8081, lambda: pages(8082))
        capture("caddy", 8081, lambda: pages(8083))
        urls = [f"http://127.0.0.1:8084/{n}" for n in range(4)]
        capture("caddy-upgrade", 8084, lambda: subprocess.run(["nghttp", "-n", "-u", *PAGE[:2], *urls], timeout=20, stdout=subprocess.DEVNULL), upgraded=True)
    finally:
        for p in running:
            p.terminate()


main()
