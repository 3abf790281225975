"""Stage one of a connection: names resolved and TCP connections made, many at once.

The TCP connection is made apart from SSH so that "filtered", "refused" and "SSH hangs" stay
separate answers, and so that any number of dead hosts costs one timeout in all.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pytest_wfo.connect.errors import ConnectError, Reason, endpoint_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A lookup cannot be cancelled, so it gets a thread and is given up. Resolvers retry after 5 s:
# twice that means the name servers do not answer.
RESOLVE_SECONDS = 10.0
RESOLVER_THREADS = 64  # they only wait; a dead name server must not make names queue up

# RFC 8305, section 5: the next address of the same name is tried after a quarter of a second.
STAGGER_SECONDS = 0.25


_REASONS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.REFUSED,  # a reset in answer to the SYN
    errno.ETIMEDOUT: Reason.FILTERED,
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one host is reached: ``host`` is its inventory name, ``timeout`` in seconds."""

    host: str
    address: str
    port: int
    timeout: float

    def __str__(self) -> str:
        return endpoint_of(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Dialed:
    """A connected socket (blocking, TCP_NODELAY) and the IP address that answered."""

    endpoint: Endpoint
    sock: socket.socket
    address: str


Outcome = Dialed | ConnectError
_Address = tuple[socket.AddressFamily, tuple[str, int]]


@dataclass(slots=True, eq=False)
class _Call:
    """One endpoint on its way: addresses still to try, sockets in flight, what failed so far."""

    endpoint: Endpoint
    begun: float
    deadline: float
    waiting: deque[_Address] = field(default_factory=deque)
    flying: dict[socket.socket, str] = field(default_factory=dict)
    failed: dict[str, tuple[Reason, str]] = field(default_factory=dict)
    resolved: bool = False
    next_at: float = 0.0


class Dialer:
    """Connects to many endpoints at once. ``start`` and ``poll`` belong to one thread; ``wake``
    may be called from any, and makes a waiting ``poll`` return."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._calls: dict[_Call, None] = {}
        self._lookups: deque[_Call] = deque()
        self._answers: deque[tuple[_Call, list[_Address] | str]] = deque()
        self._resolvers = 0
        self._lock = threading.Lock()
        self._bell, self._ringer = socket.socketpair()
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def __len__(self) -> int:
        return len(self._calls)

    def younger_than(self, seconds: float) -> int:
        """How many calls in flight were started less than ``seconds`` ago."""
        since = time.monotonic() - seconds
        return sum(call.begun > since for call in self._calls)

    def start(self, endpoint: Endpoint) -> None:
        """Begin to connect; ``poll`` will give the outcome."""
        now = time.monotonic()
        call = _Call(endpoint, now, now + RESOLVE_SECONDS)
        self._calls[call] = None
        literal = _literal(endpoint)
        if literal:
            self._resolved(call, [literal])
        else:
            self._look_up(call)

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Wait at most ``timeout`` seconds (None: until something happens) and return what is
        decided: a connected socket or an error for each endpoint."""
        now = time.monotonic()
        due = [self._due(call) for call in self._calls]
        if timeout is not None:
            due.append(now + timeout)
        wait = max(0.0, min(due) - now) if due else None
        outcomes: list[Outcome] = []
        for key, _ in self._selector.select(wait):
            if key.data is None:
                self._silence()
            elif key.fileobj in key.data.flying:  # else another address of the name just won
                outcomes += self._answered(key.data, cast("socket.socket", key.fileobj))
        while self._answers:
            call, answer = self._answers.popleft()
            if call in self._calls:
                outcomes += self._resolved(call, answer)
        now = time.monotonic()
        for call in list(self._calls):
            if self._due(call) <= now:
                outcomes += self._overdue(call, now)
        return outcomes

    def wake(self) -> None:
        """Make ``poll`` return soon."""
        try:
            self._ringer.send(b"!")
        except OSError:
            return  # the bell is full (it rings already) or gone

    def close(self) -> None:
        """Give up everything in flight."""
        for call in list(self._calls):
            self._end(call)
        self._lookups.clear()
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _silence(self) -> None:
        try:
            while self._bell.recv(4096):
                pass
        except BlockingIOError:
            return

    @staticmethod
    def _due(call: _Call) -> float:
        return min(call.deadline, call.next_at) if call.waiting else call.deadline

    # names -------------------------------------------------------------------------------------

    def _look_up(self, call: _Call) -> None:
        self._lookups.append(call)
        with self._lock:
            if self._resolvers >= RESOLVER_THREADS:
                return
            self._resolvers += 1
        threading.Thread(target=self._resolve, name="wfo-resolve", daemon=True).start()

    def _resolve(self) -> None:
        """Thread: answer lookups until there are none."""
        while True:
            with self._lock:
                if not self._lookups:
                    self._resolvers -= 1
                    return
                call = self._lookups.popleft()
            self._answers.append((call, _addresses(call.endpoint)))
            self.wake()

    def _resolved(self, call: _Call, answer: list[_Address] | str) -> list[Outcome]:
        endpoint = call.endpoint
        if isinstance(answer, str):
            self._end(call)
            words = f"{endpoint.host}: the name {endpoint.address} was not resolved: {answer}"
            return [ConnectError(Reason.NAME_NOT_RESOLVED, endpoint.host, str(endpoint), words)]
        call.resolved = True
        call.waiting.extend(answer)
        call.deadline = time.monotonic() + endpoint.timeout
        return []  # next_at is 0: the next poll begins

    # connections -------------------------------------------------------------------------------

    def _overdue(self, call: _Call, now: float) -> list[Outcome]:
        """The deadline passed, or it is time to try a further address as well."""
        if not call.resolved:
            return self._resolved(call, f"no answer from DNS within {RESOLVE_SECONDS:g} s")
        if now < call.deadline:
            return self._try_next(call)
        for address in call.flying.values():
            call.failed[address] = (
                Reason.FILTERED,
                f"no answer within {call.endpoint.timeout:g} s",
            )
        return [self._gave_up(call)]

    def _try_next(self, call: _Call) -> list[Outcome]:
        family, address = call.waiting.popleft()
        call.next_at = time.monotonic() + STAGGER_SECONDS
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            return self._refused(call, address[0], error.errno or 0)
        sock.setblocking(False)
        code = sock.connect_ex(address)
        if code not in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
            sock.close()
            return self._refused(call, address[0], code)
        call.flying[sock] = address[0]
        self._selector.register(sock, selectors.EVENT_WRITE, call)
        return []

    def _answered(self, call: _Call, sock: socket.socket) -> list[Outcome]:
        address = call.flying.pop(sock)
        self._selector.unregister(sock)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            sock.close()
            return self._refused(call, address, code)
        # Without it each small SSH packet waits for the peer's delayed acknowledgement (40 ms).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(True)
        self._end(call)
        return [Dialed(call.endpoint, sock, address)]

    def _refused(self, call: _Call, address: str, code: int) -> list[Outcome]:
        call.failed[address] = (_REASONS.get(code, Reason.UNREACHABLE), os.strerror(code))
        if call.waiting:
            call.next_at = 0.0
            return []
        return [] if call.flying else [self._gave_up(call)]

    def _gave_up(self, call: _Call) -> ConnectError:
        self._end(call)
        reasons = {reason for reason, _ in call.failed.values()}
        # The most telling answer of several addresses: a controller without IPv6 finds every
        # IPv6 address unreachable, which says nothing about the host.
        order = (Reason.REFUSED, Reason.FILTERED, Reason.UNREACHABLE)
        reason = next(reason for reason in order if reason in reasons)
        tried = "; ".join(f"{address}: {words}" for address, (_, words) in call.failed.items())
        endpoint = call.endpoint
        words = f"{endpoint.host}: no TCP connection to {endpoint} ({tried})"
        return ConnectError(reason, endpoint.host, str(endpoint), words)

    def _end(self, call: _Call) -> None:
        self._calls.pop(call, None)
        for sock in call.flying:
            self._selector.unregister(sock)
            sock.close()
        call.flying.clear()
        call.waiting.clear()


def dial_all(endpoints: Iterable[Endpoint]) -> Iterator[Outcome]:
    """Connect to all endpoints at once; outcomes come as they are decided."""
    dialer = Dialer()
    try:
        for endpoint in endpoints:
            dialer.start(endpoint)
        while len(dialer):
            yield from dialer.poll()
    finally:
        dialer.close()


def dial(endpoint: Endpoint) -> Dialed:
    """Connect to one endpoint. Raises ``ConnectError``."""
    (outcome,) = dial_all([endpoint])
    if isinstance(outcome, ConnectError):
        raise outcome
    return outcome


def _literal(endpoint: Endpoint) -> _Address | None:
    """The address if it is one already: no lookup, no thread."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, endpoint.address)
        except (OSError, ValueError):
            continue
        return family, (endpoint.address, endpoint.port)
    return None


def _addresses(endpoint: Endpoint) -> list[_Address] | str:
    """All addresses of a name in the resolver's order, or why there are none."""
    try:
        found = socket.getaddrinfo(endpoint.address, endpoint.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return error.strerror or "unknown name"
    except (UnicodeError, ValueError):
        return "not a valid host name"
    except OSError as error:
        return error.strerror or "the resolver failed"
    return [(family, (str(sock[0]), int(sock[1]))) for family, _, _, _, sock in found]
