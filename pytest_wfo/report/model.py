"""Everything a report is rendered from. All reports of a run are rendered from the same value.

It holds what ``results.json`` holds and nothing more, so that a report can be rendered again from
that file alone, and no connection detail of the inventory can get into one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pytest_wfo.core.facts import PROBES, Access
from pytest_wfo.core.gate import Gate, decide_gate
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.requirements import Edition, Source
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import AcceptedFile
from pytest_wfo.report.changes import Drift

Key = tuple[str, str]
"""(requirement id, host name)."""

GATHERED, UNFINISHED = "gathered in this run", "not gathered to the end"
"""What ``RunInfo.facts`` says of a run that asked the hosts itself."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who ran what, when and from where. Times are UTC, ISO 8601.

    ``inventory`` is the file's name, ``inventory_sha256`` of its bytes. ``selected`` counts the
    cells whose tests were selected, ``measured`` those of which something was seen. ``probe`` is one
    of ``PROBES``: what hosts tried when the facts were gathered, also where they were read from a file.
    """

    started: str
    finished: str
    user: str
    controller: str
    tool_version: str
    probe: str
    facts: str  # GATHERED, UNFINISHED, or the file they were read from
    notes: tuple[str, ...] = ()
    inventory: str = ""
    inventory_sha256: str = ""
    selected: int = 0
    measured: int = 0
    gate: str = "advisory"  # what does not block, or "strict": everything blocks
    accepted: tuple[AcceptedFile, ...] = ()  # files of waivers and attestations


@dataclass(frozen=True, slots=True)
class HostInfo:
    """One host of the site; ``roles`` are sorted names."""

    name: str
    roles: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The site as its inventory (``source``, ``sha256``) names it; hosts in the inventory's order.

    ``timezone`` is the IANA name of its time zone ("": not known).
    """

    name: str
    ticket: str
    features: tuple[str, ...]
    source: str
    sha256: str
    hosts: Mapping[str, HostInfo]
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class RequirementInfo:
    """One requirement of the edition; the fields mean what ``core.requirements`` says."""

    id: str
    title: str
    source: Source
    reading: str
    advisory: bool


@dataclass(frozen=True, slots=True)
class EditionInfo:
    """The edition whose requirements were asked, in the document's order."""

    id: str
    title: str
    sha256: str
    requirements: tuple[RequirementInfo, ...]
    ambiguities: tuple[str, ...] = ()
    by_id: dict[str, RequirementInfo] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.by_id.update({requirement.id: requirement for requirement in self.requirements})


@dataclass(frozen=True, slots=True)
class Differing:
    """A cell of which merged runs measured different verdicts: each with when it was last seen
    (UTC, ISO 8601), in the order of these times."""

    requirement: str
    host: str
    seen: tuple[tuple[Verdict, str], ...]


@dataclass(frozen=True, slots=True)
class SiteReport:
    """One run about one site, or several merged. ``findings`` has exactly one entry for every
    planned cell, in the plan's order; ``unselected`` are the cells that no run selected."""

    site: SiteInfo
    edition: EditionInfo
    findings: tuple[Finding, ...]
    not_planned: tuple[NotPlanned, ...]
    gate: Gate
    access: Mapping[str, Access]
    runs: tuple[RunInfo, ...]
    unselected: frozenset[Key] = frozenset()
    differing: tuple[Differing, ...] = ()
    drift: Drift | None = None

    @property
    def run(self) -> RunInfo:
        """The run; of several, from the first start to the last end, the most that was tried, what
        each says of the rest."""
        if len(self.runs) == 1:
            return self.runs[0]
        return RunInfo(
            started=min(run.started for run in self.runs),
            finished=max(run.finished for run in self.runs),
            user=_all(run.user for run in self.runs),
            controller=_all(run.controller for run in self.runs),
            tool_version=_all(run.tool_version for run in self.runs),
            probe=max((run.probe for run in self.runs), key=PROBES.index, default=PROBES[0]),
            facts=_all(run.facts for run in self.runs),
            gate=self.runs[0].gate,
            accepted=tuple(dict.fromkeys(file for run in self.runs for file in run.accepted)),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know besides the findings."""
        return tuple(dict.fromkeys(note for run in self.runs for note in run.notes))

    @property
    def planned(self) -> int:
        """How many cells were planned."""
        return len(self.findings)

    @property
    def selected(self) -> int:
        """How many of them were selected."""
        return len(self.findings) - len(self.unselected)

    @property
    def partial(self) -> bool:
        """Whether only a part of the plan was selected."""
        return bool(self.unselected)

    @property
    def unreached(self) -> tuple[tuple[str, Access], ...]:
        """Hosts that were tried and not examined, in the inventory's order, with how that went."""
        tried = ((name, self.access.get(name)) for name in self.site.hosts)
        return tuple((name, access) for name, access in tried if access and not access.reached)


def site_report(
    site: SiteInfo,
    edition: EditionInfo,
    findings: Iterable[Finding],
    not_planned: Iterable[NotPlanned],
    access: Mapping[str, Access],
    runs: Iterable[RunInfo],
    *,
    unselected: Collection[Key] = (),
    differing: Iterable[Differing] = (),
) -> SiteReport:
    """The report, with the gate that follows from the settled ``findings``."""
    findings = tuple(findings)
    keys = {(finding.requirement, finding.host) for finding in findings}
    gate = decide_gate(findings, selected=keys.difference(unselected) if unselected else None)
    return SiteReport(
        site,
        edition,
        findings,
        tuple(not_planned),
        gate,
        access,
        tuple(runs),
        frozenset(unselected),
        tuple(differing),
    )


def with_counts(report: SiteReport) -> SiteReport:
    """The report of one run, whose ``RunInfo`` says how much it selected and measured."""
    measured = sum(finding.measured for finding in report.findings)
    run = replace(report.runs[0], selected=report.selected, measured=measured)
    return replace(report, runs=(run,))


def site_info(site: Site) -> SiteInfo:
    """What reports say of a site."""
    return SiteInfo(
        name=site.name,
        ticket=site.ticket,
        features=tuple(sorted(feature.value for feature in site.features)),
        source=site.source,
        sha256=site.sha256,
        hosts={
            host.name: HostInfo(
                host.name, tuple(sorted(role.value for role in host.roles)), host.addresses
            )
            for host in site.hosts.values()
        },
        timezone=str(site.timezone or ""),
    )


def edition_info(edition: Edition) -> EditionInfo:
    """What reports say of an edition."""
    return EditionInfo(
        id=edition.id,
        title=edition.title,
        sha256=edition.sha256,
        requirements=tuple(
            RequirementInfo(item.id, item.title, item.source, item.reading, item.advisory)
            for item in edition.requirements
        ),
        ambiguities=edition.ambiguities,
    )


def _all(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


@dataclass(frozen=True, slots=True)
class Blocker:
    """One requirement that blocks the gate, with the findings of all hosts it blocks on."""

    requirement: RequirementInfo
    findings: tuple[Finding, ...]
    of: int  # hosts the requirement was planned for

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts concerned."""
        return tuple(finding.host for finding in self.findings)


def blockers(report: SiteReport) -> tuple[Blocker, ...]:
    """The gate's blockers grouped by requirement, in the edition's order.

    Findings that only repeat that a host was not reached are left to that host's access.
    """
    grouped: dict[str, list[Finding]] = {}
    for finding in report.gate.blockers:
        if not finding.depends_on_access:
            grouped.setdefault(finding.requirement, []).append(finding)
    planned = Counter(finding.requirement for finding in report.findings)
    return tuple(
        Blocker(requirement, tuple(grouped[requirement.id]), planned[requirement.id])
        for requirement in report.edition.requirements
        if requirement.id in grouped
    )
