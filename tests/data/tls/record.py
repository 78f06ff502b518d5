#!/usr/bin/env python3
"""Records the captures beside this file: nginx and `openssl s_client` over loopback with an MTU of 1,500, in a network namespace.

  sudo unshare -n python3 record.py FOLDER [NAME…]    needs nginx, openssl, curl, dumpcap, editcap, tshark (Debian 12), ip

For each NAME: NAME.pcapng, NAME.keys (the client's key log), NAME.messages (what tshark reads with it: one line a message).
"""
import os, re, shutil, signal, subprocess, sys, tempfile, time

OUT, ONLY = os.path.abspath(sys.argv[1]), sys.argv[2:]
TMP = tempfile.mkdtemp(prefix="tls-")
os.chmod(TMP, 0o755)
HEADERS = "Host: api.shop.test\r\nOrigin: https://app.shop.test\r\n"
GET = f"GET /{{}} HTTP/1.1\r\n{HEADERS}Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-site\r\n\r\n"
PREFLIGHT = f"OPTIONS /{{}} HTTP/1.1\r\n{HEADERS}Access-Control-Request-Method: PUT\r\n\r\n"
PUT = f"PUT /{{}} HTTP/1.1\r\n{HEADERS}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{{{{\"a\":1}}}}"
BYE = f"GET /bye HTTP/1.1\r\n{HEADERS}Connection: close\r\n\r\n"


def sh(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, **kw)


def nginx(port, *lines):
    """A server with CORS for one origin; /big has 40,000 bytes."""
    root = os.path.join(TMP, str(port))
    os.makedirs(root + "/www", exist_ok=True)
    with open(root + "/www/big", "w") as f:
        f.write("".join(f"{i:07d}\n" for i in range(5000)))
    conf = f"""
daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
  uwsgi_temp_path {root}/u; scgi_temp_path {root}/s; default_type application/json;
  server {{
    listen 127.0.0.1:{port} ssl {'http2' if port == 4446 else ''}; ssl_certificate {TMP}/cert.pem; ssl_certificate_key {TMP}/key.pem;
    {' '.join(lines)}
    add_header Access-Control-Allow-Origin https://app.shop.test always; add_header Vary Origin always;
    location /big {{ root {root}/www; }}
    location / {{
      if ($request_method = OPTIONS) {{ add_header Access-Control-Allow-Origin https://app.shop.test;
        add_header Access-Control-Allow-Methods PUT; return 204; }}
      return 200 '{{"path":"$uri","early":"$ssl_early_data"}}';
    }}
  }}
}}"""
    open(root + "/conf", "w").write(conf)
    return subprocess.Popen(["nginx", "-c", root + "/conf", "-p", root])


def client(port, keys, *options, steps=(), wait=0.15):
    """Sends the steps one after the other, each when the one before was answered."""
    args = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "api.shop.test", "-keylogfile", keys, *options]
    p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    for step in steps:
        p.stdin.write(step.encode())
        p.stdin.flush()
        time.sleep(wait)
    try:
        p.stdin.close()
        p.wait(3)
    except subprocess.TimeoutExpired:
        p.kill()


def record(name, port, act):
    if ONLY and name not in ONLY:
        return
    path, keys = os.path.join(OUT, name + ".pcapng"), os.path.join(OUT, name + ".keys")
    if os.path.exists(keys):
        os.remove(keys)
    tap = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {port}", "-w", TMP + "/raw.pcapng"], stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    act(keys)
    time.sleep(0.4)
    tap.send_signal(signal.SIGINT)
    tap.wait()
    shutil.copy(TMP + "/raw.pcapng", path)
    # what a log may hold besides is of no use here
    lines = [l for l in open(keys) if not l.startswith(("#", "EXPORTER", "EARLY_EXPORTER"))]
    open(keys, "w").writelines(lines)
    read(name, keys)


def read(name, keys):
    """tshark's reading."""
    path = os.path.join(OUT, name + ".pcapng")
    fields = ["tcp.stream", "http.request.method", "http.request.uri", "http.response.code"]
    if name.endswith("h2"):
        fields[1:] = ["http2.headers.method", "http2.headers.path", "http2.headers.status"]
    args = ["tshark", "-r", path, "-Y", "http or http2.headers", "-T", "fields"] + [x for f in fields for x in ("-e", f)]
    args += ["-o", "tls.keylog_file:" + keys] if keys else []
    out = sh(*args, text=True).stdout
    lines = []
    for line in out.splitlines():
        stream, method, uri, code = line.split("\t")
        if method:
            lines += [f"{stream} {m} {u}" for m, u in zip(method.split(","), uri.split(","))]
        else:
            lines += [f"{stream} {c}" for c in code.split(",")]
    open(os.path.join(OUT, name + ".messages"), "w").write("".join(l + "\n" for l in lines))
    print(name, len(lines), "messages", os.path.getsize(path), "bytes")


sh("ip", "link", "set", "lo", "mtu", "1500", "up")
sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", TMP + "/key.pem", "-out", TMP + "/cert.pem", "-days", "3650", "-subj", "/CN=api.shop.test")
servers = [
    nginx(4443, "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ALL;", "ssl_early_data on; ssl_session_cache shared:a:1m;"),
    nginx(4444, "ssl_protocols TLSv1.3;", "ssl_early_data on;"),
    nginx(4446, "ssl_protocols TLSv1.2 TLSv1.3;"),
    nginx(4445, "ssl_protocols TLSv1.3;", "ssl_ecdh_curve secp384r1;"),
]
try:
    time.sleep(1)
    usual = (GET.format("first"), PREFLIGHT.format("second"), PUT.format("second"), GET.format("big"), BYE)
    small = (GET.format("first"), PREFLIGHT.format("second"), PUT.format("second"), BYE)
    for name, cipher in (("tls12-aes128gcm", "ECDHE-RSA-AES128-GCM-SHA256"), ("tls12-aes256gcm", "ECDHE-RSA-AES256-GCM-SHA384"),
                         ("tls12-chacha20", "ECDHE-RSA-CHACHA20-POLY1305"), ("tls12-rsa-aes128gcm", "AES128-GCM-SHA256"),
                         ("tls12-cbc", "ECDHE-RSA-AES128-SHA")):
        steps = usual if name == "tls12-aes128gcm" else small
        record(name, 4443, lambda keys: client(4443, keys, "-quiet", "-tls1_2", "-cipher", cipher, steps=steps))
    for name, suite in (("tls13-aes128gcm", "TLS_AES_128_GCM_SHA256"), ("tls13-aes256gcm", "TLS_AES_256_GCM_SHA384"),
                        ("tls13-chacha20", "TLS_CHACHA20_POLY1305_SHA256")):
        steps = usual if name == "tls13-aes128gcm" else small
        record(name, 4443, lambda keys: client(4443, keys, "-quiet", "-tls1_3", "-ciphersuites", suite, steps=steps))

    def resumed(version):
        def act(keys):
            session = TMP + "/session"
            client(4443, keys, "-quiet", version, "-sess_out", session, steps=small)
            client(4443, keys, "-quiet", version, "-sess_in", session, steps=small)
        return act

    record("tls12-resumed", 4443, resumed("-tls1_2"))
    record("tls13-resumed", 4443, resumed("-tls1_3"))
    # K: update both keys; k: ours alone
    record("tls13-keyupdate", 4443, lambda keys: client(4443, keys, "-tls1_3", "-crlf", steps=[
        GET.format("first").replace("\r", ""), "K\n", GET.format("second").replace("\r", ""), "k\n", "K\n",
        GET.format("big").replace("\r", ""), GET.format("last").replace("\r", ""), "Q\n"]))

    def early(port):
        def act(keys):
            session, data = TMP + "/session", TMP + "/early"
            client(4443, keys, "-quiet", "-tls1_3", "-sess_out", session, steps=(GET.format("first"), BYE))
            open(data, "w", newline="").write(GET.format("early") + GET.format("early-too"))
            steps = (GET.format("late"), BYE)
            if port != 4443:
                steps = (GET.format("early"), GET.format("early-too")) + steps
            client(port, keys, "-quiet", "-tls1_3", "-sess_in", session, "-early_data", data, steps=steps)
        return act

    record("tls13-early", 4443, early(4443))
    # another server's ticket: it refuses early data, and the client sends it again
    record("tls13-early-refused", "4443 or tcp port 4444", early(4444))
    record("tls13-retry", 4445, lambda keys: client(4445, keys, "-quiet", "-tls1_3", "-groups", "X25519:P-384", steps=small))
    def h2(version):
        def act(keys):
            usual = ["--http2", "-sk", "--tls-max", version, "-H", "Origin: https://app.shop.test", "-o", TMP + "/answer"]
            url = "https://127.0.0.1:4446/"
            env = dict(os.environ, SSLKEYLOGFILE=keys)
            put = ["--next", *usual, "-X", "PUT", "--json", '{"a":1}', url + "second", "--next", *usual, url + "last"]
            sh("curl", *usual, url + "first", "--next", *usual, url + "big", *put, env=env)
        return act

    record("tls12-h2", 4446, h2("1.2"))
    record("tls13-h2", 4446, h2("1.3"))
    keys, path = (os.path.join(OUT, "tls13-aes256gcm." + end) for end in ("keys", "pcapng"))
    if ONLY:
        sys.exit()
    sh("editcap", "--inject-secrets", "tls," + keys, path, os.path.join(OUT, "secrets-inside.pcapng"))
    read("secrets-inside", None)
finally:
    for server in servers:
        server.terminate()
        server.wait()
    shutil.rmtree(TMP)
