"""The running hosts of the lab: started, spoken to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from pathlib import Path

from tests.lab.shell import LabError

_ROOT = Path(__file__).parents[2]
_SYSTEM_PYTHON = "/usr/bin/python3"


class RunningHost:
    """One lab host. The standard input of its PID 1 is its life line."""

    def __init__(self, name: str, namespace: str, tag: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._log = folder / "hostinit.log"
        unshare = ("unshare", "--mount", "--uts", "--pid", "--ipc", "--fork", "--kill-child")
        init = (_SYSTEM_PYTHON, "-B", "-m", "tests.lab.hostinit", str(folder), name)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ("ip", "netns", "exec", namespace, *unshare, "--mount-proc", *init),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=_ROOT,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", "WFO_LAB": tag},
                start_new_session=True,  # Ctrl-C is for the maker, which then ends us in order
            )

    def tell(self, *words: object, seconds: float = 60) -> str:
        """Send one control line and return the answer.

        Raises:
            LabError: the host refused, died or did not answer within ``seconds``.
        """
        line = " ".join(str(word) for word in words)
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise LabError(f"{self.name} is not running: {self._log.read_text()}") from None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise LabError(f"{self.name} did not answer {line!r} within {seconds} s")
        answer = self._process.stdout.readline().strip()
        if not answer or answer.startswith("error"):
            raise LabError(f"{self.name}: {line}: {answer or self._log.read_text()}")
        return answer

    def state(self) -> dict[str, object]:
        """The modes of its listeners and of sshd, whether sudo and login are granted."""
        state = json.loads(self.tell("state"))
        assert isinstance(state, dict)
        return state

    def log(self, program: str) -> str:
        """What a program printed that was started on the host."""
        return (self._folder / f"{program}.log").read_text(errors="replace")

    def end(self) -> None:
        """End the host with all its processes: its PID namespace goes with PID 1."""
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        end = time.monotonic() + 3
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
