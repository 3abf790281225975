"""A real ClamAV on this machine, over a folder of its own, with a signature for a word of ours."""

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
SECONDS = 15.0

CONFIG = """\
LocalSocket HERE/run/clamd.sock
LocalSocketMode 666
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
    """``temp`` and ``logs`` are as folders of WFO; ``neutral`` takes temporary files."""

    home: Path
    clamd: subprocess.Popen[bytes]

    def folder(self, name: str) -> Path:
        return self.home / "data" / name


@contextmanager
def clamav(
    excluded: tuple[str, ...] = ("temp", "logs"),
    onaccess: tuple[str, ...] | None = (),
    word: str = WORD,
    extensions: bool = True,
) -> Iterator[Scanner]:
    """Both daemons, ready; ``onaccess`` are clamonacc's options, None starts none. ``word`` is what they
    detect, ``extensions`` whether .vid and .log are excluded."""
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
        clamd = _started(stack, "clamd", "-c", str(config))
        _wait(lambda: _answers(home / "run" / "clamd.sock"))
        if onaccess is not None:
            _started(stack, "clamonacc", "-F", "-c", str(config), *onaccess)
            control = home / "data" / "control" / "ready.com"
            control.write_text(word)
            _wait(lambda: _blocked(control))
        yield Scanner(home, clamd)


@contextmanager
def clamd_in_a_container() -> Iterator[None]:
    """What looks like a clamd in a PID namespace of its own, with a configuration that is not here."""
    with tempfile.TemporaryDirectory(prefix="wfo-clamav-") as folder, ExitStack() as stack:
        program = Path(folder) / "clamd"
        program.write_text("#!/bin/sh\necho started\nsleep 60\n:\n")
        program.chmod(0o755)
        words = ("unshare", "--pid", "--fork", "--kill-child", str(program), "-c", "/nowhere.conf")
        process = subprocess.Popen(words, stdout=subprocess.PIPE)
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdout
        with process.stdout as said:
            assert said.readline() == b"started\n"
            yield


def _started(stack: ExitStack, *words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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
