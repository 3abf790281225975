"""500 hosts of which 100 are dead: how long a run takes, and whether it tells them apart.

    python benchmarks/dead_hosts.py [--json] [--hosts N] [--dead N]

Dead means that nothing answers a SYN: behind a link on which nobody listens, in a namespace of the
benchmark's own; without root, a listening socket whose queue is full.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import contenders
from benchmarks.fleet import Fleet, described, hosts_on_loopback, running_server
from benchmarks.isolation import isolate, isolated
from benchmarks.measuring import (
    NotMeasuredError,
    machine,
    median,
    note,
    process_cpu,
    publish,
    run,
    table,
)
from tests.support.sshd import LoopbackSshd, free_port

BESIDE = 10  # live hosts beside the one dead host
ROUNDS = 3  # of the runs with and without it

FLOOR_THREADS = 20
ACCESS_ONLY = ("-k", "access")


@dataclass(frozen=True, slots=True)
class Dead:
    """Addresses where nothing answers a SYN to ``port``."""

    addresses: tuple[str, ...]
    port: int


@contextmanager
def dead_places(count: int, port: int) -> Iterator[Dead]:
    """``count`` dead addresses while the block runs; ``port`` is what live hosts use."""
    if isolated():
        for words in (
            "link add nowhere0 type veth peer name nowhere1",
            "link set nowhere0 arp off up",
            "link set nowhere1 arp off up",
            "address add 10.255.255.254/16 dev nowhere0",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        try:
            yield Dead(_addresses("10.255", count), port)
        finally:
            subprocess.run(["ip", "link", "delete", "nowhere0"], check=True)
        return
    addresses, own_port = _addresses("127.1", count), free_port()  # sshd holds ``port`` everywhere
    with ExitStack() as stack:
        for address in addresses:
            full = stack.enter_context(socket.socket())
            full.bind((address, own_port))
            full.listen(0)
            stack.enter_context(socket.create_connection((address, own_port)))
        yield Dead(addresses, own_port)


def _addresses(network: str, count: int) -> tuple[str, ...]:
    return tuple(f"{network}.{number // 250}.{number % 250 + 1}" for number in range(count))


def prove_dead(dead: Dead) -> None:
    """Raise ``NotMeasuredError`` unless a connection waits in vain."""
    with socket.socket() as trial:
        trial.settimeout(0.5)
        try:
            trial.connect((dead.addresses[0], dead.port))
        except TimeoutError:
            return
        except OSError as error:
            raise NotMeasuredError(f"dead hosts cannot be made here: {error}") from None
    raise NotMeasuredError("dead hosts cannot be made here: they answer")


def mixed(
    folder: Path, server: LoopbackSshd, count: int, dead: Dead
) -> tuple[Fleet, frozenset[str]]:
    """``count`` hosts with the dead ones spread among them, and the names of the dead."""
    addresses = hosts_on_loopback(count)
    inner = list(addresses)[1:-1]  # the PREMISES server and the edge live
    total = len(dead.addresses)
    names = [inner[number * len(inner) // total] for number in range(total)]
    addresses.update(zip(names, dead.addresses, strict=True))
    fleet = described(folder, server, addresses, dict.fromkeys(names, dead.port))
    return fleet, frozenset(names)


def examine(
    fleet: Fleet, folder: Path, dead: Collection[str], options: Sequence[str] = ()
) -> dict[str, Any]:
    """One run of the whole command: what it took, what it said of whom."""
    contender = contenders.ours(fleet, "ours", *options)
    sessions, cpu = fleet.sessions(), process_cpu(fleet.server.pid)
    sample = run(contender.command, cwd=folder)
    if sample.code not in contender.codes:
        raise NotMeasuredError(f"pytest ended with {sample.code}: {sample.output[-2000:]}")
    results = json.loads((folder / "wfo-report" / "results.json").read_text())
    access = {host["name"]: host["access"] for host in results["hosts"]}
    gathered = re.search(r"^gathered facts of .* in ([0-9.]+) s$", sample.output, re.MULTILINE)
    if gathered is None or None in access.values():
        raise NotMeasuredError("the run asked only some of the hosts")
    return {
        "seconds": round(sample.wall, 2),
        "gathering_seconds": float(gathered[1]),
        "cpu": round(sample.cpu, 2),
        "hosts_cpu": round(process_cpu(fleet.server.pid) - cpu, 2),
        "sessions": fleet.sessions() - sessions,
        "cells": results["plan"]["selected"],
        "misjudged": sum(said["reached"] == (name in dead) for name, said in access.items()),
        "dead_reason": dict(Counter(access[name]["reason"] for name in sorted(dead))),
        "live_reason": dict(
            Counter(
                said["reason"] or "reached" for name, said in access.items() if name not in dead
            )
        ),
    }


def many(folder: Path, server: LoopbackSshd, count: int, dead: Dead) -> dict[str, Any]:
    """``count`` hosts of which some are dead: all cells, and the hosts' access alone."""
    fleet, names = mixed(folder, server, count, dead)
    note(f"{count} hosts, {len(names)} dead, all cells, {machine()}")
    everything = examine(fleet, folder, names)
    note(f"the same, access only, {machine()}")
    access_only = examine(fleet, folder, names, ACCESS_ONLY)
    note(f"the floor: the {count - len(names)} live hosts on bare paramiko, {machine()}")
    fleet.write_scripts(folder / "scripts")
    live = {name: address for name, address in fleet.addresses.items() if name not in names}
    floor = contenders.floor(replace(fleet, addresses=live), folder / "scripts", FLOOR_THREADS)
    sample = run(floor.command, cwd=folder)
    if sample.code != 0:
        raise NotMeasuredError(f"the floor ended with {sample.code}: {sample.output[-2000:]}")
    return {**everything, "access_only": access_only, "floor_live_only": round(sample.wall, 2)}


def one(folder: Path, server: LoopbackSshd, dead: Dead) -> dict[str, Any]:
    """What one dead host costs a run of ``BESIDE`` live ones: seconds, medians of runs in turn."""
    live = described(folder, server, hosts_on_loopback(BESIDE))
    first = replace(dead, addresses=dead.addresses[:1])
    beside, names = mixed(folder, server, BESIDE + 1, first)
    examine(live, folder, ())  # to warm up
    without, with_one = [], []
    for number in range(ROUNDS):
        note(f"one dead host, round {number + 1} of {ROUNDS}, {machine()}")
        without.append(examine(live, folder, ())["seconds"])
        with_one.append(examine(beside, folder, names)["seconds"])
    return {
        "one_dead_seconds": round(median(with_one) - median(without), 2),
        "with_one_dead": round(median(with_one), 2),
        "without_dead": round(median(without), 2),
    }


def as_text(found: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [["run", "seconds", "gathering", "CPU s", "hosts' CPU s", "sessions", "misjudged"]]
    for name, row in (("all cells", found), ("access only", found["access_only"])):
        keys = ("seconds", "gathering_seconds", "cpu", "hosts_cpu", "sessions", "misjudged")
        rows.append([f"{name} ({row['cells']})", *(str(row[key]) for key in keys)])
    return "\n".join(
        [
            table(rows),
            f"{found['hosts']} hosts, {found['dead']} dead ({found['dead_reason']}), {found['machine']}",
            f"bare paramiko, the live hosts alone, all cells' scripts: {found['floor_live_only']} s",
            f"one dead host beside {BESIDE} live ones costs {found['one_dead_seconds']} s "
            f"({found['with_one_dead']} s against {found['without_dead']} s)",
        ]
    )


def main() -> int:
    """Measure and print; 1 if it could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--hosts", type=int, default=500)
    parser.add_argument("--dead", type=int, default=100)
    options = parser.parse_args()
    isolate()
    try:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            server = stack.enter_context(running_server(folder))
            dead = stack.enter_context(dead_places(options.dead, server.port))
            prove_dead(dead)
            found = {
                "hosts": options.hosts,
                "dead": options.dead,
                **one(folder, server, dead),
                **many(folder, server, options.hosts, dead),
                "isolated": isolated(),
                "machine": machine(),
            }
    except NotMeasuredError as error:
        note(f"not measured: {error}")
        return 1
    publish(found, as_text(found), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
