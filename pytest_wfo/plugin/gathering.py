"""Gathering, once a run, for the hosts of the selected tests, before the first test."""

from __future__ import annotations

import pytest

from pytest_wfo.gather.site import gather_site
from pytest_wfo.gather.snapshot import save_snapshot
from pytest_wfo.plugin.outputs import not_written
from pytest_wfo.plugin.progress import Progress
from pytest_wfo.plugin.run import RUN, is_distributing, is_worker, only_plans


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Gather when everything is collected. Workers and their controller do it elsewhere."""
    config = session.config
    if only_plans(config) or is_worker(config) or is_distributing(config):
        return
    if session.testsfailed and not config.option.continue_on_collection_errors:
        return
    gather_facts(config)
    _ = config.stash[RUN].findings  # judged now, not in the time of the first test


def gather_facts(config: pytest.Config) -> None:
    """Ask the wanted hosts, and leave the facts for everyone who judges."""
    run = config.stash[RUN]
    snapshot = run.snapshot
    if snapshot is None:
        names = run.hosts_wanted
        progress = Progress(config, len(names))
        snapshot = gather_site(
            run.site,
            names,
            run.asked_cells,
            run.vault,
            progress.step,
            run.settings.probe,
        )
        progress.end()
        run.take(snapshot)
    file = run.settings.save_facts
    if file is not None:
        try:
            save_snapshot(snapshot, file)
            run.written.append(file)
        except OSError as error:  # what was gathered is judged all the same
            run.problems.append(not_written(file, error, config))
    if is_distributing(config):
        save_snapshot(snapshot, run.facts_file)
