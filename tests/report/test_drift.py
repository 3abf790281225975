"""What changed since an earlier run: every cell in exactly one place, and no verdict ever moves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Scope, Waiver
from pytest_wfo.report.accepted import accepted_by
from pytest_wfo.report.changes import Change, Kind
from pytest_wfo.report.drift import drift_since
from pytest_wfo.report.load import ResultsError, load_baseline, report_of
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import page
from pytest_wfo.report.results import results, write_results
from pytest_wfo.report.summary import summary
from pytest_wfo.report.terminal import closing
from tests.report.test_page import static, with_clients
from tests.support.any_reports import CELLS, reports
from tests.support.reports import finding, report
from tests.support.sites import site

HTTP = "client-80.connects"
SCHEMA = json.loads(
    resources.files("pytest_wfo").joinpath("report/results.schema.json").read_text(encoding="utf-8")
)


def compared(before: SiteReport, now: SiteReport) -> SiteReport:
    return replace(now, drift=drift_since(before, now))


def terms(of: SiteReport, key: tuple[str, str]) -> str:
    """Who accepts a cell, or vouches for it, as the reports say it."""
    return next(accepted_by(each) for each in of.findings if (each.requirement, each.host) == key)


def changes(before: SiteReport, now: SiteReport) -> list[Change]:
    return list(drift_since(before, now).changes)


@settings(max_examples=150)
@given(reports(), reports())
def test_a_cell_is_told_exactly_when_its_answer_is_another(
    before: SiteReport, now: SiteReport
) -> None:
    drift = drift_since(before, now)
    told = {(change.requirement, change.host): change for change in drift.changes}
    old = {(each.requirement, each.host): each.verdict for each in before.findings}
    new = {(each.requirement, each.host): each.verdict for each in now.findings}

    assert len(told) == len(drift.changes)
    assert drift.uncompared == len(now.unselected)
    for key in CELLS:
        differs = (
            key in before.unselected
            or old[key] is not new[key]
            or terms(before, key) != terms(now, key)
        )
        assert (key in told) is (differs and key not in now.unselected)
        if key in told:
            assert told[key].now is new[key]
            assert told[key].before is (None if key in before.unselected else old[key])
            if new[key] is Verdict.NOT_MET:
                assert told[key].kind is Kind.FAILING
            if new[key] is Verdict.NOT_VERIFIED:
                assert told[key].kind is Kind.UNVERIFIED


@settings(max_examples=60)
@given(reports(), reports())
def test_it_changes_no_verdict_and_comes_back_from_the_file(
    before: SiteReport, now: SiteReport
) -> None:
    made = compared(before, now)
    data = results(made)

    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert report_of(json.loads(json.dumps(data))) == made
    assert page(report_of(data)) == page(made)
    assert {**data, "drift": None} == results(now)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (Verdict.MET, Verdict.NOT_MET, Kind.FAILING),
        (Verdict.NOT_VERIFIED, Verdict.NOT_MET, Kind.FAILING),
        (Verdict.WAIVED, Verdict.NOT_MET, Kind.FAILING),
        (Verdict.MET, Verdict.NOT_VERIFIED, Kind.UNVERIFIED),
        (Verdict.NOT_MET, Verdict.NOT_VERIFIED, Kind.UNVERIFIED),
        (Verdict.ATTESTED, Verdict.NOT_VERIFIED, Kind.UNVERIFIED),
        (Verdict.NOT_MET, Verdict.MET, Kind.FIXED),
        (Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE, Kind.FIXED),
        (Verdict.NOT_MET, Verdict.WAIVED, Kind.ACCEPTED),
        (Verdict.MET, Verdict.ATTESTED, Kind.ACCEPTED),
        (Verdict.WAIVED, Verdict.MET, Kind.ACCEPTED),
        (Verdict.MET, Verdict.NOT_APPLICABLE, Kind.OTHER),
    ],
)
def test_how_a_change_is_called(before: Verdict, now: Verdict, kind: Kind) -> None:
    (change,) = changes(
        report(changed=finding(HTTP, "client", before)),
        report(changed=finding(HTTP, "client", now)),
    )

    assert change == Change(HTTP, "client", kind, before, now)
    assert change.words == f"{before.value}, now {now.value}"


def test_a_waiver_on_other_terms_is_told_and_one_written_elsewhere_is_not() -> None:
    def waived(until: date, place: str = "waivers.yml:3") -> SiteReport:
        waiver = Waiver(Scope(HTTP, ("client",), place=place), "r", "Kim", "T1", until)
        found = finding(HTTP, "client", Verdict.WAIVED)
        return report(changed={key: replace(each, waiver=waiver) for key, each in found.items()})

    this_year, next_year = date(2026, 12, 31), date(2027, 12, 31)
    (change,) = changes(waived(this_year), waived(next_year))

    assert (change.kind, change.words) == (Kind.ACCEPTED, "waived, on other terms")
    assert changes(waived(this_year), waived(this_year, "other.yml:9")) == []


def test_hosts_requirements_and_inventory_that_came_and_went_are_told() -> None:
    fewer = report(site(features=frozenset(), sha256="1" * 64))
    more = report(site(hosts=with_clients(2).hosts, sha256="2" * 64))
    drift = drift_since(fewer, more)
    back = drift_since(more, fewer)

    assert (drift.hosts_added, drift.hosts_gone) == (("pc-001", "pc-002"), ("client",))
    assert (back.hosts_added, back.hosts_gone) == (("client",), ("pc-001", "pc-002"))
    assert "client-recording-5638.permits-out" in drift.requirements_added
    assert back.requirements_gone == drift.requirements_added
    assert "the inventory changed" in drift.about
    assert "other features (none)" in back.about


def test_another_edition_and_other_machines_are_told() -> None:
    before = report()
    edition = replace(before.edition, id="15.0", by_id={})
    hosts = dict(before.site.hosts)
    hosts["edge"] = replace(hosts["edge"], addresses=("10.9.9.9",))
    old = replace(before, edition=edition, site=replace(before.site, hosts=hosts))

    assert drift_since(old, report()).about == (
        "edition 16.1 instead of 15.0",
        "other roles or addresses of edge",
    )


def test_a_check_that_only_one_run_planned_of_a_host_both_know_is_told() -> None:
    before = report()
    last = next(
        each for each in before.findings if (each.requirement, each.host) == ("host.access", "edge")
    )
    gone = replace(before, findings=tuple(each for each in before.findings if each != last))

    assert drift_since(gone, before).asked == ((last.requirement, last.host),)
    assert drift_since(before, gone).no_longer_asked == ((last.requirement, last.host),)


def test_where_it_is_told() -> None:
    before = report(with_clients(9))
    bad: dict[tuple[str, str], Finding] = {}
    for name in ("pc-002", "pc-003", "pc-004"):
        bad |= finding(HTTP, name, Verdict.NOT_MET, "refused")
    made = compared(before, report(with_clients(9), changed=bad))
    words = "Since the run of 2026-11-23T10:00:09Z (GO): 3 newly not met"
    text = static(page(made))

    assert words in text
    assert "Newly not met 3 checks" in text
    assert "met, now not met: pc-[002:004]" in text
    assert "which was GO. The comparison changes no verdict." in text
    assert words in summary(made)
    assert "newly not met: " in summary(made)
    assert words in " ".join(closing(made, []))


def test_nothing_changed_is_said_and_without_a_baseline_nothing_is() -> None:
    made = compared(report(), report())

    assert "(GO): nothing changed" in static(page(made))
    assert "Since the" not in static(page(report())) + summary(report())


def test_results_of_another_site_are_refused(tmp_path: Path) -> None:
    write_results(report(site(name="Else")), tmp_path / "old.json")
    with pytest.raises(ResultsError, match=r"old\.json: these are results of the site 'Else'"):
        load_baseline(tmp_path / "old.json", site())
