"""Random attempts of pages, and the answers they meet. One seed, one list of cases."""
import random

OTHER = "https://other.example"
# topology -> (page origins, target origins, origins that have cookies)
PLACES = {
    "T1": (["http://app.one.test:18001", "http://www.one.test", "http://app.localhost:18001"],
           ["http://app.one.test:18002", "http://ck.one.test:18002", "http://api.one.test:18002", "http://ck.two.test:18003", "http://api.two.test:18003", "http://std.two.test", "http://alt.three.test:18004",
            "http://api.localhost:18002", "http://ck.localhost:18002", "http://127.0.0.1:18002", "http://std.two.test", "http://alt.three.test:18004"],
           ["http://ck.one.test:18002", "http://ck.two.test:18003", "http://ck.localhost:18002"]),
    "T2": (["https://app.one.test", "https://www.one.test:18443", "https://app.one.test:18444"],
           ["https://app.one.test:18443", "https://ck.one.test:18443", "https://api.one.test", "https://ck.two.test", "https://api.two.test:18443", "https://std.two.test", "https://alt.three.test:18444", "https://alt.three.test"],
           ["https://ck.one.test:18443", "https://ck.two.test"]),
}
STATUSES = [200] * 14 + [201, 204, 205, 206, 299, 300, 304, 400, 401, 403, 404, 405, 407, 409, 418, 429, 500, 502, 503, 511, 599]
ELEMENTS = ["img", "script", "css", "module", "import", "font", "audio", "video"]
KINDS = ["fetch"] * 34 + ["xhr"] * 12 + ELEMENTS + ["img", "script", "es", "es", "beacon", "iframe", "form_iframe", "ws"]
# what only HTTP/1.1 on the browser's own leg shows
RAW = ["close", "rst", "mid_head", "short", "short_chunked", "bad_chunk", "http10", "lf_only", "fold", "no_phrase", "nul_field", "nul_value", "early_103", "early_103_cors", "early_100", "garbage", "two_lengths",
       "slow", "gzip", "chunked", "split", "crlf_first", "no_colon", "space_colon", "close_delimited", "tab_values", "lower_names", "upper_names", "odd_names", "cr_value", "http2_line", "status_junk", "phrase_latin1", "trailer_cors", "http11_close", "vt_value", "empty_name"]


class Maker:
    def __init__(self, seed, topo):
        self.r = random.Random(f"{seed} {topo}")
        self.topo = topo
        self.pages, self.targets, self.cookies = PLACES[topo]

    def pick(self, *weighted):
        """pick((weight, value), …)"""
        return self.r.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    def chance(self, p):
        return self.r.random() < p

    def allow_origin(self, po, good):
        """Fields of Access-Control-Allow-Origin: a list of values."""
        r, host = self.r, po.split("//")[-1]
        if self.chance(good):
            return r.choice([[po], [po], ["{o}"], ["{o}"], ["*"], [f"  {po}\t"], ["\t*  "]])
        bare = host.split(":")[0]
        return r.choice([
            [], [], [], ["*"], ["null"], ["Null"], ["null "], [OTHER], [po.upper()], [po.replace("http", "HTTP", 1)], [po.replace(host, host.upper())], [po.replace(host, host.capitalize())], [po + "/"], [po + "//"], [po + "/*"],
            [po + ":80"], [po + ":443"], [f"{po.split('//')[0]}//{bare}"], [f"{po.split('//')[0]}//{bare}:18001"], [f"{po.split('//')[0]}//{bare}:0{host.partition(':')[2]}"], [f"{po}:"], [po + "/path?q#f"], [f"{po}, {OTHER}"], [f"{OTHER},{po}"],
            [f"{po} {OTHER}"], [f"{po}\t{OTHER}"], [f"{po},"], [f",{po}"], [f"{po},{po}"], [po, po], [po, OTHER], [OTHER, po], ["*", po], [po, "*"], ["*", "*"], ["* *"], ["*,*"], ["*,"], ["**"], [""], ["", po], [po, ""], ["", ""], ["", "*"], ["*", ""],
            [" "], [f'"{po}"'], [f"'{po}'"], [f"<{po}>"], [f"{po};"], [f"{po}; q=1"], [f"{po}#"], [f"{po}?"], ["*.one.test"], ["http://*"], ["https://*.one.test"], ["http*://" + host], [host], ["//" + host], [po.replace("//", "/")],
            [po.replace("://", ":")], ["//"], ["/"], ["true"], ["all"], ["any"], ["none"], ["undefined"], ["self"], ["'*'"], ['"*"'], [".*"], ["%2A"], ["http://"], ["https://"], ["about:blank"], ["file://"], ["data:,"], ["a:b"], ["http:"], ["http://[::1]"],
            ["http://[bad"], ["http://a b"], ["http://user:pw@" + host], ["http://" + bare + ":99999"], ["http://" + bare + ":x"], [po + "\xa0"], ["\xa0" + po], [po + "\xff"], ["\xef\xbb\xbf" + po], [po[:-1]], [po + "x"], ["x" + po], [po.replace("one", "two")],
            ["http://x." + host], [po.replace("http", "https", 1) if po.startswith("http:") else po.replace("https", "http", 1)], [po, "null"], ["null", po], ["null", "null"], ["null, null"], [po + "\x0b"], [po + "\x0c"], [po + "\x7f"], ["\x01"], ["\\*"], [r"\^https?://.*"],
            ["{" + po + "}"], [f"[{po}]"], [f"({po})"], [f"{po}|{OTHER}"], [f"{po};{OTHER}"], ["http://" + bare.replace(".", "%2E")], ["http://%61" + bare[1:]], ["http://ünicode.test"], ["http://xn--nicode-2ya.test"], [f"{po} "], [f"  {po}"], [po + "."], ["localhost"],
            ["http://localhost"], ["http://127.0.0.1:18001"], ["ws://" + host], ["{t}"], ["*; *"], ["* "], ["\t"], ["a" * 3000], [po + " " * 500], ["*", OTHER], [OTHER, OTHER], ["", "", po], [po, po, po], ["null", ""], ["", "null"], ["http://0x7f.1"], ["http://a.test:80:80"]])

    def allow_credentials(self, good):
        if self.chance(good):
            return self.r.choice([["true"], ["true"], ["true"], ["  true\t"], ["true "]])
        return self.r.choice([[], [], [], [], ["True"], ["TRUE"], ["true, true"], ["true,true"], ["true", "true"], ["true", "false"], ["false"], ["1"], [""], ["", "true"], ["true", ""], ["true;"], ['"true"'], ["yes"], ["tru"], ["truex"], ["true\xa0"], ["true,"], [",true"], ["t rue"], ["*"], ["true\x0b"]])

    def listed(self, names, good, star_ok, pool):
        """Fields of a list header; good: the names are covered."""
        r = self.r
        more = r.sample(pool, min(r.randrange(4), len(pool)))
        items = list(dict.fromkeys([*names, *more]))
        r.shuffle(items)
        if self.chance(good):
            return r.choice([[", ".join(items)], [",".join(items)], [" ,\t".join(items)], [",".join(["", *items, ""])], [", , ".join(items)], items or [], ["*"] if star_ok else [", ".join(items)], [", ".join(items + items)],
                             ["\t" + ", ".join(items) + "  "], ["", ", ".join(items)], [", ".join(["*", *items])], [",".join(items) + ","], [",,," + ",".join(items)], [",".join(items), "*"]])
        some = items[:-1]
        return r.choice([[], [], ["*"], [""], [", ".join(some)], [", ".join(more)], [", ".join(i.lower() for i in items)], [", ".join(i.upper() for i in items)], [", ".join(i.title() for i in items)], [" ".join(items)], [";".join(items)],
                         ['"' + ", ".join(items) + '"'], [", ".join(f'"{i}"' for i in items)], ["[" + ", ".join(items) + "]"], [", ".join([*items, "@"])], [", ".join(["a b", *items])], [", ".join([*items, "x:y"])], ["; ".join(items)], ["|".join(items)],
                         [", ".join([*items, "é"])], [", ".join(items) + "\xa0"], ["*, *"], ["* *"], ["*", *some], ["**"], ["'*'"], [", ".join([*items, "()"])], ["\t"], [","], ["all"], [", ".join([*items, '""'])], [", ".join(items) + "\x0b"], [", ".join([*items, "x/y"])],
                         [", ".join(f"{i};q=1" for i in items)], ["null"], ["any"], ["{" + ", ".join(items) + "}"], [",".join(items) + ".", ], ["@", ", ".join(items)], [", ".join(items), "a b"], ["\t,\t" + "\t".join(items)]])

    def status(self):
        return self.r.choice(STATUSES)

    def preflight(self, c, good=0.86):
        r = self.r
        fields = [["Access-Control-Allow-Origin", v] for v in self.allow_origin(c["po"], good)]
        fields += [["Access-Control-Allow-Credentials", v] for v in self.allow_credentials(0.8 if c["cred"] else 0.3)]
        methods = {m for m in c["methods"] if m not in ("GET", "HEAD", "POST")} or (set(c["methods"]) if self.chance(0.4) else set())
        pool = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "get", "put", "patch", "QUERY"]
        if methods or self.chance(0.6):
            fields += [["Access-Control-Allow-Methods", v] for v in self.listed(sorted(methods), good, not c["cred"] or self.chance(0.1), pool)]
        names = sorted({n.lower() for n in c["names"]})
        if names or self.chance(0.3):
            given = [n if self.chance(0.7) else n.upper() if self.chance(0.5) else n.title() for n in names]
            star = (not c["cred"] or self.chance(0.1)) and ("authorization" not in names or self.chance(0.3))
            fields += [["Access-Control-Allow-Headers", v] for v in self.listed(given, good, star, ["x-a", "x-other", "Content-Type", "Authorization", "accept", "X-Requested-With", "range", "x.y", "x_z"])]
        if self.chance(0.45):
            fields += [["Access-Control-Max-Age", v] for v in r.choice([["0"], ["-1"], ["5"], ["600"], ["999999999"], ["99999999999999999999"], ["junk"], ["600", "600"], ["600", "0"], [""], ["600.5"], ["+600"], [" 600 "], ["1"], ["600s"], ["0x10"], ["6e2"], ["-0"], ["00600"], ["600,"], ["600 1"], ['"600"'], ["２"], ["-600"], ["1", "x"]])]
        if self.chance(0.2):
            fields.append(["Access-Control-Allow-Private-Network", "true"])
        if self.chance(0.1):
            fields.append(["Access-Control-Expose-Headers", "*"])
        status = 200 if self.chance(0.2) else 204 if self.chance(0.8) else r.choice([100 + 101, 202, 203, 205, 206, 207, 226, 250, 299, 300, 301, 302, 303, 304, 305, 306, 307, 308, 310, 399, 400, 401, 403, 404, 405, 407, 410, 418, 429, 500, 501, 502, 503, 504, 599, 600, 700, 999])
        if status in (301, 302, 303, 307, 308, 300, 305, 306, 310) and self.chance(0.7):
            fields.append(["Location", r.choice(["/elsewhere", "http://std.two.test/x", "", "http://[bad", "{t}/login", "mailto:a@b", "#x", "?q"])])
        if self.chance(0.1):
            fields.append(["WWW-Authenticate", "Bearer"])
        return {"status": status, "fields": self.mix(fields), "body": "" if self.chance(0.6) else "no", "how": self.how(0.03)}

    def how(self, p):
        return self.r.choice(RAW) if self.chance(p) else ""

    def mix(self, fields):
        """Other fields among them, in any order; each kind keeps the order of its own."""
        r = self.r
        extra = [f for f in [["Vary", "Origin"], ["Cache-Control", "no-store"], ["X-Powered-By", "x"], ["Content-Language", "en"], ["Timing-Allow-Origin", "*"], ["Allow", "GET, PUT"], ["X-Content-Type-Options", "nosniff"], ["access-control-allow", "x"],
                             ["Access-Control-Request-Method", "PUT"], ["Origin", OTHER], ["Alt-Svc", "clear"], ["Connection", "keep-alive"], ["Server", "x"], ["X-Access-Control-Allow-Origin", "*"]] if self.chance(0.1)]
        out = list(fields)
        for f in extra:
            out.insert(r.randrange(len(out) + 1), f)
        return out

    def actual(self, c, good=0.72, status=None):
        r = self.r
        fields = [["Access-Control-Allow-Origin", v] for v in self.allow_origin(c["po"], good)]
        fields += [["Access-Control-Allow-Credentials", v] for v in self.allow_credentials(0.75 if c["cred"] else 0.3)]
        if self.chance(0.2):
            fields += [["Access-Control-Expose-Headers", v] for v in r.choice([["*"], ["x-one, X-Two"], ["x-one", "x-two"], ["x one"], [""], ["*, x-one"], ["set-cookie"]])]
            fields += [["X-One", "1"], ["X-Two", "2"]]
        if self.chance(0.08):
            fields.append(["Cross-Origin-Resource-Policy", r.choice(["same-origin", "same-site", "cross-origin", "junk"])])
        if self.chance(0.08):
            fields.append(["Set-Cookie", r.choice(["s=1; Path=/", "s=1; Path=/; SameSite=Strict", "s=1; Path=/; SameSite=None; Secure"])])
        if self.chance(0.06):
            fields.append(["Access-Control-Allow-Methods", "GET"])
        return {"status": status or self.status(), "fields": self.mix(fields), "body": "data", "how": self.how(0.07)}

    def header(self):
        r = self.r
        fill = lambda n: "a" * n
        return r.choice([
            ["accept", "application/json"], ["accept", fill(127)], ["accept", fill(128)], ["accept", fill(129)], ["Accept", 'a"b'], ["accept", "a{b"], ["accept", "a@b"], ["accept", "a/b;q=1,*/*"], ["accept", ""], ["accept", "é"], ["accept", "a\tb"],
            ["accept-language", "en"], ["accept-language", "en_US"], ["accept-language", fill(128)], ["accept-language", fill(129)], ["accept-language", "en,de;q=0.1, *"], ["accept-language", "e/n"], ["accept-language", '"en"'],
            ["content-language", "en-US"], ["content-language", "en\tde"], ["content-language", "é"], ["content-language", fill(129)],
            ["content-type", "text/plain"], ["content-type", "TEXT/PLAIN"], ["content-type", "text/plain;charset=utf-8"], ["content-type", 'text/plain;charset="utf-8"'], ["content-type", "application/json"], ["content-type", "text/plain, text/plain"], ["content-type", "text/plain;"],
            ["content-type", "multipart/form-data; boundary=" + fill(90)], ["content-type", "multipart/form-data; boundary=" + fill(120)], ["content-type", "application/x-www-form-urlencoded; charset=x"], ["content-type", "text/plain; a=(b)"], ["content-type", "text/html"],
            ["content-type", " text/plain "], ["content-type", "text/plain; a={b}"], ["content-type", "text / plain"], ["content-type", "text/plainx"], ["content-type", ""], ["content-type", "application/csp-report"], ["content-type", "text/xml"], ["content-type", "text/plain;é=1"],
            ["content-type", "application/graphql"], ["content-type", "image/png"],
            ["range", "bytes=0-9"], ["range", "bytes=0-"], ["range", "bytes=-5"], ["range", "bytes=0-1,3-4"], ["range", "bytes = 0-9"], ["range", "bytes=9-0"], ["Range", "bytes=00-9"], ["range", "items=0-1"], ["range", "bytes=0-" + "9" * 30], ["range", "bytes=0-9 "],
            ["authorization", "Bearer abc"], ["Authorization", "Basic dTpw"], ["x-requested-with", "XMLHttpRequest"], ["x-a", "1"], ["X-B", "2"], ["x-c", ""], ["x-custom", fill(500)], ["x.y", "1"], ["x_z", "1"], ["x-trace-id", "1"], ["if-none-match", '"e"'], ["if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT"],
            ["cache-control", "no-cache"], ["pragma", "no-cache"], ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], ["x-forwarded-for", "1.2.3.4"], ["x-request-id", "1"], ["x-http-method-override", "DELETE"], ["x-method-override", "TRACE"], ["user-agent", "page/1"],
            ["priority", "u=1"], ["save-data", "on"], ["dpr", "2"], ["device-memory", "8"], ["width", "100"], ["viewport-width", "9"], ["downlink", "1"], ["ect", "4g"], ["rtt", "50"], ["sec-ch-ua", "x"], ["dnt", "1"], ["upgrade-insecure-requests", "1"], ["last-event-id", "5"], ["early-data", "1"],
            ["forwarded", "for=1.2.3.4"], ["via", "1.1 x"], ["te", "trailers"], ["link", "<x>"], ["icy-metadata", "1"], ["purpose", "prefetch"], ["x-real-ip", "1.2.3.4"], ["cf-ray", "x"], ["x-b3-traceid", "1"], ["baggage", "a=1"], ["sentry-trace", "1"], ["x-csrf-token", "1"], ["idempotency-key", "1"],
            ["x-client-ip", "1"], ["content-encoding", "gzip"], ["content-disposition", "x"], ["x-amzn-trace-id", "1"], ["!#$%&'*+-.^_`|~", "1"], ["1", "1"], ["x-forwarded-host", "a.test"], ["x-forwarded-port", "1"], ["x-forwarded-ssl", "on"], ["expect-ct", "1"], ["origin-x", "1"], ["accept-ch", "1"], ["accept-charset", "x"]])

    def case(self, n):
        r = self.r
        c = {"id": "%010x" % r.getrandbits(40), "n": n}
        c["page"] = r.randrange(len(self.pages))
        c["variant"] = self.pick((93, ""), (4, "csp"), (3, "coep"))
        c["kind"] = kind = r.choice(KINDS)
        scripted = kind in ("fetch", "xhr")
        c["realm"] = self.pick((80, "top"), (10, "sandbox"), (5, "data_worker"), (5, "blob_worker")) if scripted else "top"
        page = self.pages[c["page"]]
        c["po"] = "null" if c["realm"] in ("sandbox", "data_worker") else page
        origins = [r.choice(self.targets)]
        if self.chance(0.06):
            origins[0] = page
        init = {"method": "GET", "credentials": self.pick((45, "omit"), (20, "same-origin"), (35, "include"))}
        body = None
        if scripted:
            init["method"] = self.pick((30, "GET"), (4, "HEAD"), (18, "POST"), (11, "PUT"), (9, "PATCH"), (3, "patch"), (9, "DELETE"), (2, "OPTIONS"), (2, "put"), (2, "delete"), (2, "post"), (1, "get"), (1, "PURGE"), (1, "QUERY"), (1, "propfind"), (1, "Patch"), (1, "PoST"), (1, "M-SEARCH"), (1, "LINK"), (1, "GETX"))
            n_headers = self.pick((40, 0), (30, 1), (18, 2), (8, 3), (4, 8))
            init["headers"] = [self.header() for _ in range(n_headers)]
            if self.chance(0.02):
                init["headers"] = [["accept", "a" * 128], ["accept-language", "b" * 128], ["content-language", "c" * 128]] + [["accept", "d" * r.choice([1, 60, 100])]] * r.choice([1, 5, 6, 7])
            if init["method"].upper() in ("GET", "HEAD") or self.chance(0.25):
                body = None
            else:
                body = {"type": r.choice(["text", "text", "params", "form", "blob", "blob", "buffer"]), "text": "x" * r.choice([0, 1, 3, 30, 5000])}
                if body["type"] == "blob":
                    body["mime"] = r.choice(["", "text/plain", "application/json", "application/octet-stream", "text/plain;charset=utf-8"])
            if kind == "fetch":
                init |= {"mode": self.pick((86, "cors"), (9, "no-cors"), (3, "same-origin"))}
                for name, p, values in [("redirect", 0.12, ["error", "manual", "follow"]), ("cache", 0.2, ["no-store", "reload", "no-cache", "force-cache", "default"]), ("keepalive", 0.06, [True]), ("priority", 0.04, ["high", "low"]),
                                        ("referrerPolicy", 0.08, ["no-referrer", "unsafe-url", "origin", "same-origin"]), ("integrity", 0.02, ["sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])]:
                    if self.chance(p):
                        init[name] = r.choice(values)
                if init["mode"] == "no-cors" and self.chance(0.9):
                    init["method"] = r.choice(["GET", "HEAD", "POST"])
                    body = body if init["method"] == "POST" else None
            elif init["credentials"] == "same-origin":
                init["credentials"] = "omit"
        elif kind == "es":
            init["credentials"] = r.choice(["include", "same-origin"])
        elif kind == "form_iframe":
            init["method"] = r.choice(["GET", "POST", "POST"])
        elif kind == "beacon":
            init |= {"method": "POST", "credentials": "include"}
            body = {"type": r.choice(["text", "params", "form", "blob"]), "text": "x"}
            if body["type"] == "blob":
                body["mime"] = r.choice(["", "text/plain", "application/json"])
        a = {"kind": kind, "init": init, "body": body, "upload": kind == "xhr" and self.chance(0.15)}
        if kind == "form_iframe":
            a["mime"] = r.choice(["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
        if kind in ELEMENTS:
            a["crossorigin"] = r.choice([None, "anonymous", "anonymous", "use-credentials"])
            init["credentials"] = {"use-credentials": "include", "anonymous": "same-origin", None: "include"}[a["crossorigin"]]
            if kind in ("font", "import") or (kind == "module" and not a["crossorigin"]):
                init["credentials"] = "same-origin"
            if kind in ("script", "css") and a["crossorigin"] and self.chance(0.06):
                a["integrity"] = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        c["cred"] = init["credentials"] == "include"
        c["attempts"] = [a]
        # the same URL again: both caches, and what they are keyed by
        if scripted and self.chance(0.22):
            for _ in range(r.choice([1, 1, 1, 2])):
                again = {**a, "init": dict(init), "delay": self.pick((75, 0), (10, 300), (8, 1300), (7, 5600))}
                what = self.pick((4, "same"), (2, "cred"), (2, "method"), (2, "header"), (1, "fewer"))
                if what == "cred":
                    again["init"]["credentials"] = "omit" if c["cred"] else "include"
                elif what == "method" and init.get("mode") != "no-cors":
                    again["init"]["method"] = r.choice(["PUT", "DELETE", "PATCH", "GET"])
                    again["body"] = None
                elif what == "header":
                    again["init"]["headers"] = init["headers"] + [r.choice([["x-new", "1"], ["authorization", "Bearer x"], ["content-type", "application/json"]])]
                elif what == "fewer":
                    again["init"]["headers"] = init["headers"][:-1]
                c["attempts"].append(again)
            c["cred"] = any(x["init"]["credentials"] == "include" for x in c["attempts"])
        return self.answers(c, origins, lambda: self.hops_of(kind, origins, page))

    def hops_of(self, kind, origins, page):
        hops = 1
        if kind not in ("ws", "beacon", "iframe", "form_iframe") and self.chance(0.22):
            hops = self.pick((60, 2), (28, 3), (9, 4), (3, 6))
            if self.chance(0.35):
                origins[0] = page
        return hops

    def answers(self, c, origins, hops):
        """Completes a case: what every hop answers, by what is asked there."""
        r, kind, page = self.r, c["kind"], self.pages[c["page"]]
        init, body = c["attempts"][0]["init"], c["attempts"][0]["body"]
        upper = {m: m.upper() for m in ("get", "post", "put", "delete", "options", "head", "PoST", "Get")}
        c["methods"] = [upper.get(x["init"]["method"], x["init"]["method"]) for x in c["attempts"]]
        names = [h[0] for x in c["attempts"] for h in x["init"].get("headers", [])]
        if body and body.get("mime") not in (None, "", "text/plain", "text/plain;charset=utf-8"):
            names.append("content-type")
        c["names"] = [x for x in names if x.lower() not in ("accept-charset", "dnt", "te", "via", "upgrade-insecure-requests") or self.chance(0.3)]
        hops = hops()
        while len(origins) < hops:
            origins.append(r.choice([page, origins[-1], origins[-1], r.choice(self.targets), r.choice(self.targets)]))
        c["hops"] = []
        for i, origin in enumerate(origins[:hops]):
            last = i == hops - 1
            nth = max(len(c["attempts"]), 1) if self.chance(0.3) else 1
            pre = [self.preflight(c) for _ in range(nth)]
            act = [self.actual(c, 0.7 if last else 0.88, None if last else r.choice([301, 302, 303, 307, 308])) for _ in range(nth)]
            if i and self.chance(0.6):  # what a tainted chain wants
                for x in pre + act:
                    for f in x["fields"]:
                        if f[0] == "Access-Control-Allow-Origin" and f[1].strip() == c["po"]:
                            f[1] = "{o}"
            for x in act:
                if not last:
                    to = f"{origins[i + 1]}/c/{c['id']}/h{i + 1}"
                    if self.chance(0.1):
                        to = r.choice([to.replace("://", "://u:p@"), to.replace("://", "://u@"), "data:text/plain,hi", "mailto:a@b", "ftp://x/", "", "//", "http://[bad", "about:blank", "javascript:1", f"../{c['id']}/h{i + 1}", to + "#frag", to.replace("://", ":////"), "HTTP" + to[4:], to.replace("/h", "/%68"), " " + to, "blob:null/x", to.replace("://", "://@")])
                        x["odd"] = to
                    if self.chance(0.03):
                        x["odd"] = "none" if self.chance(0.5) else "two"
                        x["fields"] += [] if x["odd"] == "none" else [["Location", to], ["Location", to + "?b"]]
                    else:
                        x["fields"].append(["Location", to])
                elif kind == "ws" and self.chance(0.5):
                    x["how"] = "upgrade"
                x["kind"] = kind
            c["hops"].append({"origin": origin, "pre": pre, "act": act})
        for x in c["attempts"]:
            x["url"] = f"{origins[0]}/c/{c['id']}/h0"
            if self.chance(0.05):
                x["url"] += "?" + "q" * r.choice([1, 900, 1100])
        if self.topo == "T2":
            for h in c["hops"]:
                for x in h["pre"] + h["act"]:
                    # HTTP/2 has no control characters: they would end the connection, with all that is on it
                    x["fields"] = [[k, "".join(ch for ch in v if ch >= " " and ch != "\x7f" or ch == "\t")] for k, v in x["fields"]]
                    x["how"] = x["how"] if self.chance(0.4) and x["how"] not in ("vt_value", "nul_value", "cr_value") else ""
        c["name"] = " ".join(filter(None, [kind, init["method"], c["realm"] if c["realm"] != "top" else "", c["variant"], f"{len(c['attempts'])}x" if len(c["attempts"]) > 1 else "", f"{hops} hops" if hops > 1 else "",
                                           ",".join(x["how"] for h in c["hops"] for x in h["pre"] + h["act"] if x["how"])]))
        return c



# a way to load -> the mode that the browser gives it; none: an Origin field on the wire tells (crossorigin does, where there is the attribute)
WAYS = {"preload": None, "modulepreload": "cors", "track": None, "css_rule": None, "worklet": "cors", "import_json": "cors", "worker": "same-origin", "import_scripts": "no-cors", "worker_import": "cors", "object": None, "poster": "no-cors",
        "input_image": "no-cors", "svg_image": None, "svg_use": "same-origin", "ping": "no-cors", "csp_report": "no-cors"}
RULES = ["mask-image:url('URL')", "-webkit-mask-image:url('URL')", "shape-outside:url('URL');float:left", "filter:url('URL#f')", "background-image:url('URL')", "background-image:image-set(url('URL') 1x)", "clip-path:url('URL#f')", "cursor:url('URL'),auto",
         "border-image:url('URL') 1", "list-style-image:url('URL');display:list-item", "content:url('URL')", "-webkit-box-reflect:below 0 url('URL')"]
REALMS = ["blank", "srcdoc", "blob_frame", "data_frame", "sandbox", "sandbox_same", "shared_worker", "module_worker", "blob_worker", "data_worker", "other_page", "other_page"]
MAX_AGES = ["0", "1", "1", "2", "2", "3", "5", "6", "-1", "00", "01", "1.9", "", "x", "1 ", "+1", "1s", "1;2", "600", "86401", "4294967296", "9223372036854775808", "18446744073709551617"]


class Wider(Maker):
    """What the first set lacks: other ways to load, frames and workers, one URL asked many times, redirects that come back, answers out of the browser's cache."""

    only = None

    def case(self, n):
        r = self.r
        what = getattr(self, self.only) if self.only else self.pick((30, self.way), (18, self.frame), (18, self.walk), (10, self.race), (12, self.around), (8, self.revalidated), (8, self.asked_who), (4, self.quiet))
        c = {"id": "%010x" % r.getrandbits(40), "n": n, "page": r.randrange(len(self.pages)), "variant": "", "kind": "fetch", "realm": "top"}
        if self.topo == "T2" and self.chance(0.3):
            c["variant"] = "hints"
        c["po"] = self.pages[c["page"]]
        init = {"method": "GET", "mode": "cors", "credentials": self.pick((3, "omit"), (2, "same-origin"), (4, "include")), "headers": []}
        c["attempts"] = [{"kind": "fetch", "init": init, "body": None, "upload": False}]
        c = what(c, c["attempts"][0])
        c["name"] = f"{what.__name__}: {c['name']}"
        return c

    def done(self, c, origins=None, hops=1):
        c["kind"] = c["attempts"][0]["kind"]
        c["cred"] = any(x["init"]["credentials"] == "include" for x in c["attempts"])
        self.answers(c, origins or [self.r.choice(self.targets)], lambda: hops)
        if self.topo == "T2":  # nginx hands tabs on, and what WebKit makes of that is known
            for x in (x for h in c["hops"] for x in h["pre"] + h["act"] if self.chance(0.97)):
                x["fields"] = [[k, v.strip("\t ") or v] for k, v in x["fields"]]
        return c

    def write(self, a):
        """Makes it a request of any method, with fields."""
        r = self.r
        a["init"]["method"] = self.pick((30, "GET"), (25, "POST"), (12, "PUT"), (8, "DELETE"), (8, "PATCH"), (4, "HEAD"), (2, "patch"), (1, "PURGE"))
        a["init"]["headers"] = [self.header() for _ in range(self.pick((50, 0), (35, 1), (15, 2)))]
        if a["init"]["method"] not in ("GET", "HEAD") and self.chance(0.7):
            a["body"] = {"type": r.choice(["text", "params", "form", "blob", "buffer"]), "text": "x" * r.choice([0, 1, 30])}
            if a["body"]["type"] == "blob":
                a["body"]["mime"] = r.choice(["", "text/plain", "application/json", "text/plain;charset=utf-8"])
        if self.chance(0.25):
            a["kind"] = "xhr"
            if a["init"]["credentials"] == "same-origin":
                a["init"]["credentials"] = "omit"
            del a["init"]["mode"]
            a["sync"] = self.chance(0.2)
        elif self.chance(0.15):
            a["init"]["keepalive"] = True

    def way(self, c, a):
        r = self.r
        a["kind"] = kind = r.choice([*WAYS, "preload", "css_rule", "css_rule", "css_rule", "track"])
        a["mode"] = WAYS[kind]
        a["init"] = init = {"method": "POST" if kind in ("ping", "csp_report") else "GET", "credentials": "same-origin" if WAYS[kind] in ("cors", "same-origin") else "include"}
        if kind in ("preload", "track", "modulepreload", "svg_image"):
            a["crossorigin"] = r.choice([None, "anonymous", "anonymous", "use-credentials"])
            init["credentials"] = {"use-credentials": "include", "anonymous": "same-origin", None: init["credentials"]}[a["crossorigin"]]
            if kind != "modulepreload":
                a["mode"] = "cors" if a["crossorigin"] else "same-origin" if kind == "track" else "no-cors"
        if kind == "preload":
            a["as"] = r.choice(["fetch", "image", "script", "style", "font"])
        if kind == "css_rule":
            a["rule"] = r.choice(RULES)
            init["credentials"] = "same-origin"
        if kind == "worklet" and self.chance(0.4):
            init["credentials"] = a["option"] = r.choice(["omit", "include"])
        origins = [r.choice(self.targets)]
        hops = self.pick((75, 1), (20, 2), (5, 3))
        if hops > 1 and self.chance(0.5) or kind in ("worker", "svg_use"):
            origins[0] = c["po"]
        return self.done(c, origins, hops)

    def frame(self, c, a):
        r = self.r
        c["realm"] = r.choice(REALMS)
        self.write(a)
        a["sync"] = False
        if c["realm"] in ("sandbox", "data_worker", "data_frame"):
            c["po"] = "null"
        if c["realm"] == "other_page":
            c["frame"] = c["po"] = r.choice(self.targets)
        elif c["realm"] in ("blank", "srcdoc", "blob_frame", "sandbox", "data_frame", "sandbox_same") and self.chance(0.4):
            a["kind"] = kind = r.choice(["img", "script", "css", "module", "import", "font", "es", "beacon", "form_iframe"])
            a["init"] = {"method": "GET", "credentials": "include"}
            a["body"] = None
            if kind in ELEMENTS:
                a["crossorigin"] = r.choice([None, "anonymous", "use-credentials"])
                a["init"]["credentials"] = "same-origin" if a["crossorigin"] == "anonymous" or kind in ("font", "import") or (kind == "module" and not a["crossorigin"]) else "include"
            elif kind != "es":
                a["init"]["method"] = "POST"
                a["body"] = {"type": "text", "text": "x"}
                a["mime"] = r.choice(["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
        return self.done(c, [r.choice([r.choice(self.targets), r.choice(self.targets), self.pages[c["page"]]])], self.pick((80, 1), (20, 2)))

    def walk(self, c, a):
        """One URL, several times: the preflight cache by method, field, credentials and age."""
        r = self.r
        methods = r.sample(["PUT", "DELETE", "PATCH", "POST", "GET"], 2)
        fields = r.sample([["x-a", "1"], ["x-b", "1"], ["authorization", "Bearer x"], ["content-type", "application/json"], ["x-requested-with", "y"]], 2)
        c["attempts"] = []
        for i in range(r.choice([2, 3, 3, 4])):
            init = {"method": r.choice(methods), "mode": "cors", "credentials": a["init"]["credentials"] if self.chance(0.75) else r.choice(["omit", "include"]), "headers": r.sample(fields, r.choice([0, 1, 1, 2]))}
            if init["method"] in ("GET", "POST") and not init["headers"]:
                init["headers"] = [fields[0]]
            c["attempts"].append({"kind": "fetch", "init": init, "body": None, "upload": False, "delay": self.pick((40, 0), (15, 900), (15, 1300), (15, 2300), (8, 4600), (7, 5600))})
            if init["method"] == "POST" and init["headers"] == [["content-type", "application/json"]]:
                c["attempts"][-1]["body"] = {"type": "text", "text": "{}"}
        c["attempts"][0]["delay"] = 0
        c = self.done(c)
        for p in c["hops"][0]["pre"]:
            p["fields"] = [f for f in p["fields"] if f[0] != "Access-Control-Max-Age"]
            if self.chance(0.8):
                p["fields"].append(["Access-Control-Max-Age", r.choice(MAX_AGES)])
        return c

    def race(self, c, a):
        """The same at once: one preflight, or several."""
        self.write(a)
        a["sync"] = False
        c["at_once"] = True
        c["attempts"] = [{**a, "init": dict(a["init"])} for _ in range(self.r.choice([2, 3, 4, 8]))]
        c = self.done(c)
        for h in c["hops"]:
            h["pre"], h["act"] = h["pre"][:1], h["act"][:1]
        return c

    def around(self, c, a):
        """Redirects from home and back."""
        r = self.r
        self.write(a)
        page, one, two = c["po"], r.choice(self.targets), r.choice(self.targets)
        way = r.choice([[page, one], [page, one, page], [one, page], [one, page, one], [one, two, one], [page, page, one], [one, one, two], [page, one, two], [one, two, page]])
        return self.done(c, way, len(way))

    def revalidated(self, c, a):
        """An answer with an entity tag, then the same URL again."""
        r = self.r
        kind = r.choice(["fetch", "fetch", "xhr", "img", "script"])
        a["kind"] = kind
        if kind in ELEMENTS:
            del a["init"]["mode"], a["init"]["headers"]
            a["crossorigin"] = r.choice(["anonymous", "use-credentials"])
            a["init"]["credentials"] = "include" if a["crossorigin"] == "use-credentials" else "same-origin"
        elif kind == "xhr":
            del a["init"]["mode"]
            a["init"]["credentials"] = r.choice(["omit", "include"])
        c["attempts"] = [{**a, "init": dict(a["init"])} for _ in range(r.choice([2, 2, 3]))]
        for x in c["attempts"][1:]:
            x["delay"] = r.choice([0, 300])
            if kind == "fetch" and self.chance(0.5):
                x["init"]["cache"] = r.choice(["no-cache", "force-cache", "reload", "no-store"])
        c = self.done(c)
        for x in c["hops"][0]["act"]:
            x["status"], x["how"] = 200, ""
            x["tag"] = r.choice(["same", "same", "bare", "other"])
            x["fields"] = [f for f in x["fields"] if f[0] != "Cache-Control"] + [["Cache-Control", r.choice(["no-cache", "max-age=0", "max-age=100", "private, max-age=0, must-revalidate"])]]
        return c

    def asked_who(self, c, a):
        """HTTP authentication."""
        self.write(a)
        a["sync"] = False
        c["attempts"] = [{**a, "init": dict(a["init"])} for _ in range(self.r.choice([1, 2]))]
        c = self.done(c)
        for x in c["hops"][0]["act"]:
            x["status"], x["how"] = 401, ""
            x["fields"].append(["WWW-Authenticate", self.r.choice(['Basic realm="x"', "Bearer", 'Digest realm="x", nonce="1"', "Negotiate"])])
        return c

    def signed_in(self, c, a):
        """HTTP authentication that the browser knows already: it asks again by itself."""
        r = self.r
        self.write(a)
        a["sync"] = False
        a["init"]["credentials"] = r.choice(["include", "include", "include", "omit"])
        c["attempts"] = [{**a, "init": dict(a["init"])} for _ in range(r.choice([1, 2]))]
        c = self.done(c, [r.choice(self.cookies)])
        for x in c["hops"][0]["act"]:
            x["how"], x["asks"] = "", r.choice(["bare", "bare", "same"])
        return c

    def quiet(self, c, a):
        """Pages that tell nothing of themselves: POST with `Origin: null`."""
        r = self.r
        c["variant"] = "quiet"
        self.write(a)
        a["sync"] = False
        if self.chance(0.5):
            a["kind"], a["init"], a["body"] = r.choice(["beacon", "form_iframe"]), {"method": "POST", "credentials": "include"}, {"type": "text", "text": "x"}
            a["mime"] = "text/plain"
        elif a["kind"] == "fetch" and self.chance(0.5):
            a["init"] |= {"mode": "no-cors", "method": "POST", "headers": []}
            a["init"].pop("keepalive", None)
            if a["body"] and a["body"].get("mime") == "application/json":
                a["body"] = None
        return self.done(c, [r.choice([r.choice(self.targets), c["po"]])], self.pick((80, 1), (20, 2)))


# as in RAW, what readers differ about
ODD = ["space_colon", "status_junk", "crlf_first", "no_colon", "nul_field", "nul_value", "tab_values", "empty_name", "fold", "lf_only", "no_phrase", "cr_value", "vt_value", "http2_line"]


class Further(Wider):
    """What the second set lacks: service workers, keepalive where nobody waits, requests cloned and given up, hosts of every spelling, long lists, races of unlike requests, answers
    that one request leaves in the cache for another."""

    def case(self, n):
        self.only = self.only or self.pick((14, "alive"), (16, "odd"), (12, "hosts"), (8, "many"), (16, "mixed"), (16, "requests"), (10, "served"), (8, "cached"))
        try:
            return super().case(n)
        finally:
            self.only = self.kept

    kept = None

    def alive(self, c, a):
        """keepalive, with and without CORS, from everywhere."""
        r = self.r
        c["realm"] = r.choice(["top", "top", "blank", "srcdoc", "sandbox", "sandbox", "data_frame", "blob_worker", "data_worker"])
        if c["realm"] in ("sandbox", "data_worker", "data_frame"):
            c["po"] = "null"
        a["init"] |= {"method": r.choice(["GET", "GET", "GET", "HEAD", "POST"]), "mode": r.choice(["no-cors", "no-cors", "cors"]), "keepalive": self.chance(0.75)}
        if a["init"]["method"] == "POST":
            a["body"] = {"type": "text", "text": "x"}
        return self.done(c, [r.choice([r.choice(self.targets), r.choice(self.targets), self.pages[c["page"]]])], self.pick((80, 1), (20, 2)))

    def odd(self, c, a):
        self.write(a)
        a["sync"] = False
        c = self.done(c)
        for x in [*c["hops"][0]["pre"], *c["hops"][0]["act"]]:
            if self.chance(0.6):
                x["how"] = self.r.choice(ODD)
            if self.chance(0.5):
                x["fields"] = [["Access-Control-Allow-Origin", c["po"]], ["Access-Control-Allow-Credentials", "true"], *(f for f in x["fields"] if f[0] not in ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"))]
        return c

    def hosts(self, c, a):
        r = self.r
        self.write(a)
        a["sync"] = False
        scheme, port = ("https", ":18443") if self.topo == "T2" else ("http", ":18002")
        where = [f"{scheme}://{h}{port}" for h in ("xn--bcher-kva.one.test", "api.one.test.", "a_b.two.test")] + ([] if self.topo == "T2" else ["http://[::1]:18002", "http://app.localhost:18002"])
        return self.done(c, [r.choice(where), r.choice([*where, c["po"]])], self.pick((70, 1), (30, 2)))

    def many(self, c, a):
        """Dozens of names, in the request and in the answer."""
        r = self.r
        self.write(a)
        a["sync"] = False
        a["init"]["headers"] = [[f"x-{r.choice(['a', 'long-name-of-a-field', 'B', '0', '~'])}{n}", "1"] for n in range(r.choice([20, 40, 90]))]
        return self.done(c)

    def mixed(self, c, a):
        """Unlike requests for one URL, at once."""
        r = self.r
        self.write(a)
        a["sync"] = False
        methods = [a["init"]["method"], r.choice(["PUT", "POST", "GET"])]
        if a["kind"] == "xhr" or a["init"]["method"] in ("GET", "HEAD"):
            methods = methods[:1]
        c["at_once"] = True
        c["attempts"] = [{**a, "init": {**a["init"], "credentials": r.choice(["omit", "include"])}, "delay": r.choice([0, 0, 0, 30, 400])} for _ in range(r.choice([2, 2, 3, 4]))]
        for x in c["attempts"]:
            if not a["body"]:
                x["init"]["method"] = r.choice(methods)
            if self.chance(0.5) and not x["init"]["headers"]:
                x["init"]["headers"] = [["x-a", "1"]]
        c = self.done(c)
        for h in c["hops"]:
            h["pre"], h["act"] = h["pre"][:1], h["act"][:1]
            if self.chance(0.5):
                for x in h["pre"] + h["act"]:
                    x["fields"] = [["Access-Control-Allow-Origin", "*"], *(f for f in x["fields"] if f[0] != "Access-Control-Allow-Origin")]
        return c

    def requests(self, c, a):
        """Objects cloned, given up midway, without a referrer, urgent or not."""
        r = self.r
        self.write(a)
        a["kind"], a["sync"], a["upload"] = "fetch", False, False
        a["init"]["mode"] = "cors"
        a["as_request"] = r.choice([None, "clone", "twice"])
        a["abort"] = r.choice([None, None, 0, 1, 5, 20, 60, 300])
        a["init"] |= r.choice([{}, {"referrerPolicy": r.choice(["no-referrer", "origin", "unsafe-url", "same-origin", "strict-origin"])}, {"referrer": ""}, {"priority": r.choice(["low", "high"])}, {"redirect": r.choice(["manual", "error"])}, {"integrity": "sha256-AAAA"}])
        c = self.done(c, [r.choice(self.targets), r.choice([*self.targets, c["po"]])], self.pick((60, 1), (40, 2)))
        for x in (x for h in c["hops"] for x in h["pre"] + h["act"] if self.chance(0.2)):
            x["how"] = "slow"
        return c

    def served(self, c, a):
        """Through a service worker, which hands the request on, a copy of it, or none."""
        r = self.r
        self.write(a)
        a["sync"] = False
        c["variant"] = "sw"
        if self.topo == "T1":
            c["page"] = next(n for n, page in enumerate(self.pages) if "localhost" in page)
            c["po"] = self.pages[c["page"]]
        if self.chance(0.3):
            a["kind"] = kind = r.choice(["img", "script", "css", "module"])
            a["init"], a["body"] = {"method": "GET"}, None
            a["crossorigin"] = r.choice(["anonymous", "use-credentials"])
            a["init"]["credentials"] = "include" if a["crossorigin"] == "use-credentials" else "same-origin"
        return self.done(c, None, self.pick((75, 1), (25, 2)))

    def cached(self, c, a):
        """An image without CORS leaves its answer to one with it."""
        r = self.r
        image = {"kind": "img", "init": {"method": "GET", "credentials": "include"}, "body": None, "upload": False, "crossorigin": None}
        other = r.choice([{**image, "crossorigin": "anonymous", "init": {"method": "GET", "credentials": "same-origin"}}, {**a, "init": {**a["init"], "headers": []}}])
        c["attempts"] = [image, other | {"delay": 200}, *([image | {"delay": 200}] if self.chance(0.3) else [])]
        c = self.done(c)
        for x in c["hops"][0]["act"]:
            x["status"], x["how"], x["kind"] = 200, "", "img"
            x["fields"] = [f for f in x["fields"] if f[0] not in ("Cache-Control", "Vary")] + [["Cache-Control", r.choice(["max-age=100", "max-age=100, immutable", "no-cache", "private"])], *([["Vary", r.choice(["Origin", "*", "Accept"])]] if self.chance(0.5) else [])]
        return c


def cases(seed, topo, count, wider=False, only=None, further=False):
    maker = (Further if further else Wider if wider or only else Maker)(seed, topo)
    maker.kept = only
    maker.only = only
    return [maker.case(n) for n in range(count)]
