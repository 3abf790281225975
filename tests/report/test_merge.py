"""Runs merged: nothing measured is hidden, the worst counts, and the order decides nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.gate import Decision
from pytest_wfo.core.hosts import Feature, Role
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict
from pytest_wfo.report.load import report_of
from pytest_wfo.report.merge import WORST_LAST, MergeError, merge
from pytest_wfo.report.model import SiteReport, site_report
from pytest_wfo.report.results import results
from tests.support.any_reports import CELLS, SITE, moment, reports
from tests.support.reports import report
from tests.support.sites import host, site

Key = tuple[str, str]
RUNS = st.lists(reports(), min_size=1, max_size=4)


def merged(*given: SiteReport) -> SiteReport:
    return merge({f"{number}.json": each for number, each in enumerate(given)})


def by_cell(made: SiteReport) -> dict[Key, Finding]:
    return {(each.requirement, each.host): each for each in made.findings}


def verdicts(made: SiteReport) -> dict[Key, Verdict]:
    return {key: each.verdict for key, each in by_cell(made).items()}


@settings(max_examples=150)
@given(RUNS)
def test_every_planned_cell_has_one_finding_as_bad_as_the_worst_that_was_measured(
    runs: list[SiteReport],
) -> None:
    made = merged(*runs)
    assert [(each.requirement, each.host) for each in made.findings] == list(CELLS)
    for key, chosen in by_cell(made).items():
        seen = [each for run in runs if (each := by_cell(run)[key]).measured]
        worst = max((each.verdict for each in seen), key=WORST_LAST.index, default=None)
        assert chosen.verdict is (worst or Verdict.NOT_VERIFIED)
        assert chosen.measured is bool(seen)
        if seen:
            assert chosen in seen, "it is one of the findings, word for word"
            latest = max(each.collected_at for each in seen if each.verdict is worst)
            assert chosen.collected_at == latest


@settings(max_examples=150)
@given(RUNS, st.randoms())
def test_the_order_of_the_files_decides_nothing(runs: list[SiteReport], chance: object) -> None:
    shuffled = list(runs)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert merged(*shuffled) == merged(*runs)
    assert merged(*runs, *runs) == merged(*runs)


@settings(max_examples=150)
@given(reports(), reports(), reports())
def test_merged_files_can_be_merged_again(a: SiteReport, b: SiteReport, c: SiteReport) -> None:
    at_once = merged(a, b, c)
    for in_steps in (merged(merged(a, b), c), merged(a, merged(b, c))):
        assert verdicts(in_steps) == verdicts(at_once)
        assert in_steps.gate.decision is at_once.gate.decision
        assert in_steps.unselected == at_once.unselected
        assert in_steps.runs == at_once.runs
        assert in_steps.differing == at_once.differing


@settings(max_examples=60)
@given(RUNS)
def test_a_merged_report_comes_back_from_its_file(runs: list[SiteReport]) -> None:
    made = merged(*runs)

    assert report_of(results(made)) == made


@settings(max_examples=150)
@given(RUNS)
def test_go_needs_every_cell_selected_by_some_run_and_nothing_that_blocks(
    runs: list[SiteReport],
) -> None:
    made = merged(*runs)
    selected_by_none = set(CELLS).intersection(*(run.unselected for run in runs))

    assert made.unselected == selected_by_none
    if made.gate.go:
        assert not selected_by_none
        assert all(
            any(by_cell(run)[key].measured for run in runs) or by_cell(made)[key].advisory
            for key in CELLS
        )


def a_run(minute: int, cells: dict[Key, Verdict], selected: set[Key] | None = None) -> SiteReport:
    """A run that examined all hosts: met but for ``cells``; all but ``selected`` left out."""
    chosen = set(CELLS) if selected is None else selected
    healthy = HEALTHY
    findings = [
        replace(
            each,
            judgement=Judgement(cells.get(key, Verdict.MET), f"seen at {moment(minute)}"),
            collected_at=moment(minute),
        )
        if key in chosen
        else replace(
            each,
            judgement=Judgement(Verdict.NOT_VERIFIED, "its test did not run"),
            measured=False,
            collected_at="",
        )
        for key, each in by_cell(healthy).items()
    ]
    run = replace(healthy.runs[0], started=moment(minute), finished=moment(minute + 1))
    return site_report(
        SITE,
        healthy.edition,
        findings,
        (),
        {name: replace(item, at=moment(minute)) for name, item in healthy.access.items()},
        [run],
        unselected=set(CELLS) - chosen,
    )


def _healthy() -> SiteReport:
    from pytest_wfo.core.facts import Access
    from tests.support.any_reports import ADVICE, EDITION, HOSTS
    from tests.support.reports import RUN

    findings = [Finding(*key, Judgement(Verdict.MET, "seen"), key[0] == ADVICE) for key in CELLS]
    access = {name: Access("", "", "", "x:22", moment(0), 0.1) for name in HOSTS}
    run = replace(RUN, inventory=SITE.source, inventory_sha256=SITE.sha256)
    return site_report(SITE, EDITION, findings, (), access, [run])


HEALTHY = _healthy()
CELL = ("port-80.connects", "pc-1")


@pytest.mark.parametrize("first_bad", [True, False], ids=["older-fails", "newer-fails"])
def test_neither_an_older_nor_a_newer_pass_hides_a_failure(first_bad: bool) -> None:
    bad, good = (10, 20) if first_bad else (20, 10)
    made = merged(a_run(good, {}), a_run(bad, {CELL: Verdict.NOT_MET}))

    assert made.gate.decision is Decision.NO_GO
    assert by_cell(made)[CELL].collected_at == moment(bad)
    (differing,) = made.differing
    assert (differing.requirement, differing.host) == CELL
    assert [at for _, at in differing.seen] == [moment(10), moment(20)]


@pytest.mark.parametrize("minute", [5, 30], ids=["before", "after"])
@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.NOT_MET])
def test_what_was_not_selected_hides_nothing(minute: int, verdict: Verdict) -> None:
    part = a_run(minute, {}, selected=set(CELLS) - {CELL})
    made = merged(a_run(20, {CELL: verdict}), part)

    assert by_cell(made)[CELL].verdict is verdict
    assert made.gate.go is (verdict is Verdict.MET)
    assert made.differing == ()


def test_parts_that_cover_the_plan_together_are_go_and_those_that_do_not_are_incomplete() -> None:
    here = {key for key in CELLS if key[1] == "prem"}
    there = set(CELLS) - here
    parts = a_run(10, {}, here), a_run(20, {}, there)

    assert [each.gate.decision for each in parts] == [Decision.INCOMPLETE] * 2
    assert merged(*parts).gate.decision is Decision.GO
    assert merged(parts[0], a_run(20, {}, there - {CELL})).gate.decision is Decision.INCOMPLETE


def test_an_examined_host_that_does_not_show_something_is_not_hidden_by_a_pass() -> None:
    made = merged(a_run(10, {CELL: Verdict.NOT_VERIFIED}), a_run(20, {}))

    assert by_cell(made)[CELL].verdict is Verdict.NOT_VERIFIED
    assert made.gate.decision is Decision.NO_GO


def unreachable(made: SiteReport, name: str) -> SiteReport:
    """The same run from where one host cannot be reached."""
    access = {
        host: replace(item, reason="filtered") if host == name else item
        for host, item in made.access.items()
    }
    lost = Judgement(Verdict.NOT_VERIFIED, f"{name} could not be examined")
    findings = [
        replace(
            each,
            judgement=lost,
            measured=False,
            depends_on_access=each.requirement != "host.access",
        )
        if each.host == name
        else each
        for each in made.findings
    ]
    return site_report(made.site, made.edition, findings, (), access, made.runs)


@pytest.mark.parametrize("minutes", [(10, 20), (20, 10)])
def test_a_host_that_one_run_reached_was_examined(minutes: tuple[int, int]) -> None:
    one = unreachable(a_run(minutes[0], {}), "prem")
    two = unreachable(a_run(minutes[1], {}), "pc-1")
    made = merged(one, two)

    assert [each.gate.decision for each in (one, two)] == [Decision.NO_GO] * 2
    assert made.gate.decision is Decision.GO
    assert made.unreached == ()


def test_a_cell_only_selected_where_its_host_was_not_reached_says_so_and_blocks() -> None:
    blind = unreachable(a_run(20, {}), "pc-1")
    part = a_run(10, {}, selected={("host.access", "pc-1")})
    made = merged(blind, part)
    chosen = by_cell(made)[CELL]

    assert chosen.verdict is Verdict.NOT_VERIFIED
    assert not chosen.depends_on_access, "the page would leave it to a host that was not reached"
    assert chosen.judgement.summary == "not measured by any run that examined the host"
    assert chosen in made.gate.blockers


def test_other_sites_editions_inventories_and_machines_are_refused() -> None:
    one = a_run(10, {})
    site, edition = one.site, one.edition
    other_host = replace(site.hosts["prem"], addresses=("10.9.9.9",))
    for other, words in (
        (replace(one, site=replace(site, name="Else")), "different sites, 'Contoso' and 'Else'"),
        (replace(one, edition=replace(edition, id="17.0", by_id={})), "different editions"),
        (replace(one, edition=replace(edition, sha256="f" * 64, by_id={})), "different editions"),
        (replace(one, site=replace(site, sha256="2" * 64)), "--allow-different-inventories"),
        (replace(one, runs=(replace(one.run, gate="strict"),)), "advisory and strict"),
        (
            replace(one, site=replace(site, hosts={**site.hosts, "prem": other_host})),
            "prem is premises, 10.0.0.1 in one and premises, 10.9.9.9 in the other",
        ),
    ):
        with pytest.raises(MergeError) as caught:
            merged(one, other)
        assert words in str(caught.value)
        assert "0.json and 1.json" in str(caught.value)


def segment(source: str, names: set[str], *, asked: set[Key] | None = None) -> SiteReport:
    """A run with an inventory of its own, which names these hosts (and asks only these cells)."""
    whole = a_run(10, {})
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    cells = set(CELLS) if asked is None else asked
    dropped = {requirement for requirement, _ in set(CELLS) - cells}
    return site_report(
        replace(
            SITE,
            sha256=sha256,
            source=source,
            hosts={name: host for name, host in SITE.hosts.items() if name in names},
        ),
        whole.edition,
        [
            each
            for each in whole.findings
            if each.host in names and (each.requirement, each.host) in cells
        ],
        [NotPlanned(requirement, "", "set aside by Kim: NAT") for requirement in sorted(dropped)],
        {name: item for name, item in whole.access.items() if name in names},
        [replace(whole.runs[0], inventory=source, inventory_sha256=sha256)],
    )


def merged_segments(*given: SiteReport) -> SiteReport:
    return merge({each.site.source: each for each in given}, different_inventories=True)


def test_inventories_of_segments_are_merged_when_told_so() -> None:
    made = merged_segments(segment("a.yml", {"prem", "pc-1"}), segment("b.yml", {"prem", "pc-2"}))

    assert made.gate.decision is Decision.GO
    assert set(made.site.hosts) == set(SITE.hosts)
    assert verdicts(made) == dict.fromkeys(CELLS, Verdict.MET)
    assert made.site.source == "a.yml, b.yml"
    assert [run.inventory for run in made.runs] == ["a.yml", "b.yml"]


def test_segments_of_which_one_uses_more_features_are_refused() -> None:
    """Else the hosts of the other were never asked, and the site's report claims that they were."""
    one = segment("a.yml", {"prem", "pc-1"})
    more = replace(one, site=replace(one.site, features=("screen_recording",)))

    with pytest.raises(MergeError) as caught:
        merged_segments(more, segment("b.yml", {"prem", "pc-2"}))

    assert "a.yml and b.yml: of different features, screen_recording and none" in str(caught.value)
    assert "site.features" in str(caught.value)


def test_segments_of_which_one_left_out_what_the_other_asked_of_hosts_alike_are_refused() -> None:
    one = segment("a.yml", {"prem", "pc-1"})
    two = segment("b.yml", {"prem", "pc-2"}, asked=set(CELLS) - {(CELL[0], "pc-2")})

    with pytest.raises(MergeError) as caught:
        merged_segments(one, two)

    assert f"{CELL[0]} was asked of pc-1 and not of pc-2" in str(caught.value)
    assert "(b.yml: set aside by Kim: NAT)" in str(caught.value)
    assert "write the same into all inventories" in str(caught.value)


def test_what_speaks_of_no_host_of_a_segment_is_no_gap_and_stays_told() -> None:
    """PREMISES servers and clients in an inventory each: clients are not asked to listen."""
    servers, clients = {"prem"}, {"pc-1", "pc-2"}
    listens = {key for key in CELLS if key[0] == "port-80.listens" and key[1] in clients}
    made = merged_segments(
        segment("a.yml", servers), segment("b.yml", clients, asked=set(CELLS) - listens)
    )

    assert made.gate.decision is Decision.GO
    assert set(verdicts(made)) == set(CELLS) - listens
    assert made.not_planned == (NotPlanned("port-80.listens", "", "b.yml: set aside by Kim: NAT"),)


@pytest.mark.parametrize("features", [frozenset(), frozenset(Feature)], ids=["none", "all"])
@settings(max_examples=40)
@given(st.lists(st.sets(st.sampled_from(Role), min_size=1), min_size=1, max_size=6))
def test_no_plan_of_one_inventory_has_a_gap(
    features: frozenset[Feature], roles: list[set[Role]]
) -> None:
    """So a run is never refused for its own plan: asked here of hosts with whatever roles."""
    hosts = {
        f"h{number}": replace(
            host(f"h{number}", Role.CLIENT, f"10.0.0.{number}"), roles=frozenset(own)
        )
        for number, own in enumerate(roles, start=1)
    }
    of = site(hosts=hosts, features=features)
    one = report(of)
    later = replace(one, runs=(replace(one.run, started=moment(59), finished=moment(60)),))

    assert len(merged(one, later).findings) == one.planned
