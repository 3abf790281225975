"""Runs of the real command line about the demo site, each in its own folder and process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """``pytest`` in a subprocess, without what this repository configures."""

    def run_pytest(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "-p", "no:randomly", *arguments
        )

    return run_pytest


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's inventory and facts, gathered once: judged offline ever after."""
    from pytest_wfo.connect.secrets import Vault
    from pytest_wfo.core.plan import plan
    from pytest_wfo.demo.site import DemoSite
    from pytest_wfo.documents.editions import load_edition
    from pytest_wfo.documents.inventory import load_inventory
    from pytest_wfo.gather.site import gather_site
    from pytest_wfo.gather.snapshot import save_snapshot

    folder = tmp_path_factory.mktemp("demo")
    demo = DemoSite(folder)
    demo.start()
    try:
        site = load_inventory(demo.inventory)
        cells = plan(load_edition(site.edition), site).cells
        snapshot = gather_site(site, tuple(site.hosts), cells, Vault(), lambda *_: None)
    finally:
        demo.stop()
    save_snapshot(snapshot, folder / "facts.json.gz")
    return folder


@pytest.fixture
def offline(run: Run, facts: Path) -> Run:
    """``pytest`` about the demo site, from its saved facts."""

    def run_offline(*arguments: str) -> pytest.RunResult:
        return run(
            f"--wfo-hosts={facts / 'inventory.yml'}",
            f"--wfo-facts={facts / 'facts.json.gz'}",
            *arguments,
        )

    return run_offline


def results(folder: Path) -> dict[str, Any]:
    """results.json of a run in ``folder``."""
    found: dict[str, Any] = json.loads((folder / "wfo-report" / "results.json").read_text())
    return found


def verdicts(folder: Path) -> dict[tuple[str, str], str]:
    """(requirement, host) -> verdict."""
    return {
        (item["requirement"], item["host"]): item["verdict"] for item in results(folder)["results"]
    }


def advice(folder: Path) -> dict[tuple[str, str], str]:
    """The same of advisory requirements that are not met or not verified; they never block."""
    return {
        (item["requirement"], item["host"]): item["verdict"]
        for item in results(folder)["results"]
        if item["advisory"] and item["verdict"] in ("not met", "not verified")
    }


def judged(folder: Path) -> dict[tuple[str, str], str]:
    """What the facts in ``folder`` mean, judged without pytest: (requirement, host) -> verdict."""
    from pytest_wfo.core.checks import judge
    from pytest_wfo.core.plan import plan
    from pytest_wfo.documents.editions import load_edition
    from pytest_wfo.documents.inventory import load_inventory
    from pytest_wfo.gather.site import read_snapshot
    from pytest_wfo.gather.snapshot import load_snapshot

    site = load_inventory(folder / "inventory.yml")
    cells = plan(load_edition(site.edition), site).cells
    facts = read_snapshot(load_snapshot(folder / "facts.json.gz"), site, cells)
    return {key: finding.verdict.value for key, finding in judge(cells, facts).items()}
