"""One run about one site: what is planned, what was gathered, what follows. Kept in config.stash."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.acceptance import accept
from pytest_wfo.core.checks import judge
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import Cell, Plan, plan
from pytest_wfo.core.requirements import Edition, binding
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding
from pytest_wfo.core.waivers import Accepted
from pytest_wfo.documents.editions import EditionError, load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.problems import DocumentError
from pytest_wfo.documents.waivers import load_attestations, load_waivers
from pytest_wfo.gather.site import read_snapshot
from pytest_wfo.gather.snapshot import Snapshot, SnapshotError, load_snapshot
from pytest_wfo.plugin.canary import canary_refused
from pytest_wfo.plugin.options import Settings
from pytest_wfo.report.load import ResultsError, load_baseline
from pytest_wfo.report.model import SiteReport

Key = tuple[str, str]


@dataclass
class Run:
    """The state of a run. ``exchange`` is a folder that xdist's controller and workers share."""

    settings: Settings
    site: Site
    edition: Edition
    plan: Plan
    inventory: Path
    exchange: Path
    vault: Vault
    started: datetime
    accepted: Accepted
    selected: frozenset[Key] | None = None  # cells of the suites' tests here; None: not known yet
    wanted_cells: frozenset[Key] = frozenset()  # cells users' own tests ask for
    wanted_hosts: frozenset[str] = frozenset()  # hosts users' own tests ask for
    recorded: dict[Key, Finding] = field(default_factory=dict)
    other_failures: int = 0
    baseline: SiteReport | None = None  # on the controller
    crashes: list[str] = field(default_factory=list)  # tests during which an xdist worker ended
    written: list[Path] = field(default_factory=list)  # our files, as they stand
    problems: list[str] = field(default_factory=list)  # besides the verdict; the exit code is not 0
    _snapshot: Snapshot | None = None
    _facts: SiteFacts | None = None
    _findings: dict[Key, Finding] | None = None
    _closing: list[Callable[[], None]] = field(default_factory=list)

    @cached_property
    def cells(self) -> Mapping[Key, Cell]:
        """The planned cells by key."""
        return {cell.key: cell for cell in self.plan.cells}

    @property
    def selected_cells(self) -> tuple[Cell, ...]:
        """The planned cells whose tests in the suites were selected, in the plan's order."""
        if self.selected is None:
            return self.plan.cells
        return tuple(cell for cell in self.plan.cells if cell.key in self.selected)

    @property
    def asked_cells(self) -> tuple[Cell, ...]:
        """The same, and those that only users' own tests are about."""
        if self.selected is None:
            return self.plan.cells
        asked = self.selected | self.wanted_cells
        return tuple(cell for cell in self.plan.cells if cell.key in asked)

    @property
    def partial(self) -> bool:
        """Whether only a part of the plan was selected."""
        return self.selected is not None and len(self.selected) < len(self.plan.cells)

    @property
    def hosts_wanted(self) -> tuple[str, ...]:
        """Names of the hosts that selected tests speak of, in the inventory's order."""
        names = {cell.host.name for cell in self.asked_cells} | self.wanted_hosts
        return tuple(name for name in self.site.hosts if name in names)

    @property
    def facts_file(self) -> Path:
        """Where the controller leaves the facts for workers."""
        return self.exchange / "facts.json.gz"

    def take(self, snapshot: Snapshot) -> None:
        """Use these facts from now on."""
        self._snapshot, self._facts, self._findings = snapshot, None, None

    @property
    def snapshot(self) -> Snapshot | None:
        """The facts as gathered; on a worker, as the controller left them."""
        if self._snapshot is None and self.facts_file.exists():
            self._snapshot = load_snapshot(self.facts_file)
        return self._snapshot

    @property
    def facts(self) -> SiteFacts:
        """The facts as read; without a snapshot, of no host at all."""
        if self._facts is None:
            if self.snapshot is None:
                return SiteFacts(self.site, {})
            self._facts = read_snapshot(self.snapshot, self.site, self.plan.cells)
        return self._facts

    @property
    def findings(self) -> Mapping[Key, Finding]:
        """The judgement of every cell that a test of this run is about."""
        if self._findings is None:
            self._findings = self.judge(self.asked_cells)
        return self._findings

    @property
    def today(self) -> date:
        """The day at the site when the run started: what waivers and attestations are held against."""
        return day_at(self.site, self.started)

    def judge(self, cells: Collection[Cell]) -> dict[Key, Finding]:
        """What the facts say of cells, with what named persons accept."""
        hosts = self.facts.hosts.items()
        reached = {name for name, facts in hosts if facts.access.reached}
        return accept(judge(cells, self.facts), self.accepted, reached, self.today)

    def select(
        self, cells: Collection[Key], wanted: Collection[Key], hosts: Collection[str]
    ) -> None:
        """Say what the collected tests are about: cells of the suites, and what users' own ask for."""
        self.selected = frozenset(cells)
        self.wanted_cells, self.wanted_hosts = frozenset(wanted), frozenset(hosts)
        self._findings = None

    def at_end(self, close: Callable[[], None]) -> None:
        """Have ``close`` called when pytest is done."""
        self._closing.append(close)

    def close(self) -> None:
        """Call what waits for the end, the last first."""
        while self._closing:
            self._closing.pop()()


RUN = pytest.StashKey[Run]()


def start(config: pytest.Config, settings: Settings) -> Run:
    """Read inventory, edition and saved facts, and make the plan.

    Raises:
        pytest.UsageError: one of them is not usable; the message says where and why (exit code 4).
    """
    worker: Mapping[str, Any] = getattr(config, "workerinput", {}).get("wfo", {})
    started = datetime.now(timezone.utc)
    closing: list[Callable[[], None]] = []
    if worker:
        inventory, exchange = Path(worker["inventory"]), Path(worker["exchange"])
        started = datetime.fromisoformat(worker["started"])
    else:
        folder = tempfile.TemporaryDirectory(prefix="pytest-wfo-")
        closing.append(folder.cleanup)
        exchange = Path(folder.name)
        inventory = settings.hosts or _start_demo(exchange, closing)
    try:
        site = load_inventory(inventory)
        if settings.demo:
            site = replace(site, source="the embedded demo site")
        edition = load_edition(site.edition)
        if settings.gate == "strict":
            edition = binding(edition)
        accepted = _accepted(settings, site, edition, day_at(site, started))
        snapshot = load_snapshot(settings.facts) if settings.facts else None
        if snapshot is not None and snapshot.site != site.name:
            raise SnapshotError(
                f"{settings.facts}: these are facts of the site {snapshot.site!r}, and {site.source} "
                f"describes {site.name!r}"
            )
        earlier = None if worker else settings.baseline
        baseline = load_baseline(earlier, site) if earlier else None
    except (
        DocumentError, EditionError, SnapshotError, ResultsError, pytest.UsageError,
    ) as error:  # fmt: skip
        for close in reversed(closing):
            close()
        raise pytest.UsageError(str(error)) from None
    run = Run(
        settings=settings,
        site=site,
        edition=edition,
        plan=plan(edition, site),
        inventory=inventory,
        exchange=exchange,
        # What is typed in on a worker, the controller could not look for in the reports.
        vault=Vault(prompt=None if worker else _prompt(config)),
        started=started,
        accepted=accepted,
        baseline=baseline,
        _closing=closing,
    )
    if snapshot is not None:
        run.take(snapshot)
    elif settings.probe == "canary" and not worker and not only_plans(config):
        refused = canary_refused(site, run.started)
        if refused:
            run.close()
            raise pytest.UsageError(refused)
    config.stash[RUN] = run
    config.add_cleanup(run.close)
    return run


def day_at(site: Site, moment: datetime) -> date:
    """The day at the site; without a time zone in the inventory, that of UTC."""
    return moment.astimezone(site.timezone or timezone.utc).date()


def _accepted(settings: Settings, site: Site, edition: Edition, today: date) -> Accepted:
    """Waivers and attestations, from the files the command line names, else the inventory."""
    waivers, attestations = (
        settings.waivers or site.waivers,
        settings.attestations or site.attestations,
    )
    found, problems = [Accepted()], []
    try:
        if waivers:
            found.append(load_waivers(waivers, site, edition))
    except DocumentError as error:
        problems.append(str(error))
    try:
        if attestations:
            found.append(load_attestations(attestations, site, edition, today))
    except DocumentError as error:
        problems.append(str(error))
    if problems:
        raise pytest.UsageError("\n".join(problems))
    return Accepted(
        waivers=tuple(entry for each in found for entry in each.waivers),
        attestations=tuple(entry for each in found for entry in each.attestations),
        files=tuple(file for each in found for file in each.files),
    )


def _start_demo(folder: Path, closing: list[Callable[[], None]]) -> Path:
    from pytest_wfo.demo.site import DemoSite

    demo = DemoSite(folder)
    demo.start()
    closing.append(demo.stop)
    return demo.inventory


def _prompt(config: pytest.Config) -> Callable[[str], str]:
    def ask(question: str) -> str:
        import getpass

        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            return getpass.getpass(question)
        with capture.global_and_fixture_disabled():
            return getpass.getpass(question)

    return ask


def only_plans(config: pytest.Config) -> bool:
    """Whether pytest only lists what it would do (--collect-only, --setup-plan): no host is asked."""
    return bool(config.option.collectonly or config.getoption("setupplan", False))


def runs_no_test(config: pytest.Config) -> bool:
    """The same, or only sets fixtures up (--setup-only): there is no verdict, and the reports of an
    earlier run stay."""
    return only_plans(config) or bool(config.getoption("setuponly", False))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


def is_distributing(config: pytest.Config) -> bool:
    """Whether this process is an xdist controller that hands tests to workers."""
    return bool(config.pluginmanager.hasplugin("dsession"))
