"""The real command line against the lab, and what its results say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.topology import CLIENT_PORTS

Cell = tuple[str, str]  # requirement id, host
CLIENTS = ("client1", "client2")
_FINE = ("met", "not applicable")


@dataclass(frozen=True)
class Outcome:
    """One run: exit code, and of ``results.json`` the decision and the findings by cell."""

    exit_code: int
    decision: str
    output: str
    findings: Mapping[Cell, Mapping[str, Any]]

    @property
    def verdicts(self) -> dict[Cell, str]:
        """The cells that are neither met nor not applicable, and their verdict."""
        return {
            cell: finding["verdict"]
            for cell, finding in self.findings.items()
            if finding["verdict"] not in _FINE
        }

    def says(self, requirement: str, host: str) -> str:
        """All words of a finding: summary, evidence and remedy."""
        return "\n".join(_strings(self.findings[requirement, host]))


def verify(inventory: Path, *options: str) -> Outcome:
    """Run ``pytest --wfo-hosts=inventory.yml`` in the inventory's folder."""
    results = inventory.parent / "wfo-report" / "results.json"
    results.unlink(missing_ok=True)  # an earlier run's
    done = run_pytest(inventory, *options)
    output = done.stdout + done.stderr
    assert results.exists(), output
    document = json.loads(results.read_text())
    findings = {(item["requirement"], item["host"]): item for item in document["results"]}
    assert len(findings) == document["plan"]["cells"], "one finding for each planned cell"
    return Outcome(done.returncode, document["decision"], output, findings)


def run_pytest(inventory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The same, however it ends."""
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", f"--wfo-hosts={inventory.name}"),
            *("-p", "no:cacheprovider", *options),
        ],
        cwd=inventory.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def _strings(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def rows(port: int) -> tuple[str, ...]:
    """The rows of edition 16.1 that ask for a client port."""
    if port == 5638:
        return ("client-5638", "client-recording-5638")
    return ("client-analytics-5634",) if port == 5634 else (f"client-{port}",)


def cells(port: int, claim: str, *hosts: str) -> set[Cell]:
    """The cells of one claim about a client port on these hosts."""
    return {(f"{row}.{claim}", host) for row in rows(port) for host in hosts}


def all_client_ports(claim: str, *hosts: str) -> set[Cell]:
    """The cells of one claim about every client port on these hosts."""
    return {cell for port in CLIENT_PORTS for cell in cells(port, claim, *hosts)}


def ranges(claim: str, host: str, *nets: int) -> set[Cell]:
    """The cells of one claim about the cloud ranges 207.166.94 and .95 (or one of them)."""
    return {(f"cloud-range-{net}.{claim}", host) for net in nets or (94, 95)}
