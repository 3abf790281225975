"""One script, one answer: what running a script gives, and how a shell is asked to read it.

The script always comes over standard input, so that it has no size limit, no quoting, and no place
in the host's process list. A random line that the shell prints first shows where the answer begins:
login shells may print whatever they like before, and without the line there was no shell at all.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt

# An answer is some tens of kilobytes; a thousand times that is a program gone wild.
ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ScriptOutput:
    """What came back: both streams, and the exit status (-1: none, e.g. killed by a signal)."""

    stdout: bytes
    stderr: bytes
    exit_status: int


@dataclass(frozen=True, slots=True)
class Start:
    """A shell about to be started.

    ``command`` works in any login shell; ``prompt`` is what sudo prints when it wants the password
    ("" if it must not ask); ``ready`` is the line the shell prints when it stands. If
    ``announced``, the script must be held back until then: sudo could read it as a password.
    """

    command: str
    ready: str
    prompt: str = ""

    @property
    def announced(self) -> bool:
        """Whether ``command`` itself prints the ready line, before it reads the script."""
        return bool(self.prompt)

    def feed(self, script: bytes) -> bytes:
        """The bytes for standard input that make the shell run ``script``."""
        return script if self.announced else f"echo {self.ready}\n".encode() + script


def start(*, sudo: bool = False, sudo_password: bool = False) -> Start:
    """How to start ``sh``: as the login user, or as root by sudo, with or without a password."""
    ready = f"wfo-ready-{secrets.token_hex(8)}"
    if not sudo:
        return Start("exec sh -s", ready)
    if not sudo_password:
        return Start("exec sudo -n sh -s", ready)
    prompt = f"wfo-sudo-{secrets.token_hex(8)}"
    return Start(f"exec sudo -S -p {prompt} sh -c 'echo {ready}; exec sh -s'", ready, prompt)


def answer_of(
    output: ScriptOutput, begun: Start, *, sudo: bool, host: str, where: str
) -> ScriptOutput:
    """Take the script's own output out of ``output``.

    Raises ``ConnectError`` (sudo-refused, script-failed) if the shell did not come up.
    """
    ready = begun.ready.encode() + b"\n"
    _, found, answer = output.stdout.partition(ready)
    if found:
        return ScriptOutput(answer, output.stderr, output.exit_status)
    said = excerpt(output.stderr.replace(begun.prompt.encode(), b"") or output.stdout) or "nothing"
    if sudo:
        words = f"sudo did not start a shell as root; it said: {said}"
        raise ConnectError(Reason.SUDO_REFUSED, host, where, f"{host}: {where}: {words}")
    words = f"the login worked, but sh did not run (exit status {output.exit_status}); "
    raise ConnectError(
        Reason.SCRIPT_FAILED, host, where, f"{host}: {where}: {words}it said: {said}"
    )
