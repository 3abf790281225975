"""A large site that needs no hosts: its inventory, and the facts of a run about it.

The hosts say what those of the demo say, each under its own name and address: Windows PCs with
one or two faults each, and one in ninety was not reached.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pytest_wfo.core.facts import Access, Target
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import plan, targets_of
from pytest_wfo.demo.data import load_host
from pytest_wfo.demo.posix_answers import posix_answer
from pytest_wfo.demo.windows_answers import windows_answer
from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.gather.answers import HostAnswer
from pytest_wfo.gather.snapshot import Snapshot, save_snapshot

_HEAD = """\
site:
  name: Benchmark
  features: [screen_recording, desktop_analytics]
  cloud_endpoints: [207.166.94.10, 207.166.95.10]
overlay:
  - &aside {requirement: av-*, aside: true, because: the demo hosts do not tell, approved_by: nobody}
  - {<<: *aside, requirement: file-type-*}
  - {<<: *aside, requirement: "*-files.considered"}
hosts:
  prem01: {role: premises, platform: windows, address: 10.20.0.10, public_address: 203.0.113.10}
  fw01: {role: edge, address: 10.20.0.1}
"""
_LIKE = ("desk-01", "desk-01", "desk-02")
_LOST = 90  # one client of so many was not reached


def write_large_site(folder: Path, clients: int) -> tuple[Path, Path, int]:
    """Write inventory.yml and facts.json.gz of a site with so many clients; also says how many
    cells its plan has."""
    inventory, facts = folder / "inventory.yml", folder / "facts.json.gz"
    lines = [
        f"  pc-{number:04}: {{role: client, platform: windows, address: {_address(number)}}}"
        for number in range(clients)
    ]
    inventory.write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    site = load_inventory(inventory)
    cells = plan(load_edition(site.edition), site).cells
    targets = targets_of(cells, site, {})
    now = time.time()
    answers = {
        "prem01": _answered(windows_answer(load_host("prem01"), list(targets["prem01"]), now), now),
        "fw01": _answered(posix_answer(load_host("fw01"), now), now),
    }
    answers |= _clients(clients, targets["pc-0001"], now)
    save_snapshot(_snapshot(site, answers), facts)
    return inventory, facts, len(cells)


def _clients(clients: int, targets: Sequence[Target], now: float) -> dict[str, HostAnswer]:
    said = {name: windows_answer(load_host(name), targets, now) for name in set(_LIKE)}
    addresses = {"desk-01": "10.20.0.21", "desk-02": "10.20.0.22"}
    answers = {}
    for number in range(clients):
        name, like = f"pc-{number:04}", _LIKE[number % len(_LIKE)]
        if number % _LOST == _LOST - 1:
            answers[name] = HostAnswer(
                Access("filtered", f"{name} did not answer", "look at the network", name, "", 5.0)
            )
            continue
        text = said[like].replace(like, name).replace(like.upper(), name.upper())
        answers[name] = _answered(text.replace(addresses[like], _address(number)), now)
    return answers


def _address(number: int) -> str:
    return f"10.20.{number // 200 + 1}.{number % 200 + 10}"


def _answered(output: str, now: float) -> HostAnswer:
    access = Access("", "", "", "controller:22", "2026-11-23T10:00:00Z", 0.2, "SHA256:abc")
    return HostAnswer(access, output, now, now)


def _snapshot(site: Site, answers: dict[str, HostAnswer]) -> Snapshot:
    return Snapshot(
        tool_version="benchmark",
        site=site.name,
        inventory_sha256=site.sha256,
        edition=site.edition,
        taken_at="2026-11-23T10:00:00Z",
        probe="safe",
        resolved={},
        answers=answers,
    )
