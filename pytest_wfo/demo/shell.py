"""The shells of simulated hosts. They know one program: the collector, as our backends send it.

It is answered only if it came byte for byte as it is sent to any host: what the demo shows must not
rest on a way of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_wfo.connect import windows_ssh
from pytest_wfo.connect.script import ScriptOutput, start
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Target, Transport
from pytest_wfo.demo.data import HostData, load_host
from pytest_wfo.demo.posix_answers import posix_answer
from pytest_wfo.demo.windows_answers import windows_answer
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.survival import task_of
from pytest_wfo.probes.windows import windows_script

NOT_FOUND = 127  # what a POSIX shell exits with for a command it does not know
NOT_RECOGNIZED = 1  # and cmd.exe

_NO_OTHER = "a simulated host knows no program but the collector"

_POSIX_COMMAND = start().command.encode()
_READY = re.compile(rb"echo (wfo-ready-[0-9a-f]+)\n")
_MARKER = re.compile(rb"WFO_MARKER=([A-Za-z0-9]+)\n")

_WINDOWS_COMMAND = windows_ssh.COMMAND.encode()
_REQUEST = re.compile(r"\$WfoRequest = '([^'\n]*)'\n")


def shell_of(name: str) -> Callable[[bytes, bytes], ScriptOutput]:
    """What runs commands on the host ``name``: command and standard input -> what came of it."""
    data = load_host(name)
    return WindowsShell(data).run if data["platform"] == "windows" else PosixShell(data).run


@dataclass(frozen=True, slots=True)
class PosixShell:
    """A POSIX shell."""

    data: HostData

    def run(self, command: bytes, given: bytes) -> ScriptOutput:
        """Run ``command`` with ``given`` on its standard input."""
        if command != _POSIX_COMMAND:
            return _not_found(command)
        ready = _READY.match(given)
        if ready is None:
            return _not_found(given)
        script = given[ready.end() :]
        marker = _MARKER.match(script)
        if marker is None or script != posix_script((), marker=marker[1].decode()):
            words = f"sh: 2: {_NO_OTHER}\n".encode()
            return ScriptOutput(ready[1] + b"\n", words, NOT_FOUND)
        answer = posix_answer(self.data, time.time())
        return ScriptOutput(ready[1] + b"\n" + answer.encode(), b"", 0)


@dataclass(frozen=True, slots=True)
class WindowsShell:
    """cmd.exe, the default shell of OpenSSH on Windows, and the PowerShell it starts."""

    data: HostData

    def run(self, command: bytes, given: bytes) -> ScriptOutput:
        """Run ``command`` with ``given`` on its standard input."""
        if command != _WINDOWS_COMMAND:
            return _not_recognized(command)
        mark, _, script = given.partition(b"\n")
        asked = windows_request(script)
        if asked is None:
            return _framed(mark, "error", f"CommandNotFoundException\\u000a{_NO_OTHER}")
        return _framed(mark, "ok", windows_answer(self.data, asked[0], time.time(), asked[1]))


def windows_request(script: bytes) -> tuple[tuple[Target, ...], AntivirusTask] | None:
    """What a script asks for: the connections to try, and what it asks of the antivirus; None if it
    is not the collector for just these.

    The names of the peers are not in the script, so they are empty here.
    """
    try:
        text = script.decode("ascii")
        request = _REQUEST.match(text)
        asked = json.loads(request[1] if request else "")
        targets = tuple(
            Target(each["address"], each["port"], Transport(each["transport"]), "")
            for each in asked["targets"]
        )
        task = task_of(asked["antivirus"])
        sent = windows_script(targets, antivirus=task)
    except (ValueError, LookupError, TypeError):
        return None
    return (targets, task) if text == sent.rstrip("\n") + "\n" else None


def _framed(mark: bytes, kind: str, answer: str) -> ScriptOutput:
    """``answer`` (ASCII) as the bootstrap prints it."""
    digest = hashlib.sha1(answer.encode("ascii"), usedforsecurity=False).hexdigest().upper()
    shown = "-".join(re.findall("..", digest))
    lines = (
        mark + f" {kind} {len(answer)} {shown}".encode(),
        answer.encode("ascii"),
        mark + b" end",
    )
    return ScriptOutput(b"".join(line + b"\r\n" for line in lines), b"", 0)


def _not_found(words: bytes) -> ScriptOutput:
    return ScriptOutput(b"", b"sh: 1: " + _program(words) + b": not found\n", NOT_FOUND)


def _not_recognized(command: bytes) -> ScriptOutput:
    words = (
        b"'" + _program(command) + b"' is not recognized as an internal or external command,\r\n"
        b"operable program or batch file.\r\n"
    )
    return ScriptOutput(b"", words, NOT_RECOGNIZED)


def _program(words: bytes) -> bytes:
    return b"".join(words.split(None, 1)[:1])[:80]
