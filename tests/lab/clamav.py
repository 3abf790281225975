"""A real ClamAV on a lab host: clamd and clamonacc with a signature of our own, and what they do.

Nothing here is malware: the signature is for a word that is found nowhere else. freshclam is never
started. All of it lives in the host's own /run and /home, which nobody else sees.
"""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_wfo.core.antivirus.model import Antivirus
from pytest_wfo.core.facts import Access, Known
from pytest_wfo.probes.posix import posix_script, read_posix
from tests.lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.lab.clamav_cases import Case
    from tests.lab.machines import RunningHost

CANARY = "WFO-LAB-CANARY-7f3a9c51"
HOME = "/run/av"
DATA = "/home/site"
CONFIG = f"{HOME}/clamd.conf"
SOCKET = f"{HOME}/run/clamd.sock"
CONTROL = f"{DATA}/control/positive.bin"
LAST = f"{DATA}/control/last.bin"
SCANNER = ("setpriv", "--reuid=clamav", "--regid=clamav", "--clear-groups")
"""On-demand scans run as the user whom clamonacc leaves alone, so that they see what they open."""

SCRIPT = "/run/collector.sh"
NEEDS = ("clamd", "clamonacc", "clamdscan")

BASE = f"""\
LocalSocket {SOCKET}
LocalSocketMode 666
LogFile {HOME}/log/clamd.log
LogTime yes
PidFile {HOME}/run/clamd.pid
User clamav
Foreground yes
DatabaseDirectory {HOME}/db
TemporaryDirectory {HOME}/run
OnAccessExcludeUname clamav
"""

# Else files are scanned side by side, and the last may be reported before others.
ONE_BY_ONE = "OnAccessMaxThreads 1\n"

_SAYS = {"found": "Lab.WfoCanary.UNOFFICIAL FOUND", "excluded": "Excluded", "clean": "OK"}

# Runs on the host's system Python: {path: "blocked" | "read"}, each file opened and read once.
_OPEN = """
import json, sys
seen = {}
for path in json.loads(sys.argv[1]):
    try:
        with open(path, "rb") as file:
            file.read()
        seen[path] = "read"
    except PermissionError:
        seen[path] = "blocked"
print(json.dumps(seen))
"""

# Makes {path: text}; with its folders.
_WRITE = """
import json, pathlib, sys
for path, text in json.loads(sys.argv[1]).items():
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
"""

# Waits until a file is blocked: exit code 0, or 1 after the given seconds.
_WAIT = """
import sys, time
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    try:
        open(sys.argv[1], "rb").close()
    except PermissionError:
        sys.exit(0)
    time.sleep(0.02)
sys.exit(1)
"""

_WAIT_SOCKET = """
import socket, sys, time
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(sys.argv[1])
            s.sendall(b"zPING\\0")
            if s.recv(9).startswith(b"PONG"):
                sys.exit(0)
    except OSError:
        time.sleep(0.02)
sys.exit(1)
"""


def why_not() -> str:
    """Why ClamAV cannot run on this machine; "" if it can."""
    missing = [program for program in NEEDS if not shutil.which(program)]
    return f"needs {', '.join(missing)} (ClamAV)" if missing else ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What ClamAV did with each file, "scanned" or "free": when a program opened it, and in scans that
    name files to clamd (``by_path``) or open them first (``by_content``)."""

    resident: Mapping[str, str]
    by_path: Mapping[str, str]
    by_content: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClamAv:
    """ClamAV on ``host``. Its processes end when the lab is healed, at the latest."""

    host: RunningHost

    def run(self, *words: str, check: bool = True) -> str:
        """What a command printed there.

        Raises:
            LabError: it failed (unless ``check`` is false).
        """
        code, out, err = json.loads(self.host.tell("run", json.dumps(words)))
        if check and code:
            raise LabError(f"{words[0]} on {self.host.name}: exit {code}: {out}{err}")
        return str(out)

    def _python(self, script: str, *words: str) -> str:
        return self.run("/usr/bin/python3", "-I", "-S", "-c", script, *words)

    def prepare(self, files: Sequence[str]) -> None:
        """The signature, and ``files`` that all hold what it finds, beside the control file."""
        made = dict.fromkeys((CONTROL, LAST, *files), CANARY)
        made[f"{HOME}/db/lab.ndb"] = f"Lab.WfoCanary:0:*:{CANARY.encode().hex()}\n"
        self.run("rm", "-rf", HOME, DATA)
        self.run("mkdir", "-p", *(f"{HOME}/{name}" for name in ("run", "log", "quar")))
        self._python(_WRITE, json.dumps(made))
        self.run("chown", "clamav:clamav", f"{HOME}/run", f"{HOME}/log")

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, with their folders."""
        self._python(_WRITE, json.dumps(files))

    def start_clamd(self, settings: str) -> None:
        """Write the configuration and start the daemon; returns when it answers."""
        self.write({CONFIG: BASE + textwrap.dedent(settings)})
        self.host.tell("start", "clamd", json.dumps(("/usr/sbin/clamd", "-c", CONFIG)))
        self._python(_WAIT_SOCKET, SOCKET)

    def start_clamonacc(self, *options: str) -> None:
        """Start the on-access scanner with these options.

        Raises:
            LabError: it does not get ready.
        """
        words = ("/usr/sbin/clamonacc", "-F", "-v", "-c", CONFIG, *options)
        self.host.tell("start", "clamonacc", json.dumps(words))
        end = time.monotonic() + 30
        while "waiting to consume events" not in (said := self.host.log("clamonacc")):
            # A file that is opened before crashes clamonacc 1.4.6 now and then.
            if time.monotonic() > end:
                raise LabError(f"clamonacc does not get ready: {said}")
            time.sleep(0.02)

    def stop(self, *names: str) -> None:
        """End the daemons, by their ids."""
        for name in names:
            self.host.tell("stop", name)

    def blocks(self, path: str = CONTROL, seconds: float = 30) -> bool:
        """The positive control: whether ``path`` is blocked within the time."""
        words = ("/usr/bin/python3", "-I", "-S", "-c", _WAIT, path, str(seconds))
        return bool(json.loads(self.host.tell("run", json.dumps(words)))[0] == 0)

    def opens(self, files: Sequence[str]) -> dict[str, str]:
        """What happens to a program that reads the files: "read" or "blocked"."""
        seen = json.loads(self._python(_OPEN, json.dumps(files)))
        assert isinstance(seen, dict)
        return seen

    def scan(self, files: Sequence[str], *options: str) -> dict[str, str]:
        """What an on-demand scan with clamdscan says: "found", "excluded", "clean" or "error"."""
        words = (*SCANNER, "clamdscan", "-c", CONFIG, "--no-summary", "--verbose", *options, *files)
        lines = self.run(*words, check=False).splitlines()
        seen = {}
        for file in files:  # "Excluded" comes first, "OK" after it for the same file
            said = {
                line.removeprefix(f"{file}: ") for line in lines if line.startswith(f"{file}: ")
            }
            kinds = [kind for kind, words in _SAYS.items() if words in said]
            seen[file] = kinds[0] if kinds else "error"
        return seen

    def reports(self, files: Sequence[str]) -> dict[str, str]:
        """What clamonacc's log says of files that are opened: "found" or "clean"."""
        self.opens([CONTROL])
        self._until_reported(CONTROL)
        self.opens([*files, LAST])
        self._until_reported(LAST)
        said = self.host.log("clamonacc")
        return {file: "found" if f"{file}: Lab." in said else "clean" for file in files}

    def _until_reported(self, file: str) -> None:
        """The positive control.

        Raises:
            LabError: the file was not reported within the time.
        """
        end = time.monotonic() + 30
        while f"{file}: Lab.WfoCanary.UNOFFICIAL FOUND" not in self.host.log("clamonacc"):
            if time.monotonic() > end:
                raise LabError(f"clamonacc does not report {file}: {self.host.log('clamonacc')}")
            self.opens([file])
            time.sleep(0.05)

    def antivirus(self) -> Antivirus:
        """What the real collector says as the audit user."""
        self.write({SCRIPT: posix_script([], marker="w7f3q9zk41").decode()})
        user = ("setpriv", "--reuid=wfo", "--regid=wfo", "--clear-groups", "env", "-i")
        asked = time.time()
        answer = self.run(*user, "PATH=/usr/bin:/bin", "dash", SCRIPT)
        access = Access("", "", "", self.host.name, "2026-11-25T09:00:00Z", 0.1)
        found = read_posix(answer, access, (), asked=asked, answered=time.time()).antivirus
        assert isinstance(found, Known), found
        return found.value

    def try_out(self, case: Case, files: Sequence[str]) -> Behaviour:
        """Run ClamAV as the case says, with ``files``, and see what it does with each."""
        self.prepare([file for file in files if file not in case.late])
        if case.before:
            self.run("sh", "-c", case.before)
        self.start_clamd(case.settings + (ONE_BY_ONE if case.reports else ""))
        if case.options is not None:
            self.start_clamonacc(*case.options)
            if not case.reports:
                blocked = self.blocks(seconds=30 if case.blocks else 1.5)
                assert blocked is case.blocks, self.host.log("clamonacc")
        if case.after:
            self.run("sh", "-c", case.after)
        for (
            file,
            text,
        ) in case.late.items():  # one by one: clamonacc needs a moment for a new folder
            self.write({file: text})
            assert file not in case.watched or self.blocks(file), file
        seen = self.reports(files) if case.reports else self.opens(files)
        kinds = {"blocked": "scanned", "read": "free", "found": "scanned", "clean": "free"}
        resident = {file: kinds[kind] for file, kind in seen.items()}
        scans = [self.scan(files, *options) for options in ((), ("--fdpass",))]
        kinds = {"found": "scanned", "excluded": "free"}  # anything else agrees with nothing
        by_path, by_content = (
            {file: kinds.get(kind, kind) for file, kind in scan.items()} for scan in scans
        )
        return Behaviour(resident, by_path, by_content)
