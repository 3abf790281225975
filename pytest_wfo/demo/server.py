"""SSH servers on loopback, one a simulated host, in this process."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from pytest_wfo.connect.handshake import JOIN_SECONDS, LOG_NAME
from pytest_wfo.connect.script import ScriptOutput

Run = Callable[[bytes, bytes], ScriptOutput]
"""Command and standard input -> what came of it."""

LOOPBACK = "127.0.0.1"

# The collector is about 30 KB; who sends more than this is someone else.
_INPUT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in: ``user``, with the private key of ``key``."""

    user: str
    key: paramiko.PKey


class SshServers:
    """Any number of SSH servers: one thread accepts for all, each connection has its own."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._listeners: list[socket.socket] = []
        self._sessions: list[_Session] = []
        self._thread = threading.Thread(target=self._accept, name="wfo-demo", daemon=True)

    def add(self, host_key: paramiko.PKey, run: Run) -> int:
        """A server that shows ``host_key`` and runs commands by ``run``; returns its port."""
        listener = self._bound()
        listener.listen()
        self._selector.register(listener, selectors.EVENT_READ, (host_key, run))
        return int(listener.getsockname()[1])

    def add_dead(self) -> int:
        """A port where nothing listens, and nobody else will while the servers run."""
        return int(self._bound().getsockname()[1])

    def _bound(self) -> socket.socket:
        """A socket bound to a free port of loopback, which refuses connections until it listens."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listeners.append(bound)
        bound.bind((LOOPBACK, 0))
        return bound

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End everything: no socket and no thread stays."""
        self._waker.close()
        if self._thread.ident is not None:
            self._thread.join()
        for session in self._sessions:
            session.close()
        for bound in (self._woken, *self._listeners):
            bound.close()
        self._selector.close()

    def _accept(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                host_key, run = key.data
                with suppress(OSError):  # the peer is gone already
                    stream, _ = key.fileobj.accept()  # type: ignore[union-attr]
                    self._sessions.append(_Session(stream, host_key, self._login, run))


class _Session(paramiko.ServerInterface):
    """One connection. paramiko's thread asks it what is allowed; each command has a thread."""

    def __init__(
        self, stream: socket.socket, host_key: paramiko.PKey, login: Login, run: Run
    ) -> None:
        self._stream, self._login, self._run = stream, login, run
        self._commands: list[threading.Thread] = []
        self._transport = paramiko.Transport(stream)
        self._transport.set_log_channel(LOG_NAME)
        self._transport.daemon = True
        self._transport.add_server_key(host_key)
        self._transport.start_server(event=threading.Event(), server=self)

    def close(self) -> None:
        """Cut the connection and wait for its threads."""
        with suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._transport.close()
        self._transport.packetizer.complete_handshake()  # else its timer's thread stays
        for thread in (self._transport, *self._commands):
            thread.join(JOIN_SECONDS)
        self._stream.close()

    def get_allowed_auths(self, username: str) -> str:
        """Keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """The demo's own user and key; that the peer holds the private key, paramiko checks."""
        known = username == self._login.user and key == self._login.key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only: no forwarding."""
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run the command in a thread of its own; this one must go on reading packets."""
        thread = threading.Thread(target=self._serve, args=(channel, command), daemon=True)
        self._commands.append(thread)
        thread.start()
        return True

    def _serve(self, channel: paramiko.Channel, command: bytes) -> None:
        given = b""
        # The peer is gone: there is nobody to tell.
        with closing(channel), suppress(OSError, EOFError, paramiko.SSHException):
            # Up to the end of the input, which comes after the peer knows that it may run commands.
            while len(given) < _INPUT_BYTES and (more := channel.recv(65536)):
                given += more
            output = self._run(command, given)
            channel.sendall(output.stdout)
            channel.sendall_stderr(output.stderr)
            channel.send_exit_status(output.exit_status)
