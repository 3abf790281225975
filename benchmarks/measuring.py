"""Wall time and CPU time of a command, medians of several runs, and a table of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotMeasuredError(Exception):
    """A figure could not be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: ``wall`` and ``cpu`` in seconds, CPU being the command's and its children's."""

    wall: float
    cpu: float
    code: int
    output: str


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, limit: float = 300.0
) -> Sample:
    """Run ``command`` to its end. Raises ``NotMeasuredError`` after ``limit`` seconds."""
    environment = {**ordinary(), **(env or {})}
    with (cwd / "output.txt").open("w+b") as sink:
        begun = time.monotonic()
        before = os.times()
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise NotMeasuredError(f"{command[0]} did not end within {limit:g} s") from None
        wall, after = time.monotonic() - begun, os.times()
        sink.seek(0)
        output = sink.read().decode("utf-8", "replace")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Sample(wall, cpu, done.returncode, output)


def ordinary() -> dict[str, str]:
    """The environment without what slows Python down: bytecode is kept, output is buffered."""
    unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTEST_ADDOPTS", "SSH_AUTH_SOCK"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def process_cpu(pid: int) -> float:
    """CPU seconds of a process and of all its children that have ended (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns, the first row being the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def note(text: str) -> None:
    """Tell the person who waits; never on stdout, where the figures go."""
    print(text, file=sys.stderr, flush=True)


def publish(figures: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the figures: as one JSON object, or as a table for people."""
    if as_json:
        note(text)
        print(json.dumps(figures))
    else:
        print(text)


def machine() -> str:
    """What the figures were taken on."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
