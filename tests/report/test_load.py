"""A report read back from results.json is the one that was written; what is damaged is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.core.waivers import AcceptedFile
from pytest_wfo.report.block import block
from pytest_wfo.report.drift import drift_since
from pytest_wfo.report.files import write_files
from pytest_wfo.report.load import ResultsError, load_results, report_of
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import page
from pytest_wfo.report.results import results, write_results
from pytest_wfo.report.summary import summary
from pytest_wfo.report.terminal import closing
from tests.report.test_block import HOSTILE
from tests.report.test_page import refused, with_clients
from tests.support.any_reports import reports
from tests.support.reports import RUN, accepted, finding, report
from tests.support.sites import access, healthy_site, host, site


def again(made: SiteReport) -> SiteReport:
    """What comes back of a report from the bytes of its file."""
    return report_of(json.loads(json.dumps(results(made))))


def same_in_every_format(made: SiteReport) -> None:
    read = again(made)
    assert read == made
    assert results(read) == results(made)
    assert page(read) == page(made)
    assert summary(read) == summary(made)
    assert block(read) == block(made)
    assert list(closing(read, [])) == list(closing(made, []))


def unreachable() -> SiteReport:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    return report(of, SiteFacts(of, hosts))


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(with_clients(5), changed=refused("pc-002", "pc-004")),
        report(selected=[("client-80.connects", "client")]),
        unreachable(),
        report(site(features=frozenset())),
        report(
            changed=finding("client-80.connects", "client", Verdict.NOT_MET, excerpt="\x1b\ud800")
        ),
        report(
            changed=accepted("client-80.connects", "client", Verdict.WAIVED, permanent=True)
            | accepted("client-943.connects", "client", Verdict.WAIVED, attested=True)
            | accepted("client-443.connects", "client", Verdict.ATTESTED)
            | accepted("client-2012.connects", "client", Verdict.NOT_MET, attested=True),
            run=replace(RUN, accepted=(AcceptedFile("waivers.yml", "c" * 64),)),
        ),
        report(run=replace(RUN, gate="strict")),
    ],
    ids=[
        "healthy",
        "faulty",
        "partial",
        "unreachable",
        "not-planned",
        "odd-text",
        "accepted",
        "strict",
    ],
)
def test_what_is_rendered_from_the_file_is_what_the_run_rendered(made: SiteReport) -> None:
    same_in_every_format(made)


@settings(max_examples=60)
@given(reports(st.text(max_size=12)))
def test_any_run_comes_back_whole(made: SiteReport) -> None:
    same_in_every_format(made)


@pytest.mark.parametrize("text", [*HOSTILE, "</script><script>alert(1)</script>", "x\ud800\0"])
def test_hostile_text_comes_back_as_it_was_and_stays_text(text: str, tmp_path: Path) -> None:
    made = report(
        site(name=text, ticket=text, source=text),
        changed=finding("client-80.connects", "client", Verdict.NOT_MET, text, text, text, text),
    )
    write_results(made, tmp_path / "results.json")
    read = load_results(tmp_path / "results.json")

    assert read == made
    assert page(read) == page(made)


@pytest.mark.parametrize(("pcs", "cells"), [(700, 25_000), (2800, 100_000)], ids=["25k", "100k"])
def test_a_large_site_comes_back_whole_and_its_page_stays_small(
    pcs: int, cells: int, tmp_path: Path
) -> None:
    clients = {
        f"pc-{number:03}": host(
            f"pc-{number:03}", Role.CLIENT, f"10.62.{number // 200}.{number % 200}"
        )
        for number in range(1, pcs + 1)
    }
    of = site(hosts={**site().hosts, **clients})
    made = report(of, changed=refused("pc-010", "pc-011"))
    write_results(made, tmp_path / "results.json")

    assert made.planned > cells
    read = load_results(tmp_path / "results.json")
    assert read == made
    assert len(page(read)) < 700_000


def test_a_file_of_the_first_version_of_the_schema_without_the_later_keys_is_read() -> None:
    """It does not say what was not measured, so each of its answers counts as measured."""
    made = report(changed=refused("client"))
    data = results(made)
    del data["runs"], data["differing"]
    for item in data["results"]:
        del item["measured"], item["selected"]
    for item in data["hosts"]:
        del item["access"]["remedy"]
    read = report_of(data)

    assert read.gate == made.gate
    assert read.findings == made.findings
    assert read.runs[0].inventory_sha256 == made.site.sha256


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b'{"schema": "pytest-wfo/results/1", "deci', "not JSON"),
        (b"\x1f\x8b\x08\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a results file of pytest-wfo"),
        (b'{"schema": "pytest-wfo facts", "version": 1}', "not a results file of pytest-wfo"),
        (b'{"schema": 1}', "not a results file of pytest-wfo"),
        (b'{"schema": "pytest-wfo/results/2"}', "this program reads pytest-wfo/results/1"),
        (b'{"schema": "pytest-wfo/results/\\u001b[31m"}', r"\x1b[31m"),
        (b'{"schema": "pytest-wfo/results/1"}', "damaged"),
    ],
    ids=["empty", "cut", "gzip", "deep", "list", "facts", "number", "version", "escape", "bare"],
)
def test_what_is_no_results_file_is_said_to_be_none(
    content: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    file.write_bytes(content)
    with pytest.raises(ResultsError) as caught:
        load_results(file)

    assert words in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"nowhere\.json: cannot be read"):
        load_results(tmp_path / "nowhere.json")


def _set(*way: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: Any) -> None:
        for step in way[:-1]:
            data = data[step]
        data[way[-1]] = to

    return change


def _drop_a_result(data: dict[str, Any]) -> None:
    del data["results"][3]


def _repeat_a_result(data: dict[str, Any]) -> None:
    data["results"][3] = data["results"][2]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (_set("decision", to="GO"), "decision"),
        (_set("counts", "met", to=1), "counts"),
        (_set("plan", "cells", to=1), "plan.cells"),
        (_set("plan", "selected", to=1), "plan.selected"),
        (_drop_a_result, "plan.cells"),
        (_repeat_a_result, "twice"),
        (_set("results", 3, "verdict", to="fine"), "results[3].verdict"),
        (_set("results", 3, "verdict", to=None), "results[3].verdict"),
        (
            _set("results", 3, "verdict", to="waived"),
            "results[3]: only what is waived has a waiver",
        ),
        (_set("results", 3, "verdict", to="attested"), "nobody is named who vouches"),
        (_set("results", 3, "waiver", to={}), "results[3].waiver.requirement: is missing"),
        (_set("results", 3, "attestation", to=5), "results[3].attestation: not an object"),
        (_set("runs", 0, "accepted", to=[5]), "runs[0].accepted[0]: not an object"),
        (_set("results", 3, "host", to="other"), "results[3]"),
        (_set("results", 3, "requirement", to="other.thing"), "results[3]"),
        (_set("results", 3, "evidence", to={}), "results[3].evidence"),
        (_set("results", 3, "advisory", to=True), "results[3].advisory"),
        (_set("results", 3, "advisory", to="yes"), "results[3].advisory"),
        (_set("results", 3, "selected", to=False), "plan.selected"),
        (_set("hosts", 0, "addresses", to=[1]), "hosts[0].addresses"),
        (_set("hosts", 0, "access", "reached", to=False), "hosts[0].access"),
        (_set("hosts", 0, "access", "seconds", to=True), "hosts[0].access.seconds"),
        (_set("hosts", 1, "name", to="premises"), "hosts"),
        (_set("hosts", 1, "name", to="pc\x1b[2J"), "hosts[1].name: other characters than"),
        (_set("hosts", 1, "name", to=""), "hosts[1].name: other characters than"),
        (_set("requirements", 1, "id", to="x <b>"), "requirements[1].id: other characters than"),
        (_set("runs", to=[]), "runs"),
        (_set("runs", 0, "started", to="yesterday"), "runs[0].started"),
        (_set("runs", 0, "started", to="2026-99-99T00:00:00Z"), "runs[0].started: not a moment"),
        (_set("runs", 0, "selected", to=float("nan")), "runs[0].selected: not a whole number"),
        (_set("runs", 0, "measured", to=float("inf")), "runs[0].measured: not a whole number"),
        (_set("runs", 0, "measured", to=1.5), "runs[0].measured: not a whole number"),
        (_set("runs", 0, "measured", to=-1), "runs[0].measured: not a whole number"),
        (_set("hosts", 0, "access", "seconds", to=float("nan")), "hosts[0].access.seconds"),
        (_set("runs", 0, "probe", to="loud"), "runs[0].probe: not one of none, safe, canary"),
        (_set("runs", 0, "gate", to="lax"), "runs[0].gate: not one of advisory, strict"),
        (_set("requirements", 1, "id", to="host.access"), "requirements"),
        (_set("edition", to=[]), "edition"),
    ],
    ids=range(38),
)
def test_a_damaged_file_is_refused_with_the_place(
    change: Callable[[dict[str, Any]], None], place: str
) -> None:
    data = copy.deepcopy(results(report(changed=refused("client"))))
    change(data)
    with pytest.raises(ResultsError) as caught:
        report_of(data)

    assert "damaged" in str(caught.value)
    assert place in str(caught.value)


def test_a_day_that_is_none_and_a_waiver_of_what_is_not_waived_are_damage() -> None:
    made = report(changed=accepted("client-80.connects", "client", Verdict.WAIVED))
    data = results(made)
    (waived,) = [item for item in data["results"] if "waiver" in item]
    for day in ("2026-13-01", "2026-1-1", 5):
        waived["waiver"]["expires"] = day
        with pytest.raises(ResultsError, match=r"waiver\.expires: not"):
            report_of(data)
    waived["waiver"]["expires"] = None
    waived["verdict"] = "met"
    with pytest.raises(ResultsError, match="only what is waived has a waiver"):
        report_of(data)


ANYTHING: tuple[Any, ...] = (
    *(None, 1, 1.5, True, "x", [], {}, [[]], [{}], -1, float("nan"), float("inf"), 10**400),
    *("x\ud800", "\x1b[2J", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
)


@pytest.mark.parametrize("compared", [False, True], ids=["alone", "compared"])
@settings(max_examples=200)
@given(st.data())
def test_whatever_is_exchanged_in_a_file_it_is_refused_or_read_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, compared: bool, data: st.DataObject
) -> None:
    of = site(
        hosts={"p": host("p", Role.PREMISES, "10.0.0.1")}, timezone=ZoneInfo("America/New_York")
    )
    made = report(of, changed=finding("port-2010.listens", "p", Verdict.NOT_MET))
    if compared:
        made = replace(made, drift=drift_since(report(of), made))
    whole: Any = results(made)
    place = whole
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 2)) == 0:
            place[key] = data.draw(st.sampled_from(ANYTHING))
            break
        place = place[key]
    try:
        read = report_of(whole)
    except ResultsError:
        return
    assert read.gate.go is (whole["decision"] == "GO")
    folder = tmp_path_factory.mktemp("damaged")
    assert len(list(write_files(read, folder))) == 4
    assert load_results(folder / "results.json") == read
    assert list(closing(read, []))
