"""Browsers behind one face: open(url), evaluate(script), words() (what the console said since: URL, word, whether CORS, when)."""
import base64, json, os, re, select, socket, struct, subprocess, time, urllib.request


class WebSocket:
    """Enough of RFC 6455 for a debugger on loopback."""

    def __init__(self, url):
        host, port, path = re.match(r"ws://([^:/]+):(\d+)(/.*)", url).groups()
        self.sock = socket.create_connection((host, int(port)), 30)
        self.sock.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.sock.makefile("rb")
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text):
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data)) if len(data) < 65536 else b"\xff" + struct.pack(">Q", len(data))
        self.sock.sendall(b"\x81" + size + b"\0\0\0\0" + data)

    def receive(self):
        whole = b""
        while True:
            first, size = self.file.read(2)
            size &= 0x7F
            if size > 125:
                size = struct.unpack(">H", self.file.read(2))[0] if size == 126 else struct.unpack(">Q", self.file.read(8))[0]
            whole += self.file.read(size)
            if first & 0x80:
                return whole.decode("utf-8", "replace")


class Chromium:
    family = "chromium"

    def __init__(self, folder, log):
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/chromium", "--remote-debugging-port=9777",
             "--disable-features=LocalNetworkAccessChecks,IsolateSandboxedIframes,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable", "--ignore-certificate-errors", "--disable-background-networking",
             "--autoplay-policy=no-user-gesture-required", "about:blank"], stdout=log, stderr=log)
        for _ in range(200):
            try:
                pages = json.load(urllib.request.urlopen("http://127.0.0.1:9777/json"))
                break
            except OSError:
                time.sleep(0.1)
        self.version = json.load(urllib.request.urlopen("http://127.0.0.1:9777/json/version"))["Browser"].split("/")[1]
        self.ws = WebSocket(next(p for p in pages if p["type"] == "page")["webSocketDebuggerUrl"])
        self.n, self.urls, self.said, self.clock = 0, {}, [], 0
        self.watch(None)
        self.call("Page.enable")

    def post(self, method, session=None, **params):
        self.n += 1
        self.ws.send(json.dumps({"id": self.n, "method": method, "params": params} | ({"sessionId": session} if session else {})))
        return self.n

    def watch(self, session):
        self.post("Network.enable", session)
        self.post("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        self.post("Runtime.runIfWaitingForDebugger", session)

    def call(self, method, **params):
        wanted = self.post(method, **params)
        while True:
            m = json.loads(self.ws.receive())
            if m.get("id") == wanted:
                if "error" in m:
                    raise RuntimeError(f"{method}: {m['error']}")
                return m["result"]
            self.take(m)

    def take(self, m):
        p = m.get("params", {})
        if m.get("method") == "Target.attachedToTarget":
            self.watch(p["sessionId"])
        elif m.get("method") == "Network.requestWillBeSent":
            if "/c/" in p["request"]["url"] or p["requestId"] not in self.urls:  # a redirect may lead anywhere
                self.urls[p["requestId"]] = p["request"]["url"]
            self.clock = p["wallTime"] - p["timestamp"]
        elif m.get("method") == "Network.loadingFailed":
            cors = p.get("corsErrorStatus")
            word = (cors["corsError"] + (":" + cors["failedParameter"] if cors.get("failedParameter") else "")) if cors else f"blocked:{p['blockedReason']}" if p.get("blockedReason") else p["errorText"]
            self.said.append((self.urls.get(p["requestId"], ""), word, bool(cors), p["timestamp"] + self.clock))

    def open(self, url):
        self.call("Page.navigate", url=url)
        time.sleep(0.5)

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"])[:600])
        return result["result"].get("value")

    def words(self):
        said, self.said = self.said, []
        return said

    def close(self):
        self.process.terminate()
        self.process.wait(20)


class Firefox:
    family = "firefox"
    PREFS = {"network.lna.enabled": False, "network.lna.blocking": False, "dom.security.https_first": False, "network.captive-portal-service.enabled": False,
             "network.connectivity-service.enabled": False, "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
             "privacy.reduceTimerPrecision": False, "media.autoplay.default": 0, "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.enabled": False,
             "app.update.enabled": False, "services.settings.server": "", "browser.contentblocking.category": "standard", "marionette.port": 9778, "network.http.phishy-userpass-length": 255, "network.auth.subresource-http-auth-allow": 0, "security.warn_submit_secure_to_insecure": False}

    def __init__(self, folder, log):
        profile = f"{folder}/firefox"
        os.makedirs(profile)
        with open(f"{profile}/user.js", "w") as f:
            f.writelines(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in self.PREFS.items())
        self.process = subprocess.Popen(["firefox", "--headless", "--no-remote", "--marionette", "-remote-allow-system-access", "--profile", profile], stdout=log, stderr=log,
                                        env=os.environ | {"HOME": str(folder)})
        for _ in range(600):
            try:
                self.sock = socket.create_connection(("127.0.0.1", 9778), 300)
                break
            except OSError:
                time.sleep(0.1)
        self.buffer, self.n = b"", 0
        self.receive()
        self.version = self.call("WebDriver:NewSession", acceptInsecureCerts=True, unhandledPromptBehavior="dismiss")["capabilities"]["browserVersion"]
        self.call("WebDriver:SetTimeouts", script=60000, pageLoad=30000)
        self.chrome("""globalThis.told = []; Services.console.registerListener({observe(m) {
            try { m = m.QueryInterface(Ci.nsIScriptError); } catch (e) { return; }
            globalThis.told.push([m.category, m.errorMessage, Date.now() / 1000]); }});""")

    def receive(self):
        while b":" not in self.buffer:
            self.buffer += self.sock.recv(65536)
        size, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(size):
            self.buffer += self.sock.recv(65536)
        text, self.buffer = self.buffer[:int(size)], self.buffer[int(size):]
        return json.loads(text)

    def call(self, method, **params):
        self.n += 1
        text = json.dumps([0, self.n, method, params]).encode()
        self.sock.sendall(str(len(text)).encode() + b":" + text)
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f"{method}: {error}")
        return result

    def chrome(self, script):
        self.call("Marionette:SetContext", value="chrome")
        value = self.call("WebDriver:ExecuteScript", script=script, args=[], sandbox="system", newSandbox=False)["value"]
        self.call("Marionette:SetContext", value="content")
        return value

    def open(self, url):
        self.call("WebDriver:Navigate", url=url)

    def evaluate(self, script):
        return self.call("WebDriver:ExecuteScript", script=f"return (window.wrappedJSObject || window).eval({json.dumps(script)})", args=[])["value"]

    def words(self):
        said = []
        for category, text, at in self.chrome("const t = globalThis.told; globalThis.told = []; return t;") or []:
            url = re.search(r"https?://[^\s‘’“”\"']+", text)
            if url:
                reason = re.search(r"\(Reason: (.*?)\)\.", text)
                said.append((url.group(0), f"{category}:{reason.group(1) if reason else text}", category.startswith("CORS"), at))
        return said

    def close(self):
        try:
            self.call("Marionette:Quit", flags=["eForceQuit"])
        except (OSError, RuntimeError, ValueError):
            pass
        self.process.terminate()
        self.process.wait(20)


class Webkit:
    """WebKitGTK's MiniBrowser. Its driver's sessions are private ones, of which nothing reaches the console: so pages carry their own batch, tell what they
    saw on the console, and go on to the next page themselves. A refusal is two lines there: why, and what could not be loaded."""
    family = "webkit"
    BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"

    def __init__(self, folder, log):
        self.log = log
        screen = f":{100 + os.getpid() % 60000}"  # several may run at once
        self.env = os.environ | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "DISPLAY": screen, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1", "NO_AT_BRIDGE": "1"}
        self.screen = subprocess.Popen(["Xvfb", screen, "-screen", "0", "800x600x24"], stdout=log, stderr=log)
        time.sleep(1.5)
        self.version = subprocess.run([self.BROWSER, "--version"], env=self.env, capture_output=True, text=True).stdout.split()[1]

    def walk(self, first, patience):
        """Lines of the console, from the first page on, until one says END."""
        ours, terminal = os.openpty()  # to a terminal lines are written as they come
        self.process = subprocess.Popen([self.BROWSER, "--enable-itp", "--ignore-tls-errors", "--enable-write-console-messages-to-stdout=true", "--autoplay-policy=allow", first], stdout=terminal, stderr=terminal, env=self.env)
        os.close(terminal)
        until = time.time() + patience
        with open(ours, "rb", buffering=0) as console:
            rest = b""
            while time.time() < until:
                if not select.select([console], [], [], 1)[0]:
                    continue
                got = console.read(65536)
                self.log.write(got)
                *lines, rest = (rest + got).split(b"\n")
                for line in lines:
                    text = line.decode("utf-8", "replace").rstrip()
                    if text.endswith("CONSOLE LOG END"):
                        return
                    yield text

    def close(self):
        for process in (self.process, self.screen):
            process.terminate()
            process.wait(20)
