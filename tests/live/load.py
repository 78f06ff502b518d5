"""Makes refusals on the loopback, about 200 a second, each GET /n/N of its own N, until it is killed.

usage: load.py [REQUESTS_A_SECOND]
"""

import socket
import sys
import threading
import time

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 200
UA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def serve(connection):
    waiting = b""
    while data := connection.recv(65536):
        waiting += data
        while b"\r\n\r\n" in waiting:
            _, waiting = waiting.split(b"\r\n\r\n", 1)
            connection.sendall(ANSWER)


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 8080))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
n = 0
client = None
begun = time.monotonic()
print("going", flush=True)
while True:
    # A new connection now and then, as browsers do.
    if n % 50 == 0:
        if client:
            client.close()
        client = socket.create_connection(("127.0.0.1", 8080))
    client.sendall(
        (
            f"GET /n/{n} HTTP/1.1\r\nHost: api.two.test:8080\r\nOrigin: http://app.one.test\r\n"
            f"User-Agent: {UA}\r\nAccept: */*\r\nReferer: http://app.one.test/\r\n\r\n"
        ).encode()
    )
    got = b""
    while len(got) < len(ANSWER):
        got += client.recv(65536)
    n += 1
    time.sleep(max(0, begun + n / RATE - time.monotonic()))
