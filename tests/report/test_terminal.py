"""The closing section reads at 80 columns, without colour, whatever hosts sent."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.terminal import closing
from pytest_wfo.report.text import explain, printable
from tests.support.hostile import hostile
from tests.support.reports import RUN, accepted, finding, report
from tests.support.sites import EDITION, access, healthy_site, site


def test_go() -> None:
    lines = list(closing(report(), ["wfo-report/results.json"]))

    assert lines[0] == "GO - Contoso Columbus (CHG0012345)"
    assert lines[1] == "Every requirement that can block is met or does not apply."
    assert "cells planned" in lines[2]
    assert lines[-1] == "wrote wfo-report/results.json"


def test_a_blocker_is_named_with_its_fix() -> None:
    changed = finding("client-80.connects", "client", Verdict.NOT_MET, "refused", remedy="start it")
    lines = list(closing(report(changed=changed), []))

    assert lines[0].startswith("NO-GO - Contoso Columbus")
    assert "not met: client-80.connects on 1 of 1: client" in lines
    assert "    refused" in lines
    assert "    -> start it" in lines


def test_what_is_accepted_is_told_with_who_accepts_it_and_what_was_measured() -> None:
    changed = accepted("client-80.connects", "client", Verdict.WAIVED) | accepted(
        "client-443.connects", "client", Verdict.ATTESTED
    )
    text = " ".join(" ".join(closing(report(changed=changed), [])).split())

    assert "does not apply, or was accepted by a named person." in text
    assert "waived: 1 by R. Ortiz, until 2026-12-31, CHG0099: moves in March" in text
    assert "client-80.connects on client: measured so" in text
    assert "attested: 1 by K. Lee, who looked on 2026-11-02, until 2027-05-01, DOC-7" in text


def test_many_waivers_are_counted() -> None:
    changed = {}
    for index, name in enumerate(["80", "443", "943", "2012", "2015", "4510"]):
        ((key, made),) = accepted(f"client-{name}.connects", "client", Verdict.WAIVED).items()
        assert made.waiver
        changed[key] = replace(made, waiver=replace(made.waiver, ticket=f"CHG{index}"))

    assert "and waived by 2 more entries" in list(closing(report(changed=changed), []))


def test_a_strict_gate_is_told() -> None:
    lines = list(closing(report(run=replace(RUN, gate="strict")), []))

    assert "The gate is strict: advisory requirements block as well." in lines


def test_an_unreached_host_is_explained_once() -> None:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    lines = list(closing(report(of, SiteFacts(of, hosts)), []))

    assert sum("client did not answer" in line for line in lines) == 1


@settings(max_examples=50)
@given(st.text(max_size=500))
def test_no_line_is_longer_than_80_columns_or_holds_a_control_character(text: str) -> None:
    for line in closing(hostile(text), [text[:6]]):
        assert len(line) < 80
        assert not {unicodedata.category(letter) for letter in line} & {
            "Cc",
            "Cf",
            "Cs",
            "Zl",
            "Zp",
        }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", "plain é"),
        ("a\nb\tc", "a b c"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("\ud800", "\\ud800"),
        ("nbsp\u00a0", "nbsp\u00a0"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_explanation_names_requirement_evidence_remedy_and_source() -> None:
    (item,) = finding(
        "client-80.connects", "client", Verdict.NOT_MET, "refused", "no listener"
    ).values()
    text = explain(item, EDITION.by_id["client-80.connects"])

    assert text.splitlines() == [
        "client: not met: refused",
        "  requirement: TCP 80 (HTTP): a connection succeeds and the peer speaks the stated transport "
        "[client-80.connects]",
        "  evidence: no listener [nft]",
        "  what to do: do this",
        "  source: the document, Environmental Requirements: 80 HTTP Standard HTTP port",
    ]


def test_an_explanation_says_who_accepts_it_and_whom_it_contradicts() -> None:
    (item,) = accepted("client-80.connects", "client", Verdict.WAIVED, attested=True).values()
    lines = explain(item, EDITION.by_id["client-80.connects"]).splitlines()

    assert lines[0] == "client: waived: measured so"
    assert lines[1] == "  waived by: R. Ortiz, until 2026-12-31, CHG0099: moves in March"
    assert lines[2].startswith("  attested by: K. Lee, who looked on 2026-11-02")
    assert lines[2].endswith("The measurement says otherwise, and it counts.")
