"""Peers that answer on loopback in every way a real one can; run by its own interpreter in a namespace.

Usage: python peers.py CERTIFICATE KEY; it prints "up" when all of them listen.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
import time

POLICY = (
    b'<?xml version="1.0"?>\n<access-policy><cross-domain-access><policy><allow-from>'
    b'<domain uri="*"/></allow-from><grant-to><socket-resource port="4502-4534" protocol="tcp"/>'
    b"</grant-to></policy></cross-domain-access></access-policy>"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

ANSWERS = {
    8080: OK,
    8081: OK,
    8500: b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    8006: b"\x00\xff<b>\x1b[31mgarbage\n",
    8943: POLICY,
    8944: POLICY + b"\0",
    8945: b"<p" + b"x" * 9000,
}
SILENT, CLOSE, RESET, TLS, TLS_GARBAGE, TLS_SILENT, SLOW, REFUSED = (
    8002, 8003, 8004, 8443, 8444, 8445, 8007, 8999
)  # fmt: skip
LATE_SILENT, TLS_LONG = 8082, 8446

# These do the one thing when they are asked first, and the other ever after; by the address that was
# asked, so that several can ask first. The third and fourth fail before TLS stands.
SILENT_FIRST, RESET_FIRST, TLS_SILENT_FIRST, TLS_NONE_FIRST, TLS_RESET_FIRST = (
    8101, 8102, 8103, 8104, 8105
)  # fmt: skip
SILENT_THEN_CLOSE, RESET_THEN_SILENT, TLS_THEN_NONE = 8106, 8107, 8108
FIRST_AND_LATER = {
    SILENT_FIRST: (SILENT, 8080),
    RESET_FIRST: (RESET, 8080),
    TLS_SILENT_FIRST: (TLS_SILENT, TLS),
    TLS_NONE_FIRST: (SILENT, TLS),
    TLS_RESET_FIRST: (RESET, TLS),
    SILENT_THEN_CLOSE: (SILENT, CLOSE),
    RESET_THEN_SILENT: (RESET, SILENT),
    TLS_THEN_NONE: (TLS_SILENT, SILENT),
}
asked: set[tuple[str, int]] = set()


def serve(port: int, context: ssl.SSLContext) -> None:
    family = socket.AF_INET6 if port == 8080 else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    listening.listen(64)
    threading.Thread(target=accept, args=(listening, port, context), daemon=True).start()


def accept(listening: socket.socket, port: int, context: ssl.SSLContext) -> None:
    while True:
        sock, _ = listening.accept()
        threading.Thread(target=answer, args=(sock, port, context), daemon=True).start()


def behaviour(sock: socket.socket, port: int) -> int:
    """The port whose way to answer this connection gets; one that asks nothing does not count."""
    if port not in FIRST_AND_LATER or not sock.recv(1, socket.MSG_PEEK):
        return port
    address = sock.getsockname()[0]
    first, later = FIRST_AND_LATER[port]
    if (address, port) in asked:
        return later
    asked.add((address, port))
    return first


def answer(sock: socket.socket, port: int, context: ssl.SSLContext) -> None:
    try:
        port = behaviour(sock, port)
        if port in {TLS, TLS_GARBAGE, TLS_SILENT, TLS_LONG}:
            sock = context.wrap_socket(sock, server_side=True)
        sock.recv(4096)
        if port in {SILENT, TLS_SILENT, LATE_SILENT}:
            time.sleep(30)
        elif port == RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif port == SLOW:
            time.sleep(2)
            sock.sendall(OK[:9])
            time.sleep(1)
            sock.sendall(OK[9:])
        elif port == TLS_LONG:
            sock.sendall(OK + b"x" * 60_000)
        elif port != CLOSE:
            sock.sendall(ANSWERS.get(port, b"garbage\n" if port == TLS_GARBAGE else OK))
        if port == 8944:
            time.sleep(30)  # keeps the connection: the NUL alone ends the answer
    except OSError:
        pass
    sock.close()


def main(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    odd = (SILENT, CLOSE, RESET, TLS, TLS_GARBAGE, TLS_SILENT, SLOW, LATE_SILENT, TLS_LONG)
    for port in (*ANSWERS, *odd, *FIRST_AND_LATER):
        serve(port, context)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    time.sleep(120)


if __name__ == "__main__":
    main(*sys.argv[1:])
