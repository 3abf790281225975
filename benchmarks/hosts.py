"""20 hosts, all their cells: the whole command against the work that cannot be avoided.

python benchmarks/hosts.py [--json] [--repeat N] [--alone]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import contenders
from benchmarks.contenders import Contender
from benchmarks.fleet import Fleet, described, hosts_on_loopback, running_server
from benchmarks.isolation import isolate, isolated
from benchmarks.measuring import (
    NotMeasuredError,
    Sample,
    machine,
    median,
    note,
    process_cpu,
    publish,
    run,
    table,
)

HOSTS = 20
FLOOR_THREADS = (4, 10, 20)  # the best of them is the floor

Taken = Mapping[str, Sequence[tuple[Sample, int, float]]]
"""Name of a contender -> for each run the sample, the sessions it opened, the hosts' CPU seconds."""


def measure(fleet: Fleet, folder: Path, repeat: int, *, alone: bool) -> Taken:
    """Run every contender once to warm up, then ``repeat`` rounds in turn. Raises
    ``NotMeasuredError`` if one does not do its work."""
    scripts = folder / "scripts"
    fleet.write_scripts(scripts)
    rounds = [contenders.floor(fleet, scripts, threads) for threads in FLOOR_THREADS]
    rounds.append(contenders.gathering(fleet))
    rounds.append(contenders.ours(fleet))
    rounds.append(contenders.ours(fleet, "ours, access only", "-k", "access"))
    rounds.append(contenders.pytest_alone(folder, fleet.cells()))
    once: list[Contender] = []
    if not alone:
        once, notes = contenders.others(fleet, folder)
        for text in notes:
            note(text)
    for contender in rounds:
        _run(contender, fleet, folder)
    taken: dict[str, list[tuple[Sample, int, float]]] = defaultdict(list)
    for number in range(repeat):
        note(f"round {number + 1} of {repeat}, {machine()}")
        for contender in rounds:
            taken[contender.name].append(_run(contender, fleet, folder))
    for contender in once:
        note(f"{contender.name}, {machine()}")
        taken[contender.name].append(_run(contender, fleet, folder))
    return taken


def _run(contender: Contender, fleet: Fleet, folder: Path) -> tuple[Sample, int, float]:
    sessions, cpu = fleet.sessions(), process_cpu(fleet.server.pid)
    sample = run(contender.command, cwd=folder, env=contender.environment)
    if sample.code not in contender.codes:
        raise NotMeasuredError(
            f"{contender.name} ended with {sample.code}: {sample.output[-2000:]}"
        )
    return sample, fleet.sessions() - sessions, process_cpu(fleet.server.pid) - cpu


def reached(folder: Path) -> tuple[int, int]:
    """Hosts that answered and cells that were judged, in the last run's results."""
    results = json.loads((folder / "wfo-report" / "results.json").read_text())
    return (
        sum(bool(host["access"] and host["access"]["reached"]) for host in results["hosts"]),
        len(results["results"]),
    )


def figures(taken: Taken) -> dict[str, Any]:
    """Medians of each contender, and the ratio of ours to the floor."""
    rows = {
        name: {
            "seconds": round(median([sample.wall for sample, _, _ in runs]), 3),
            "cpu": round(median([sample.cpu for sample, _, _ in runs]), 3),
            "hosts_cpu": round(median([cpu for _, _, cpu in runs]), 3),
            "sessions": max(sessions for _, sessions, _ in runs),
            "runs": len(runs),
        }
        for name, runs in taken.items()
    }
    floor = min(row["seconds"] for name, row in rows.items() if name.startswith("floor"))
    ours = rows["ours"]["seconds"]
    gathering = rows["our gathering, no pytest"]["seconds"]
    return {
        "hosts": HOSTS,
        "ours": ours,
        "floor": floor,
        "ratio": round(ours / floor, 2),
        "gathering": gathering,
        "gathering_ratio": round(gathering / floor, 2),
        "pytest_alone": rows["pytest alone, empty tests"]["seconds"],
        "sessions": rows["ours"]["sessions"],
        "isolated": isolated(),
        "machine": machine(),
        "contenders": rows,
    }


def as_text(found: Mapping[str, Any]) -> str:
    """The figures as a table."""
    rows = [["contender", "seconds", "x floor", "CPU s", "hosts' CPU s", "sessions", "runs"]]
    rows += [
        [
            name,
            f"{row['seconds']:.2f}",
            f"{row['seconds'] / found['floor']:.2f}",
            f"{row['cpu']:.2f}",
            f"{row['hosts_cpu']:.2f}",
            str(row["sessions"]),
            str(row["runs"]),
        ]
        for name, row in found["contenders"].items()
    ]
    return f"{table(rows)}\n{found['hosts']} hosts, {found['cells']} cells, {found['machine']}"


def main() -> int:
    """Measure and print; 1 if it could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeat", type=int, default=5, help="rounds of floor and ours")
    parser.add_argument("--alone", action="store_true", help="leave other tools out")
    options = parser.parse_args()
    isolate()
    try:
        with tempfile.TemporaryDirectory() as name, running_server(Path(name)) as server:
            folder = Path(name)
            fleet = described(folder, server, hosts_on_loopback(HOSTS))
            taken = measure(fleet, folder, options.repeat, alone=options.alone)
            _run(contenders.ours(fleet), fleet, folder)
            answered, cells = reached(folder)
            if answered != HOSTS:
                raise NotMeasuredError(f"only {answered} of {HOSTS} hosts answered")
    except NotMeasuredError as error:
        note(f"not measured: {error}")
        return 1
    found = {**figures(taken), "cells": cells}
    publish(found, as_text(found), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
