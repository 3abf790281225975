"""A real ClamAV on this machine, over a folder of its own, with a signature for a word of ours.

It runs in a PID namespace of its own: the collector takes any clamd that it sees for the host's.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORD = "WFO-LAB-CANARY-2b8e5d17"
TURNED = "".join(chr(33 + (ord(letter) - 33 + 47) % 94) for letter in WORD)
NEEDS = ("clamd", "clamonacc", "clamdscan")
SECONDS = 30.0

CONFIG = """\
LocalSocket HERE/run/clamd.sock
LocalSocketMode 666
PidFile HERE/run/clamd.pid
LogFile HERE/log/clamd.log
User clamav
Foreground yes
DatabaseDirectory HERE/db
TemporaryDirectory HERE/run
OnAccessIncludePath HERE/data
OnAccessExcludeUname clamav
OnAccessPrevention yes
"""
EXTENSIONS = """\
ExcludePath \\.vid$
ExcludePath \\.log$
"""
EXCLUDED = """\
ExcludePath ^HERE/data/@(/|$)
OnAccessExcludePath HERE/data/@
"""


def missing() -> str:
    """Why it cannot run here; "" if it can."""
    if os.geteuid() != 0:
        return "needs root, for fanotify"
    absent = [name for name in NEEDS if not shutil.which(name)]
    return f"needs {', '.join(absent)}" if absent else ""


@dataclass(frozen=True)
class Scanner:
    """``temp`` and ``logs`` are as folders of WFO; ``neutral`` takes temporary files. ``inside`` is the
    command prefix that enters its PID namespace."""

    home: Path
    inside: tuple[str, ...]
    _clamd: subprocess.Popen[bytes]

    def folder(self, name: str) -> Path:
        return self.home / "data" / name

    def kill_clamd(self) -> None:
        """As a crash would end it."""
        number = (self.home / "run" / "clamd.pid").read_text().strip()
        subprocess.run([*self.inside, "kill", "-9", number], check=True)
        self._clamd.wait()


@contextmanager
def clamav(
    excluded: tuple[str, ...] = ("temp", "logs"),
    onaccess: tuple[str, ...] | None = (),
    word: str = WORD,
    extensions: bool = True,
    container: bool = False,
) -> Iterator[Scanner]:
    """Both daemons, ready; ``onaccess`` are clamonacc's options, None starts none. ``word`` is what they
    detect, ``extensions`` whether .vid and .log are excluded. ``container``: what looks like a clamd in
    a container, with a configuration that is not here, was started before."""
    home = Path(tempfile.mkdtemp(prefix="wfo-clamav-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        for name in ("db", "run", "log", "data/temp", "data/logs", "data/neutral", "data/control"):
            (home / name).mkdir(parents=True)
        for name in ("run", "log"):
            shutil.chown(home / name, "clamav", "clamav")
        (home / "db" / "lab.ndb").write_text(f"Lab.WfoCanary:0:*:{word.encode().hex()}\n")
        text = (
            CONFIG
            + (EXTENSIONS if extensions else "")
            + "".join(EXCLUDED.replace("@", name) for name in excluded)
        )
        config = home / "clamd.conf"
        config.write_text(text.replace("HERE", str(home)))
        inside = _namespace(stack)
        if container:
            _start_container(stack, inside, home)
        clamd = _started(stack, *inside, "clamd", "-c", str(config))
        _wait(lambda: _answers(home / "run" / "clamd.sock"))
        if onaccess is not None:
            said = home / "log" / "clamonacc.out"
            words = ("clamonacc", "-F", "-v", "-c", str(config), *onaccess)
            _started(stack, *inside, *words, output=said)
            # A file that is opened before crashes clamonacc 1.4.6 now and then.
            _wait(lambda: "waiting to consume events" in said.read_text())
            control = home / "data" / "control" / "ready.com"
            control.write_text(word)
            _wait(lambda: _blocked(control))
        yield Scanner(home, inside, clamd)


def _namespace(stack: ExitStack) -> tuple[str, ...]:
    """The prefix that enters a new PID namespace, whose processes all end with ``stack``."""
    words = ("unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "cat")
    first = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stack.callback(first.communicate)  # cat ends with its input, and the kernel ends the others
    assert first.stdin
    assert first.stdout
    first.stdin.write(b"up\n")
    first.stdin.flush()
    assert first.stdout.readline() == b"up\n"
    of = f"/proc/{first.pid}/ns"
    return ("nsenter", f"--pid={of}/pid_for_children", f"--mount={of}/mnt")


def _start_container(stack: ExitStack, inside: tuple[str, ...], home: Path) -> None:
    program = home / "clamd"
    program.write_text("#!/bin/sh\necho started\nsleep 60\n:\n")
    program.chmod(0o755)
    words = (*inside, "unshare", "--pid", "--fork", str(program), "-c", "/nowhere.conf")
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout
    stack.callback(process.stdout.close)
    assert process.stdout.readline() == b"started\n"


def _started(
    stack: ExitStack, *words: str, output: Path = Path(os.devnull)
) -> subprocess.Popen[bytes]:
    with output.open("wb") as sink:
        process = subprocess.Popen(words, stdout=sink, stderr=subprocess.STDOUT)

    def stop() -> None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)
    return process


def _wait(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < until, "ClamAV does not get ready"
        time.sleep(0.05)


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"zPING\0")
            return connection.recv(9).startswith(b"PONG")
    except OSError:
        return False


def _blocked(path: Path) -> bool:
    try:
        path.open("rb").close()
    except PermissionError:
        return True
    return False
