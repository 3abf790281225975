"""Does a real peer get through, and does it hear the stated transport?"""

from __future__ import annotations

from pytest_wfo.core.checks.answers import met, not_met, not_verified, unseen
from pytest_wfo.core.checks.diagnosis import diagnose
from pytest_wfo.core.checks.transports import spoken
from pytest_wfo.core.facts import Reach, Target, Unknown
from pytest_wfo.core.plan import Cell, targets_of_cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement, Verdict

_WORDS = {
    Reach.REFUSED: "refused",
    Reach.FILTERED: "got no answer (filtered)",
    Reach.UNREACHABLE: "was rejected (unreachable)",
    Reach.RESET: "was reset",
}


def check_connects(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Every target of the cell accepts the connection and speaks the transport.

    One failing target makes the cell not met; one that could not be tried makes it not verified.
    """
    judgements = [
        _judge(cell, target, site_facts)
        for target in targets_of_cell(cell, site_facts.site, site_facts.resolved)
    ]
    if not judgements:
        return not_verified(
            "the inventory names no PREMISES server to connect to",
            "add the PREMISES server to the inventory with role: premises",
        )
    evidence = [item for judgement in judgements for item in judgement.evidence]
    for verdict in (Verdict.NOT_MET, Verdict.NOT_VERIFIED):
        failing = [judgement for judgement in judgements if judgement.verdict is verdict]
        if failing:
            return Judgement(
                verdict,
                "; ".join(judgement.summary for judgement in failing),
                tuple(evidence),
                "; ".join(dict.fromkeys(judgement.remedy for judgement in failing)),
            )
    return met("; ".join(judgement.summary for judgement in judgements), evidence)


def _judge(cell: Cell, target: Target, site_facts: SiteFacts) -> Judgement:
    where = f"{target.address}:{target.port}"
    seen = site_facts.probe(cell.host, target)
    if isinstance(seen, Unknown):
        return unseen(seen, f"the connection to {where}")
    probe = seen.value
    source = f"TCP connect from {cell.host.name}, {seen.source}"
    if probe.reach is Reach.OPEN:
        return spoken(cell.requirement, probe, source)
    if probe.reach is Reach.UNMEASURED:
        return not_verified(
            f"{cell.host.name} could not try {where} ({probe.detail})",
            "run again; if it stays, install python3, perl, bash or nc on the host, or try from "
            "another host",
        )
    words = f"{where} {_WORDS[probe.reach]}"
    evidence = Evidence(
        f"{words}: {probe.detail or probe.reach.value} after {probe.milliseconds} ms, "
        f"{probe.attempts} attempt{'s' if probe.attempts != 1 else ''}",
        source,
    )
    diagnosis = diagnose(cell.host, probe, site_facts)
    return not_met(f"{words}: {diagnosis.cause}", [evidence, *diagnosis.evidence], diagnosis.remedy)
