"""Short ways for checks to say the four things they say."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_wfo.core.facts import Unknown
from pytest_wfo.core.verdicts import Evidence, Judgement, Verdict


def met(summary: str, evidence: Iterable[Evidence]) -> Judgement:
    """The requirement holds; ``evidence`` is what a sceptic can check (never empty)."""
    return Judgement(Verdict.MET, summary, _some(evidence))


def not_met(summary: str, evidence: Iterable[Evidence], remedy: str) -> Judgement:
    """The requirement was seen not to hold."""
    return Judgement(Verdict.NOT_MET, summary, _some(evidence), remedy)


def not_verified(summary: str, remedy: str = "", evidence: Iterable[Evidence] = ()) -> Judgement:
    """It could not be seen whether the requirement holds: why, and what to do."""
    return Judgement(Verdict.NOT_VERIFIED, summary, tuple(evidence), remedy)


def unseen(unknown: Unknown, what: str, evidence: Iterable[Evidence] = ()) -> Judgement:
    """``what`` could not be read on the host."""
    return not_verified(f"{what}: {unknown.reason}", unknown.remedy, evidence)


def not_applicable(summary: str, evidence: Iterable[Evidence]) -> Judgement:
    """The host was looked at, and there is nothing the requirement speaks of."""
    return Judgement(Verdict.NOT_APPLICABLE, summary, _some(evidence))


def _some(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    found = tuple(evidence)
    if not found:
        raise ValueError("a verdict without evidence")
    return found
