"""The origin server of all hosts: answers /c/<id>/h<n> as its case says, to the byte, and logs what came."""
import glob, gzip, os, socket, struct, threading, time
from urllib.parse import unquote

PHRASES = {200: "OK", 204: "No Content", 302: "Found", 404: "Not Found", 500: "Internal Server Error"}
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
WAV = b"RIFF" + struct.pack("<I", 836) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", 800) + b"\x80" * 800
FONTS = sorted(glob.glob("/usr/share/fonts/truetype/**/*.ttf", recursive=True), key=os.path.getsize)
FONT = open(FONTS[0], "rb").read() if FONTS else b""
BODIES = {"img": ("image/gif", GIF), "script": ("text/javascript", b"1"), "css": ("text/css", b"a{}"), "module": ("text/javascript", b"1"), "import": ("text/javascript", b"1"), "font": ("font/ttf", FONT),
          "audio": ("audio/wav", WAV), "video": ("audio/wav", WAV), "es": ("text/event-stream", b"data: x\n\n"),
          "preload": ("text/javascript", b"1"), "modulepreload": ("text/javascript", b"1"), "track": ("text/vtt", b"WEBVTT\n\n"), "css_rule": ("image/gif", GIF), "worklet": ("text/javascript", b"1"), "worker": ("text/javascript", b"1"),
          "import_scripts": ("text/javascript", b"1"), "worker_import": ("text/javascript", b"1"), "object": ("image/gif", GIF), "poster": ("image/gif", GIF), "input_image": ("image/gif", GIF), "svg_image": ("image/gif", GIF), "svg_use": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}
HINTS = "Sec-CH-UA-Arch, Sec-CH-UA-Platform-Version, Sec-CH-UA-Full-Version-List, DPR, Viewport-Width, Width, Device-Memory, Sec-CH-DPR, Sec-CH-Viewport-Width, Sec-CH-Prefers-Color-Scheme, RTT, Downlink, ECT, Save-Data"
PAGE = open(os.path.join(os.path.dirname(__file__), "page.js"), encoding="utf-8").read()
# by the last digit of the case: the request itself, a copy, another made of it, or none of its own
SERVICE = """oninstall = () => skipWaiting(); onactivate = e => e.waitUntil(clients.claim());
onfetch = e => {
  const m = /\\/c\\/[0-9a-f]{9}([0-9a-f])/.exec(e.request.url), how = m ? parseInt(m[1], 16) % 4 : 3;
  if (how < 3) e.respondWith(fetch(how == 0 ? e.request : how == 1 ? e.request.clone() : new Request(e.request, {cache: 'no-store'})));
};"""
CSP = "connect-src 'self' http://app.one.test:18002 http://ck.one.test:18002 http://std.two.test https://app.one.test:18443 https://std.two.test"


class Server:
    def __init__(self, addresses):
        self.cases, self.log, self.lock = {}, [], threading.Lock()
        self.counts = {}
        self.steps = {}  # what pages do by themselves, by the number in their query
        for family, address in addresses:
            s = socket.socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(address)
            s.listen(256)
            threading.Thread(target=self.accept, args=(s,), daemon=True).start()

    def accept(self, listener):
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        file = sock.makefile("rb")
        try:
            while self.one(sock, file):
                pass
        except OSError:
            pass
        finally:
            file.close()
            sock.close()

    def one(self, sock, file):
        line = file.readline().decode("latin-1").split()
        if len(line) != 3:
            return False
        fields = []
        while (raw := file.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = raw.decode("latin-1").partition(":")
            fields.append((name.strip().lower(), value.strip()))
        head = dict(fields)
        began = time.time()
        if "chunked" in head.get("transfer-encoding", ""):
            while (size := int(file.readline().split(b";")[0], 16)):
                file.read(size + 2)
            file.readline()
        else:
            file.read(int(head.get("content-length") or 0))
        path, _, query = line[1].partition("?")
        part = path.replace("%68", "h").split("/")
        case = self.cases.get(part[2]) if len(part) == 4 and part[1] == "c" else None
        if case is None or not part[3][1:].isdigit() or int(part[3][1:]) >= len(case["hops"]):
            return self.other(sock, path, query, head)
        hop = int(part[3][1:])
        preflight = line[0] == "OPTIONS" and "origin" in head and "access-control-request-method" in head
        answers = case["hops"][hop]["pre" if preflight else "act"]
        with self.lock:
            key = (part[2], hop, preflight)
            nth = self.counts[key] = self.counts.get(key, -1) + 1
            answer = answers[min(nth, len(answers) - 1)]
            entry = {"id": part[2], "hop": hop, "time": began, "method": line[0], "fields": fields, "preflight": preflight, "answer": answer, "origin": head.get("origin"), "cookie": "cookie" in head, "host": head.get("host", "")}
            self.log.append(entry)
        if "asks" in answer and "authorization" not in head:
            kept = answer["fields"] if answer["asks"] == "same" else [f for f in answer["fields"] if not f[0].startswith("Access-")]
            entry["answer"] = answer = answer | {"status": 401, "fields": [*kept, ["WWW-Authenticate", 'Basic realm="r"']]}
            self.counts[key] -= 1
        if "tag" in answer and head.get("if-none-match") == '"tag"' and answer["tag"] != "other":
            kept = answer["fields"] if answer["tag"] == "same" else [f for f in answer["fields"] if not f[0].startswith("Access-")]
            entry["answer"] = answer = answer | {"status": 304, "fields": kept}
        if "tag" in answer:
            answer = answer | {"fields": [*answer["fields"], ["ETag", '"tag"']]}
        entry["sent"] = sent = [(k, v.replace("{o}", head.get("origin", "null")).replace("{t}", case["hops"][hop]["origin"])) for k, v in answer["fields"]]
        return self.answer(sock, line[0], answer, sent)

    def other(self, sock, path, query, head):
        query, _, step = query.partition("&")
        script = self.steps.get(step, "")
        if path == "/sw.js":
            body = SERVICE.encode()
            sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            return True
        extra = {"csp": f"Content-Security-Policy: {CSP}\r\n", "coep": "Cross-Origin-Embedder-Policy: require-corp\r\n", "quiet": "Referrer-Policy: no-referrer\r\n",
                 "hints": f"Accept-CH: {HINTS}\r\nPermissions-Policy: " + ", ".join(f"ch-{h.lower().removeprefix('sec-ch-')}=*" for h in HINTS.split(", ")) + "\r\n"}.get(query, "")
        if path == "/report":
            extra, script = f"Content-Security-Policy: img-src 'none'; report-uri {unquote(query)}\r\n", "</script><img src=/x.gif><script>"
        if path == "/a/signin" and "authorization" not in head:
            sock.sendall(b'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n')
            return True
        if path == "/setck":
            extra = "".join(f"Set-Cookie: {c}; Path=/\r\n" for c in ["plain=1", "lax=1; SameSite=Lax", "strict=1; SameSite=Strict", "none=1; SameSite=None; Secure"])
        body = (f"<!doctype html><meta charset=utf-8><link rel=icon href=data:,><body><script>{PAGE}\n{script}</script>" if path == "/page" else f"<!doctype html><link rel=icon href=data:,><script>{script}</script>x").encode()
        sock.sendall(f"HTTP/1.1 {200 if path in ('/page', '/setck', '/report', '/a/signin') else 404} OK\r\nContent-Type: text/html\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def answer(self, sock, method, answer, sent):
        how, status = answer["how"], answer["status"]
        mime, body = BODIES.get(answer.get("kind"), ("application/json", b'{"data": 1}'))
        if how == "close":
            return False
        if how == "rst":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if how == "garbage":
            sock.sendall(b"\x16\x03\x01junk and no HTTP\r\n\r\n")
            return False
        if how == "upgrade":
            sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
            return False
        if status == 206 and answer.get("kind") in ("audio", "video"):
            sent = [*sent, ("Content-Range", f"bytes 0-{len(body) - 1}/{len(body)}"), ("Accept-Ranges", "bytes")]
        bodiless = method == "HEAD" or status in (204, 304) or 100 <= status < 200
        if not answer["body"] or bodiless:
            body = b""
        lines = [f"{k}: {v}" for k, v in sent]
        if body:
            lines.append(f"Content-Type: {mime}")
        alter = {"lower_names": str.lower, "upper_names": str.upper, "odd_names": str.swapcase}.get(how)
        if alter:
            lines = [alter(k) + ":" + v for k, _, v in (l.partition(":") for l in lines)]
        if how == "tab_values":
            lines = [f"{k}:\t {v.strip()}\t \t" for k, _, v in (l.partition(":") for l in lines)]
        if how == "space_colon":
            lines = [l.replace(":", " :", 1) if l.lower().startswith("access-control-allow-o") else l for l in lines]
        if how == "no_colon":
            lines.insert(0, "this line has none")
        if how == "empty_name":
            lines.insert(0, ": nothing")
        if how == "nul_field":
            lines.insert(0, "X-Nul\0: 1")
        if how == "fold":
            lines = [l.replace(": ", ":\r\n ", 1) if l.lower().startswith("access-control-allow-o") else l for l in lines]
        for odd, byte in [("nul_value", "\0"), ("cr_value", "\r"), ("vt_value", "\x0b")]:
            if how == odd:
                lines = [l + byte + ("x" if odd == "nul_value" else "") if l.lower().startswith("access-control-allow-o") else l for l in lines]
        close = how in ("http10", "close_delimited", "short", "short_chunked", "bad_chunk", "http11_close")
        chunked = how in ("chunked", "short_chunked", "bad_chunk", "trailer_cors") and not bodiless
        if how == "gzip" and body:
            body = gzip.compress(body)
            lines.append("Content-Encoding: gzip")
        if how == "trailer_cors" and chunked:
            lines = [l for l in lines if not l.startswith("Access-Control-Allow-Origin")]
        if how == "http11_close":
            lines.append("Connection: close")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            body += {"short_chunked": b"", "bad_chunk": b"zz\r\nx\r\n", "trailer_cors": b"0\r\n" + b"".join(f"{k}: {v}\r\n".encode("latin-1", "replace") for k, v in sent if "Allow" in k) + b"\r\n"}.get(how, b"0\r\n\r\n")
        elif how not in ("close_delimited", "http10") and not (bodiless and method != "HEAD"):
            lines.append(f"Content-Length: {len(body) + (50 if how == 'short' else 0)}")
            if how == "two_lengths":
                lines.append(f"Content-Length: {len(body) + 1}")
        version = {"http10": "HTTP/1.0", "http2_line": "HTTP/2"}.get(how, "HTTP/1.1")
        first = f"{version} {status} {PHRASES.get(status, 'Status')}"
        if how == "no_phrase":
            first = f"{version} {status}"
        if how == "status_junk":
            first = f"{version} {status}abc OK"
        if how == "phrase_latin1":
            first = f"{version} {status} D\xe9j\xe0 \t vu"
        end = "\n" if how == "lf_only" else "\r\n"
        # one character, one byte, except what is no latin-1
        head = (end.join([first, *lines]) + end + end).encode("utf-8" if any(ord(ch) > 255 for l in lines for ch in l) else "latin-1")
        early = {"early_103": b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n", "early_100": b"HTTP/1.1 100 Continue\r\n\r\n", "crlf_first": b"\r\n",
                 "early_103_cors": b"HTTP/1.1 103 Early Hints\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: *\r\n\r\n"}.get(how, b"")
        if how == "slow":
            time.sleep(0.4)
        if how == "mid_head":
            sock.sendall(head[:-2 - len(lines[-1])])
            return False
        if how == "split":
            for at in range(0, len(head), 40):
                sock.sendall(head[at:at + 40])
                time.sleep(0.002)
            head = b""
        sock.sendall(early + head + body)
        return not close
