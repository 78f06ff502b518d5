"""Writes a capture of N exchanges, each with an origin, a target, a path and addresses of its own: what strangers may send.

usage: strangers.py FILE [N]

A third of them is refused without a header, a third by a mismatch, a third allowed by an echoed Origin.
"""

import struct
import sys

N = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
UA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


PUSH, FIN = 0x18, 0x11


def frame(source, sport, dest, dport, seq, ack, flags, payload):
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, source, dest)
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + ip[12:]
    return b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0" + ip + tcp


with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

    def write(us, data):
        out.write(struct.pack("<IIII", us // 1_000_000, us % 1_000_000, len(data), len(data)) + data)

    for n in range(N):
        client, server = 0x0A000000 + n % 60000, 0x0B000000 + n // 7
        sport = 20000 + n % 40000
        request = (
            f"GET /stranger-{n:x}/item HTTP/1.1\r\nHost: api{n}.target{n}.test\r\nOrigin: http://app{n}.origin{n}.test\r\n"
            f"User-Agent: {UA}\r\nAccept: */*\r\n\r\n"
        ).encode()
        allow = ["", "Access-Control-Allow-Origin: http://other.test\r\n", f"Access-Control-Allow-Origin: http://app{n}.origin{n}.test\r\n"][n % 3]
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{allow}Content-Length: 2\r\n\r\n{{}}".encode()
        us = n * 600
        asked, answered = 1000 + len(request), 5001 + len(answer)
        write(us, frame(client, sport, server, 80, 1000, 5000, PUSH, request))
        write(us + 100, frame(server, 80, client, sport, 5000, asked, PUSH | FIN, answer))
        # Closed, so that the same packets a minute later are another connection.
        write(us + 200, frame(client, sport, server, 80, asked, answered, FIN, b""))
