"""The page's own server: gives the page, takes its report, and takes orders (whose effect outlives a refusal).

usage: app.py PAGE REPORT
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE, REPORT = sys.argv[1:]
ORDERS = []


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/orders":
            self.answer(200, "text/plain", str(len(ORDERS)).encode())
        elif self.path == "/":
            with open(PAGE, "rb") as page:
                self.answer(200, "text/html", page.read())
        else:
            self.answer(404, "text/plain", b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path in ("/orders", "/note"):
            ORDERS.append(body)
            self.answer(201, "text/plain", b"ordered\n")
        elif self.path == "/report":
            with open(REPORT + ".part", "wb") as report:
                report.write(body)
            os.rename(REPORT + ".part", REPORT)
            self.answer(200, "text/plain", b"thanks\n")
        else:
            self.answer(404, "text/plain", b"")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", 8000), App).serve_forever()
