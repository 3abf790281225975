"""testinfra over SSH as we need it: strict host keys, deadlines, one session a host, jump hosts."""

from __future__ import annotations

import threading
import urllib.parse
from functools import cached_property
from typing import TYPE_CHECKING

import paramiko
import testinfra.host
from testinfra.backend.paramiko import ParamikoBackend

from pytest_wfo.connect.channel import Exchange, execute, guard
from pytest_wfo.connect.dial import dial
from pytest_wfo.connect.endpoints import address_of, endpoint_to_dial
from pytest_wfo.connect.errors import ConnectError, Reason, endpoint_of, excerpt
from pytest_wfo.connect.handshake import Session, Wire, check_host_key, shake_hands
from pytest_wfo.connect.login import log_in
from pytest_wfo.connect.script import ScriptOutput, answer_of, start

if TYPE_CHECKING:
    import socket

    from pytest_wfo.connect.known_hosts import KnownKeys
    from pytest_wfo.connect.login import Credentials
    from pytest_wfo.core.hosts import Host

# What sshd says when a forwarded connection fails is the text of its own connect() error.
_TUNNEL_REASONS = {
    "Connection refused": Reason.REFUSED,
    "Connection timed out": Reason.FILTERED,
    "Name or service not known": Reason.NAME_NOT_RESOLVED,
    "Temporary failure in name resolution": Reason.NAME_NOT_RESOLVED,
    "No route to host": Reason.UNREACHABLE,
    "Network is unreachable": Reason.UNREACHABLE,
    "administratively prohibited": Reason.JUMP_HOST_FAILED,
    "open failed": Reason.JUMP_HOST_FAILED,  # sshd's own refusal to forward at all
}


class SshBackend(ParamikoBackend):
    """One host over one SSH session, opened on first use.

    ``run`` and all testinfra modules work as with any backend; ``run_script`` hands a whole script
    to ``sh``. Every failure is a ``ConnectError``. One thread at a time may run commands;
    ``tunnel`` and ``abort`` may be called from any.
    """

    NAME = "wfo-ssh"

    def __init__(
        self,
        host: Host,
        credentials: Credentials,
        known: KnownKeys,
        jump: SshBackend | None = None,
    ) -> None:
        # testinfra takes names apart as URLs do; an inventory name is to stay as it is.
        super().__init__(urllib.parse.quote(host.name, safe=""), sudo=host.connection.sudo)
        self.hostname = host.name
        self._inventory = host
        self._credentials = credentials
        self._known = known
        self._stream: socket.socket | paramiko.Channel | None = None
        self._jump = jump
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._aborted = threading.Event()
        self._start = start(sudo=True, sudo_password=True)  # its prompt serves ``run``

    # what the rest of the program uses ---------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """Where the host is reached, for messages."""
        where = endpoint_of(self._address, self._inventory.connection.port)
        return f"{where} through {self._jump.hostname}" if self._jump else where

    @property
    def host_key(self) -> str:
        """The fingerprint of the host key that was accepted; "" before."""
        return self._session.host_key.fingerprint if self._session else ""

    def use(self, stream: socket.socket | paramiko.Channel) -> None:
        """Connect over ``stream``, which stands already, instead of making a connection."""
        self._stream = stream

    def connect(self) -> Session:
        """Open the session unless it stands. Raises ``ConnectError``."""
        with self._lock:  # a jump host is used from several threads
            session = self._session
            if session is not None and session.transport.is_active():
                return session
            if session is not None:
                self.close()
            try:
                self._stream = self._stream or self._reach()
                self._session = self._open(self._stream)
            finally:
                self._stream = None
            if self._aborted.is_set():
                self.close()
                raise self._error(Reason.CONNECTION_LOST, "the run was stopped")
            return self._session

    def _open(self, stream: socket.socket | paramiko.Channel) -> Session:
        """Handshake, host key, login: in this order. The stream is closed if one fails."""
        name, endpoint, known = self.hostname, self.endpoint, self._known
        address, port = self._address, self._inventory.connection.port
        limits = self._inventory.connection.timeouts
        session = shake_hands(stream, known, host=name, endpoint=endpoint, timeouts=limits)
        try:
            check_host_key(
                session.host_key, known, host=name, address=address, port=port, endpoint=endpoint
            )
            with guard(limits.login, session.wire.cut) as cut:
                try:
                    log_in(session, self._credentials, host=name, endpoint=endpoint)
                except ConnectError:
                    if not cut.is_set():
                        raise
                    words = f"the login was not done within {limits.login:g} s"
                    raise self._error(Reason.DEADLINE, words) from None
        except BaseException:
            session.close()
            raise
        return session

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` by ``sh``, for at most ``seconds``; as root if the inventory says sudo.

        Raises ``ConnectError``.
        """
        session = self.connect()
        sudo, password = self._inventory.connection.sudo, self._credentials.sudo_password
        begun = start(sudo=sudo, sudo_password=password is not None)
        asked = _Asked(begun.prompt, password.reveal() if password else "")
        held_back = begun.announced
        told = False

        def on_output(exchange: Exchange) -> None:
            nonlocal told
            if told:
                return
            asked(exchange)
            if not held_back or f"{begun.ready}\n".encode() in exchange.stdout:
                exchange.outgoing += begun.feed(script)
                exchange.closing = told = True

        output = execute(
            session,
            begun.command.encode(),
            seconds=seconds,
            on_output=on_output,
            host=self.hostname,
            endpoint=self.endpoint,
        )
        if asked.in_vain:
            raise self._error(Reason.SUDO_REFUSED, "sudo did not accept the password")
        return answer_of(output, begun, sudo=sudo, host=self.hostname, where=self.endpoint)

    def tunnel(self, host: Host) -> paramiko.Channel:
        """A TCP connection from this host to ``host``. Raises ``ConnectError`` about ``host``."""
        address, port = address_of(host), host.connection.port
        seconds = host.connection.timeouts.connect
        where = f"{endpoint_of(address, port)} through {self.hostname}"
        # A session that broke is not opened again for each of the many hosts behind it.
        transport = (self._session or self.connect()).transport
        try:
            return transport.open_channel(
                "direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=seconds
            )
        except (paramiko.SSHException, EOFError, OSError):
            said = transport.refusal()
        if said:
            found = (reason for text, reason in _TUNNEL_REASONS.items() if text in said)
            reason, words = next(found, Reason.UNREACHABLE), f"the jump host answered: {said}"
        elif transport.is_active():
            reason, words = Reason.FILTERED, f"no connection within {seconds:g} s"
        else:
            reason, words = Reason.JUMP_HOST_FAILED, "the session to the jump host broke"
        message = f"{host.name}: no TCP connection to {where}: {excerpt(words)}"
        raise ConnectError(reason, host.name, where, message) from None

    def testinfra_host(self) -> testinfra.host.Host:
        """The live testinfra host on this very session."""
        return testinfra.host.Host(self)

    def abort(self) -> None:
        """End whatever is under way, from any thread."""
        self._aborted.set()
        session, stream = self._session, self._stream
        if session is not None:
            session.wire.cut()
        elif stream is not None:
            Wire(stream).cut()

    def close(self) -> None:
        """End the session and its thread. The next command opens a new one."""
        self.__dict__.pop("client", None)
        session, self._session = self._session, None
        if session is not None:
            session.close()
        elif self._stream is not None:
            Wire(self._stream).cut()
            self._stream = None

    # what testinfra uses -----------------------------------------------------------------------

    @cached_property
    def client(self) -> paramiko.SSHClient:
        """testinfra's way to the session. Its own would trust any host key."""
        client = paramiko.SSHClient()
        client._transport = self.connect().transport  # type: ignore[attr-defined]
        return client

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """As testinfra's, but sudo never waits for a terminal."""
        user = self.quote("-u %s ", sudo_user) if sudo_user else ""
        if self._credentials.sudo_password is None:
            return f"sudo -n {user}/bin/sh -c " + self.quote("%s", command)
        # The command must not read what was meant for sudo.
        inner = self.quote("%s", f"exec </dev/null; {command}")
        return f"sudo -S -p {self._start.prompt} {user}/bin/sh -c {inner}"

    def _exec_command(self, command: bytes) -> tuple[int, bytes, bytes]:
        session = self.connect()
        password = self._credentials.sudo_password
        prompt = self._start.prompt
        asked = _Asked(prompt, password.reveal() if password else "")
        may_ask = prompt.encode() in command

        def on_output(exchange: Exchange) -> None:
            asked(exchange)
            exchange.closing = exchange.closing or not may_ask

        output = execute(
            session,
            command,
            seconds=self._inventory.connection.timeouts.script,
            on_output=on_output,
            host=self.hostname,
            endpoint=self.endpoint,
        )
        if asked.in_vain:
            raise self._error(Reason.SUDO_REFUSED, "sudo did not accept the password")
        return output.exit_status, output.stdout, output.stderr.replace(prompt.encode(), b"")

    # ours --------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return address_of(self._inventory)

    def _reach(self) -> socket.socket | paramiko.Channel:
        if self._jump is not None:
            return self._jump.tunnel(self._inventory)
        return dial(endpoint_to_dial(self._inventory)).sock

    def _error(self, reason: Reason, words: str) -> ConnectError:
        message = f"{self.hostname}: {self.endpoint}: {words}"
        return ConnectError(reason, self.hostname, self.endpoint, message)


class _Asked:
    """Gives sudo the password when it asks, once; a second question means it was wrong."""

    def __init__(self, prompt: str, password: str) -> None:
        self._prompt = prompt.encode()
        self._password = password.encode()
        self._told = False
        self.in_vain = False

    def __call__(self, exchange: Exchange) -> None:
        times = exchange.stderr.count(self._prompt) if self._prompt else 0
        if times and not self._told:
            self._told = True
            exchange.outgoing += self._password + b"\n"
        if times > 1:
            self.in_vain = exchange.aborted = True
