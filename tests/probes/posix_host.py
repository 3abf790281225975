"""Runs the real collector on this machine: any shell, any set of tools, in fresh namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_wfo.core.facts import Access, HostFacts, Target
from pytest_wfo.probes.posix import posix_script, read_posix
from pytest_wfo.probes.survival import NOTHING, PATIENCE, Patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_wfo.core.antivirus.task import AntivirusTask

MARKER = "w7f3q9zk41"
REACHED = Access("", "", "", "203.0.113.7:22", "2026-11-23T09:00:00Z", 0.1)
SHELLS = (("dash",), ("busybox", "sh"), ("bash",))
AWKS = ("mawk", "gawk", "busybox")
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# What the script calls by name, less awk, the engines and the tools of iptables.
TOOLS = (
    "cat", "date", "dd", "find", "grep", "head", "id", "ip", "nft", "od", "sleep", "ss", "stat", "timeout",
    "tr", "uname",
)  # fmt: skip


def is_root() -> bool:
    return os.geteuid() == 0 and shutil.which("unshare") is not None


@dataclass(frozen=True)
class Answer:
    """What came back: the raw text, the facts read from it, and the seconds it took."""

    text: str
    facts: HostFacts
    seconds: float
    complaints: str = ""


@dataclass(frozen=True)
class PosixHost:
    """A host made of this machine: ``shell`` runs the script, with ``path`` as its PATH.

    ``setup`` is run as root before, inside namespaces of its own if ``isolated``; ``user`` is a
    command prefix that gives up root.
    """

    shell: Sequence[str] = ("dash",)
    path: str = SYSTEM_PATH
    isolated: bool = False
    setup: str = ""
    user: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self) -> list[str]:
        """What runs a script from standard input."""
        shell = [shutil.which(self.shell[0]) or self.shell[0], *self.shell[1:], "-s"]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        command = [*self.user, "/usr/bin/env", "-i", f"PATH={self.path}", *variables, *shell]
        if self.isolated:
            start = f'{self.setup}\nexec "$@"'
            unshare = ["unshare", "-n", "-m", "-u", "-p", "-f", "--kill-child", "--mount-proc"]
            command = [*unshare, "sh", "-c", start, "sh", *command]
        return command

    def ask(
        self,
        targets: Sequence[Target] = (),
        files: Sequence[str] = (),
        antivirus: AntivirusTask = NOTHING,
        patience: Patience = PATIENCE,
    ) -> Answer:
        """Collect the host's facts."""
        asked = time.time()
        done = subprocess.run(
            self.command(),
            input=posix_script(targets, files, antivirus, marker=MARKER, patience=patience),
            capture_output=True,
            timeout=60,
        )
        answered = time.time()
        text = done.stdout.decode("utf-8", "replace")
        facts = read_posix(text, REACHED, targets, asked=asked, answered=answered)
        return Answer(text, facts, answered - asked, done.stderr.decode("utf-8", "replace"))


def tools(folder: Path, *names: str, awk: str = "mawk") -> str:
    """A PATH of one folder with just these tools. What lies in /usr/sbin is copied, so that a test
    can hide that folder (the script looks there, too)."""
    folder.mkdir(mode=0o755, parents=True)
    for name in (*names, "awk"):
        source = "busybox" if name.startswith("busybox-") else name
        source = awk if name == "awk" else source
        where = shutil.which(source, path=SYSTEM_PATH)
        assert where is not None, f"{source} is needed for this test"
        link = folder / name.removeprefix("busybox-")
        if "/sbin/" in where:
            shutil.copy2(Path(where).resolve(), link)
        else:
            link.symlink_to(Path(where).resolve())
    return str(folder)


HIDE_SBIN = "mount -t tmpfs none /usr/sbin"
