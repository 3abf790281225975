"""A WinRM service on loopback: real HTTP(S), real logins and sealing, shells as Windows has them.

    with WinRmServer(users={"alice": "secret"}, respond=answers) as server:
        ... server.connection() ...

It shares no code with the client. PowerShell is either ``respond`` (text in, text out) or, with
``engine``, the remoting server of a real one.
"""

from __future__ import annotations

import base64
import ssl
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_wfo.core.hosts import Connection, Host, Role, SecretRef
from tests.support.patience import PATIENT
from tests.winrm import soap
from tests.winrm.certificates import channel_binding
from tests.winrm.faults import Trouble, Troubles
from tests.winrm.listener import Listener
from tests.winrm.security import accept_users
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
        self._http = Listener(self)
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
            "timeouts": PATIENT,
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
