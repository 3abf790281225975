"""summary.md: short, and Markdown never comes from a host."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.page_words import fold_names
from pytest_wfo.report.summary import LIMIT, code, summary, write_summary
from tests.report.test_block import HOSTILE
from tests.report.test_page import refused, with_clients
from tests.support.hostile import hostile
from tests.support.reports import RUN, accepted, finding, report, with_notes
from tests.support.sites import access, healthy_site, site


def test_the_decision_stands_first_with_counts_blockers_and_what_to_do() -> None:
    made = report(with_clients(9), changed=refused("pc-002", "pc-003"))
    text = summary(made)

    assert text.startswith("# NO-GO: WFO environmental requirements\n")
    assert f"| {made.planned} |" in text
    assert "not met on 2 of 9 hosts: ` pc-[002:003] `" in text
    assert "what to do: ` do this `" in text


def test_what_is_accepted_is_told_with_who_accepts_it() -> None:
    changed = accepted("client-80.connects", "client", Verdict.WAIVED) | accepted(
        "client-443.connects", "client", Verdict.NOT_MET, attested=True
    )
    made = report(changed=changed, run=replace(RUN, gate="strict"))
    text = summary(made)

    assert (
        "## Waived\n\n- 1 by ` R. Ortiz, until 2026-12-31, CHG0099: moves in March `\n"
        "  - ` client-80.connects ` on ` client `: ` measured so `"
    ) in text
    assert "attested all the same by ` K. Lee, who looked on 2026-11-02" in text
    assert "The gate is strict" in text


def test_hosts_not_examined_and_a_partial_run_are_told() -> None:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}

    assert "- ` client `: ` filtered `: ` client did not answer `" in summary(
        report(of, SiteFacts(of, hosts))
    )
    assert "A part of the plan is never GO" in summary(
        report(selected=[("client-80.connects", "client")])
    )


def test_it_keeps_to_its_size_and_counts_what_it_leaves_out() -> None:
    of = with_clients(250)
    lost = {f"pc-{index:03}": HostFacts(access("x" * 500, "filtered")) for index in range(1, 251)}
    made = report(of, SiteFacts(of, {**healthy_site(of).hosts, **lost}))
    text = summary(made)
    told = text.count(": ` filtered `: ")
    (left,) = re.findall(r"(\d+) more entries stand in report.html", text)

    assert len(text) <= LIMIT
    assert told + int(left) == 250 + len(made.gate.advisories)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_in_code_spans(text: str) -> None:
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", summary(hostile(text)))

    assert "XSS" not in outside
    assert "<" not in outside
    assert "javascript:" not in outside
    assert "{{" not in outside


@settings(max_examples=100)
@given(st.text(alphabet="`ab \n@|", max_size=30))
def test_a_code_span_cannot_be_left(text: str) -> None:
    span = code(text)
    if not text.strip():
        return
    fence = re.match("`+", span)
    assert fence
    inner = span[len(fence[0]) + 1 : -len(fence[0]) - 1]

    assert "\n" not in span
    assert fence[0] not in re.findall("`+", inner)
    assert span.endswith(f" {fence[0]}")


@settings(max_examples=100)
@given(st.lists(st.text(alphabet="a-019", min_size=1, max_size=6), max_size=12))
def test_folded_names_are_the_names(names: list[str]) -> None:
    unfolded: list[str] = []
    for part in fold_names(names).split(", ") if names else []:
        found = re.fullmatch(r"(.*)\[(\d+):(\d+)\]", part)
        if found:
            stem, first, last = found.groups()
            numbers = range(int(first), int(last) + 1)
            unfolded += [f"{stem}{number:0{len(first)}}" for number in numbers]
        else:
            unfolded.append(part)

    assert unfolded == names


def test_the_file_is_whole(tmp_path: Path) -> None:
    changed = finding("client-80.connects", "client", Verdict.NOT_MET, "\ud800 é")
    write_summary(
        with_notes(report(changed=changed), *map(str, range(30))), tmp_path / "summary.md"
    )

    assert "and 10 more notes" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["summary.md"]
