"""The whole command at scale, offline, beside pytest with empty tests: CPU, memory and pytest-html's page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import pytest_alone
from benchmarks.large_site import write_large_site
from benchmarks.measuring import NotMeasuredError, machine, median, note, ordinary


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: CPU seconds, and the most memory of the process in GB."""

    cpu: float
    gb: float


@dataclass(frozen=True, slots=True)
class Beside:
    """Ours and pytest alone, run in turn: medians of CPU seconds, of their ratio pair by pair, and the
    pages both left."""

    cells: int
    ratio: float
    ours: float
    alone: float
    page: Path
    page_alone: Path


def beside(folder: Path, clients: int, rounds: int) -> Beside:
    """Run both in turn after a round to warm up. Raises ``NotMeasuredError`` if one fails."""
    folder.mkdir()
    command, cells = _ours(folder, clients)
    alone = pytest_alone(folder, cells)
    pairs: list[tuple[Ran, Ran]] = []
    for number in range(rounds + 1):
        note(f"{cells} cells, round {number} of {rounds} (0 is to warm up), {machine()}")
        pair = _run(command, folder, (0, 1)), _run(alone.command, folder, (0,))
        if number:
            pairs.append(pair)
    return Beside(
        cells,
        median([ours.cpu / other.cpu for ours, other in pairs]),
        median([ours.cpu for ours, _ in pairs]),
        median([other.cpu for _, other in pairs]),
        folder / "wfo-report" / "pytest.html",
        folder / "empty.html",
    )


def once(folder: Path, clients: int) -> tuple[int, Ran]:
    """One run of ours about a site with so many clients: its cells, CPU and memory."""
    folder.mkdir()
    command, cells = _ours(folder, clients)
    note(f"{cells} cells, one run, {machine()}")
    return cells, _run(command, folder, (0, 1))


def _ours(folder: Path, clients: int) -> tuple[tuple[str, ...], int]:
    inventory, facts, cells = write_large_site(folder, clients)
    options = (f"--wfo-hosts={inventory}", f"--wfo-facts={facts}")
    return (sys.executable, "-m", "pytest", *options), cells


def _run(command: tuple[str, ...], folder: Path, codes: tuple[int, ...]) -> Ran:
    with (folder / "output.txt").open("w+b") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=ordinary(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            sink.seek(0)
            told = sink.read().decode("utf-8", "replace")[-2000:]
            raise NotMeasuredError(f"{command[2]} ended with {process.returncode}: {told}")
    return Ran(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)
