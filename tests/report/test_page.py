"""report.html: what an approver reads, in the page's own source; a browser looks at it elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.gate import decide_gate
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.page import page, write_page
from pytest_wfo.report.page_groups import groups_of_hosts
from pytest_wfo.report.results import results
from pytest_wfo.report.text import printable
from tests.report.test_block import HOSTILE
from tests.support.hostile import hostile
from tests.support.reports import RUN, accepted, finding, report
from tests.support.sites import access, healthy_site, host, site

HTTP = "client-80.connects"


def with_clients(number: int) -> Any:
    """A site with clients pc-001, pc-002, ..."""
    of = site()
    clients = {
        f"pc-{index:03}": host(f"pc-{index:03}", Role.CLIENT, f"10.61.1.{index}")
        for index in range(1, number + 1)
    }
    return site(
        hosts={**{name: each for name, each in of.hosts.items() if name != "client"}, **clients}
    )


def refused(*names: str) -> dict[tuple[str, str], Finding]:
    found: dict[tuple[str, str], Finding] = {}
    for name in names:
        found |= finding(HTTP, name, Verdict.NOT_MET, f"{name} was refused", excerpt="RST")
    return found


def embedded(html: str) -> tuple[dict[str, Any], bytes]:
    """The data of the matrix and its bytes."""
    found = re.search(r'<script type="application/gzip\+base64" id="data">([^<]*)</script>', html)
    assert found
    raw = gzip.decompress(base64.b64decode(found[1]))
    return json.loads(raw), raw


def static(html: str) -> str:
    """The page as it is read without scripts: tags, style, script and data left out."""
    without = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", "", without).split())


def unpacked(html: str) -> dict[tuple[str, str], tuple[str, str, str, list[tuple[str, str, str]]]]:
    """Every cell of the matrix with its texts restored, as the page's script restores them."""
    data, _ = embedded(html)
    known: dict[str, list[Any]] = {"text": [], "piece": [], "answer": []}

    def read(kind: str, item: Any) -> Any:
        if isinstance(item, int):
            return known[kind][item]
        if kind == "answer":
            letter, summary, remedy, pieces = item
            texts = [read("text", summary), read("text", remedy)]
            item = [letter, *texts, [read("piece", each) for each in pieces]]
        elif kind == "piece":
            item = [read("text", each) for each in item]
        known[kind].append(item)
        return item

    found = {}
    for (requirement, *_rest), column in zip(data["requirements"], data["columns"], strict=True):
        for (name, _roles, addresses, *_more), item in zip(data["hosts"], column, strict=True):
            if item == -1:
                continue

            def told(text: str, name: str = name, address: str = addresses[0]) -> str:
                return text.replace("\x01", name).replace("\x02", address)

            letter, summary, remedy, pieces = read("answer", item)
            evidence = [(told(one), told(two), told(three)) for one, two, three in pieces]
            found[requirement, name] = (letter, told(summary), told(remedy), evidence)
    return found


def test_a_healthy_site_is_go_with_everything_an_approver_asks_for() -> None:
    text = static(page(report()))

    for words in (
        "GO Contoso Columbus CHG0012345",
        "Every requirement that can block is met or does not apply. 2 advisory remarks",
        "2026-11-23T10:00:00Z to 2026-11-23T10:00:09Z",
        "qa on ci-7",
        "inContact WFO 16.1 Environmental Requirements (edition 16.1)",
        "inventory.yml, 4 hosts",
        "pytest-wfo 0.1.0",
        "What blocks Nothing.",
        "0 checks are not verified",
    ):
        assert words in text, words


def test_a_blocker_says_on_how_many_hosts_what_was_seen_and_what_to_do() -> None:
    text = static(page(report(with_clients(9), changed=refused("pc-002", "pc-003", "pc-004"))))

    assert "3 checks block: 1 requirement below" in text
    assert "TCP 80 (HTTP): a connection succeeds" in text
    assert "3 of 9 hosts not met" in text
    assert "not met on pc-[002:004] (3): pc-002 was refused" in text
    for words in ("What to do: do this", "a rule nft", "RST", "80 HTTP Standard HTTP port"):
        assert words in text, words


def test_a_host_that_was_not_examined_is_told_once() -> None:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    made = report(of, SiteFacts(of, hosts))
    text = static(page(made))
    lost = made.gate.counts[Verdict.NOT_VERIFIED]

    assert "1 host of 4 not examined" in text
    assert "filtered client (1 host) What to do: look at the network" in text
    assert f"client: client did not answer ({lost} checks not verified)" in text
    assert (
        f"{lost} checks are not verified, {lost} of them on hosts that were not examined." in text
    )
    assert "could not be examined" not in text, "cells that only repeat it are left to the matrix"


def test_a_partial_run_names_what_was_not_selected() -> None:
    made = report(selected=[(HTTP, "client")])
    text = static(page(made))

    assert text.startswith("INCOMPLETE: Contoso Columbus")
    assert f"Only 1 of {made.planned} planned checks were selected" in text
    assert "Not selected in this run, or without a result" in text
    assert "its test did not run" in text


def test_an_empty_plan_proves_nothing() -> None:
    empty = replace(report(), findings=(), gate=decide_gate((), selected=None))
    text = static(page(empty))

    assert "NO-GO" in text
    assert "Nothing was planned, so nothing was proved." in text


def test_advice_waivers_and_what_was_not_planned_stand_in_the_static_part() -> None:
    advice = finding("large-files.considered", "premises", Verdict.NOT_MET, "big.dat is scanned")
    advice = {key: replace(each, advisory=True) for key, each in advice.items()}
    made = report(
        changed=advice
        | accepted(HTTP, "client", Verdict.WAIVED)
        | accepted("client-443.connects", "client", Verdict.ATTESTED)
    )
    reason = NotPlanned("cloud-2010.connects-in", "", "set aside by Kim: NAT")
    text = static(page(replace(made, not_planned=(reason,))))

    assert "GO Contoso" in text
    for words in (
        "big.dat is scanned",
        "waived by R. Ortiz, until 2026-12-31, ticket CHG0099: moves in March (waivers.yml:3)",
        "attested by K. Lee, who looked on 2026-11-02, until 2027-05-01, reference DOC-7, attached "
        f"proof.pdf SHA-256 {'a' * 64}",
        "Measured as not met in 1 check: client-80.connects on client: measured so How do we know",
        "Not verified in 1 check: client-443.connects on client: measured so How do we know",
        "set aside by Kim: NAT: cloud-2010.connects-in",
    ):
        assert words in text, words


def test_what_a_person_vouched_for_and_was_measured_otherwise_is_told_with_the_blocker() -> None:
    text = static(page(report(changed=accepted(HTTP, "client", Verdict.NOT_MET, attested=True))))

    assert "NO-GO" in text
    assert (
        "not met on client: measured so Attested all the same by K. Lee, who looked on 2026-11-02"
    ) in text
    assert "The measurement says otherwise, and it counts." in text


def test_a_strict_gate_is_told_and_nothing_says_that_advice_never_blocks() -> None:
    text = static(page(report(run=replace(RUN, gate="strict"))))

    assert "The gate is strict: advisory requirements block as well." in text
    assert "Advisory remarks never block" not in text


def test_many_waivers_keep_the_rest_of_the_page_near_and_none_is_lost() -> None:
    changed: dict[tuple[str, str], Finding] = {}
    for index in range(1, 31):
        ((key, made),) = accepted(HTTP, f"pc-{index:03}", Verdict.WAIVED).items()
        assert made.waiver
        changed[key] = replace(made, waiver=replace(made.waiver, ticket=f"CHG{index:04}"))
    html = page(report(with_clients(30), changed=changed))
    text = static(html)

    assert "and 27 waivers more" in text
    assert all(f"ticket CHG{index:04}:" in text for index in range(1, 31))
    assert html.count("<details") == html.count("</details>")


def test_hosts_whose_waivers_differ_are_not_alike() -> None:
    changed = accepted(HTTP, "pc-001", Verdict.WAIVED) | accepted(
        HTTP, "pc-002", Verdict.WAIVED, permanent=True
    )
    groups = list(groups_of_hosts(report(with_clients(3), changed=changed)).values())

    assert ["pc-001"] in groups
    assert ["pc-002"] in groups


def test_the_matrix_says_who_accepts_a_cell() -> None:
    changed = accepted(HTTP, "client", Verdict.WAIVED, attested=True)
    data, _ = embedded(page(report(changed=changed)))
    ((host_number, column, number),) = data["accepted"]["cells"]

    assert (data["hosts"][host_number][0], data["requirements"][column][0]) == ("client", HTTP)
    assert data["accepted"]["sentences"][number] == (
        "Waived by R. Ortiz, until 2026-12-31, CHG0099: moves in March. Attested by K. Lee, who looked "
        f"on 2026-11-02, until 2027-05-01, DOC-7; attached: proof.pdf, SHA-256 {'a' * 64}. The "
        "measurement says otherwise, and it counts."
    )


def test_hosts_that_are_alike_are_folded_and_the_others_say_where_they_differ() -> None:
    text = static(page(report(with_clients(30), changed=refused("pc-007", "pc-009"))))

    assert "28 alike: pc-[001:006], pc-008, pc-[010:030]:" in text
    assert "2 alike differ in client-80.connects (not met): pc-007, pc-009:" in text


def test_hosts_that_fail_in_other_words_are_not_alike() -> None:
    changed = refused("pc-001") | finding(HTTP, "pc-002", Verdict.NOT_MET, "no answer")
    groups = list(groups_of_hosts(report(with_clients(3), changed=changed)).values())

    assert ["pc-001"] in groups
    assert ["pc-002"] in groups


def test_the_matrix_holds_every_planned_cell_as_results_json_does() -> None:
    made = report(with_clients(5), changed=refused("pc-003"))
    letters = {"M": "met", "F": "not met", "U": "not verified", "N": "not applicable"}
    cells = unpacked(page(made))

    assert cells == {
        (item["requirement"], item["host"]): (
            {word: letter for letter, word in letters.items()}[item["verdict"]].lower()
            if item["advisory"] and item["verdict"] in ("not met", "not verified")
            else {word: letter for letter, word in letters.items()}[item["verdict"]],
            printable(item["summary"]),
            printable(item["remedy"]),
            [
                (
                    printable(each["statement"]),
                    printable(each["source"]),
                    "\n".join(map(printable, each["excerpt"].split("\n"))),
                )
                for each in item["evidence"]
            ],
        )
        for item in results(made)["results"]
    }


def test_when_each_cell_was_collected_is_kept() -> None:
    late = {
        key: replace(each, collected_at="2026-11-23T11:00:00Z")
        for key, each in refused("client").items()
    }
    data, _ = embedded(page(report(changed=late)))
    (host_number, column, at), *more = data["collected"]

    assert (data["hosts"][host_number][0], data["requirements"][column][0], at) == (
        "client", HTTP, "2026-11-23T11:00:00Z",
    )  # fmt: skip
    assert more == []
    assert {each[3] for each in data["hosts"]} == {"2026-11-23T10:00:00Z"}


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet="client10.6\x01\x02\n<&é\u202e", max_size=60),
    st.text(max_size=60),
)
def test_the_matrix_restores_any_text(summary: str, excerpt: str) -> None:
    changed = finding(HTTP, "client", Verdict.NOT_MET, summary, "x", excerpt)
    _, told, _, ((_, _, raw),) = unpacked(page(report(changed=changed)))[HTTP, "client"]

    assert told == printable(summary)
    assert raw == "\n".join(map(printable, excerpt.split("\n")))


@pytest.mark.parametrize("text", [*HOSTILE, "</script><script>alert(1)</script>", "x\ud800\0"])
def test_hostile_text_in_every_field_stays_text(text: str, tmp_path: Path) -> None:
    html = page(hostile(text))
    write_page(hostile(text), tmp_path / "report.html")

    assert tags(html) == tags(page(hostile("plain")))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028\ud800]", html)


def tags(html: str) -> list[str]:
    """Start tags with their attributes; repetitions once, for texts that are grouped."""
    return list(dict.fromkeys(re.findall(r"<[a-z!/][^>]*>", html)))


def test_the_page_asks_for_nothing_and_allows_only_its_own_script_and_style() -> None:
    html = page(report())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)
    assert style
    assert script

    assert policy[1].startswith("default-src 'none'; ")
    assert f"script-src '{csp_hash(script[1])}'" in policy[1].replace("&#39;", "'")
    assert f"style-src '{csp_hash(style[1])}'" in policy[1].replace("&#39;", "'")
    assert not re.search(r"""(src|href)=["'](?!#)""", html)
    assert "url(" not in style[1]
    assert " style=" not in html


def csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_checksums_are_right(tmp_path: Path) -> None:
    file = tmp_path / "a" / "site.html"
    write_page(report(), file)
    content = file.read_bytes()
    _, raw = embedded(content.decode())

    assert (tmp_path / "a" / "site.html.sha256").read_text() == (
        f"{hashlib.sha256(content).hexdigest()}  site.html\n"
    )
    assert f'<code id="digest">{hashlib.sha256(raw).hexdigest()}</code>' in content.decode()
    assert sorted(each.name for each in file.parent.iterdir()) == ["site.html", "site.html.sha256"]


def test_hundreds_of_wordings_are_bounded_and_no_host_is_lost() -> None:
    changed: dict[tuple[str, str], Finding] = {}
    for index in range(1, 201):
        changed |= finding(
            HTTP, f"pc-{index:03}", Verdict.NOT_MET, f"odd {index}", excerpt="x" * 2000
        )
    html = page(report(with_clients(200), changed=changed))

    assert "200 of 200 hosts not met" in static(html)
    assert "In other words on: pc-[013:200]" in static(html)
    assert len(html) < 250_000
