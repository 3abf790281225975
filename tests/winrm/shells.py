"""What a WSMan server keeps for a client: shells with commands, and the output that waits."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.winrm import messages, soap

# PowerShell's shells have BufferMode Block: WinRM collects output for a moment. Long enough for an engine
# on a busy machine to say the next part; the end of a command is never waited for.
BLOCK_SECONDS = 0.5

ACK_SECONDS = 30.0

NO_ONE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a canned script gives, ``after`` so many seconds; ``error`` ends it: (id, message)."""

    output: Sequence[str] = ()
    errors: Sequence[tuple[str, str]] = ()
    error: tuple[str, str] | None = None
    after: float = 0.0


Responder = Callable[[str], Answer]


@dataclass(slots=True)
class Command:
    """One pipeline: ``waiting`` holds (stream, data); None ends a stream."""

    waiting: deque[tuple[str, bytes | None]] = field(default_factory=deque)
    over: bool = False
    status: int = 0
    sent: bytes = b""
    state: bytes = b""


class Shell:
    """A shell of ``owner``. ``waiting`` is what concerns no command of it."""

    streams = "stdout"

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.closed = False
        self.changed = threading.Condition(threading.RLock())
        self.waiting: deque[tuple[str, bytes | None]] = deque()
        self.commands: dict[str, Command] = {}

    def command(self, name: str, line: str, arguments: Sequence[str]) -> None:
        raise NotImplementedError

    def send(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def signal(self, name: str, code: str) -> None:
        with self.changed:
            self.commands.pop(name, None)
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def receive(self, name: str, patience: float, largest: int) -> str:
        """Wait for output of the command ``name`` ("": of the shell). The answer's body."""
        until = time.monotonic() + patience
        with self.changed:
            command = self.commands.get(name)
            if name and command is None:
                raise soap.no_such_shell()
            queue = command.waiting if command else self.waiting
            while not queue and not (command and command.over) and not self.closed:
                left = until - time.monotonic()
                if left <= 0:
                    raise soap.timed_out()
                self.changed.wait(left)
            if self.closed:
                raise soap.Fault(995, "w:InternalError", "The I/O operation has been aborted.")
            if command:
                self._collect(command, largest)
            parts = self._take(queue, largest, apart=not command)
            state = ""
            if command and command.over and not queue:
                del self.commands[name]
                state = (
                    f'<rsp:CommandState CommandId="{name}" State="{soap.SHELL}/CommandState/Done">'
                    f"<rsp:ExitCode>{command.status}</rsp:ExitCode></rsp:CommandState>"
                )
        of = f' CommandId="{name}"' if name else ""
        streams = "".join(
            f'<rsp:Stream Name="{stream}"{of} End="true"/>'
            if data is None
            else f'<rsp:Stream Name="{stream}"{of}>{base64.b64encode(data).decode()}</rsp:Stream>'
            for stream, data in parts
        )
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"

    def _collect(self, command: Command, largest: int) -> None:
        """Wait as long as more keeps coming and fits."""
        seen = 0

        def full() -> bool:
            return len(command.waiting) * messages.FRAGMENT_BYTES > largest

        while not command.over and len(command.waiting) != seen and not full():
            seen = len(command.waiting)
            self.changed.wait_for(lambda: command.over or self.closed or full(), BLOCK_SECONDS)

    @staticmethod
    def _take(
        queue: deque[tuple[str, bytes | None]], largest: int, *, apart: bool
    ) -> list[tuple[str, bytes | None]]:
        """As much as an answer may hold. Windows tells the state of a pool apart from the rest."""
        size = 2048
        parts: list[tuple[str, bytes | None]] = []
        while queue:
            data = queue[0][1]
            size += len(data or b"") * 4 // 3 + 120
            state = apart and messages.kind_of(data or b"") == messages.RUNSPACEPOOL_STATE
            if parts and (size > largest or state):
                break
            parts.append(queue.popleft())
        return parts


class CannedShell(Shell):
    """PowerShell without an engine: ``respond`` says what each script gives."""

    def __init__(self, owner: str, creation: bytes, respond: Responder) -> None:
        super().__init__(owner)
        self._respond = respond
        self._pool = messages.pool_of(creation)
        self._number = 0
        for kind, xml in (
            (messages.SESSION_CAPABILITY, messages.capability()),
            (messages.APPLICATION_PRIVATE_DATA, messages.private_data()),
            (messages.RUNSPACEPOOL_STATE, messages.pool_state(messages.OPENED)),
        ):
            self._queue(self.waiting, messages.message(kind, xml, self._pool))

    def _queue(self, queue: deque[tuple[str, bytes | None]], message: bytes) -> None:
        self._number += 1
        queue.extend(("stdout", each) for each in messages.fragments(self._number, message))

    def command(self, name: str, line: str, arguments: Sequence[str]) -> None:
        with self.changed:
            self.commands[name] = Command()
        self.send(name, base64.b64decode(arguments[0]))

    def send(self, name: str, data: bytes) -> None:
        command = self.commands[name]
        command.sent += data
        if messages.ends(data):
            script = messages.script_of(messages.joined(command.sent))
            threading.Thread(target=self._run, args=(name, command, script), daemon=True).start()

    def _run(self, name: str, command: Command, script: str) -> None:
        answer = self._respond(script)
        with self.changed:
            self.changed.wait_for(lambda: self.closed, answer.after)
            said = [
                (messages.PIPELINE_OUTPUT, messages.text_output(each)) for each in answer.output
            ]
            said += [(messages.ERROR_RECORD, messages.error_record(*e)) for e in answer.errors]
            state = messages.FAILED if answer.error else messages.COMPLETED
            said.append((messages.PIPELINE_STATE, messages.pipeline_state(state, answer.error)))
            for kind, xml in said:
                message = messages.message(kind, xml, self._pool, uuid.UUID(name))
                self._queue(command.waiting, message)
            command.over = True
            self.changed.notify_all()


class EngineShell(Shell):
    """PowerShell's own remoting server, ``pwsh -s``: the fragments of WSMan become its packets
    (<Data Stream= PSGuid=>base64</Data>, <Command/>, <Signal/>, <Close/>, and Acks), one a line."""

    def __init__(
        self, owner: str, creation: bytes, engine: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        super().__init__(owner)
        self._acknowledged: set[tuple[str, str]] = set()
        self._process = subprocess.Popen(
            [*engine, "-NoLogo", "-s"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._data(NO_ONE, creation)

    def _write(self, packet: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it ended; the reader sees that too
            self._process.stdin.write(packet.encode() + b"\n")
            self._process.stdin.flush()

    def _data(self, guid: str, data: bytes) -> None:
        """Hand over ``data``, and wait until it is taken: the engine works on packets in parallel."""
        text = base64.b64encode(data).decode()
        with self.changed:
            self._acknowledged.discard(("DataAck", guid))
            self._write(f"<Data Stream='Default' PSGuid='{guid}'>{text}</Data>")
            self._wait_for("DataAck", guid)

    def _wait_for(self, tag: str, guid: str) -> None:
        self.changed.wait_for(lambda: (tag, guid) in self._acknowledged or self.closed, ACK_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                packet = ET.fromstring(line)
            except ET.ParseError:
                continue
            guid = (packet.get("PSGuid") or NO_ONE).lower()
            with self.changed:
                if packet.tag == "Data":
                    self._arrived(guid.upper(), base64.b64decode(packet.text or ""))
                else:
                    self._acknowledged.add((packet.tag, guid))
                self.changed.notify_all()
        super().close()

    def _arrived(self, name: str, data: bytes) -> None:
        command = self.commands.get(name)
        if command is None and name != NO_ONE:
            return
        for fragment in messages.split(data):
            (command.waiting if command else self.waiting).append(("stdout", fragment))
            if command is None:
                continue
            # The record of an error repeats the script: the last message may be a long one.
            if messages.begins(fragment, messages.PIPELINE_STATE) or command.state:
                command.state += messages.joined(fragment)
            if command.state and messages.ends(fragment):
                command.over = bool(re.search(rb'N="PipelineState">[345]<', command.state))

    def command(self, name: str, line: str, arguments: Sequence[str]) -> None:
        guid = name.lower()
        with self.changed:
            self.commands[name] = Command()
        self._write(f"<Command PSGuid='{guid}' />")
        with self.changed:
            self._wait_for("CommandAck", guid)
        self.send(name, base64.b64decode(arguments[0]))

    def send(self, name: str, data: bytes) -> None:
        if name:
            self._data(name.lower(), messages.addressed(data, uuid.UUID(name)))
        else:
            self._data(NO_ONE, data)

    def signal(self, name: str, code: str) -> None:
        if code == "powershell/signal/ctrl_c":
            self._write(f"<Signal PSGuid='{name.lower()}' />")
            return
        super().signal(name, code)
        self._write(f"<Close PSGuid='{name.lower()}' />")

    def close(self) -> None:
        super().close()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


class ConsoleShell(Shell):
    """A cmd shell as pywinrm uses it, for comparison: each command says what it was."""

    streams = "stdout stderr"

    def command(self, name: str, line: str, arguments: Sequence[str]) -> None:
        with self.changed:
            said: list[tuple[str, bytes | None]] = [("stdout", f"{line}\r\n".encode())]
            said += [("stdout", None), ("stderr", None)]
            self.commands[name] = Command(deque(said), over=True)
