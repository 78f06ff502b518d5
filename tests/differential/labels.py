"""From what script, console and server saw of each attempt to labels, as a judge of captures can be held against."""
import re
from urllib.parse import urljoin, urlsplit

CHROMIUM = {"MissingAllowOriginHeader": "missing_allow_origin", "MultipleAllowOriginValues": "multiple_allow_origin", "InvalidAllowOriginValue": "invalid_allow_origin", "AllowOriginMismatch": "allow_origin_mismatch",
            "WildcardOriginNotAllowed": "wildcard_with_credentials", "InvalidAllowCredentials": "missing_allow_credentials", "MethodDisallowedByPreflightResponse": "method_not_allowed",
            "HeaderDisallowedByPreflightResponse": "header_not_allowed", "InvalidAllowMethodsPreflightResponse": "invalid_allow_methods", "InvalidAllowHeadersPreflightResponse": "invalid_allow_headers",
            "InvalidStatus": "preflight_status", "DisallowedRedirect": "preflight_redirect", "RedirectContainsCredentials": "redirect_contains_credentials", "CorsDisabledScheme": "disabled_scheme"}
FIREFOX = {"CORSMissingAllowOrigin": "missing_allow_origin", "CORSAllowOriginNotMatchingOrigin": "allow_origin_mismatch", "CORSMultipleAllowOriginNotAllowed": "multiple_allow_origin", "CORSNotSupportingCredentials": "wildcard_with_credentials",
           "CORSMissingAllowCredentials": "missing_allow_credentials", "CORSMethodNotFound": "method_not_allowed", "CORSMissingAllowHeaderFromPreflight": "header_not_allowed", "CORSPreflightDidNotSucceed": "preflight_status",
           "CORSInvalidAllowHeader": "invalid_allow_headers", "CORSInvalidAllowMethod": "invalid_allow_methods", "CORSExternalRedirectNotAllowed": "preflight_redirect", "CORSRequestNotHttp": "disabled_scheme"}
WEBKIT = [("cannot contain more than one origin", "multiple_allow_origin"), ("is not allowed by Access-Control-Allow-Origin", "allow_origin"), ("Cannot use wildcard in Access-Control-Allow-Origin", "wildcard_with_credentials"),
          ("Credentials flag is true, but Access-Control-Allow-Credentials", "missing_allow_credentials"), ("Preflight response is not successful", "preflight_status"), ("is not allowed by Access-Control-Allow-Methods", "method_not_allowed"),
          ("is not allowed by Access-Control-Allow-Headers", "header_not_allowed"), ("Header Access-Control-Allow-Methods has an invalid value", "invalid_allow_methods"), ("Header Access-Control-Allow-Headers has an invalid value", "invalid_allow_headers"),
          ("has credentials", "redirect_contains_credentials"), ("redirection with non CORS scheme", "disabled_scheme")]
REDIRECTS = (301, 302, 303, 307, 308)
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
# answers of which HTTP itself leaves open what they say, or whose head never ends
BROKEN = {"close", "rst", "mid_head", "garbage", "nul_field", "nul_value", "two_lengths", "no_colon", "space_colon", "fold", "lf_only", "cr_value", "http2_line", "status_junk", "empty_name", "vt_value"}
# names that tell nothing of a page's script: a request without CORS may have them (VERDICTS.md § 3)
PLAIN = set("""host connection content-length content-type accept accept-language content-language accept-encoding origin referer user-agent cookie
 priority pragma cache-control rtt downlink ect upgrade-insecure-requests range save-data dpr width viewport-width device-memory forwarded x-forwarded-for
 x-forwarded-host x-forwarded-port x-forwarded-ssl x-real-ip x-request-id x-client-ip traceparent cf-ray x-b3-traceid x-amzn-trace-id via
 if-none-match if-modified-since dnt te expect x-correlation-id""".split())
CUT = {"short", "short_chunked", "bad_chunk"}


def joined(sent, name):
    values = [v.strip(" \t") for k, v in sent if k.lower() == name]
    return ", ".join(values) if values else None


def items(value):
    return [i for i in (x.strip(" \t") for x in (value or "").split(",")) if i]


def standard(entry, included, family="chromium"):
    """The Fetch standard's first failure of one logged message, in Chromium's order, or in Firefox's, which looks at methods first."""
    sent, origin = entry["sent"], entry["origin"]
    head = dict(entry["fields"])
    status = entry["answer"]["status"]
    if entry["preflight"] and status in REDIRECTS and joined(sent, "location") is not None:
        return "preflight_redirect"
    value = joined(sent, "access-control-allow-origin")
    if value is None:
        return "missing_allow_origin"
    if value == "*":
        if included:
            return "wildcard_with_credentials"
    elif value != origin:
        if "," in value or " " in value:
            return "multiple_allow_origin"
        return "allow_origin_mismatch" if value == "null" or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value) else "invalid_allow_origin"
    if included and joined(sent, "access-control-allow-credentials") != "true":
        return "missing_allow_credentials"
    if not entry["preflight"]:
        return None
    if not 200 <= status <= 299:
        return "preflight_status"
    methods, names = items(joined(sent, "access-control-allow-methods")), items(joined(sent, "access-control-allow-headers"))
    if not all(TOKEN.match(i) for i in methods):
        return "invalid_allow_methods"
    asked = head.get("access-control-request-method")
    if not all(TOKEN.match(i) for i in names) and (family != "firefox" or asked in ("GET", "HEAD", "POST") or asked in methods or "*" in methods and not included):
        return "invalid_allow_headers"
    if asked not in ("GET", "HEAD", "POST") and asked not in methods and ("*" not in methods or included):
        return "method_not_allowed"
    allowed = {n.lower() for n in names}
    if any(n not in allowed and ("*" not in allowed or included) for n in items(head.get("access-control-request-headers"))):
        return "header_not_allowed"
    return None


def webkit(text):
    """The reason in a line of WebKit's console; `allow_origin` where it has one text for several."""
    return next((reason for part, reason in WEBKIT if part in text), None)


def word_of(family, words, last, included):
    """(reason, the browser's own word, is it CORS) from what its console said of this attempt."""
    for _, word, cors, _ in words:
        if not cors:
            continue
        name = word.split(":")[0]
        if family == "webkit":
            reason = webkit(word)
            if reason == "allow_origin":
                reason = standard(last, included) if last else None
                if last and last["answer"]["how"] == "trailer_cors" or reason not in ("multiple_allow_origin", "allow_origin_mismatch", "invalid_allow_origin"):
                    reason = "missing_allow_origin"  # or a gateway lost it, or answered itself
            elif reason == "preflight_status" and last and last["preflight"] and last["answer"]["status"] in REDIRECTS and joined(last["sent"], "location") is not None:
                reason = "preflight_redirect"
            return reason, word
        if family == "chromium":
            reason = CHROMIUM.get(name) or CHROMIUM.get(name.removeprefix("Preflight"))
        else:
            reason = FIREFOX.get(re.sub(r"\d+$", "", name))
        return reason, word
    return None, words[0][1] if words else None


def label(case, nth, said, entries, words, family, run, version, topo, pages):
    a = case["attempts"][nth]
    page, url, kind, init = pages[case["page"]], a["url"], a["kind"], a["init"]
    po = case["po"]
    scheme = "https" if topo == "T2" else "http"
    cross, home = [], True
    for e in entries:  # once across, a request is no longer at home there; but Firefox asks its own origin leniently
        if f"{scheme}://{e['host']}" != po or not home and e["origin"] == "null":
            cross.append(e)
            home = False
    mode = init.get("mode", "cors") if kind in ("fetch", "xhr", "font", "import", "module", "es") else "websocket" if kind == "ws" else "navigate" if "iframe" in kind else "cors" if a.get("crossorigin") else "no-cors"
    if "mode" in a:  # an Origin with a GET is there for CORS alone
        mode = a["mode"] or ("cors" if any(e["origin"] is not None for e in cross) else "no-cors")
    if kind == "preload" and a.get("as") == "font":
        mode = "cors" if any(e["origin"] is not None for e in cross) else "no-cors"
    if family == "webkit" and (kind == "font" or kind == "track" and not a["crossorigin"]):
        mode = "no-cors"  # as it loads them
    if kind == "beacon" and a["body"].get("mime") == "application/json":
        mode = "cors"
    last = entries[-1] if entries else None
    reason, word = word_of(family, words, last, init["credentials"] == "include")
    if family == "chromium" and (case["realm"] == "shared_worker" or kind == "worklet") and not said["ok"] and reason is None and last and f"{scheme}://{last['host']}" != po and not last["answer"]["how"] in BROKEN:
        reason = standard(last, init["credentials"] == "include")  # its console is out of reach
    tags, phase, verdict = [], None, None
    answer = last["answer"] if last else {"how": "", "status": 0}
    location = joined(last["sent"], "location") if last else None
    follows = last and not last["preflight"] and answer["status"] in REDIRECTS and location is not None
    target = urlsplit(urljoin(f"{scheme}://{last['host']}/", location)) if follows and "[bad" not in location else None
    userinfo = bool(target and "@" in target.netloc)
    usable = bool(target and target.scheme in ("http", "https") and target.netloc)
    hows = {e["answer"]["how"] for e in entries}
    if said["ok"] is None and reason is None and mode not in ("no-cors", "navigate") and not (entries and standard(last, init["credentials"] == "include") and last in cross):
        said = said | {"ok": True}  # nobody saw it, and nobody complained
    leaves = bool(target and f"{target.scheme}://{target.netloc.split('@')[-1]}" != po)
    if a.get("abort") is not None and "AbortError" in str(said.get("error")):
        verdict = "other"  # the page gave it up
    elif mode in ("no-cors", "navigate", "websocket"):
        verdict = "not_cors" if entries else "no_request"
        if any(w.startswith("blocked:") for _, w, *_ in words) or "COEP" in str(words):
            verdict = "other"
    elif said.get("timeout"):
        verdict = "timeout"
    elif said["ok"] and not (kind in ("beacon", "modulepreload", "preload") and reason):
        verdict = "allowed" if cross or (not entries and not url.startswith(page + "/")) else "not_cors"
    elif follows and userinfo and (cross or leaves and family == "firefox" or reason == "redirect_contains_credentials") and init.get("redirect", "follow") == "follow" and not (word and "Missing" in word):
        verdict, phase, reason = "blocked", "actual", reason or "redirect_contains_credentials"
        if standard(last, False) and last in cross and family != "chromium":
            reason = standard(last, False)
    elif reason == "disabled_scheme" and last not in cross:
        verdict = "other"  # no answer that CORS looked at
    elif reason is not None:
        verdict, phase = "blocked", "preflight" if last and last["preflight"] else "actual"
    elif follows and target is not None and target.scheme not in ("http", "https") and last in cross and init.get("redirect", "follow") == "follow":
        verdict, phase, reason = "blocked", "actual", "disabled_scheme"
    elif last and last["preflight"] and last in cross and (answer["status"] == 407 or answer["status"] in REDIRECTS and location is not None):
        # said to have failed below CORS: the browser takes 407 from no server, and follows no preflight to mailto:
        verdict, phase, reason = "blocked", "preflight", standard(last, init["credentials"] == "include")
    elif follows and not usable:
        verdict = "other" if init.get("redirect") == "error" or not cross else "network_error"
    elif a.get("integrity") or init.get("integrity") or init.get("redirect", "follow") != "follow" or mode == "same-origin" or "blocked" in str(word) or "COEP" in str(words) or case["variant"] == "csp":
        verdict = "other" if entries else "no_request"
    elif not entries:
        verdict = "no_request"
    elif hows & (BROKEN | CUT) or topo == "T2" and hows & {"early_100", "early_103", "early_103_cors", "crlf_first"}:
        verdict = "network_error"
    elif kind not in ("fetch", "xhr") and any(w[2] for w in words):
        verdict = "network_error"  # of CORS, but its console does not say what
    elif kind not in ("fetch", "xhr") and not (family != "firefox" and any(e["answer"]["status"] == 407 for e in entries)):
        verdict = "allowed" if cross else "not_cors"  # its content was no good
    else:
        verdict = "network_error"
    credentials = init["credentials"]
    # what the wire hides
    actuals = [e for e in cross if not e["preflight"]]
    included = credentials == "include"
    if mode == "cors" and last in cross and not any(e["cookie"] for e in actuals):
        settled = any(e["preflight"] and standard(e, True) and not standard(e, False) and any(l["time"] > e["time"] and not l["preflight"] for l in entries) for e in cross)
        if not settled and bool(standard(last, True)) and not standard(last, False):
            tags.append("cred_mode_hidden_preflight_only" if last["preflight"] else "cred_mode_hidden")
    # a page that tells nothing of itself is across from everywhere, as far as the wire shows
    seen = [e for e in entries if e in cross or e["origin"] == "null" and po != "null"]
    if seen and mode in ("cors", "no-cors", "same-origin"):
        first = seen[0]
        head = dict(first["fields"])
        simple = head.get("content-type", "text/plain").split(";")[0].strip().lower() in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded") and not {k for k, v in head.items() if k != "authorization" or not v.startswith("Basic ")} - PLAIN
        if mode == "no-cors" and first["origin"] is not None and "sec-fetch-mode" not in head:
            tags.append("mode_hidden")  # a frame without an origin whose cookies wait
        if first["method"] == "POST" and not first["preflight"] and "sec-fetch-mode" not in head and simple:
            tags.append("mode_hidden")
    if follows and usable and not userinfo and last in cross and not standard(last, False):
        tags.append("redirect_mode_hidden")
    if follows and usable and not userinfo and last not in cross:
        tags.append("redirect_mode_hidden")
        if mode == "same-origin" and "sec-fetch-mode" not in dict(last["fields"]):
            tags.append("mode_hidden")
    if follows and userinfo and last not in cross and "sec-fetch-mode" not in dict(last["fields"]):
        tags.append("mode_hidden")  # an image would go on
    if follows and (userinfo or not usable) and init.get("redirect") == "manual":
        tags.append("redirect_mode_hidden")
    if hows & BROKEN or family != "firefox" and any(e["answer"]["status"] == 407 and not e["preflight"] for e in entries) or (follows and not usable and location is not None and verdict == "network_error") or (topo == "T2" and hows & {"early_100", "early_103", "early_103_cors", "crlf_first"}):
        tags.append("transport")
    if family == "webkit" and sum(k == "Location" for k, _ in (last["sent"] if last else [])) > 1:
        tags.append("transport")  # it goes to a URL made of both
    if a.get("abort") is not None:
        tags.append("transport" if verdict == "other" else "body_error")  # nobody sees when a page gives up
    if "at_once" in case and any(x["init"] != a["init"] for x in case["attempts"]):
        tags.append("no_wire")  # whose is which does not show
    if hows & CUT or said.get("body_error"):
        tags.append("body_error")
    if verdict in ("allowed", "blocked", "not_cors") and (not entries or not actuals and verdict == "allowed" and not any(not e["preflight"] for e in entries)):
        tags.append("no_wire" if topo == "T2" and any(ch.islower() for ch in case["methods"][nth]) else "http_cache" if init.get("cache") != "no-store" and init["method"] in ("GET", "HEAD", "get") else "no_wire")
    if topo == "T2" and any(ch.islower() for ch in case["methods"][nth]) and not actuals and last and last["preflight"] and not (standard(last, True) and standard(last, False)):
        tags.append("no_wire")  # the gateway refuses such a method
    made = re.search(r"Status code: (\d+)", word or "") if family == "webkit" else None
    if topo == "T2" and made and last and int(made.group(1)) != answer["status"] and answer["status"] != 407:
        tags.append("no_wire")
    if topo == "T2" and family == "webkit" and any(e["answer"]["how"] == "tab_values" or v != v.strip("\t") for e in cross for k, v in ((k, v.strip(" ")) for k, v in e["sent"]) if k.lower().startswith("access-control-allow-")):
        tags.append("front_protocol_hidden")  # nginx hands tabs on, and nghttp2 drops such a field
    if topo == "T2" and family == "firefox":
        for e in entries:
            values = [v.strip(" \t") for k, v in e["sent"] if k.lower() == "access-control-allow-origin"]
            if len(values) > 1 and len([v for v in values if v]) == 1:
                tags.append("front_protocol_hidden")
    if "at_once" in case and len([e for e in entries if e["preflight"] == bool(last and last["preflight"]) and e["hop"] == 0]) < len(case["attempts"]) and (family == "webkit" or not last or not last["preflight"]):
        tags.append("no_wire")  # WebKit makes one request of several that are alike
    ok = None
    if verdict == "blocked":
        ok = {reason}
        if last and last in cross:
            ways = [included] if not any("cred" in t for t in tags) and (included or any(e["cookie"] for e in actuals)) and actuals else [True, False]
            ok |= {standard(last, way, family) for way in ways} - {None}
            if family == "firefox" and reason == "preflight_redirect":  # it looks at the origin first
                ok |= {standard(last | {"answer": last["answer"] | {"status": 200}}, way) for way in ways} - {None}
                ok |= {"allow_origin_mismatch"} if ok & {"invalid_allow_origin", "multiple_allow_origin"} else set()
            if family == "webkit" and reason in ("allow_origin_mismatch", "invalid_allow_origin"):  # one text for both
                ok |= {"allow_origin_mismatch", "invalid_allow_origin"}
    out = {"run": run, "id": case["id"], "name": case["name"], "group": "random", "attempt": nth + 1, "topo": topo, "browser": family, "version": version, "kind": kind, "method": init["method"], "mode": mode, "credentials": credentials,
           "path": f"/c/{case['id']}/h0", "url": url, "page_origin": po, "verdict": verdict, "phase": phase, "reason": reason if verdict == "blocked" else None, "browser_reason": word, "exposed_headers": said.get("names") if verdict == "allowed" else None,
           "undecidable": sorted(set(tags)), "preflights": sum(e["preflight"] for e in entries), "time": round(said["time"] / 1000, 4)}
    if ok:
        out["reasons_ok"] = sorted(ok)
    if {"http_cache", "no_wire"} & set(tags) and entries:
        out["partly_on_wire"] = True
    return out
