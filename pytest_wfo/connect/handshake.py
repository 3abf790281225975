"""Stage two of a connection: the SSH handshake on a connected stream, and the host key check.

Nothing that could be a secret is sent before the host key has been found in order.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import paramiko

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.known_hosts import HostKey, KnownKeys, name_on_record

if TYPE_CHECKING:
    from pytest_wfo.core.hosts import Timeouts

# The peer's first bytes are kept to say what answered. RFC 4253, section 4.2, lets a server send
# lines of text before its version, so one line may not be enough.
HEAD_BYTES = 1024

# What sshd says instead of its version when it has too many logins at once, or too many from us.
TURNED_AWAY = (b"Exceeded MaxStartups", b"Not allowed at this time")

# paramiko's own limits must never fire before ours, which know what they were waiting for.
NEVER = 3600.0

# How long a closed transport may take to end its thread; it polls every 0.1 s.
JOIN_SECONDS = 2.0

# paramiko's transport threads log tracebacks; whatever they mean is said by our errors instead.
LOG_NAME = "pytest_wfo.connect.paramiko"
logging.getLogger(LOG_NAME).setLevel(logging.CRITICAL + 1)

# RFC 4254, section 9: messages 93 to 98 belong to a channel, whose number at the peer comes first.
_WINDOW_ADJUST, _CHANNEL_CLOSE, _CHANNEL_REQUEST = 93, 97, 98

# RSA keys sign with SHA-2 under names of their own (RFC 8332).
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class Wire:
    """The stream under an SSH session. Remembers the peer's first bytes and can be cut from any
    thread at any moment."""

    def __init__(self, stream: socket.socket | paramiko.Channel) -> None:
        self._stream = stream
        self.head = b""
        self.decided = threading.Event()  # the peer turned out to talk SSH, or the stream ended

    def recv(self, size: int) -> bytes:
        """As ``socket.recv``."""
        data = self._stream.recv(size)
        if not self.decided.is_set():
            self.head += data[: HEAD_BYTES - len(self.head)]
            if not data or self.talks_ssh:
                self.decided.set()
        return data

    def close(self) -> None:
        """As ``socket.close``; paramiko calls it whenever its thread gives up."""
        self.decided.set()
        self._stream.close()

    @property
    def talks_ssh(self) -> bool:
        """Whether a version line of the SSH protocol has come."""
        return any(line.startswith(b"SSH-") for line in self.head.splitlines())

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def cut(self) -> None:
        """End the stream at once: whoever waits for it returns with an error."""
        with suppress(OSError, EOFError):
            self._stream.shutdown(socket.SHUT_RDWR)
        with suppress(OSError, EOFError):
            self.close()


class Transport(paramiko.Transport):
    """paramiko's, which keeps why the peer refused a channel: paramiko logs that and forgets it,
    and its one saved exception is shared by all threads that open channels."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._mine = threading.local()
        self._refusals: dict[int, str] = {}
        self._order = threading.RLock()
        self._closed: set[int] = set()  # the peer's numbers of channels we have closed

    def refusal(self) -> str:
        """Why the last channel this thread asked for was refused; "" if the peer did not say."""
        return self._refusals.pop(getattr(self._mine, "channel", -1), "")

    def _next_channel(self) -> int:
        self._mine.channel = super()._next_channel()  # type: ignore[misc]
        return int(self._mine.channel)

    def _send_user_message(self, data: paramiko.Message) -> None:
        """Nothing more on a channel that was closed. paramiko lets a thread that sends be overtaken
        by one that closes, and sshd then drops the whole connection, with all channels on it."""
        raw = data.asbytes()
        kind, channel = raw[0], int.from_bytes(raw[1:5], "big")
        with self._order:
            if _WINDOW_ADJUST <= kind <= _CHANNEL_REQUEST:
                if channel in self._closed:
                    return
                if kind == _CHANNEL_CLOSE:
                    self._closed.add(channel)
            super()._send_user_message(data)  # type: ignore[misc]

    def _parse_channel_open_success(self, message: paramiko.Message) -> None:
        start = message.packet.tell()
        _, theirs = message.get_int(), message.get_int()
        with self._order:
            self._closed.discard(theirs)  # the peer uses its numbers again
        message.packet.seek(start)
        super()._parse_channel_open_success(message)  # type: ignore[misc]

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        start = message.packet.tell()
        channel, _, words = message.get_int(), message.get_int(), message.get_text()
        self._refusals[channel] = words
        message.packet.seek(start)
        super()._parse_channel_open_failure(message)  # type: ignore[misc]


class Session:
    """An SSH transport with a checked host key. ``host_key`` is the key the host showed."""

    def __init__(self, wire: Wire, transport: Transport, host_key: HostKey) -> None:
        self.wire = wire
        self.transport = transport
        self.host_key = host_key

    def close(self) -> None:
        """End the session and its thread."""
        end(self.transport, self.wire)


def end(transport: paramiko.Transport, wire: Wire) -> None:
    """Close a transport so that neither its thread nor its handshake timer stays behind."""
    wire.cut()  # first: it wakes the thread, which otherwise looks up only every 0.1 s
    transport.close()
    transport.packetizer.complete_handshake()
    if transport.is_alive():
        transport.join(JOIN_SECONDS)


def shake_hands(
    stream: socket.socket | paramiko.Channel,
    known: KnownKeys,
    *,
    host: str,
    endpoint: str,
    timeouts: Timeouts,
) -> Session:
    """Negotiate keys over ``stream``. The host key is not judged yet, but the types in ``known``
    are preferred, so that a host with several keys shows one that can be compared.

    Raises ``ConnectError``: hangs-before-banner, not-ssh, no-common-algorithm, deadline,
    connection-lost; the stream is closed then.
    """
    wire = Wire(stream)
    transport = Transport(cast("socket.socket", wire))
    transport.set_log_channel(LOG_NAME)
    transport.banner_timeout = transport.handshake_timeout = NEVER
    transport.auth_timeout = timeouts.login
    transport.daemon = True
    _prefer(transport, known)
    done = threading.Event()
    begun = time.monotonic()
    try:
        transport.start_client(event=done)
        if wire.decided.wait(timeouts.banner):
            done.wait(timeouts.login)
        if transport.is_active() and transport.initial_kex_done:
            key = transport.get_remote_server_key()
            return Session(wire, transport, HostKey(key.get_name(), key.get_base64()))
        raise _failure(transport, wire, host, endpoint, time.monotonic() - begun)
    except BaseException:
        end(transport, wire)
        raise


def _prefer(transport: paramiko.Transport, known: KnownKeys) -> None:
    options = transport.get_security_options()
    wanted = [name for key in known.trusted for name in _SIGNATURES.get(key.kind, (key.kind,))]
    offered = tuple(options.key_types)
    first = tuple(dict.fromkeys(name for name in wanted if name in offered))
    options.key_types = first + tuple(name for name in offered if name not in first)


def _failure(
    transport: paramiko.Transport, wire: Wire, host: str, endpoint: str, waited: float
) -> ConnectError:
    """Why there is no session, from what the peer sent and what paramiko made of it."""
    error = transport.get_exception()
    said = excerpt(wire.head)
    if not wire.talks_ssh:
        if wire.head.startswith(TURNED_AWAY):
            reason, words = Reason.CONNECTION_LOST, f'turned the connection away: "{said}"'
        elif wire.head:
            reason, words = Reason.NOT_SSH, f'answers, but not with SSH: "{said}"'
        elif not transport.is_active():
            reason = Reason.CONNECTION_LOST
            words = "accepted the connection and closed it without a word"
        else:
            reason = Reason.HANGS_BEFORE_BANNER
            words = f"accepted the connection, then said nothing for {waited:.0f} s"
    elif isinstance(error, paramiko.SSHException) and _disagrees(error):
        reason = Reason.NO_COMMON_ALGORITHM
        words = f"speaks SSH, but nothing both sides permit: {excerpt(str(error))}"
    elif transport.is_active():
        reason = Reason.DEADLINE
        words = f"announced itself and did not finish the key exchange within {waited:.0f} s"
    else:
        reason = Reason.CONNECTION_LOST
        words = "broke off the key exchange"
        if isinstance(error, paramiko.SSHException):
            words += f": {excerpt(str(error))}"
    return ConnectError(reason, host, endpoint, f"{host}: {endpoint} {words}")


def _disagrees(error: paramiko.SSHException) -> bool:
    # IncompatiblePeer is newer than some of the places that raise plain SSHException for it.
    return isinstance(error, paramiko.ssh_exception.IncompatiblePeer) or "acceptable" in str(error)


def check_host_key(
    seen: HostKey, known: KnownKeys, *, host: str, address: str, port: int, endpoint: str
) -> None:
    """Raise ``ConnectError`` (host-key-unknown, host-key-changed) unless ``seen`` is known."""
    shown = f"{seen.kind} {seen.fingerprint}"
    if seen in known.revoked:
        words = f"shows a host key that known_hosts marks as revoked: {shown}"
        raise ConnectError(Reason.HOST_KEY_CHANGED, host, endpoint, f"{host}: {endpoint} {words}")
    if seen in known.trusted:
        return
    if known.trusted:
        expected = ", ".join(f"{key.kind} {key.fingerprint}" for key in known.trusted)
        words = f"shows the host key {shown}, but known is {expected}; nothing was sent"
        raise ConnectError(Reason.HOST_KEY_CHANGED, host, endpoint, f"{host}: {endpoint} {words}")
    line = f"{name_on_record(address, port)} {seen}"
    words = f"shows the host key {shown}, which is not in known_hosts; its line would be: {line}"
    raise ConnectError(Reason.HOST_KEY_UNKNOWN, host, endpoint, f"{host}: {endpoint} {words}")
