"""Exclusions: what behaviour proves, and when it proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import (
    CanaryOutcome,
    Covered,
    Exclusion,
    Product,
    Reading,
    Scan,
)
from pytest_wfo.core.antivirus.patterns import UNCLEAR, PathGlob
from pytest_wfo.core.facts import Unknown
from pytest_wfo.core.verdicts import Verdict
from tests.support.antivirus_cells import (
    MET,
    NOT_APPLICABLE,
    NOT_MET,
    NOT_VERIFIED,
    ON_DEMAND,
    RESIDENT,
    judged,
    said,
)
from tests.support.products import (
    ALL,
    CAPTURE,
    TEMP,
    canary,
    canary_file,
    product,
)

CONTROL = canary_file(
    "C:\\wfo-ab12\\c.com", CanaryOutcome.DETECTED, Scan.MEMORY_RESIDENT, control=True
)
DEAF = replace(CONTROL, outcome=CanaryOutcome.INTACT)
SUBJECT = canary_file(f"{TEMP}wfo-ab12.com", CanaryOutcome.INTACT, Scan.MEMORY_RESIDENT)
FOUND = replace(SUBJECT, outcome=CanaryOutcome.DETECTED)
HIDDEN = product(exclusions=Unknown("hidden"))
FOLDER = f"av-folder-temp.{RESIDENT}"


@pytest.mark.parametrize(
    ("products", "files", "verdict"),
    [
        ([product(*ALL)], [CONTROL, SUBJECT], MET),
        ([HIDDEN], [CONTROL, SUBJECT], MET),
        ([product(*ALL, reading=Reading.NONE)], [CONTROL, SUBJECT], MET),
        ([product(*ALL)], [DEAF, SUBJECT], MET),
        ([HIDDEN], [DEAF, SUBJECT], NOT_VERIFIED),
        ([HIDDEN], [SUBJECT], NOT_VERIFIED),
        ([HIDDEN], [CONTROL], NOT_VERIFIED),
        ([HIDDEN], [CONTROL, replace(SUBJECT, scan=Scan.ON_DEMAND)], NOT_VERIFIED),
        ([HIDDEN], [CONTROL, replace(SUBJECT, outcome=CanaryOutcome.UNKNOWN)], NOT_VERIFIED),
        ([HIDDEN, product(*ALL)], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([product()], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([product()], [DEAF, SUBJECT], NOT_MET),
        ([product(*ALL)], [CONTROL, FOUND], NOT_MET),
        ([HIDDEN], [CONTROL, FOUND], NOT_MET),
        ([], [CONTROL, FOUND], NOT_MET),
        ([], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([], [DEAF, SUBJECT], NOT_APPLICABLE),
        ([product(Exclusion("x", UNCLEAR))], [CONTROL, SUBJECT], MET),
    ],
)
def test_behaviour_counts_for_more_than_settings(
    products: list[Product], files: list[Any], verdict: Verdict
) -> None:
    judgement = judged(FOLDER, *products, canary=canary(*files))

    assert judgement.verdict is verdict
    if SUBJECT in files or FOUND in files:
        assert "canary run ab12" in said(judgement)


def test_a_detected_canary_asks_for_the_entry_that_is_missing_if_one_is() -> None:
    seen = canary(CONTROL, FOUND)

    missing = judged(FOLDER, product(), canary=seen).remedy
    assert missing == judged(FOLDER, product()).remedy
    there = judged(FOLDER, product(*ALL), canary=seen).remedy
    assert "look for why the entries that are there have no effect" in there


def test_a_run_without_an_effective_control_is_called_inconclusive() -> None:
    assert "inconclusive" in said(judged(FOLDER, HIDDEN, canary=canary(DEAF, SUBJECT)))


def test_a_canary_does_not_settle_what_lies_deeper_than_it() -> None:
    shallow = product(Exclusion("C:\\temp\\*", PathGlob.of("C:\\temp\\*", Covered.MAYBE)))

    assert judged(FOLDER, shallow, canary=canary(CONTROL, SUBJECT)).verdict is NOT_VERIFIED


def test_a_detected_canary_counts_even_where_no_product_is_known() -> None:
    judgement = judged(FOLDER, antivirus=Unknown("-"), canary=canary(FOUND))

    assert judgement.verdict is NOT_MET
    assert "wfo-ab12.com was detected" in judgement.summary


def test_a_control_of_the_same_file_tells_more_than_another() -> None:
    scan = Scan.ON_DEMAND
    own = canary_file(SUBJECT.path, CanaryOutcome.DETECTED, scan, control=True)
    other = canary_file("C:\\x.com", CanaryOutcome.UNKNOWN, scan, control=True)
    files = canary(own, other, replace(SUBJECT, scan=scan))

    assert judged(f"av-folder-temp.{ON_DEMAND}", HIDDEN, canary=files).verdict is MET


def test_an_extension_is_shown_by_a_file_with_it() -> None:
    inside = replace(SUBJECT, path="C:\\wfo-ab12\\x.VID")
    vid = f"av-extension-vid.{RESIDENT}"

    assert judged(vid, HIDDEN, canary=canary(CONTROL, inside)).verdict is MET
    assert judged(vid, HIDDEN, canary=canary(CONTROL, SUBJECT)).verdict is NOT_VERIFIED


def test_no_canary_shows_anything_of_a_program() -> None:
    inside = replace(SUBJECT, path=CAPTURE)

    assert judged(
        f"av-process-screencapserver.{RESIDENT}", HIDDEN, canary=canary(CONTROL, inside)
    ).verdict is (NOT_VERIFIED)
