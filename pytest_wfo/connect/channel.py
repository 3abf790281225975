"""Run one command on an SSH session: both output streams drained at once, under a deadline."""

from __future__ import annotations

import selectors
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paramiko

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.script import ANSWER_BYTES, ScriptOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_wfo.connect.handshake import Session

CHUNK = 65536

# paramiko tells when data came, but not when the peer takes more: only while the script is still
# being sent is it asked again this often.
SEND_POLL_SECONDS = 0.01

# A wake-up for the case that the connection dies without a word to the channel.
IDLE_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Exchange:
    """A command under way: what it said so far, and what it is still to be told.

    ``closing``: end the command's input once ``outgoing`` is sent. ``aborted``: give it up.
    """

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    outgoing: bytes = b""
    closing: bool = False
    aborted: bool = False


def execute(
    session: Session,
    command: bytes,
    *,
    seconds: float,
    on_output: Callable[[Exchange], None],
    host: str,
    endpoint: str,
    limit: int = ANSWER_BYTES,
) -> ScriptOutput:
    """Run ``command`` for at most ``seconds``. ``on_output`` is called at the start and whenever
    the command said more; it decides what to send.

    Raises ``ConnectError``: deadline, answer-unreadable (more than ``limit`` bytes),
    connection-lost. The channel is closed in any case.
    """

    def error(reason: Reason, words: str) -> ConnectError:
        return ConnectError(reason, host, endpoint, f"{host}: {endpoint}: {words}")

    exchange = Exchange()
    status = -1
    late = error(Reason.DEADLINE, f"no complete answer within {seconds:g} s; the command was ended")
    deadline = time.monotonic() + seconds
    # Some of paramiko's calls know no time limit. The guard cuts the connection under them.
    with guard(seconds + IDLE_POLL_SECONDS, session.wire.cut) as cut:
        channel = None
        try:
            channel = session.transport.open_session(timeout=seconds)
            channel.exec_command(command)
            channel.setblocking(False)
            on_output(exchange)
            with selectors.DefaultSelector() as selector:
                selector.register(channel, selectors.EVENT_READ)
                while not _pump(channel, exchange, on_output):
                    if len(exchange.stdout) + len(exchange.stderr) > limit:
                        words = f"the answer is longer than {limit} bytes; the command was ended"
                        raise error(Reason.ANSWER_UNREADABLE, words)
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise late
                    pause = SEND_POLL_SECONDS if exchange.outgoing else IDLE_POLL_SECONDS
                    selector.select(min(left, pause))
            if not exchange.aborted:
                channel.status_event.wait(max(0.0, deadline - time.monotonic()))
                status = channel.exit_status
        except (paramiko.SSHException, EOFError, OSError) as broken:
            if session.transport.is_active() and not cut.is_set():
                words = f"the host refused to run a command ({excerpt(str(broken))})"
                raise error(Reason.SCRIPT_FAILED, words) from None
        finally:
            if channel is not None:
                with suppress(paramiko.SSHException, EOFError, OSError):
                    channel.close()
    if cut.is_set():
        raise late
    if status == -1 and not exchange.aborted and not session.transport.is_active():
        raise error(Reason.CONNECTION_LOST, "the connection broke while the command ran")
    return ScriptOutput(bytes(exchange.stdout), bytes(exchange.stderr), status)


def _pump(
    channel: paramiko.Channel, exchange: Exchange, on_output: Callable[[Exchange], None]
) -> bool:
    """Move a chunk each way without waiting. True when the command is over and all is read."""
    # Whether it is over is asked before reading: what came before the end is read then.
    over = bool(channel.eof_received) or channel.closed
    more = False
    if channel.recv_ready() and (data := channel.recv(CHUNK)):
        exchange.stdout += data
        more = True
    if channel.recv_stderr_ready() and (data := channel.recv_stderr(CHUNK)):
        exchange.stderr += data
        more = True
    if more:
        on_output(exchange)
    if exchange.outgoing or exchange.closing:
        _send(channel, exchange)
    return (over and not more) or exchange.aborted


def _send(channel: paramiko.Channel, exchange: Exchange) -> None:
    try:
        while exchange.outgoing and (sent := channel.send(exchange.outgoing[:CHUNK])):
            exchange.outgoing = exchange.outgoing[sent:]
        if exchange.closing and not exchange.outgoing:
            exchange.closing = False
            channel.shutdown_write()
    except TimeoutError:
        return  # the peer takes no more now
    except OSError:
        # It stopped reading, e.g. because it ended. What it said to that is still to come.
        exchange.outgoing, exchange.closing = b"", False


@contextmanager
def guard(seconds: float, cut: Callable[[], object]) -> Iterator[threading.Event]:
    """Call ``cut`` if the block takes longer than ``seconds``; the event tells whether it did."""
    fired = threading.Event()

    def fire() -> None:
        fired.set()
        cut()

    timer = threading.Timer(seconds, fire)
    timer.daemon = True
    timer.start()
    try:
        yield fired
    finally:
        timer.cancel()
        timer.join()
