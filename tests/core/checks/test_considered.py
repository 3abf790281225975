"""General considerations: files that are worth excluding, and are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Concern, ConcernedFile, Product, Scan
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.products import DEMAND, TEMP, antivirus, concerns, folder, product
from tests.support.sites import cell, protected_site, site, with_facts

OF = site()
PROTECTED = protected_site(OF)
MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_VERIFIED, NOT_APPLICABLE = Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE
BIG = ConcernedFile(Concern.LARGE, "D:\\data\\wfo.mdf", "12 GB")
OPEN = ConcernedFile(Concern.LOCKED, f"{TEMP}a.vid", "locked by cc_screencapserver.exe")
MANY = ConcernedFile(Concern.TEMPORARY, TEMP, "140 new files in 10 s", folder=True)


def judged(kind: str, *products: Product, **facts: Any) -> Judgement:
    known = with_facts(PROTECTED, "premises", **({"antivirus": antivirus(*products)} | facts))
    return judge_cell(cell(f"{kind}-files.considered", "premises", OF), known).judgement


def test_files_that_no_entry_covers_are_named() -> None:
    judgement = judged("large", product(folder(TEMP)), concerns=concerns(BIG, OPEN, MANY))

    assert judgement.verdict is NOT_MET
    assert "D:\\data\\wfo.mdf (12 GB)" in judgement.summary
    assert "a.vid" not in str(judgement), "the other kinds have cells of their own"
    for kind in ("locked", "temporary"):
        covered = judged(kind, product(folder(TEMP)), concerns=concerns(BIG, OPEN, MANY))
        assert covered.verdict is MET
        assert "1 more were found and are excluded" in str(covered)


def test_every_kind_of_scanning_that_is_done_must_leave_them_out() -> None:
    only = folder(TEMP, scans=DEMAND)
    resident = {Scan.MEMORY_RESIDENT: Known(False, "off"), Scan.ON_DEMAND: Known(True, "on")}

    assert judged("locked", product(only), concerns=concerns(OPEN)).verdict is NOT_MET
    quiet = product(only, scanning=resident)
    assert judged("locked", quiet, concerns=concerns(OPEN)).verdict is MET


def test_many_files_are_cut() -> None:
    many = [replace(BIG, path=f"D:\\{number}.mdf") for number in range(25)]
    judgement = judged("large", product(), concerns=concerns(*many))

    assert judgement.summary.startswith("25 large files are not excluded")
    assert "and 15 more" in str(judgement.evidence)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, MET),
        ({"concerns": concerns(limits={Concern.LARGE: "D:\\ was not searched"})}, NOT_VERIFIED),
        ({"concerns": concerns(limits={Concern.LOCKED: "-"})}, MET),
        ({"concerns": Unknown("not searched")}, NOT_VERIFIED),
        ({"antivirus": Unknown("hidepid")}, NOT_VERIFIED),
        ({"antivirus": antivirus()}, NOT_APPLICABLE),
        ({"antivirus": antivirus(product(active=Known(False, "-")))}, NOT_APPLICABLE),
        ({"antivirus": antivirus(product(exclusions=Unknown("-"))), "concerns": concerns(BIG)},
         NOT_VERIFIED),
    ],
)  # fmt: skip
def test_what_was_not_seen_is_not_verified(facts: dict[str, Any], verdict: Verdict) -> None:
    assert judged("large", product(), **facts).verdict is verdict


def test_a_row_that_names_no_kind_of_files_is_a_defect() -> None:
    requirement = replace(cell("large-files.considered", "premises", OF).requirement, concern=None)

    with pytest.raises(ValueError, match=r"large-files\.considered names no kind"):
        judge_cell(Cell(requirement, OF.hosts["premises"]), PROTECTED)
