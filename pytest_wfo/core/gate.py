"""The verdict of the site: plan minus findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_wfo.core.plan import Cell, Plan
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict

_OK = {Verdict.MET, Verdict.WAIVED, Verdict.ATTESTED, Verdict.NOT_APPLICABLE}


class Decision(str, Enum):
    """What the run says about going live."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCOMPLETE = "INCOMPLETE"  # nothing seen speaks against it, but only a part was selected


@dataclass(frozen=True, slots=True)
class Gate:
    """The decision, the findings that block it, and how many findings there are of each verdict.

    ``counts`` leaves out ``advisories``: advisory requirements that are not met or not verified.
    """

    decision: Decision
    blockers: tuple[Finding, ...]
    advisories: tuple[Finding, ...]
    counts: Mapping[Verdict, int]

    @property
    def go(self) -> bool:
        """True only for GO."""
        return self.decision is Decision.GO


def settle(plan: Plan, found: Mapping[tuple[str, str], Finding]) -> tuple[Finding, ...]:
    """One finding for every planned cell, in the plan's order; a cell without one is not verified."""
    return tuple(found.get(cell.key) or lost(cell, _NOT_RUN, measured=False) for cell in plan.cells)


_NOT_RUN = "its test did not run: it was deselected, or the run ended early"


def lost(cell: Cell, why: str, *, measured: bool) -> Finding:
    """The finding of a cell whose test gave no result, or (``measured``) another than it had to."""
    judgement = Judgement(
        Verdict.NOT_VERIFIED, why, remedy="run the whole suite again without selecting tests"
    )
    return Finding(
        cell.requirement.id,
        cell.host.name,
        judgement,
        advisory=cell.requirement.advisory,
        measured=measured,
    )


def decide_gate(findings: Iterable[Finding], *, selected: Iterable[tuple[str, str]] | None) -> Gate:
    """Decide from the settled findings of a plan.

    ``selected`` are the cells of a partial run (None: the whole plan was selected). A partial run
    is never GO: it is NO-GO when a selected cell blocks, else INCOMPLETE. A plan without cells
    proves nothing and is NO-GO.
    """
    findings = tuple(findings)
    chosen = None if selected is None else set(selected)
    failing = [finding for finding in findings if finding.verdict not in _OK]
    blockers = tuple(
        finding
        for finding in failing
        if not finding.advisory
        and (chosen is None or (finding.requirement, finding.host) in chosen)
    )
    if blockers or not findings:
        decision = Decision.NO_GO
    elif chosen is not None:
        decision = Decision.INCOMPLETE
    else:
        decision = Decision.GO
    advisories = tuple(finding for finding in failing if finding.advisory)
    counts = Counter(finding.verdict for finding in findings)
    counts.subtract(finding.verdict for finding in advisories)
    return Gate(decision, blockers, advisories, counts)
