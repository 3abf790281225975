"""A WinRM service on loopback: real HTTP(S), real logins and sealing, shells as Windows has them.

    with WinRmServer(users={"alice": "secret"}, respond=answers) as server:
        ... server.connection() ...

It shares no code with the client. PowerShell is either ``respond`` (text in, text out) or, with
``engine``, the remoting server of a real one.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pytest_wfo.core.hosts import Connection, Host, Role, SecretRef, Timeouts
from tests.winrm import soap
from tests.winrm.certificates import channel_binding
from tests.winrm.faults import Trouble, Troubles
from tests.winrm.security import LoginState, Refused, accept_users
from tests.winrm.shells import (
    Answer,
    CannedShell,
    ConsoleShell,
    EngineShell,
    Responder,
    Shell,
)

PASSWORD = "pässw0rd-4711"
USERS = {"alice": PASSWORD}
CONFIGURATIONS = frozenset({"Microsoft.PowerShell", "Microsoft.PowerShell32", "PowerShell.7"})
SOAP_TYPE = "application/soap+xml;charset=UTF-8"
PAGE = b"<html><body>Sign in to the proxy<br></body></html>"


def says_length(script: str) -> Answer:
    """The canned PowerShell of tests that do not care."""
    return Answer(output=(f'{{"length": {len(script)}}}',))


class WinRmServer:
    """One service. ``certificate`` (file, key file) makes it HTTPS; ``bound`` accepts only logins
    that are bound to its TLS channel; ``trusted`` is the authority of client certificates."""

    def __init__(
        self,
        users: Mapping[str, str] = USERS,
        respond: Responder = says_length,
        troubles: Sequence[Trouble] = (),
        *,
        schemes: Sequence[str] = ("Negotiate", "NTLM", "Basic"),
        certificate: tuple[Path, Path] | None = None,
        bound: bool = False,
        trusted: Path | None = None,
        not_administrators: Sequence[str] = (),
        shells_per_user: int = 30,
        configurations: Sequence[str] = (),
        engine: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        accept_users(users)
        self.users, self.respond, self.schemes = users, respond, schemes
        self.troubles = Troubles(troubles)
        self.not_administrators, self.shells_per_user = set(not_administrators), shells_per_user
        self.configurations = CONFIGURATIONS | set(configurations)
        self.engine, self.environment = engine, environment or {}
        self.certificate = certificate
        self.binding = channel_binding(certificate[0]) if certificate and bound else None
        self.trusted = trusted
        self.tls = _tls(certificate, trusted) if certificate else None
        self.lock = threading.Lock()
        self.shells: dict[str, Shell] = {}
        self.requests = self.connections = self.handshakes = self.sealed = self.opened = 0
        self.verbs: Counter[str] = Counter()
        self.defects: list[str] = []
        self._http = _Listener(self)
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> WinRmServer:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        for shell in list(self.shells.values()):
            shell.close()
        assert kind or not self.defects, self.defects

    def connection(self, address: str = "127.0.0.1", **changes: Any) -> Connection:
        """How to reach it as alice, whose password is in $PW; ``changes`` are other fields."""
        fields: dict[str, Any] = {
            "kind": "psrp",
            "address": address,
            "port": self.port,
            "user": "alice",
            "password": SecretRef("env", "PW"),
            "tls": self.tls is not None,
            "auth": "ntlm",
            "ca_file": str(self.certificate[0]) if self.certificate else "",
            "timeouts": Timeouts(connect=2.0, banner=3.0, login=10.0, script=20.0),
        }
        return Connection(**{**fields, **changes})

    def host(self, name: str = "win", address: str = "127.0.0.1", **changes: Any) -> Host:
        """It as a host of an inventory."""
        connection = self.connection(address, **changes)
        return Host(name, frozenset({Role.CLIENT}), (address,), connection, "windows")

    # one request -------------------------------------------------------------------------------

    def answer(self, asked: soap.Asked, user: str) -> tuple[int, str]:
        """The HTTP status and the SOAP text of an answer."""
        verbs: dict[str, Callable[[soap.Asked, str], str]] = {
            "Create": self._create,
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
        }
        try:
            body = verbs[asked.verb](asked, user)
        except soap.Fault as fault:
            return 500, soap.envelope(soap.FAULT_ACTION, asked.message_id, fault.body())
        return 200, soap.envelope(f"{asked.action}Response", asked.message_id, body)

    def _shell(self, asked: soap.Asked) -> Shell:
        shell = self.shells.get(asked.shell_id)
        if shell is None or shell.closed:
            raise soap.no_such_shell()
        return shell

    def _create(self, asked: soap.Asked, user: str) -> str:
        element = asked.element("rsp:Shell")
        name = asked.resource.removeprefix(soap.POWERSHELL)
        if user in self.not_administrators:
            raise soap.access_denied()
        if name not in self.configurations and not asked.resource.endswith("/cmd"):
            raise soap.no_such_resource(asked.resource)
        shell_id = (element.get("ShellId") or f"{self.opened:032X}").upper()
        with self.lock:
            if sum(shell.owner == user for shell in self.shells.values()) >= self.shells_per_user:
                raise soap.too_many_shells(self.shells_per_user)
        shell = self._new_shell(element, user)
        with self.lock:
            self.shells[shell_id] = shell
            self.opened += 1
        return (
            f"<x:ResourceCreated><a:Address>http://127.0.0.1:{self.port}/wsman</a:Address>"
            f"<a:ReferenceParameters><w:ResourceURI>{asked.resource}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
            "</a:ReferenceParameters></x:ResourceCreated>"
            f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId>"
            f"<rsp:ResourceUri>{asked.resource}</rsp:ResourceUri><rsp:Owner>{user}</rsp:Owner>"
            f"<rsp:OutputStreams>{shell.streams}</rsp:OutputStreams></rsp:Shell>"
        )

    def _new_shell(self, element: ET.Element, user: str) -> Shell:
        text = element.findtext("ps:creationXml", "", soap.NAMESPACES)
        if not text:
            return ConsoleShell(user)
        creation = base64.b64decode(text)
        if self.engine:
            return EngineShell(user, creation, self.engine, self.environment)
        return CannedShell(user, creation, self.respond)

    def _command(self, asked: soap.Asked, user: str) -> str:
        element = asked.element("rsp:CommandLine")
        with self.lock:
            number = self.verbs["Command"]
        name = (element.get("CommandId") or f"{number:032X}").upper()
        line = element.findtext("rsp:Command", "", soap.NAMESPACES)
        arguments = [each.text or "" for each in element.findall("rsp:Arguments", soap.NAMESPACES)]
        self._shell(asked).command(name, line, arguments)
        return f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, asked: soap.Asked, user: str) -> str:
        stream = asked.element("rsp:Send/rsp:Stream")
        name = (stream.get("CommandId") or "").upper()
        self._shell(asked).send(name, base64.b64decode(stream.text or ""))
        return "<rsp:SendResponse/>"

    def _receive(self, asked: soap.Asked, user: str) -> str:
        name = asked.element("rsp:Receive/rsp:DesiredStream").get("CommandId", "").upper()
        return self._shell(asked).receive(name, asked.patience, asked.largest_answer)

    def _signal(self, asked: soap.Asked, user: str) -> str:
        signal = asked.element("rsp:Signal")
        code = signal.findtext("rsp:Code", "", soap.NAMESPACES)
        self._shell(asked).signal(signal.get("CommandId", "").upper(), code)
        return "<rsp:SignalResponse/>"

    def _delete(self, asked: soap.Asked, user: str) -> str:
        shell = self._shell(asked)
        with self.lock:
            del self.shells[asked.shell_id]
        shell.close()
        return ""


def _tls(certificate: tuple[Path, Path], trusted: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if trusted is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # 1.3 refuses after the request was sent
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(trusted)
    return context


class _Listener(ThreadingHTTPServer):
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
