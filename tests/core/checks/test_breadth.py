"""Ours: an exclusion that is far wider than asked is named, with the narrower one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Product
from pytest_wfo.core.antivirus.patterns import UNCLEAR, OpenedBy, PathGlob
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.products import (
    ALL,
    CAPTURE,
    LOGGER,
    LOGS,
    MEMORY,
    PROGRAMS,
    antivirus,
    extension,
    folder,
    process,
    product,
)
from tests.support.sites import cell, protected_site, site, with_facts

OF = site()
PROTECTED = protected_site(OF)
MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_VERIFIED, NOT_APPLICABLE = Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE
BOTH_PROGRAMS = f"{CAPTURE}, {LOGGER}"


def judged(*products: Product, **facts: Any) -> Judgement:
    known = with_facts(PROTECTED, "premises", **({"antivirus": antivirus(*products)} | facts))
    return judge_cell(cell("least-privilege-exclusions.narrow", "premises", OF), known).judgement


def test_what_the_document_asks_for_is_not_too_wide() -> None:
    judgement = judged(product(*ALL))

    assert judgement.verdict is MET
    assert "Example Antivirus 5.1: 8 entries that are not too wide" in str(judgement.evidence)


@pytest.mark.parametrize(
    ("entry", "narrower"),
    [
        (folder("C:\\"), f"C:\\temp\\, {LOGS}, {BOTH_PROGRAMS}"),
        (folder("C:"), f"C:\\temp\\, {LOGS}, {BOTH_PROGRAMS}"),
        (Exclusion("C:\\*", PathGlob.of("C:\\*", Covered.MAYBE)), "C:\\temp\\"),
        (Exclusion("*", PathGlob.of("**")), "*.vid"),
        (folder("C:\\Program Files"), "C:\\Program Files\\CallCopy\\Logs\\"),
        (folder("C:\\Program Files\\CallCopy"), "C:\\Program Files\\CallCopy\\Logs\\"),
        (folder("C:\\Program Files\\CallCopy\\*"), BOTH_PROGRAMS),
        (folder(PROGRAMS), BOTH_PROGRAMS),
        (extension("exe"), BOTH_PROGRAMS),
        (extension("*"), f"*.vid, *.log, {BOTH_PROGRAMS}"),
        (process("*"), "cc_"),
        (Exclusion("bin\\*", OpenedBy(PathGlob.of(f"{PROGRAMS}\\*")), MEMORY), BOTH_PROGRAMS),
    ],
    ids=lambda value: f"{value.pattern} {value.text}" if isinstance(value, Exclusion) else "",
)
def test_an_entry_that_is_far_wider_is_named_with_the_narrower_one(
    entry: Exclusion, narrower: str
) -> None:
    judgement = judged(product(*ALL, entry))

    assert judgement.verdict is NOT_MET
    assert f"Example Antivirus excludes {entry.text}" in judgement.summary
    assert judgement.remedy.startswith(f"in Example Antivirus, replace {entry.text} by ")
    assert narrower in judgement.remedy


@pytest.mark.parametrize(
    "entry",
    [
        folder("D:\\"),
        folder("C:\\Windows"),
        folder("C:\\", void="it has no effect"),
        folder("C:", scans=frozenset()),
        extension("mdf"),
        process("sqlservr.exe"),
        folder("C:\\temp\\sub"),
        folder("C:\\Program Files\\*\\Logs"),
    ],
    ids=lambda entry: entry.text,
)
def test_an_entry_that_is_about_other_things_or_narrow_is_left_out(entry: Exclusion) -> None:
    judgement = judged(product(*ALL, entry))

    assert judgement.verdict is MET
    assert entry.text not in str(judgement)


def test_what_is_excluded_besides_is_said_at_its_widest() -> None:
    judgement = judged(product(*ALL, folder("C:\\")))

    assert judgement.summary == "Example Antivirus excludes C:\\, and with it everything in C:\\"


def test_an_entry_that_may_be_wider_is_not_verified() -> None:
    assert judged(product(Exclusion("?", UNCLEAR))).verdict is NOT_VERIFIED


def test_what_was_not_seen_is_not_verified_and_what_was_seen_counts() -> None:
    hidden = product(exclusions=Unknown("hidden"))

    assert judged(hidden).verdict is NOT_VERIFIED
    assert judged(hidden, product(folder("C:\\"))).verdict is NOT_MET
    assert judged(antivirus=Unknown("-")).verdict is NOT_VERIFIED
    assert judged().verdict is NOT_APPLICABLE
    passive = product(folder("C:\\"), active=Known(False, "-"))
    assert judged(passive).verdict is NOT_APPLICABLE
    assert judged(passive, product(*ALL)).verdict is MET
