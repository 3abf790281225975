"""The HTTP side of the WinRM service of the tests: connections, logins, sealing, troubles."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.winrm import soap
from tests.winrm.faults import Trouble
from tests.winrm.security import LoginState, Refused

if TYPE_CHECKING:
    from tests.winrm.server import WinRmServer

SOAP_TYPE = "application/soap+xml;charset=UTF-8"
PAGE = b"<html><body>Sign in to the proxy<br></body></html>"


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, server: WinRmServer) -> None:
        self._server = server
        self._open: set[socket.socket] = set()

        class Handler(_Handler):
            winrm = server

        super().__init__(("0.0.0.0", 0), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._server.lock:
            self._server.connections += 1
        if self._server.tls is not None:
            sock = self._server.tls.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            )
        self._open.add(sock)
        return sock, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no defect."""


class _Handler(BaseHTTPRequestHandler):
    winrm: WinRmServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Microsoft-HTTPAPI/2.0", ""
    rbufsize = 65536

    def setup(self) -> None:
        super().setup()
        self._login = LoginState(self.winrm.users, self.winrm.binding)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.winrm.lock:
            self.winrm.requests += 1
        trouble = self.winrm.troubles.at("Login")
        if trouble and self._met(trouble):
            return
        try:
            challenge = self._authorized()
        except Refused as refused:
            offered = [refused.challenge] if refused.challenge else self.winrm.schemes
            self._say(401, headers=[("WWW-Authenticate", each) for each in offered])
            return
        headers = [("WWW-Authenticate", challenge)] if challenge else []
        if not body:
            self._say(200, headers=headers)
            return
        kind = self.headers.get("Content-Type", "")
        sealed = kind.startswith("multipart/encrypted")
        if sealed:
            with self.winrm.lock:
                self.winrm.sealed += 1
            try:
                body = self._login.opened(body)
            except Exception:  # Windows answers so to what an older context sealed
                self._say(400)
                return
        elif self.winrm.tls is None and self.winrm.schemes != ("Basic",):
            self._say(401, headers=[("WWW-Authenticate", each) for each in self.winrm.schemes])
            return
        self._answer(soap.Asked.of(body), kind if sealed else "", headers)

    def _authorized(self) -> str:
        if self.winrm.trusted is not None:
            shown = self.connection.getpeercert()
            mutual = self.headers.get("Authorization", "").endswith("https/mutual")
            if not (shown and mutual):
                raise Refused
            self._login.user = "certificate"
            return ""
        before = self._login.handshakes
        try:
            return self._login.authorize(self.headers.get("Authorization", ""))
        finally:
            with self.winrm.lock:
                self.winrm.handshakes += self._login.handshakes - before

    def _answer(self, asked: soap.Asked, sealed_as: str, headers: list[tuple[str, str]]) -> None:
        with self.winrm.lock:
            self.winrm.verbs[asked.verb] += 1
        trouble = self.winrm.troubles.at(asked.verb)
        if trouble and self._met(trouble, asked, sealed_as):
            return
        try:
            status, text = self.winrm.answer(asked, self._login.user)
        except Exception as defect:
            self.winrm.defects.append(f"{asked.verb}: {defect!r}")
            self._say(500)
            return
        if trouble:
            text = _spoiled(trouble.kind, text)
        data, kind = text.encode(), SOAP_TYPE
        if sealed_as:
            data, kind = self._login.sealed(data, sealed_as)
        half = bool(trouble) and trouble.kind in {"reset-inside", "short"} if trouble else False
        self._say(status, data, kind, headers, half=half)
        if trouble and trouble.kind == "reset-inside":
            time.sleep(0.05)
            self._reset()
        elif trouble and trouble.kind in {"short", "close-after"}:
            self._close()

    def _met(self, trouble: Trouble, asked: soap.Asked | None = None, sealed_as: str = "") -> bool:
        """Do what ``trouble`` does instead of an answer; False if an answer comes all the same."""
        if trouble.kind == "fault" and asked is not None:
            fault = trouble.soap or soap.Fault(2150858770, "w:InternalError", "something broke")
            data = soap.envelope(soap.FAULT_ACTION, asked.message_id, fault.body()).encode()
            kind = SOAP_TYPE
            if sealed_as:
                data, kind = self._login.sealed(data, sealed_as)
            self._say(500, data, kind)
        elif trouble.kind == "http":
            self._say(trouble.status, trouble.body.encode(), "text/html")
        elif trouble.kind == "html":
            self._say(200, PAGE, "text/html")
        elif trouble.kind == "redirect":
            self._say(302, headers=[("Location", trouble.body)])
        elif trouble.kind == "reset":
            self._reset()
        elif trouble.kind == "close":
            self._close()
        elif trouble.kind == "silent":
            time.sleep(trouble.seconds)
            self.winrm.troubles.sat_out.append(trouble.kind)
            self._reset()
        elif trouble.kind == "not-http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            self._close()
        elif trouble.kind == "endless":
            self._drip(trouble.seconds)
        else:
            if trouble.kind == "slow":
                time.sleep(trouble.seconds)
            return False
        return True

    def _drip(self, seconds: float) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            for _ in range(int(seconds * 20)):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
            self.winrm.troubles.sat_out.append("endless")
        self._reset()

    def _say(
        self,
        status: int,
        body: bytes = b"",
        kind: str = SOAP_TYPE,
        headers: Sequence[tuple[str, str]] = (),
        *,
        half: bool = False,
    ) -> None:
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('Odd',))[0]}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines += [f"Content-Length: {len(body)}", "", ""]
        if half:
            body = body[: len(body) // 2]
        try:
            self.wfile.write("\r\n".join(lines).encode("latin-1") + body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def _close(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _spoiled(kind: str, text: str) -> str:
    """A good answer with something wrong in it."""
    if kind == "cut-xml":
        return text[: len(text) * 2 // 3]
    if kind == "wrong-relation":
        return text.replace("<a:RelatesTo>", "<a:RelatesTo>x")
    if kind in {"bad-base64", "garbage"}:
        data = "!not base64" if kind == "bad-base64" else base64.b64encode(b"\xff" * 90).decode()
        head, _, rest = text.partition("<rsp:Stream ")
        attributes, _, rest = rest.partition(">")
        rest = rest.partition("</rsp:Stream>")[2]
        return f"{head}<rsp:Stream {attributes}>{data}</rsp:Stream>{rest}"
    return text
