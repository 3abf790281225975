"""Of a process its name and program are told; its arguments, which may hold secrets, stay on the host."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.facts import Known
from tests.probes.posix_host import AWKS, TOOLS, PosixHost, tools

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cr3t-of-the-customer"
WAIT = ("-c", "read line")
MANY_LINES = f"first\n{SECRET}\n/proc/1/cmdline:{SECRET}"

# How processes were started, and what is told of it. A title that a process writes over its
# arguments looks like one long first word.
STARTED = {
    "option": (["/usr/bin/agent", *WAIT, f"--password={SECRET}"], "/usr/bin/agent"),
    "lines": (["/usr/bin/agent", *WAIT, MANY_LINES, f"{SECRET}\x01"], "/usr/bin/agent"),
    "spaces": (["/opt/Some AV/bin/savd", *WAIT, SECRET], "/opt/Some AV/bin/savd"),
    "title": ([f"chrome --type=renderer --token={SECRET}"], "chrome"),
    "named": ([f"postgres: app {SECRET} 192.0.2.1(4711) idle"], "postgres:"),
    "newline": ([f"agent\n{SECRET}", *WAIT, SECRET], "agent"),
    "nothing": (["", *WAIT, SECRET], ""),
}


@pytest.fixture
def processes() -> Iterator[dict[str, int]]:
    """Real processes by name; each waits for its standard input to end."""
    started = {
        name: subprocess.Popen(words, executable="/bin/dash", stdin=subprocess.PIPE)
        for name, (words, _) in STARTED.items()
    }
    try:
        for process in started.values():
            assert SECRET.encode() in _command_line(process.pid)
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.communicate()


def _command_line(pid: int) -> bytes:
    """What anybody on the host can read; it is empty for a moment while a program starts."""
    file = Path(f"/proc/{pid}/cmdline")
    until = time.monotonic() + 5
    while not (text := file.read_bytes()) and time.monotonic() < until:
        time.sleep(0.01)
    return text


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("grep", ["grep", "busybox-grep"])
def test_no_argument_of_a_process_leaves_the_host(
    awk: str, grep: str, processes: dict[str, int], open_folder: Path
) -> None:
    others = [name for name in TOOLS if name != "grep"]
    path = tools(open_folder / "bin", *others, grep, awk=awk)

    answer = PosixHost(path=path).ask()

    assert SECRET not in answer.text
    assert isinstance(answer.facts.processes, Known)
    seen = {each.pid: each.command for each in answer.facts.processes.value}
    told = {name: seen[pid] for name, pid in processes.items()}
    assert told == {name: program for name, (_, program) in STARTED.items()}
