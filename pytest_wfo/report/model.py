"""Everything a report is rendered from. All reports of a run are rendered from the same value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_wfo.core.facts import Access
from pytest_wfo.core.gate import Gate
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import Plan
from pytest_wfo.core.requirements import Edition, Requirement
from pytest_wfo.core.verdicts import Finding


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who ran what, when and from where. Times are UTC, ISO 8601."""

    started: str
    finished: str
    user: str
    controller: str
    tool_version: str
    probe: str  # "none" or "safe"
    facts: str  # "gathered in this run", or the file they were read from


@dataclass(frozen=True, slots=True)
class SiteReport:
    """One run about one site. ``findings`` has exactly one entry for every planned cell."""

    site: Site
    edition: Edition
    plan: Plan
    findings: tuple[Finding, ...]
    gate: Gate
    access: Mapping[str, Access]
    run: RunInfo
    selected: int  # cells whose tests were selected
    notes: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether only a part of the plan was selected."""
        return self.selected < len(self.plan.cells)

    def requirement(self, finding: Finding) -> Requirement:
        """The requirement a finding answers."""
        return self.edition.by_id[finding.requirement]

    @property
    def unreached(self) -> tuple[tuple[str, Access], ...]:
        """Hosts that were tried and not examined, with how that went."""
        return tuple((name, access) for name, access in self.access.items() if not access.reached)


@dataclass(frozen=True, slots=True)
class Blocker:
    """One requirement that blocks the gate, with the findings of all hosts it blocks on."""

    requirement: Requirement
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
    planned: dict[str, int] = {}
    for cell in report.plan.cells:
        planned[cell.requirement.id] = planned.get(cell.requirement.id, 0) + 1
    order = {requirement.id: index for index, requirement in enumerate(report.edition.requirements)}
    return tuple(
        Blocker(report.edition.by_id[name], tuple(found), planned[name])
        for name, found in sorted(grouped.items(), key=lambda item: order[item[0]])
    )
