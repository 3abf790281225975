"""The closing section reads at 80 columns, without colour, whatever hosts sent."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.terminal import closing
from pytest_wfo.report.text import explain, printable
from tests.support.reports import finding, report
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


def test_an_unreached_host_is_explained_once() -> None:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    lines = list(closing(report(of, SiteFacts(of, hosts)), []))

    assert sum("client did not answer" in line for line in lines) == 1


@settings(max_examples=50)
@given(st.text(max_size=500))
def test_no_line_is_longer_than_80_columns_or_holds_a_control_character(text: str) -> None:
    changed = finding("client-80.connects", "client", Verdict.NOT_MET, text, text, text, text)
    for line in closing(report(changed=changed), []):
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
