"""Fixtures of the suites and for users' own tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.hosts import Host, Role, Site
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Edition
from pytest_wfo.core.verdicts import Finding
from pytest_wfo.plugin.outcomes import conclude, fail_if_not_verified, properties
from pytest_wfo.plugin.run import RUN, Run
from pytest_wfo.report.text import explain


@dataclass(frozen=True)
class WfoFinding:
    """The finding of one cell, as a test sees it."""

    finding: Finding
    cell: Cell

    @property
    def text(self) -> str:
        """The finding in words."""
        return explain(self.finding, self.cell.requirement)

    def must_hold(self) -> None:
        """Pass, fail, skip or xfail as the verdict says."""
        conclude(self.finding, self.cell)


@dataclass
class WfoHost:
    """A host of the site. ``testinfra`` is a live testinfra host, opened on first use."""

    host: Host
    run: Run
    _live: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in the inventory."""
        return self.host.name

    @property
    def roles(self) -> frozenset[Role]:
        """What the host is for the site."""
        return self.host.roles

    @property
    def facts(self) -> HostFacts:
        """What the host said of itself in this run."""
        return self.run.facts.of(self.host)

    def finding(self, requirement: str) -> Finding:
        """The finding for a requirement id; KeyError if it is not planned for this host."""
        key = (requirement, self.name)
        return self.run.judge([self.run.cells[key]])[key]

    @property
    def testinfra(self) -> Any:
        """A live ``testinfra.host.Host`` with strict host keys. Raises ConnectError."""
        if "host" not in self._live:
            from pytest_wfo.connect.opening import open_host

            connection = open_host(self.host, self.run.site, self.run.vault)
            self._live["host"] = connection.testinfra_host()
            self._live["connection"] = connection
        return self._live["host"]

    def close(self) -> None:
        """Close the live connection, if one was opened."""
        if "connection" in self._live:
            self._live.pop("connection").close()


@pytest.fixture(scope="session")
def wfo_run(pytestconfig: pytest.Config) -> Run:
    """The run's state (internal)."""
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def wfo_site(wfo_run: Run) -> Site:
    """The site under test."""
    return wfo_run.site


@pytest.fixture(scope="session")
def wfo_edition(wfo_run: Run) -> Edition:
    """The edition of the vendor's document that is in force."""
    return wfo_run.edition


@pytest.fixture(scope="session")
def wfo_findings(wfo_run: Run) -> Mapping[tuple[str, str], Finding]:
    """All findings of the selected cells: (requirement id, host name) -> finding."""
    return wfo_run.findings


@pytest.fixture
def wfo_finding(request: pytest.FixtureRequest) -> WfoFinding:
    """The finding of the cell this test is about; "not verified" is an error of the set-up."""
    return finding_of(request.node, request.param)


def finding_of(item: pytest.Item, cell: Cell) -> WfoFinding:
    """What ``wfo_finding`` is for a test about ``cell``."""
    finding = item.config.stash[RUN].findings[cell.key]
    item.user_properties.extend(properties(finding))
    fail_if_not_verified(finding, cell)
    return WfoFinding(finding, cell)


def _host(request: pytest.FixtureRequest) -> Iterator[WfoHost]:
    host = WfoHost(request.param, request.config.stash[RUN])
    yield host
    host.close()


wfo_host = pytest.fixture(_host, name="wfo_host")
premises_host = pytest.fixture(_host, name="premises_host")
client_host = pytest.fixture(_host, name="client_host")
edge_host = pytest.fixture(_host, name="edge_host")
cloud_host = pytest.fixture(_host, name="cloud_host")
