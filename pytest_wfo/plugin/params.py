"""Requirements x hosts -> tests."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import pytest

from pytest_wfo.core.hosts import Host, Role
from pytest_wfo.plugin.items import cell_of, param_of
from pytest_wfo.plugin.run import RUN, Key, is_distributing, is_worker
from pytest_wfo.plugin.suites import is_suite_item, suites_were_added
from pytest_wfo.plugin.workers import leave_selection

HOST_FIXTURES: dict[str, Role | None] = {
    "wfo_host": None,
    "premises_host": Role.PREMISES,
    "client_host": Role.CLIENT,
    "edge_host": Role.EDGE,
    "cloud_host": Role.CLOUD,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``wfo_finding`` one test per planned cell, and each host fixture one per host."""
    run = metafunc.config.stash[RUN]
    if "wfo_finding" in metafunc.fixturenames:
        globs = [
            str(glob)
            for marker in metafunc.definition.iter_markers("wfo_requirement")
            for glob in marker.args
        ]
        if not globs:
            raise pytest.UsageError(
                f"{metafunc.definition.nodeid} uses wfo_finding without "
                '@pytest.mark.wfo_requirement("..."): which requirements is it about?'
            )
        cells = [
            cell
            for cell in run.plan.cells
            if any(fnmatchcase(cell.requirement.id, glob) for glob in globs)
        ]
        claims = {cell.requirement.claim for cell in cells}
        metafunc.parametrize(
            "wfo_finding",
            cells,
            ids=[cell.id if len(claims) == 1 else "-".join(cell.key) for cell in cells],
            indirect=True,
        )
    for name, role in HOST_FIXTURES.items():
        if name in metafunc.fixturenames:
            hosts = [
                host
                for host in run.site.hosts.values()
                if (role is None or role in host.roles) and _wanted(metafunc, host)
            ]
            metafunc.parametrize(name, hosts, ids=[host.name for host in hosts], indirect=True)


def _wanted(metafunc: pytest.Metafunc, host: Host) -> bool:
    markers = list(metafunc.definition.iter_markers("wfo_role"))
    try:
        wanted = {Role(role) for marker in markers for role in marker.args}
    except ValueError as error:
        known = ", ".join(role.value for role in Role)
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: wfo_role: {error} (one of {known})"
        ) from None
    return not markers or bool(wanted & host.roles)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which cells and hosts the selected tests are about; refuse a run that checks nothing."""
    config = session.config
    if is_distributing(config):
        return
    cells: set[Key] = set()
    wanted: set[Key] = set()
    for item in session.items:
        cell = cell_of(item)
        if cell is not None:
            (cells if is_suite_item(item) else wanted).add(cell.key)
    if suites_were_added(config) and not cells:
        raise pytest.UsageError(
            "no requirement was selected: a run that checks nothing decides nothing. (To run tests of "
            "your own alone, name their files on the command line.)"
        )
    run = config.stash[RUN]
    run.select(cells, wanted, set(_hosts_of(session.items)))
    if is_worker(config):
        leave_selection(run)


def _hosts_of(items: Iterable[pytest.Item]) -> Iterable[str]:
    for item in items:
        for name in HOST_FIXTURES:
            host = param_of(item, name)
            if isinstance(host, Host):
                yield host.name
