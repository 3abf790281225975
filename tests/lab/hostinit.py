"""PID 1 of one lab host: private /etc, /home and /run, a real sshd, the listeners.

Run as ``python3 -m tests.lab.hostinit FOLDER HOST`` in namespaces of its own (network, mount,
PID, UTS, IPC). It obeys lines on standard input, answers each with one line, and ends when
standard input does: a lab whose maker dies leaves no process.

Standard library only: it runs on the system's Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.listeners import Listeners
from tests.lab.topology import MACHINES, TEMPORARY, USER

_UID = 6100
_SUDOERS = Path(f"/etc/sudoers.d/{USER}")
_LOGINS = Path("/etc/ssh/lab_keys")
_SSHD_CONFIG = Path("/etc/ssh/lab_sshd_config")
_SSHD_SETTINGS = f"""\
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {_LOGINS}/%u
PermitRootLogin prohibit-password
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 500:30:1000
PidFile /run/sshd.pid
LogLevel ERROR
SetEnv TMPDIR={TEMPORARY}
Subsystem sftp internal-sftp
"""


def make_private(folder: Path, host: str) -> None:
    """Give the host its own /etc (over the machine's), /home, /run, name and users."""
    _mount("--make-rprivate", "/")
    scratch = folder / "etc"
    scratch.mkdir()
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(scratch))
    (scratch / "upper").mkdir()
    (scratch / "work").mkdir()
    layers = f"lowerdir=/etc,upperdir={scratch}/upper,workdir={scratch}/work"
    _mount("-t", "overlay", "-o", layers, "overlay", "/etc")
    for place in ("/home", "/run"):
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    Path("/run/sshd").mkdir(mode=0o755)
    socket.sethostname(host)
    Path("/etc/hostname").write_text(f"{host}\n")
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost {host}\n")
    resolver = Path("/etc/resolv.conf")
    resolver.unlink(missing_ok=True)
    resolver.write_text("")
    for file, line in {
        "passwd": f"{USER}:x:{_UID}:{_UID}:lab:/home/{USER}:/bin/sh",
        "group": f"{USER}:x:{_UID}:",
        "shadow": f"{USER}:*:19000:0:99999:7:::",
    }.items():
        with Path("/etc", file).open("a", encoding="ascii") as table:
            table.write(f"{line}\n")
    home = Path("/home", USER)
    home.mkdir()
    os.chown(home, _UID, _UID)
    Path(TEMPORARY).mkdir()
    Path(TEMPORARY).chmod(0o1777)
    _SSHD_CONFIG.write_text(_SSHD_SETTINGS)


def _mount(*words: str) -> None:
    subprocess.run(("mount", *words), check=True)


class Sshd:
    """The host's sshd: ok, hang (stopped: the kernel still accepts), off, wrongkey."""

    def __init__(self, folder: Path) -> None:
        self.mode = "off"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def set_mode(self, mode: str) -> None:
        """Raises ValueError for a mode that does not exist."""
        if mode == self.mode:
            return
        if mode == "hang":
            self.set_mode("ok")
            assert self._process
            self._process.send_signal(signal.SIGSTOP)
        elif mode in {"ok", "wrongkey", "off"}:
            self._stop()
            if mode != "off":
                self._start("hostkey" if mode == "ok" else "otherkey")
        else:
            raise ValueError(f"no such mode: {mode}")
        self.mode = mode

    def _start(self, key: str) -> None:
        command = ("/usr/sbin/sshd", "-D", "-e", "-f", _SSHD_CONFIG, "-h", self._folder / key)
        with (self._folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as attempt, contextlib.suppress(ConnectionRefusedError):
                attempt.connect(("127.0.0.1", 22))
                return
            time.sleep(0.01)
        raise TimeoutError("sshd does not listen; see sshd.log")

    def _stop(self) -> None:
        if self._process:
            self._process.kill()  # also ends a stopped process
            self._process.wait()
            self._process = None


class Programs:
    """Programs that a test runs on the host, as root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @staticmethod
    def run(words: list[str]) -> str:
        """Run a program to its end; JSON of its exit code and what it printed."""
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=50)
        return json.dumps([done.returncode, *(o.decode() for o in (done.stdout, done.stderr))])

    def start(self, name: str, words: list[str]) -> None:
        """Start a program that stays; what it prints goes to ``NAME.log`` in the host's folder."""
        with (self._folder / f"{name}.log").open("wb") as log:
            self._started[name] = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self, *names: str) -> None:
        """End programs by their ids."""
        for name in names:
            process = self._started.pop(name)
            process.kill()
            process.wait()

    def running(self) -> tuple[str, ...]:
        """The names of the programs that were started and not stopped."""
        return tuple(sorted(self._started))


class Host:
    """What can be asked of a running host, one method a word of the control line."""

    def __init__(self, folder: Path, name: str) -> None:
        self.listeners = Listeners(MACHINES[name].listeners, folder)
        self.sshd = Sshd(folder)
        self.programs = Programs(folder)
        self._key = (folder.parent / "client.pub").read_text()
        self._sudoers = (folder.parent / "sudoers").read_text()

    async def obey(self, line: str) -> str:
        """Carry out one line: ``heal``, ``state``, ``listener PORT MODE``, ``sshd MODE``,
        ``sudo on|off``, ``login on|off``, ``run``, ``start NAME`` or ``stop NAME`` (of a program:
        ``run`` and ``start`` end in its words as JSON). Returns the answer."""
        word, *rest = line.split()
        if word == "heal":
            await self.heal()
        elif word == "state":
            return json.dumps(self.state(), sort_keys=True)
        elif word == "listener":
            await self.listeners.set_mode(int(rest[0]), rest[1])
        elif word == "sshd":
            self.sshd.set_mode(*rest)
        elif word == "sudo":
            self._allow(_SUDOERS, self._sudoers, *rest)
        elif word == "login":
            for user in (USER, "root"):
                self._allow(_LOGINS / user, self._key, *rest)
        elif word == "run":
            return self.programs.run(json.loads(line.split(" ", 1)[1]))
        elif word == "start":
            self.programs.start(rest[0], json.loads(line.split(" ", 2)[2]))
        elif word == "stop":
            self.programs.stop(rest[0])
        else:
            raise ValueError(f"no such word: {word}")
        return "ok"

    async def heal(self) -> None:
        """All as it should be."""
        self.programs.stop(*self.programs.running())
        for port in self.listeners.modes:
            await self.listeners.set_mode(port, "ok")
        self._allow(_SUDOERS, self._sudoers, "on")
        _LOGINS.mkdir(exist_ok=True)
        for user in (USER, "root"):
            self._allow(_LOGINS / user, self._key, "on")
        self.sshd.set_mode("ok")

    def state(self) -> dict[str, object]:
        """Everything that ``obey`` may change."""
        return {
            "listeners": self.listeners.modes,
            "sshd": self.sshd.mode,
            "sudo": _SUDOERS.exists(),
            "login": (_LOGINS / USER).exists(),
            "programs": self.programs.running(),
        }

    @staticmethod
    def _allow(file: Path, text: str, switch: str) -> None:
        file.unlink(missing_ok=True)
        if switch == "on":
            file.write_text(text)
            file.chmod(0o440 if file == _SUDOERS else 0o444)


def _reap() -> None:
    """PID 1 inherits every orphan."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


async def _main(folder: Path, name: str) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop.add_signal_handler(signal.SIGCHLD, _reap)
    host = Host(folder, name)
    while line := (await reader.readline()).decode().strip():
        try:
            answer = await host.obey(line)
        except (ValueError, KeyError, TypeError, OSError) as error:
            answer = f"error: {type(error).__name__}: {error}"
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    make_private(Path(sys.argv[1]), sys.argv[2])
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
