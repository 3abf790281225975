"""File types: test files, histories, and whose file it was that a product removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Product, Removal, Survival
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.products import LOGS, TEMP, antivirus, product, survival
from tests.support.sites import cell, protected_site, site, with_facts

OF = site()
PROTECTED = protected_site(OF)
MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_VERIFIED, NOT_APPLICABLE = Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE


def judged(kind: str, *products: Product, host: str = "premises", **facts: Any) -> Judgement:
    known = with_facts(PROTECTED, host, **({"antivirus": antivirus(*products)} | facts))
    return judge_cell(cell(f"file-type-{kind}.untouched", host, OF), known).judgement


def removing(path: str, action: str = "quarantined", **more: Any) -> Product:
    removal = Removal(path, action, "Trojan:X", "2026-11-01T10:00:00Z")
    return product(removals=Known((removal,), "its log"), **more)


def said(judgement: Judgement) -> str:
    return "\n".join(item.statement for item in judgement.evidence)


@pytest.mark.parametrize("host", ["premises", "client"])
def test_a_type_that_survives_and_that_no_history_names_is_met(host: str) -> None:
    judgement = judged("vid", product(), host=host)

    assert judgement.verdict is MET
    assert said(judgement).splitlines() == [
        f"{TEMP}wfo-1.vid: unchanged after 12 s",
        "Example Antivirus 5.1: nothing of the type in the history of 90 days",
    ]


def test_a_history_that_reaches_back_less_far_is_said_so() -> None:
    short = judged("vid", product(history_days=7))

    assert short.verdict is MET
    assert "history of 7 days; it reaches back no further" in said(short)
    assert judged("vid", product(history_days=0)).verdict is NOT_VERIFIED


@pytest.mark.parametrize(
    "fate", [Survival.GONE, Survival.CHANGED, Survival.REFUSED, Survival.BLOCKED]
)
def test_a_test_file_that_was_not_left_alone_is_not_met(fate: Survival) -> None:
    for products in ([product()], [], [product(removals=Unknown("-"))]):
        judgement = judged("vid", *products, survival=survival(vid=fate))
        assert judgement.verdict is NOT_MET
        assert f"{TEMP}wfo-1.vid" in judgement.summary
    assert judged("vid", antivirus=Unknown("-"), survival=survival(vid=fate)).verdict is NOT_MET
    assert judged("log", product(), survival=survival(vid=fate)).verdict is MET, "its own type only"


def test_a_file_whose_access_rights_were_not_seen_is_not_known_to_be_unchanged() -> None:
    whole = survival()
    assert isinstance(whole, Known)
    files = tuple(replace(file, detail="rights not seen") for file in whole.value.files)
    judgement = judged("vid", product(), survival=Known(replace(whole.value, files=files), "-"))

    assert judgement.verdict is NOT_VERIFIED
    assert "rights not seen" in judgement.summary


def test_a_type_of_which_no_file_could_be_written_is_not_verified() -> None:
    judgement = judged("vid", product(), survival=survival(vid=Survival.UNWRITTEN))

    assert judgement.verdict is NOT_VERIFIED
    assert "no harmless .vid file could be written" in judgement.summary


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (
            {"survival": Unknown("nothing is written at this level", "use safe")},
            "nothing is written",
        ),
        ({"antivirus": Unknown("hidepid")}, "hidepid"),
        ({"antivirus": antivirus(product(removals=Unknown("no log")))}, "no log"),
        ({"antivirus": antivirus(product(active=Unknown("no service")))}, "no service"),
    ],
)
def test_what_was_not_seen_is_not_verified(facts: dict[str, Any], reason: str) -> None:
    judgement = judged("vid", product(), **facts)

    assert judgement.verdict is NOT_VERIFIED
    assert reason in judgement.summary


def test_without_an_active_antivirus_it_does_not_apply() -> None:
    assert judged("vid").verdict is NOT_APPLICABLE
    passive = product(active=Known(False, "passive"), removals=Unknown("-"))
    assert judged("vid", passive).verdict is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("kind", "path", "verdict"),
    [
        ("vid", f"{TEMP}call.VID", NOT_MET),
        ("vid", "D:\\recordings\\call.vid", NOT_MET),
        ("vid", "C:\\Users\\a\\Downloads\\film.vid", NOT_MET),
        ("vid", f"{TEMP}call.exe", MET),
        ("vid", f"{TEMP}call.vid.exe", MET),
        ("vox8", "D:\\a.vox", MET),
        ("log", f"{LOGS}today.log", NOT_MET),
        ("xml", "c:/TEMP/sub/call.xml", NOT_MET),
        ("xml", "C:\\Users\\a\\AppData\\Local\\Cache\\evil.xml", MET),
        ("log", "C:\\Users\\a\\Downloads\\x.log", MET),
        ("wav", "D:\\recordings\\call.wav", NOT_VERIFIED),
        ("log", "D:\\app\\x.log", NOT_VERIFIED),
    ],
)
def test_a_removal_counts_by_type_and_place(kind: str, path: str, verdict: Verdict) -> None:
    judgement = judged(kind, removing(path))

    assert judgement.verdict is verdict
    touched = path.lower().endswith(f".{kind}")
    assert (f"{path} was quarantined as Trojan:X at 2026-11-01" in said(judgement)) is touched


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("removed", NOT_MET),
        ("blocked", NOT_MET),
        ("cleaned", NOT_MET),
        ("failed", NOT_MET),
        ("allowed", MET),
        ("none", NOT_VERIFIED),
        ("unknown", NOT_VERIFIED),
    ],
)
def test_a_removal_counts_by_what_was_done(action: str, verdict: Verdict) -> None:
    judgement = judged("vid", removing(f"{TEMP}call.vid", action))

    assert judgement.verdict is verdict
    if verdict is MET:
        assert (
            judgement.summary
            == "1 harmless .vid files survived, and no history names one that counts"
        )


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("wfo-canary-0a1b2c3d4e5f.vid", MET),
        ("wfo-probe-0a1b2c3d4e5f-9c8b7a65.vid", MET),
        ("WFO-PROBE-0A1B2C3D4E5F-9C8B7A65.VID", MET),
        ("my-wfo-canary-0a1b2c3d4e5f.vid", NOT_MET),
        ("wfo-canary-call of today.vid", NOT_MET),
        ("wfo-canary-0a1b2c3d4e5f.vid.vid", NOT_MET),
    ],
)
def test_test_files_of_ours_in_a_history_are_told_and_do_not_count(
    name: str, verdict: Verdict
) -> None:
    """The canary has to be removed; what harmless files show today counts, not what they once did."""
    judgement = judged("vid", removing(f"{TEMP}{name}"))

    assert judgement.verdict is verdict
    assert f"{name} was quarantined as Trojan:X" in said(judgement)
    assert ("(a test file of this tool)" in said(judgement)) is (verdict is MET)


def test_what_a_product_did_before_it_became_passive_counts() -> None:
    passive = removing(f"{TEMP}call.vid", active=Known(False, "passive"))

    assert judged("vid", passive, product()).verdict is NOT_MET
