"""python3 raw.py raw_KIND PORT: what is no web server, or takes too long."""
import socket
import sys
import threading
import time

OWN, PORT = sys.argv[1].split("_", 1)[1], int(sys.argv[2])


def serve(connection):
    if OWN == "ssh":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    connection.recv(65536)
    if OWN == "tls":  # an alert: what came is no handshake
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
    if OWN == "slow":
        time.sleep(5)
    connection.close()


listener = socket.create_server(("127.0.0.1", PORT), backlog=64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
