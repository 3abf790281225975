"""Waivers and attestations meet findings: what was measured stays, the verdict says who accepts it.

Two laws. A waiver speaks only of what was measured as not met: it never turns "not verified" into
anything. An attestation speaks only of what was not verified on a host that was reached: it never
changes what was measured, and of a host nobody looked at there is nothing to vouch for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import TypeVar

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Accepted, Attestation, Waiver

_Entry = TypeVar("_Entry", Waiver, Attestation)
_Key = tuple[str, str]


def accept(
    findings: Mapping[_Key, Finding], accepted: Accepted, reached: Container[str], today: date
) -> dict[_Key, Finding]:
    """The findings as measured, with what is waived or attested on ``today``.

    ``reached`` are the names of the hosts that answered. Of several entries for one cell the first
    that holds counts. A finding that is not met although a person vouched for it keeps its verdict
    and names the attestation.
    """
    if not accepted.waivers and not accepted.attestations:
        return dict(findings)
    waivers = _by_requirement(accepted.waivers, today)
    attestations = _by_requirement(accepted.attestations, today)
    return {
        key: _accepted(finding, _first(waivers, finding), _first(attestations, finding), reached)
        for key, finding in findings.items()
    }


def _accepted(
    finding: Finding,
    waiver: Waiver | None,
    attestation: Attestation | None,
    reached: Container[str],
) -> Finding:
    if finding.verdict is Verdict.NOT_MET:
        if waiver is not None:
            waived = replace(finding.judgement, verdict=Verdict.WAIVED)
            return replace(finding, judgement=waived, waiver=waiver, attestation=attestation)
        return replace(finding, attestation=attestation) if attestation else finding
    if finding.verdict is Verdict.NOT_VERIFIED and attestation and finding.host in reached:
        attested = replace(finding.judgement, verdict=Verdict.ATTESTED)
        return replace(finding, judgement=attested, attestation=attestation)
    return finding


def _by_requirement(entries: Iterable[_Entry], today: date) -> dict[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for entry in entries:
        if entry.holds_on(today):
            for requirement in entry.scope.requirement_ids:
                found.setdefault(requirement, []).append(entry)
    return found


def _first(entries: Mapping[str, list[_Entry]], finding: Finding) -> _Entry | None:
    candidates = entries.get(finding.requirement, ())
    return next((entry for entry in candidates if finding.host in entry.scope.host_names), None)


class Outcome(str, Enum):
    """What became of an entry in a run."""

    APPLIED = "applied"
    CONTRADICTED = "contradicted"  # vouched for, but measured as not met; the measurement counts
    EXPIRED = "expired"
    NOT_NEEDED = "no longer needed"  # all it speaks of is met, or it speaks of no planned cell
    NOT_APPLIED = "not applied"  # what it speaks of was not measured, or another entry counts


@dataclass(frozen=True, slots=True)
class Use:
    """An entry, what became of it, and its planned cells.

    ``applied`` are the findings it changed, ``contradicting`` those measured as not met although
    it vouches for them; ``counts`` are all its planned cells by verdict.
    """

    entry: Waiver | Attestation
    outcome: Outcome
    applied: tuple[Finding, ...]
    contradicting: tuple[Finding, ...]
    counts: Counter[Verdict]


def uses(findings: Iterable[Finding], accepted: Accepted, today: date) -> tuple[Use, ...]:
    """What became of every entry, waivers first; ``findings`` are those of the whole plan."""
    by_requirement: dict[str, list[Finding]] = {}
    for finding in findings:
        by_requirement.setdefault(finding.requirement, []).append(finding)
    entries: tuple[Waiver | Attestation, ...] = (*accepted.waivers, *accepted.attestations)
    return tuple(_use(entry, by_requirement, today) for entry in entries)


def _use(
    entry: Waiver | Attestation, by_requirement: Mapping[str, list[Finding]], today: date
) -> Use:
    covered = [
        finding
        for requirement in sorted(entry.scope.requirement_ids)
        for finding in by_requirement.get(requirement, ())
        if finding.host in entry.scope.host_names
    ]
    applied: list[Finding] = []
    contradicting: list[Finding] = []
    for finding in covered:
        if finding.verdict is Verdict.WAIVED and finding.waiver is entry:
            applied.append(finding)
        elif finding.attestation is entry:
            attested = finding.verdict is Verdict.ATTESTED
            (applied if attested else contradicting).append(finding)
    counts = Counter(finding.verdict for finding in covered)
    if not entry.holds_on(today):
        outcome = Outcome.EXPIRED
    elif contradicting:
        outcome = Outcome.CONTRADICTED
    elif applied:
        outcome = Outcome.APPLIED
    elif counts.keys() <= _settled(entry):
        outcome = Outcome.NOT_NEEDED
    else:
        outcome = Outcome.NOT_APPLIED
    return Use(entry, outcome, tuple(applied), tuple(contradicting), counts)


def _settled(entry: Waiver | Attestation) -> set[Verdict]:
    """The verdicts that leave an entry without work."""
    free = {Verdict.MET, Verdict.NOT_APPLICABLE}
    return free | {Verdict.ATTESTED} if isinstance(entry, Waiver) else free
