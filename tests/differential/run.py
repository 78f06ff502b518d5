#!/usr/bin/env python3
"""Random attempts in real browsers, and what they did: `run.py --browser chromium --topo T1 --seed 1 --count 200 OUT_DIR`.

Writes OUT_DIR/<topo>-<browser>-<seed>.pcapng, .labels.jsonl and .log.jsonl (each attempt with all that was seen of it). Wants root (a network
namespace of its own), chromium or firefox, dumpcap, and nginx and openssl for T2. Then, with any scorer of such labels:

    corstap replay --format jsonl OUT_DIR/T1-chromium-1.pcapng > out.jsonl
"""
import argparse, json, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import browsers, cases, labels, server

NAMES = [f"{h}.{d}.test" for d in ("one", "two", "three") for h in ("app", "www", "ck", "api", "std", "alt")] + ["elsewhere.test"]
LOCAL = [f"{h}.localhost" for h in ("app", "api", "ck")]
FRONT = """daemon off; user root; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem; large_client_header_buffers 8 32k; underscores_in_headers on;
  upstream origin {{ server 10.77.0.2:18080; keepalive 16; }}
  server {{
    listen 10.77.0.1:443 ssl http2; listen 10.77.0.1:18443 ssl http2; listen 10.77.0.1:18444 ssl;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $http_host; proxy_next_upstream off;
    }}
  }}
}}
"""


def own_network(folder):
    """Called in a namespace of its own: names and addresses that nobody else has."""
    sh = lambda *c: subprocess.run(c, check=True)
    sh("mount", "--make-rprivate", "/")
    sh("ip", "link", "set", "lo", "up")
    for address in ("10.77.0.1", "10.77.0.2"):
        sh("ip", "addr", "add", f"{address}/32", "dev", "lo")
    address = "10.77.0.1" if "T2" in sys.argv else "10.77.0.2"
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost " + " ".join(LOCAL) + "\n" + "".join(f"{address} {n}\n" for n in NAMES))
    sh("mount", "--bind", str(hosts), "/etc/hosts")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--browser", choices=["chromium", "firefox"], default="chromium")
    ap.add_argument("--topo", choices=["T1", "T2"], default="T1")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=200)
    ap.add_argument("--at-once", type=int, default=5)
    ap.add_argument("--inside", help=argparse.SUPPRESS)
    args = ap.parse_args()
    if not args.inside:
        folder = tempfile.mkdtemp(prefix="differential-")
        try:
            sys.exit(subprocess.run(["unshare", "-n", "-m", sys.executable, *sys.argv, "--inside", folder]).returncode)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    folder = pathlib.Path(args.inside)
    own_network(folder)
    args.out.mkdir(parents=True, exist_ok=True)
    name = f"{args.topo}-{args.browser}-{args.seed}"
    log = open(folder / "log", "wb")
    v4 = socket.AF_INET
    at = [(v4, ("10.77.0.2", 18080))] if args.topo == "T2" else [(v4, (host, port)) for host, ports in (("10.77.0.2", (80, 18001, 18002, 18003, 18004)), ("127.0.0.1", (18001, 18002))) for port in ports]
    origin = server.Server(at)
    started = []
    if args.topo == "T2":
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=x", "-days", "2",
                        "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in NAMES)], check=True, capture_output=True)
        (folder / "nginx.conf").write_text(FRONT.format(dir=folder))
        started.append(subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stdout=log, stderr=log))
    ports = "tcp port 18080" if args.topo == "T2" else "tcp and (port 80 or portrange 18001-18004)"
    capture = args.out / f"{name}.pcapng"
    dump = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-B", "64", "-f", ports, "-w", "-"], stdout=open(capture, "wb"), stderr=log)
    time.sleep(1.5)
    browser = getattr(browsers, args.browser.capitalize())(folder, log)
    pages = cases.PLACES[args.topo][0]
    made = cases.cases(args.seed, args.topo, args.count)
    results = {}
    try:
        for place in cases.PLACES[args.topo][2]:
            browser.open(place + "/setck")
        groups = {}
        for case in made:
            origin.cases[case["id"]] = case
            for again in case["attempts"][1:]:  # the console is late
                again["delay"] = max(again["delay"], 450 if args.browser == "firefox" else 150)
            groups.setdefault((case["page"], case["variant"]), []).append(case)
        words = []
        for (page, variant), mine in groups.items():
            for first in range(0, len(mine), 40):
                some = mine[first:first + 40]
                browser.open(f"{pages[page]}/page?{variant}")
                give = json.dumps([{"id": c["id"], "realm": c["realm"], "attempts": c["attempts"]} for c in some])
                browser.evaluate(f"start({json.dumps(give)}, {args.at_once}), 1")
                until = time.time() + 240
                while not (said := browser.evaluate("window.said")) and time.time() < until:
                    words += browser.words()
                    time.sleep(0.15)
                results.update(json.loads(said or "{}"))
                time.sleep(0.3)
                words += browser.words()
    finally:
        version = browser.version
        browser.close()
        time.sleep(0.5)
        dump.send_signal(signal.SIGINT)
        dump.wait(20)
        for process in started:
            process.terminate()
    about = {}
    for url, word, cors, at in words:
        if m := re.search(r"/c/([0-9a-f]{10})/", url):
            about.setdefault(m.group(1), []).append((url, word, cors, at))
    with open(args.out / f"{name}.labels.jsonl", "w") as out, open(args.out / f"{name}.log.jsonl", "w") as full:
        lines = []
        for case in made:
            said = results.get(case["id"], [])
            mine = [e for e in origin.log if e["id"] == case["id"]]
            own_words = about.get(case["id"], [])
            for nth, s in enumerate(said):
                low = s["time"] / 1000 - 0.001 if nth else 0
                high = said[nth + 1]["time"] / 1000 - 0.001 if nth + 1 < len(said) else float("inf")
                entries = [e for e in mine if low <= e["time"] < high]
                w = [x for x in own_words if low <= x[3] < high]
                if s["ok"] and case["attempts"][nth]["kind"] in ("fetch", "xhr", "img", "script"):
                    w = [x for x in w if not x[2]]
                l = labels.label(case, nth, s, entries, w, args.browser, name, version, args.topo, pages)
                lines.append(l)
                full.write(json.dumps({"label": l, "said": s, "words": own_words, "entries": [{k: v for k, v in e.items() if k != "id"} for e in entries], "attempt": case["attempts"][nth]}, ensure_ascii=False) + "\n")
        for l in sorted(lines, key=lambda l: l["time"]):
            out.write(json.dumps(l, ensure_ascii=False) + "\n")
    print(f"{name}: {len(lines)} attempts of {len(made)} cases, {len(origin.log)} requests")


if __name__ == "__main__":
    main()
