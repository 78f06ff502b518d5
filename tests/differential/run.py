#!/usr/bin/env python3
"""Random attempts in real browsers, and what they did: `run.py --browser chromium --topo T1 --seed 1 --count 200 OUT_DIR`.

Writes OUT_DIR/<topo>-<browser>-<seed>.pcapng, .labels.jsonl and .log.jsonl (each attempt with all that was seen of it). Wants root (a network
namespace of its own), chromium, firefox or MiniBrowser of webkit2gtk with Xvfb, dumpcap, and nginx and openssl for T2. Then, with any scorer of such labels:

    corstap replay --format jsonl OUT_DIR/T1-chromium-1.pcapng > out.jsonl
"""
import argparse, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import browsers, cases, labels, server

NAMES = [f"{h}.{d}.test" for d in ("one", "two", "three") for h in ("app", "www", "ck", "api", "std", "alt")] + ["elsewhere.test", "xn--bcher-kva.one.test", "a_b.two.test"]
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


def driven(browser, origin, cookies, steps, args):
    """What pages saw by case, and what the console said by case."""
    results, words, about = {}, [], {}
    for place in cookies:
        browser.open(place)
    for url, some in steps:
        browser.open(url)
        browser.evaluate(f"start({json.dumps(json.dumps(some))}, {args.at_once}), 1")
        until = time.time() + 240
        while not (said := browser.evaluate("window.said")) and time.time() < until:
            words += browser.words()
            time.sleep(0.15)
        results.update(json.loads(said or "{}"))
        time.sleep(0.3)
        words += browser.words()
    for url, word, cors, at in words:
        if m := re.search(r"/c/([0-9a-f]{10})/", url):
            about.setdefault(m.group(1), []).append((url, word, cors, at))
    return results, about


def walked(browser, origin, cookies, steps, args):
    """The same by pages that go on to the next by themselves, with one attempt at a time: what the console says is of the one that began last."""
    results, lines, current = {}, {}, None
    urls = [f"{url}{'' if '?' in url else '?'}&{n}" for n, url in enumerate([*cookies, *(url for url, _ in steps)])]
    for n, url in enumerate(urls):
        then = f"location = {json.dumps(urls[n + 1])}" if n + 1 < len(urls) else "console.log('END')"
        if n < len(cookies):
            origin.steps[str(n)] = f"setTimeout(() => {then}, 100)"
        else:
            give = json.dumps(json.dumps(steps[n - len(cookies)][1]))
            origin.steps[str(n)] = f"onload = () => start({give}, 1, true).then(() => {{ console.log('SAID ' + said); {then}; }})"
    for line in browser.walk(urls[0], 60 + 5 * args.count):
        if m := re.search(r"CONSOLE LOG BEGIN (\w+) (\d+)$", line):
            current = m.group(1), int(m.group(2))
        elif m := re.search(r"CONSOLE LOG SAID (\{.*)", line):
            results.update(json.loads(m.group(1)))
            current = None
        elif current and (m := re.match(r"(?:\S+ )?CONSOLE \w+ (?:ERROR|WARNING) (.*)", line)):
            lines.setdefault(current, []).append(m.group(1))
    about = {}
    for (case, nth), texts in lines.items():
        if case in results:
            about.setdefault(case, []).extend(("", text, labels.webkit(text) is not None, results[case][nth]["time"] / 1000) for text in texts)
    return results, about


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--browser", choices=["chromium", "firefox", "webkit"], default="chromium")
    ap.add_argument("--topo", choices=["T1", "T2"], default="T1")
    ap.add_argument("--sealed", action="store_true", help="capture the browser's leg of T2, HTTP/2 and HTTP/1.1 in TLS, and write its keys beside it (.keys)")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=200)
    ap.add_argument("--wider", action="store_true", help="ways to load, frames, races and caches that the first set lacks")
    ap.add_argument("--further", action="store_true", help="what these lack, too (see class Further)")
    ap.add_argument("--only", help="one kind of these (see class Wider)")
    ap.add_argument("--at-once", type=int, default=5)
    ap.add_argument("--inside", help=argparse.SUPPRESS)
    args = ap.parse_args()
    if args.sealed and args.topo != "T2":
        ap.error("--sealed captures what T2 has in front: say --topo T2, too")
    if not args.inside:
        folder = tempfile.mkdtemp(prefix="differential-")
        try:
            sys.exit(subprocess.run(["unshare", "-n", "-m", sys.executable, *sys.argv, "--inside", folder]).returncode)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    folder = pathlib.Path(args.inside)
    own_network(folder)
    args.out.mkdir(parents=True, exist_ok=True)
    name = f"{'T3' if args.sealed else args.topo}-{args.browser}-{args.seed}{'w' if args.wider else ''}{'f' if args.further else ''}{args.only or ''}"
    log = open(folder / "log", "wb")
    v4 = socket.AF_INET
    at = [(v4, ("10.77.0.2", 18080))] if args.topo == "T2" else [(v4, (host, port)) for host, ports in (("10.77.0.2", (80, 18001, 18002, 18003, 18004)), ("127.0.0.1", (18001, 18002))) for port in ports] + [(socket.AF_INET6, ("::1", 18002))]
    origin = server.Server(at)
    started = []
    if args.topo == "T2":
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=x", "-days", "2",
                        "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in NAMES)], check=True, capture_output=True)
        (folder / "nginx.conf").write_text(FRONT.format(dir=folder))
        started.append(subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stdout=log, stderr=log))
    ports = "tcp and (port 443 or portrange 18443-18444)" if args.sealed else "tcp port 18080" if args.topo == "T2" else "tcp and (port 80 or portrange 18001-18004)"
    capture = args.out / f"{name}.pcapng"
    if args.sealed:
        os.environ["SSLKEYLOGFILE"] = str((args.out / f"{name}.keys").resolve())
    dump = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-B", "64", "-f", ports, "-w", "-"], stdout=open(capture, "wb"), stderr=log)
    time.sleep(1.5)
    browser = getattr(browsers, args.browser.capitalize())(folder, log)
    pages = cases.PLACES[args.topo][0]
    made = cases.cases(args.seed, args.topo, args.count, args.wider, args.only, args.further)
    for case in made:
        origin.cases[case["id"]] = case
        for again in case["attempts"][1:] if "at_once" not in case else []:  # the console is late
            again["delay"] = max(again.get("delay", 0), 450 if args.browser == "firefox" else 150)
    groups = {}
    for case in made:
        groups.setdefault((case["page"], case["variant"]), []).append(case)
    steps = []  # pages, and what each is to try
    for (page, variant), mine in groups.items():
        for first in range(0, len(mine), 40):
            some = [{k: c.get(k) for k in ("id", "realm", "attempts", "frame", "at_once")} for c in mine[first:first + 40]]
            steps.append((f"{pages[page]}/page?{variant}", some))
    cookies = [place + "/setck" for place in cases.PLACES[args.topo][2]]
    if args.only == "signed_in":
        cookies += [place.replace("://", "://u:p@") + "/a/signin" for place in cases.PLACES[args.topo][2]]
    try:
        results, about = (walked if args.browser == "webkit" else driven)(browser, origin, cookies, steps, args)
    finally:
        version = browser.version
        browser.close()
        time.sleep(0.5)
        dump.send_signal(signal.SIGINT)
        dump.wait(20)
        for process in started:
            process.terminate()
    with open(args.out / f"{name}.labels.jsonl", "w") as out, open(args.out / f"{name}.log.jsonl", "w") as full:
        lines = []
        for case in made:
            said = results.get(case["id"], [])
            mine = [e for e in origin.log if e["id"] == case["id"]]
            own_words = about.get(case["id"], [])
            for nth, s in enumerate(said):
                alone = "at_once" not in case
                low = s["time"] / 1000 - 0.001 if nth and alone else 0
                high = said[nth + 1]["time"] / 1000 - 0.001 if nth + 1 < len(said) and alone else float("inf")
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
