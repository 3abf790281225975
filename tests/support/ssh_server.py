"""A small SSH server on paramiko for what a real sshd is awkward to make do: passwords, questions,
second factors, and faults in the middle of things."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko

from pytest_wfo.core.hosts import Connection, Host, Role
from tests.support.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

logging.getLogger("tests.ssh_server").setLevel(logging.CRITICAL + 1)

Behaviour = Callable[[paramiko.Channel, bytes], None]


def echo_script(channel: paramiko.Channel, command: bytes) -> None:
    """Act like ``sh -s``: print the ready line and then the script itself."""
    script = b""
    while data := channel.recv(65536):
        script += data
    first, _, rest = script.partition(b"\n")
    channel.sendall(first.removeprefix(b"echo ") + b"\n" + rest)
    channel.send_exit_status(0)


@dataclass(slots=True)
class SshServer:
    """What the server does, and what it saw.

    ``methods`` are the login methods it names; ``questions`` are asked by keyboard-interactive;
    ``second_factor`` makes a key alone a partial success.
    """

    password: str = ""
    methods: tuple[str, ...] = ("password",)
    questions: tuple[tuple[str, bool], ...] = (("Password: ", False),)
    authorized: paramiko.PKey | None = None
    second_factor: bool = False
    behaviour: Behaviour = echo_script
    attempts: list[tuple[str, str]] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    key: paramiko.RSAKey = field(default_factory=lambda: paramiko.RSAKey.generate(2048))
    transports: list[paramiko.Transport] = field(default_factory=list)
    port: int = 0

    def host(self, name: str = "srv", **changes: object) -> Host:
        """The server as a host of an inventory."""
        fields: dict[str, object] = {
            "kind": "ssh",
            "address": "127.0.0.1",
            "port": self.port,
            "user": "qa",
            "agent": False,
            "host_key": f"ssh-rsa {self.key.get_base64()}",
            "timeouts": PATIENT,
        }
        connection = Connection(**{**fields, **changes})  # type: ignore[arg-type]
        return Host(name, frozenset({Role.CLIENT}), ("127.0.0.1",), connection)


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: SshServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(self._server.methods)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        server = self._server
        server.attempts.append(("publickey", key.fingerprint))
        if server.authorized is None or key.asbytes() != server.authorized.asbytes():
            return paramiko.common.AUTH_FAILED
        if server.second_factor:
            return paramiko.common.AUTH_PARTIALLY_SUCCESSFUL
        return paramiko.common.AUTH_SUCCESSFUL

    def check_auth_password(self, username: str, password: str) -> int:
        if "password" not in self._server.methods:
            return paramiko.common.AUTH_FAILED
        self._server.attempts.append(("password", password))
        if password == self._server.password:
            return paramiko.common.AUTH_SUCCESSFUL
        return paramiko.common.AUTH_FAILED

    def check_auth_interactive(
        self, username: str, submethods: str
    ) -> int | paramiko.server.InteractiveQuery:
        if "keyboard-interactive" not in self._server.methods:
            return paramiko.common.AUTH_FAILED
        query = paramiko.server.InteractiveQuery("", "")
        for words, echo in self._server.questions:
            query.add_prompt(words, echo)
        return query

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self._server.attempts.append(("keyboard-interactive", "|".join(responses)))
        good = responses == [self._server.password]
        return paramiko.common.AUTH_SUCCESSFUL if good else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._server.commands.append(command)
        threading.Thread(target=self._serve, args=(channel, command), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel, command: bytes) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._server.behaviour(channel, command)
        with suppress(OSError, EOFError, paramiko.SSHException):
            channel.close()


@contextmanager
def running(server: SshServer) -> Iterator[SshServer]:
    """Serve on a free port of loopback while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(sock)
            transport.set_log_channel("tests.ssh_server")
            transport.add_server_key(server.key)
            server.transports.append(transport)
            with suppress(paramiko.SSHException, OSError, EOFError):
                transport.start_server(event=threading.Event(), server=_Interface(server))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)
        for transport in server.transports:
            transport.close()
            transport.packetizer.complete_handshake()
            if transport.is_alive():
                transport.join(2)
