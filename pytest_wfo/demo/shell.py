"""The shell of a simulated host. It knows one program: the collector, as our backend sends it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from pytest_wfo.connect.script import ScriptOutput, start
from pytest_wfo.demo.answers import DemoHost, targets_in
from pytest_wfo.probes.posix import posix_script

NOT_FOUND = 127  # what a shell exits with for a command it does not know

_COMMAND = start().command.encode()
_READY = re.compile(rb"echo (wfo-ready-[0-9a-f]+)\n")


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands on ``host``."""

    host: DemoHost

    def run(self, command: bytes, given: bytes) -> ScriptOutput:
        """Run ``command`` with ``given`` on its standard input.

        The collector is answered only if it came byte for byte as it is sent to any host: what the
        demo shows must not rest on a way of its own.
        """
        if command != _COMMAND:
            return _not_found(command)
        ready = _READY.match(given)
        if ready is None:
            return _not_found(given)
        script = given[ready.end() :]
        asked = targets_in(script)
        if asked is None or script != posix_script(asked[1], marker=asked[0]):
            words = b"sh: 2: a simulated host knows no program but the collector\n"
            return ScriptOutput(ready[1] + b"\n", words, NOT_FOUND)
        answer = self.host.answer(asked[1], time.time())
        return ScriptOutput(ready[1] + b"\n" + answer.encode(), b"", 0)


def _not_found(words: bytes) -> ScriptOutput:
    name = b"".join(words.split(None, 1)[:1])[:80]
    return ScriptOutput(b"", b"sh: 1: " + name + b": not found\n", NOT_FOUND)
