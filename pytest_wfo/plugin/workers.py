"""pytest-xdist: the controller gathers once, the workers judge from the same facts.

Workers collect, the controller does not. Each worker leaves its selection in a shared folder before
it reports that it has collected; the controller gathers when the first worker reports, which is
before xdist hands out any test, and leaves the facts in the same folder.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from pytest_wfo.plugin.run import RUN, Run, only_plans


def leave_selection(run: Run) -> None:
    """Leave this worker's selection for the controller."""
    file = run.exchange / f"selection-{os.getpid()}.json"
    data = {
        "cells": sorted(run.selected or ()),
        "wanted": sorted(run.wanted_cells),
        "hosts": sorted(run.wanted_hosts),
    }
    part = file.with_suffix(".part")
    part.write_text(json.dumps(data), encoding="utf-8")
    part.replace(file)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the inventory and the shared folder are, and when the run started."""
    run = node.config.stash[RUN]
    node.workerinput["wfo"] = {
        "inventory": str(run.inventory),
        "exchange": str(run.exchange),
        "started": run.started.isoformat(),
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Gather for what the first worker selected (all workers collect the same)."""
    from pytest_wfo.plugin.gathering import gather_facts

    run = node.config.stash[RUN]
    if run.selected is not None:
        return
    for file in run.exchange.glob("selection-*.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        cells, wanted = ([(row, host) for row, host in data[name]] for name in ("cells", "wanted"))
        run.select(cells, wanted, data["hosts"])
        break
    else:
        raise pytest.UsageError(
            "a worker collected tests but left no selection: pytest-wfo needs workers on this machine"
        )
    if not only_plans(node.config):
        gather_facts(node.config)
