"""All hosts at once: one connection and one script a host, bounded, with deadlines.

One thread dials: any number of TCP connections in flight, so that dead hosts cost one timeout in
all. What connects goes to a few SSH threads. Hosts behind a jump host wait for its one session and
are dialled through it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, cast

from pytest_wfo.connect.dial import Dialed, Dialer
from pytest_wfo.connect.endpoints import endpoint_to_dial
from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.opening import Connector, OpenConnection, jump_host, unsupported
from pytest_wfo.connect.psrp import PsrpConnection
from pytest_wfo.connect.ssh import SshBackend
from pytest_wfo.core.facts import Access
from pytest_wfo.gather.answers import HostAnswer, Request

if TYPE_CHECKING:
    import socket

    import paramiko

    from pytest_wfo.connect.secrets import Vault
    from pytest_wfo.core.hosts import Connection, Host

__all__ = ["HostAnswer", "Request", "gather"]

# paramiko's cost a host doubles from 20 to 100 threads (they take turns on the interpreter lock).
SSH_THREADS = 24

# Connections made ahead of busy SSH threads: at least so many, and as many as will have their turn
# in time at the pace so far. sshd hangs up on whoever has not logged in after LoginGraceTime
# (120 s), so they must not queue by the hundred behind slow scripts; but a dead host that is dialled
# last makes everyone wait for its timeout.
WINDOW = 16
AHEAD_SECONDS = 20.0

# A connection attempt this old does not count into the window: the host is far away or dead, and
# dead hosts must not take turns.
YOUNG_SECONDS = 0.2

# Opening a connection through a jump host blocks a thread that only waits.
TUNNEL_THREADS = 128

# What a second attempt may cure, and the pause that lets an overloaded sshd recover.
RETRIED = frozenset({Reason.CONNECTION_LOST, Reason.HANGS_BEFORE_BANNER})
ATTEMPTS = 2
RETRY_SECONDS = 1.0

# Ctrl-C ends a wait at once on most systems; on the others it is seen this late.
HEARTBEAT_SECONDS = 1.0

Progress = Callable[[str, str], None]
"""Called in the gathering thread when a host is done: its name, and its reason ("" = it answered)."""


@dataclass(slots=True, eq=False)
class _Node:
    """One host of the run: requested, or needed as a jump host, or both."""

    host: Host
    script: bytes | None
    connection: OpenConnection | None = None
    behind: list[_Node] = field(default_factory=list)
    attempts: int = 0
    since: float = 0.0
    at: str = ""
    connected: bool = False
    finished: bool = False
    error: ConnectError | None = None


@dataclass(frozen=True, slots=True)
class _Event:
    """Something a thread reports: a tunnel that stands, a session that stands, or the end."""

    node: _Node
    stream: paramiko.Channel | None = None
    answer: HostAnswer | None = None
    error: ConnectError | None = None


def gather(
    requests: Mapping[str, Request],
    jump_hosts: Mapping[str, Connection],
    vault: Vault,
    on_progress: Progress | None = None,
) -> dict[str, HostAnswer]:
    """Run each request's script on its host and return the answers in the order of ``requests``.

    The keys are the hosts' names. A host's ``via`` names one of ``jump_hosts`` or of ``requests``.
    No host makes this raise: what went wrong is in its ``Access``. Prompts for secrets appear
    before the first connection. When interrupted, everything is closed at once.
    """
    run = _Run(requests, jump_hosts, Connector(vault), on_progress)
    try:
        run.work()
    finally:
        run.close()
    return {name: run.answers[name] for name in requests}


class _Run:
    """The state of one gathering. Only the calling thread changes it; threads report events."""

    def __init__(
        self,
        requests: Mapping[str, Request],
        jump_hosts: Mapping[str, Connection],
        connector: Connector,
        on_progress: Progress | None,
    ) -> None:
        self.answers: dict[str, HostAnswer] = {}
        self._requests = requests
        self._jump_hosts = jump_hosts
        self._connector = connector
        self._on_progress = on_progress
        self._nodes: dict[str, _Node] = {}
        self._dialer = Dialer()
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._to_dial: deque[_Node] = deque()
        self._tunnelling: dict[_Node, float] = {}  # since when
        self._ready: deque[tuple[_Node, socket.socket | paramiko.Channel | None]] = deque()
        self._running: set[_Node] = set()
        self._turns = 0  # examinations that ended
        self._begun = 0.0
        self._later: list[tuple[float, _Node]] = []
        self._ssh = ThreadPoolExecutor(SSH_THREADS, "wfo-ssh")
        self._tunnels = ThreadPoolExecutor(TUNNEL_THREADS, "wfo-tunnel")

    def work(self) -> None:
        """Do it all."""
        for name in self._requests:
            self._prepare(name, ())
        for node in list(self._nodes.values()):
            if not node.finished and not node.host.connection.via:
                self._enqueue(node)
        self._begun = time.monotonic()  # after the prompts
        while any(not node.finished for node in self._nodes.values()):
            self._advance()
            for outcome in self._dialer.poll(self._patience()):
                if isinstance(outcome, Dialed):
                    self._ready.append((self._nodes[outcome.endpoint.host], outcome.sock))
                else:
                    self._failed(self._nodes[outcome.host], outcome)
            while True:
                try:
                    self._handle(self._events.get_nowait())
                except Empty:
                    break

    def close(self) -> None:
        """End everything, also what is still under way."""
        self._dialer.close()
        for _, stream in self._ready:
            if stream is not None:
                stream.close()
        connections = [node.connection for node in self._nodes.values() if node.connection]
        if not all(node.finished for node in self._nodes.values()):  # interrupted
            for connection in connections:
                connection.abort()
        self._tunnels.shutdown(cancel_futures=True)
        self._ssh.shutdown(cancel_futures=True)
        for connection in reversed(connections):  # what is behind a jump host before it
            connection.close()

    # before the first connection ---------------------------------------------------------------

    def _prepare(self, name: str, inside: tuple[str, ...]) -> _Node:
        """Make the node of ``name`` and of its jump hosts, secrets read. ``inside`` is the chain
        of hosts that led here."""
        if name in self._nodes:
            return self._nodes[name]
        request = self._requests.get(name)
        host = request.host if request else jump_host(name, self._jump_hosts[name])
        node = _Node(host, request.script if request else None, since=time.monotonic())
        via = host.connection.via
        jump = None
        try:
            if via:
                if via in {*inside, name}:
                    raise unsupported(host, f"its jump host {via} is reached through {name}")
                if via not in self._jump_hosts and via not in self._requests:
                    raise unsupported(host, f"its jump host {via} is not in the inventory")
                jump = self._prepare(via, (*inside, name))
            if jump is not None and jump.error is not None:
                raise _not_tried(node, jump.error)
            node.connection = self._connector.open(host, jump.connection if jump else None)
        except ConnectError as error:
            self._failed(node, error)
        else:
            if jump is not None:
                jump.behind.append(node)
        self._nodes[name] = node  # after its jump host, which must be closed after it
        return node

    # under way ---------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Start whatever there is room for."""
        now = time.monotonic()
        for due, node in list(self._later):
            if due <= now:
                self._later.remove((due, node))
                self._enqueue(node)
        while self._to_dial and len(self._ready) + self._young() < self._wanted():
            node = self._to_dial.popleft()
            self._begin(node)
            if node.host.connection.via:
                self._tunnelling[node] = now
                self._tunnels.submit(self._tunnel, node)
            else:
                self._dialer.start(endpoint_to_dial(node.host))
        while self._ready and len(self._running) < SSH_THREADS:
            node, stream = self._ready.popleft()
            self._running.add(node)
            self._ssh.submit(self._examine, node, stream)

    def _wanted(self) -> int:
        """How many connections there is use for: one for each idle thread, and some ahead."""
        pace = self._turns / max(time.monotonic() - self._begun, 0.1)  # a second
        return max(WINDOW, int(pace * AHEAD_SECONDS)) + SSH_THREADS - len(self._running)

    def _young(self) -> int:
        since = time.monotonic() - YOUNG_SECONDS
        tunnels = sum(begun > since for begun in self._tunnelling.values())
        return self._dialer.younger_than(YOUNG_SECONDS) + tunnels

    def _patience(self) -> float:
        """How long nothing may happen before there is something to start again."""
        now = time.monotonic()
        waits = [HEARTBEAT_SECONDS, *(max(0.0, due - now) for due, _ in self._later)]
        if self._to_dial:
            waits.append(YOUNG_SECONDS / 5)
        return min(waits)

    def _enqueue(self, node: _Node) -> None:
        if isinstance(node.connection, SshBackend | PsrpConnection):
            self._to_dial.append(node)
        else:
            self._begin(node)
            self._ready.append((node, None))

    @staticmethod
    def _begin(node: _Node) -> None:
        node.attempts += 1
        if node.attempts == 1:
            node.since = time.monotonic()
            node.at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")

    def _handle(self, event: _Event) -> None:
        node = event.node
        tunnelled = self._tunnelling.pop(node, None) is not None
        if event.stream is not None:
            self._ready.append((node, event.stream))
            return
        if not tunnelled and event.error is None and event.answer is None:
            if not node.connected:
                node.connected = True
                for other in node.behind:
                    self._enqueue(other)
            if node.script is None:
                self._running.discard(node)
                self._finish(node, None)
            return
        self._running.discard(node)
        self._turns += 1
        if event.error is not None:
            self._failed(node, event.error)
        else:
            self._finish(node, event.answer)

    def _failed(self, node: _Node, error: ConnectError) -> None:
        if error.reason in RETRIED and 0 < node.attempts < ATTEMPTS:
            self._later.append((time.monotonic() + RETRY_SECONDS, node))
            return
        node.error = error
        access = _access(node, error.reason, error.message, error.endpoint)
        self._finish(node, HostAnswer(access))
        if not node.connected:
            for other in node.behind:
                self._failed(other, _not_tried(other, error))

    def _finish(self, node: _Node, answer: HostAnswer | None) -> None:
        node.finished = True
        if answer is None or node.script is None:  # needed as a jump host only
            return
        name = node.host.name
        self.answers[name] = answer
        if self._on_progress is not None:
            self._on_progress(name, answer.access.reason)

    # in threads --------------------------------------------------------------------------------

    def _report(self, event: _Event) -> None:
        self._events.put(event)
        self._dialer.wake()

    def _tunnel(self, node: _Node) -> None:
        """Thread: reach a host through its jump host."""
        try:
            jump = self._nodes[node.host.connection.via].connection
            stream = cast("SshBackend", jump).tunnel(node.host)
        except ConnectError as error:
            self._report(_Event(node, error=error))
        except Exception as error:
            self._report(_Event(node, error=_defect(node, error)))
        else:
            self._report(_Event(node, stream=stream))

    def _examine(self, node: _Node, stream: socket.socket | paramiko.Channel | None) -> None:
        """Thread: log in, run the script."""
        connection = cast("OpenConnection", node.connection)
        try:
            if stream is not None:
                dialled = cast("SshBackend | PsrpConnection", connection)
                dialled.use(cast("socket.socket", stream))
            connection.connect()
            self._report(_Event(node))
            if node.script is None:
                return
            event = _Event(node, answer=_run(node, connection, node.script))
        except ConnectError as error:
            event = _Event(node, error=error)
        except Exception as error:
            event = _Event(node, error=_defect(node, error))
        finally:
            if not node.behind:
                connection.close()
        self._report(event)


def _run(node: _Node, connection: OpenConnection, script: bytes) -> HostAnswer:
    """Run the script; what it printed is kept even if it failed."""
    asked = time.time()
    output = connection.run_script(script, node.host.connection.timeouts.script)
    answered = time.time()
    where = f"{node.host.name}: {connection.endpoint}"
    reason, message = "", f"{where}: answered"
    if output.exit_status:
        how = f"exit status {output.exit_status}" if output.exit_status > 0 else "a signal"
        said = excerpt(output.stderr) or "nothing"
        reason = Reason.SCRIPT_FAILED
        message = f"{where}: the script ended with {how}; it said: {said}"
    elif not output.stdout.strip():
        reason, message = Reason.ANSWER_UNREADABLE, f"{where}: the script printed nothing"
    access = _access(node, reason, message, connection.endpoint, connection.host_key)
    return HostAnswer(access, output.stdout.decode("utf-8", "replace"), asked, answered)


def _access(
    node: _Node, reason: Reason | str, message: str, endpoint: str, host_key: str = ""
) -> Access:
    return Access(
        reason=str(getattr(reason, "value", reason)),
        message=message,
        remedy=reason.remedy if isinstance(reason, Reason) else "",
        endpoint=endpoint,
        at=node.at or datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - node.since, 3),
        host_key=host_key,
    )


def _not_tried(node: _Node, error: ConnectError) -> ConnectError:
    words = f"{node.host.name}: not tried, because its jump host failed: {error.message}"
    where = str(endpoint_to_dial(node.host))
    return ConnectError(Reason.JUMP_HOST_FAILED, node.host.name, where, words)


def _defect(node: _Node, error: Exception) -> ConnectError:
    """A failure no one foresaw. Its text might hold anything, so only its kind is told."""
    words = f"{node.host.name}: a defect of this program: {type(error).__name__}"
    where = str(endpoint_to_dial(node.host))
    return ConnectError(Reason.ANSWER_UNREADABLE, node.host.name, where, words)
