#!/usr/bin/env python3
"""Records how real browsers and real stacks refuse: `record.py OUT_DIR [CASE…]`.

Starts each case's servers on loopback, lets headless Chromium do its steps, captures with dumpcap what goes over the recorded
port, and writes OUT_DIR/stacks.pcap (all cases) and OUT_DIR/stacks.jsonl (a line for each step: what the browser did, and the
mistake that was made); tests/data/stacks has both in zstd. Needs chromium, dumpcap, mergecap, node, nginx, haproxy, caddy, varnishd, apache2, lighttpd, cargo, go, javac, php, ruby with sinatra, rack-cors, puma, thin, webrick,
rails and grape, perl with Mojolicious, Plack, Dancer2 and Catalyst, h2o, docker-registry; node, Python and Rust packages are installed, at the versions of package.json, requirements.txt and rust/, into the
folder that $STACKS names (default: target/stacks).
"""
import http.client, http.server, json, os, pathlib, queue, shlex, shutil, socket, ssl, subprocess, sys, tempfile, threading, time

from cases import CASES as FIRST
from more_cases import CASES as MORE
from third_cases import CASES as THIRD
from fourth_cases import CASES as FOURTH
from fifth_cases import CASES as FIFTH
from sixth_cases import CASES as SIXTH
from seventh_cases import CASES as SEVENTH
from eighth_cases import CASES as EIGHTH
from ninth_cases import CASES as NINTH
from tenth_cases import CASES as TENTH
from eleventh_cases import CASES as ELEVENTH

CASES = [(which, *case) for which, cases in enumerate([FIRST, MORE, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH, TENTH, ELEVENTH], 1) for case in cases]

HERE = pathlib.Path(__file__).resolve().parent
WORK = pathlib.Path(os.environ.get("STACKS", HERE.parent.parent / "target/stacks"))
JARS = ":".join(f"/usr/share/java/{jar}.jar" for jar in [f"spring3-{part}" for part in "web web.servlet core beans context aop expression".split()] + [
    f"jetty9-{part}" for part in "server servlet util util-ajax http io security".split()] + ["commons-logging", "servlet-api", "jetty9-servlets"] + [
    path.stem for path in sorted(pathlib.Path("/usr/share/java").glob("tomcat9-*.jar")) if not path.stem[-1].isdigit() and "i18n" not in path.stem])
NETTY = ":".join(str(path) for path in sorted(pathlib.Path("/usr/share/java").glob("netty-*.jar")) if not path.stem[-1].isdigit() and "-4." not in path.stem and "Final" not in path.stem)
PAGES = {"a": ("app.one.test", 18901), "b": ("app.two.test", 18902), "c": ("app.one.test", 18903)}  # c by https
PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href=data:><script>
(async () => { for (;;) {
  const step = await (await fetch('/next')).json();
  let said;
  try { said = String((await fetch(step.url, step.init)).status); } catch (e) { said = 'refused'; }
  await fetch('/said', {method: 'POST', body: step.url + ' ' + said});
} })();
</script>"""


class Page:
    """One page's server: hands steps to its script and takes what came of them."""

    def __init__(self, port, secure=False):
        self.steps, self.said = queue.Queue(), queue.Queue()
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, body, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == "/next":
                    self.answer(json.dumps(page.steps.get()).encode(), "application/json")
                else:
                    # headless Chromium opens one page: the others are in frames of it
                    frame = "<iframe src=http://app.two.test:18902/></iframe><iframe src=https://app.one.test:18903/></iframe>" if self.path == "/with-b" else ""
                    self.answer((PAGE + frame).encode(), "text/html")

            def do_POST(self):
                page.said.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(b"", "text/plain")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(WORK / "tls.pem", WORK / "tls.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def do(self, step):
        self.steps.put(step)
        while True:  # what was given up may be answered later
            url, said = self.said.get(timeout=40).split(" ")
            if url == step["url"]:
                return said


def install():
    """What the wanted cases need, and nothing else: a set can be recorded where the stacks of the others are not installed."""
    commands = str([servers for _, name, servers, _ in CASES if not sys.argv[2:] or name in sys.argv[2:]])
    gopath = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}

    def build(product, word, *command, env=None):
        if word in commands and not (WORK / product).exists():
            subprocess.run(command, env=os.environ | (env or {}), check=True)

    WORK.mkdir(parents=True, exist_ok=True)
    if not (WORK / "node_modules/express").exists():
        shutil.copy(HERE / "package.json", WORK)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=WORK, check=True)
    if not (WORK / "venv/bin/flask").exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
        subprocess.run([WORK / "venv/bin/pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
    build("rust/debug/stacks-server", "stacks-server", "cargo", "build", "--manifest-path", HERE / "rust/Cargo.toml", "--target-dir", WORK / "rust")
    # from Debian's packages: golang-github-rs-cors-dev, -gin-contrib-cors-dev, -gorilla-handlers-dev, -gorilla-mux-dev, -go-chi-chi-dev, -go-chi-cors-dev,
    # -labstack-echo-dev, -emicklei-go-restful-dev, -julienschmidt-httprouter-dev, -valyala-fasthttp-dev, -urfave-negroni-dev, golang-goji-dev;
    # libspring-web-servlet-java, libjetty9-java, libtomcat9-java, libnetty-java; libcpp-httplib-dev; libmojolicious-perl, libplack-middleware-crossorigin-perl,
    # libdancer2-perl, libcatalyst-perl; ruby-rails, ruby-grape; php-slim, php-laravel-lumen-framework, php-symfony-framework-bundle, php8.2-fpm,
    # libapache2-mod-php8.2, libapache2-mod-security2; libnginx-mod-http-lua, libnginx-mod-http-headers-more-filter; uwsgi-plugin-python3; h2o,
    # docker-registry, squid, nghttp2-proxy, etcd-server, prometheus, rclone, aria2, webfs, mini-httpd
    for product, source in {"server-go": "server", "server-echo": "echo", "server-fourth": "fourth", "server-sixth": "sixth", "server-eighth": "eighth", "server-tenth": "tenth", "server-eleventh": "eleventh"}.items():
        build(product, f"{{work}}/{product} ", "go", "build", "-o", WORK / product, HERE / f"{source}.go", env=gopath if product != "server-sixth" else {"GO111MODULE": "off"})
    build("server-cpp", "{work}/server-cpp", "g++", "-std=c++17", "-o", WORK / "server-cpp", HERE / "eighth.cpp", "-lcpp-httplib", "-lpthread")
    for folder, source, jars in [("java", "Server.java", JARS), ("java2", "Filters.java", JARS), ("java3", "Netty.java", NETTY), ("java8", "Eighth.java", "")]:
        build(folder, f"{{work}}/{folder} ", "javac", *(["-cp", jars] if jars else []), "-d", WORK / folder, HERE / source)
    if not (WORK / "tls.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=one.test", "-keyout", WORK / "tls.key", "-out", WORK / "tls.pem"], check=True, stderr=subprocess.DEVNULL)
    if "{work}/next" in commands and not (WORK / "next/.next").exists():
        shutil.copytree(HERE / "next", WORK / "next", dirs_exist_ok=True)
        subprocess.run(["node", WORK / "node_modules/next/dist/bin/next", "build", "--webpack"], cwd=WORK / "next", env=os.environ | {"MISTAKE": "next_good"}, check=True)


def wait_for(port, process):
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args}: ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args}: nobody listens at {port}")


def start(server, name, port, folder):
    """A command, or (program, configuration)."""
    names = {"here": HERE, "case": name, "port": port, "port2": port + 500, "port3": port + 1000, "python": WORK / "venv/bin/python", "dir": folder,
             "work": WORK, "jars": JARS, "netty": NETTY}
    if isinstance(server, str):
        command, listens = shlex.split(server.format(**names)), port if "{port}" in server else port + 500
    else:
        program, text = server
        config = folder / {"traefik": "dynamic.yml", "registry": "registry.yml", "envoy.yaml": "envoy.yaml"}.get(program, f"{program}.conf")
        config.write_text(text.format(**names))
        command = {
            "nginx": ["nginx", "-p", str(folder), "-c", str(config)],
            "tls": ["nginx", "-p", str(folder), "-c", str(config)],
            "haproxy": ["haproxy", "-q", "-f", str(config)],
            "varnish": ["varnishd", "-F", "-a", f"127.0.0.1:{port}", "-f", str(config), "-n", str(folder / "v"), "-s", "malloc,16m"],
            "apache": ["apache2", "-X", "-f", str(config)],
            "lighttpd": ["lighttpd", "-D", "-f", str(config)],
            "traefik": [WORK / "venv/bin/traefik", f"--entrypoints.web.address=127.0.0.1:{port}", f"--providers.file.filename={config}", "--global.checknewversion=false", "--global.sendanonymoususage=false"],
            "envoy.yaml": [WORK / "venv/bin/envoy", "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"],
            "h2o": ["h2o", "-c", str(config)],
            "squid": ["squid", "-N", "-f", str(config)],
            "php-fpm": ["php-fpm8.2", "-F", "-R", "-y", str(config)],
            "registry": ["docker-registry", "serve", str(config)],
            "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)],
        }[program]
        listens = port + {"php-fpm": 500, "tls": 1000}.get(program, 0)
    env = os.environ | {"NODE_PATH": str(WORK / "node_modules")}
    log = open(folder / "log", "ab")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
    try:
        wait_for(listens, process)
    except RuntimeError:
        print((folder / "log").read_text(), file=sys.stderr)
        process.kill()
        raise
    if server[0] == "traefik":  # it listens before it has read what for
        time.sleep(10)
    return process


def ask_without_origin(step, port):
    """What is no page: a health check, a script."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(step["init"]["method"], step["url"].split(f":{port}", 1)[1], headers={"Host": f"api.one.test:{port}"})
    return str(connection.getresponse().status)


def parse(step, url, key):
    what, cause = step.rsplit(" = ", 1)
    page, method, path, *options = what.split()
    if "wait" in options:  # longer than a refusal waits for what others meet
        time.sleep(1.2)
    init = {"method": method, "headers": {}, "cache": "no-store", "credentials": "include" if "cookie" in options else "omit"}
    for option in options:
        if option.startswith("h:"):
            init["headers"][option[2:]] = "Bearer x" if option == "h:authorization" else "x"
    if "json" in options:
        init["headers"]["Content-Type"] = "application/json"
        init["body"] = json.dumps({"x": "y" * (65536 if "big" in options else 1)})
    elif method == "POST":
        init["body"] = "x=1"
    path, _, rest = path.partition("?")
    return page, {"url": f"{url}{path}?{key}=1" + (f"&{rest}" if rest else ""), "init": init}, cause


def main():
    out, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:]
    out.mkdir(parents=True, exist_ok=True)
    install()
    pages = {name: Page(port, name == "c") for name, (_, port) in PAGES.items()}
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="stacks-"))
    scratch.chmod(0o755)  # nginx and varnish work as users of their own
    chromium = subprocess.Popen(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={scratch}/profile",
         "--host-resolver-rules=MAP *.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks", "--ignore-certificate-errors",
         "http://app.one.test:18901/with-b"],
        stdout=subprocess.DEVNULL, stderr=open(scratch / 'chromium.log', 'wb'))
    lines, captures, failed = [], [], []
    try:
        for nth, (which, name, servers, steps) in enumerate(CASES):
            if wanted and name not in wanted:
                continue
            port = 19000 + nth
            folder = scratch / name
            folder.mkdir()
            folder.chmod(0o777)
            running, capture = [], scratch / f"{name}.pcap"
            dumpcap = subprocess.Popen(["dumpcap", "-q", "-P", "-i", "lo", "-f", f"tcp port {port}", "-w", capture], stderr=subprocess.PIPE)
            try:
                for server in reversed(servers):
                    running.append(start(server, name, port, folder))
                for line in dumpcap.stderr:
                    if b"File:" in line:
                        break
                time.sleep(0.3)
                for at, step in enumerate(steps):
                    key = f"{'k' if which < 11 else 'q'}{nth}x{at}"  # earlier sets were recorded with other numbers of cases
                    alone, step = step.startswith("@"), step.lstrip("@")
                    host, secure = f"x{at}" if alone else "api", step.startswith("c ")
                    page, do, cause = parse(step, f"https://{host}.one.test:{port + 1000}" if secure else f"http://{host}.one.test:{port}", key)
                    said = ask_without_origin(do, port) if page == "x" else pages[page].do(do)
                    good = (said == "refused") == (cause != "-")
                    print(f"{name:28} {step:62} {said:8}{'' if good else ' ← not as expected'}", flush=True)
                    if page == "x":  # no browser's word
                        continue
                    lines.append({"set": which, "case": name, "port": port, "key": key, "step": step.rsplit(" = ", 1)[0], "browser": said, "cause": cause if said == "refused" else None} | ({"alone": True} if alone else {}) | ({"behind": True} if name.endswith("_behind") else {}))
                time.sleep(0.4)
                captures.append(capture)
            except (OSError, RuntimeError, queue.Empty) as error:
                print(f"{name}: {error!r}", file=sys.stderr)
                failed.append(name)
            finally:
                dumpcap.terminate()
                dumpcap.wait()
                for process in running:
                    process.terminate()
                for process in running:
                    try:
                        process.wait(5)
                    except subprocess.TimeoutExpired:
                        process.kill()
    finally:
        chromium.kill()
        chromium.wait()
    subprocess.run(["mergecap", "-F", "pcap", "-a", "-w", out / "stacks.pcap", *captures], check=True)
    (out / "stacks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(scratch, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
