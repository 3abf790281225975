"""The block on pytest-html's page: verdict first, everything escaped."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.block import block
from tests.support.reports import accepted, finding, renamed, report
from tests.support.sites import access, healthy_site, site

HOSTILE = [
    "<script>document.title='XSS'</script>",
    "<img src=x onerror=document.title='XSS'>",
    "</style><svg onload=document.title='XSS'>",
    '"><a href="javascript:document.title=1">',
    "{{ 7*7 }}{% raw %}",
    "\x1b]0;owned\x07\x1b[31m",
    "a\nb\r\nc\u2028d\u202etxt.exe",
]


def test_a_healthy_site_is_go_in_words() -> None:
    html = block(report())

    assert ">GO - Contoso Columbus (CHG0012345)</h2>" in html
    assert "What blocks" not in html
    assert 'class="go"' in html


def test_a_blocker_names_requirement_hosts_evidence_and_remedy() -> None:
    html = block(
        report(
            changed=finding(
                "client-80.connects",
                "client",
                Verdict.NOT_MET,
                "refused",
                "no listener",
                "raw words",
            )
        )
    )

    assert "NO-GO - Contoso Columbus" in html
    for words in (
        "client-80.connects",
        "1 of 1: client",
        "refused",
        "no listener",
        "raw words",
        "do this",
    ):
        assert words in html, words


def test_a_host_that_was_not_examined_stands_in_its_own_table() -> None:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    html = block(report(of, SiteFacts(of, hosts)))

    assert "Hosts not examined" in html
    assert "filtered: client did not answer" in html
    assert html.count("could not be examined") == 0, "cells that only repeat it are left out"


def test_who_accepts_what_stands_beside_what_was_measured() -> None:
    changed = accepted("client-80.connects", "client", Verdict.WAIVED) | accepted(
        "client-443.connects", "client", Verdict.NOT_MET, attested=True
    )
    html = block(report(changed=changed))

    assert "Accepted by a named person" in html
    assert "R. Ortiz, until 2026-12-31, CHG0099: moves in March" in html
    assert "<code>client-80.connects</code> on client: measured so" in html
    assert "Attested all the same by K. Lee" in html


def test_a_partial_run_says_so() -> None:
    html = block(report(selected=[("client-80.connects", "client")]))

    assert "INCOMPLETE: not GO" in html
    assert "A part of the plan is never GO" in html


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text: str) -> None:
    changed = (
        finding("client-80.connects", "client", Verdict.NOT_MET, text, text, text, text)
        | accepted("client-943.connects", "client", Verdict.WAIVED, text)
        | accepted("client-443.connects", "client", Verdict.ATTESTED, text)
        | accepted("client-2012.connects", "client", Verdict.NOT_MET, text, attested=True)
    )
    html = renamed_block(text, changed)

    assert not re.search(r"<(script|img|svg|a)\b", html)
    assert "\x1b" not in html
    assert "\u202e" not in html


def renamed_block(text: str, changed: object) -> str:
    return block(renamed(report(changed=changed), text))  # type: ignore[arg-type]


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_the_only_markup_is_ours(text: str) -> None:
    plain = block(
        report(changed=finding("client-80.connects", "client", Verdict.NOT_MET, "x", "x", "x"))
    )
    html = block(
        report(
            changed=finding(
                "client-80.connects", "client", Verdict.NOT_MET, f"x{text}", f"x{text}", "x"
            )
        )
    )

    assert re.findall(r"<[^>]*>", html) == re.findall(r"<[^>]*>", plain)


def test_hundreds_of_blockers_are_capped_with_the_cap_stated() -> None:
    of = site()
    many = {f"desk-{number:03}": of.hosts["client"] for number in range(200)}
    from dataclasses import replace

    hosts = {**of.hosts, **{name: replace(item, name=name) for name, item in many.items()}}
    of = site(hosts=hosts)
    lost = {name: HostFacts(access(name, "filtered")) for name in many}
    facts = SiteFacts(of, {**healthy_site(of).hosts, **lost})
    html = block(report(of, facts))

    assert "and 150 more; all are in results.json" in html
