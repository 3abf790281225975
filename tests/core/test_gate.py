"""The gate: plan minus findings."""

import pytest

from pytest_wfo.core.checks import judge
from pytest_wfo.core.gate import Decision, decide_gate, settle
from pytest_wfo.core.plan import plan
from pytest_wfo.core.requirements import binding
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict
from tests.support.sites import EDITION, healthy_site, site, the_plan

OF = site()
PLAN = the_plan(OF)
FOUND = judge(PLAN.cells, healthy_site(OF))


def changed(key: tuple[str, str], verdict: Verdict) -> dict[tuple[str, str], Finding]:
    old = FOUND[key]
    new = Finding(*key, Judgement(verdict, "changed"), advisory=old.advisory)
    return {**FOUND, key: new}


def test_all_met_is_go() -> None:
    gate = decide_gate(settle(PLAN, FOUND), selected=None)

    assert gate.decision is Decision.GO
    assert gate.blockers == ()


@pytest.mark.parametrize(
    "verdict", [Verdict.NOT_MET, Verdict.NOT_VERIFIED], ids=["not-met", "not-verified"]
)
def test_one_cell_that_is_not_met_or_not_verified_blocks(verdict: Verdict) -> None:
    key = ("client-2012.connects", "client")
    gate = decide_gate(settle(PLAN, changed(key, verdict)), selected=None)

    assert gate.decision is Decision.NO_GO
    assert [(item.requirement, item.host) for item in gate.blockers] == [key]


@pytest.mark.parametrize(
    "verdict",
    [Verdict.WAIVED, Verdict.ATTESTED, Verdict.NOT_APPLICABLE],
    ids=["waived", "attested", "na"],
)
def test_accepted_verdicts_do_not_block(verdict: Verdict) -> None:
    found = changed(("client-2012.connects", "client"), verdict)

    assert decide_gate(settle(PLAN, found), selected=None).go


def test_advisory_findings_never_block_but_are_listed() -> None:
    found = changed(("least-privilege-2010.narrow", "edge"), Verdict.NOT_MET)
    gate = decide_gate(settle(PLAN, found), selected=None)

    assert gate.go
    assert {item.host for item in gate.advisories} == {"premises", "edge"}


@pytest.mark.parametrize("index", range(0, len(PLAN.cells), 7))
def test_a_cell_without_a_finding_is_not_verified_and_blocks(index: int) -> None:
    key = PLAN.cells[index].key
    found = {other: finding for other, finding in FOUND.items() if other != key}
    settled = settle(PLAN, found)
    gate = decide_gate(settled, selected=None)

    assert [item.verdict for item in settled if (item.requirement, item.host) == key] == [
        Verdict.NOT_VERIFIED
    ]
    assert gate.go is PLAN.cells[index].requirement.advisory


def test_a_partial_run_is_never_go() -> None:
    chosen = [cell.key for cell in PLAN.cells if cell.requirement.port == 2012]
    settled = settle(PLAN, {key: FOUND[key] for key in chosen})

    assert decide_gate(settled, selected=chosen).decision is Decision.INCOMPLETE


def test_a_partial_run_with_a_blocker_is_no_go() -> None:
    key = ("client-2012.connects", "client")
    found = changed(key, Verdict.NOT_MET)

    assert decide_gate(settle(PLAN, {key: found[key]}), selected=[key]).decision is Decision.NO_GO


def test_an_empty_plan_is_no_go() -> None:
    assert decide_gate((), selected=None).decision is Decision.NO_GO


def test_with_a_binding_edition_what_is_advisory_blocks_too() -> None:
    strict = plan(binding(EDITION), OF)
    found = judge(strict.cells, healthy_site(OF))
    gate = decide_gate(settle(strict, found), selected=None)

    assert {cell.key for cell in strict.cells} == {cell.key for cell in PLAN.cells}
    assert gate.decision is Decision.NO_GO
    assert {item.host for item in gate.blockers} == {"premises", "edge"}
    assert gate.advisories == ()
    assert EDITION.by_id["least-privilege-2010.narrow"].advisory, "the edition itself stays"
