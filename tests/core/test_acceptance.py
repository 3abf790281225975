"""Waivers and attestations: what they may change, what they never change, and what became of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfo.core.acceptance import Outcome, Use, accept, uses
from pytest_wfo.core.gate import decide_gate
from pytest_wfo.core.verdicts import Evidence, Finding, Judgement, Verdict
from pytest_wfo.core.waivers import Accepted, Attestation, Scope, Waiver

TODAY = date(2026, 11, 23)
IDS = ("client-80.connects", "client-943.connects", "least-privilege-2010.narrow")
HOSTS = ("pc-1", "pc-2", "server")
OK = {Verdict.MET, Verdict.WAIVED, Verdict.ATTESTED, Verdict.NOT_APPLICABLE}
MEASURED = (Verdict.MET, Verdict.NOT_MET, Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE)


def scope(ids: tuple[str, ...] = IDS, hosts: tuple[str, ...] = HOSTS, place: str = "") -> Scope:
    return Scope("*", hosts, frozenset(ids), frozenset(hosts), place)


def waiver(of: Scope | None = None, expires: date | None = TODAY) -> Waiver:
    return Waiver(of or scope(), "not used", "R. Ortiz", "CHG1", expires)


def attestation(of: Scope | None = None, until: date = TODAY) -> Attestation:
    return Attestation(of or scope(), "K. Lee", date(2026, 11, 1), until, "DOC-7")


def found(
    verdict: Verdict, requirement: str = IDS[0], host: str = "pc-1", *, advisory: bool = False
) -> Finding:
    judgement = Judgement(verdict, "seen", (Evidence("a rule", "nft", "raw"),), "do this")
    return Finding(requirement, host, judgement, advisory=advisory)


def accepted(
    finding: Finding,
    waivers: tuple[Waiver, ...] = (),
    attestations: tuple[Attestation, ...] = (),
    reached: tuple[str, ...] = HOSTS,
) -> Finding:
    key = (finding.requirement, finding.host)
    return accept({key: finding}, Accepted(waivers, attestations), reached, TODAY)[key]


scopes = st.builds(
    scope,
    st.lists(st.sampled_from(IDS), min_size=1).map(tuple),
    st.lists(st.sampled_from(HOSTS), min_size=1).map(tuple),
)
days = st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2))
some_waivers = st.lists(st.builds(waiver, scopes, st.none() | days), max_size=4).map(tuple)
some_attestations = st.lists(st.builds(attestation, scopes, days), max_size=4).map(tuple)
some_findings = st.builds(
    found,
    st.sampled_from(MEASURED),
    st.sampled_from(IDS),
    st.sampled_from(HOSTS),
    advisory=st.booleans(),
)
some_hosts = st.sets(st.sampled_from(HOSTS)).map(tuple)


@given(some_findings, some_waivers)
def test_a_waiver_never_turns_what_was_not_verified_into_anything(
    finding: Finding, waivers: tuple[Waiver, ...]
) -> None:
    after = accepted(finding, waivers)

    if finding.verdict is Verdict.NOT_MET:
        assert after.verdict in (Verdict.NOT_MET, Verdict.WAIVED)
    else:
        assert after == finding


@given(some_findings, some_attestations, some_hosts)
def test_an_attestation_never_changes_what_was_measured(
    finding: Finding, attestations: tuple[Attestation, ...], reached: tuple[str, ...]
) -> None:
    after = accepted(finding, attestations=attestations, reached=reached)

    assert after.judgement.verdict is finding.verdict or (
        finding.verdict is Verdict.NOT_VERIFIED
        and after.verdict is Verdict.ATTESTED
        and finding.host in reached
    )


@given(some_findings, some_waivers, some_attestations, some_hosts)
def test_evidence_words_and_remedy_stay_and_ok_needs_a_named_entry_that_holds(
    finding: Finding,
    waivers: tuple[Waiver, ...],
    attestations: tuple[Attestation, ...],
    reached: tuple[str, ...],
) -> None:
    after = accepted(finding, waivers, attestations, reached)

    assert replace(after.judgement, verdict=finding.verdict) == finding.judgement
    if after.verdict in OK and finding.verdict not in OK:
        entry = after.waiver if after.verdict is Verdict.WAIVED else after.attestation
        assert entry is not None
        assert entry.holds_on(TODAY)
        assert finding.requirement in entry.scope.requirement_ids
        assert finding.host in entry.scope.host_names
    if after.verdict is Verdict.NOT_VERIFIED:
        assert not decide_gate([replace(after, advisory=False)], selected=None).go


@pytest.mark.parametrize(
    ("expires", "verdict"),
    [
        (TODAY - timedelta(days=1), Verdict.NOT_MET),
        (TODAY, Verdict.WAIVED),
        (TODAY + timedelta(days=1), Verdict.WAIVED),
        (None, Verdict.WAIVED),
    ],
    ids=["yesterday", "today", "tomorrow", "permanent"],
)
def test_a_waiver_holds_through_its_last_day(expires: date | None, verdict: Verdict) -> None:
    assert accepted(found(Verdict.NOT_MET), (waiver(expires=expires),)).verdict is verdict


@pytest.mark.parametrize(
    ("until", "verdict"),
    [(TODAY - timedelta(days=1), Verdict.NOT_VERIFIED), (TODAY, Verdict.ATTESTED)],
    ids=["yesterday", "today"],
)
def test_an_attestation_holds_through_its_last_day(until: date, verdict: Verdict) -> None:
    after = accepted(found(Verdict.NOT_VERIFIED), attestations=(attestation(until=until),))

    assert after.verdict is verdict


@pytest.mark.parametrize(
    ("zone", "moment", "verdict"),
    [
        ("Pacific/Kiritimati", "2026-11-23T09:59:59", Verdict.WAIVED),  # 23:59:59 there, UTC+14
        ("Pacific/Kiritimati", "2026-11-23T10:00:00", Verdict.NOT_MET),  # the next day
        ("America/Los_Angeles", "2026-11-24T07:59:59", Verdict.WAIVED),  # 23:59:59, UTC-8
        ("America/Los_Angeles", "2026-11-24T08:00:00", Verdict.NOT_MET),
        ("UTC", "2026-11-23T23:59:59", Verdict.WAIVED),
        ("UTC", "2026-11-24T00:00:00", Verdict.NOT_MET),
    ],
)
def test_the_last_day_ends_when_it_ends_at_the_site(
    zone: str, moment: str, verdict: Verdict
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    finding = found(Verdict.NOT_MET)
    key = (finding.requirement, finding.host)
    today = now.astimezone(ZoneInfo(zone)).date()

    after = accept({key: finding}, Accepted((waiver(),)), HOSTS, today)

    assert after[key].verdict is verdict


def test_of_several_the_first_that_holds_counts() -> None:
    old, first, second = waiver(expires=date(2026, 1, 1)), waiver(), waiver()

    assert accepted(found(Verdict.NOT_MET), (old, first, second)).waiver is first


def test_a_host_that_was_not_reached_cannot_be_vouched_for() -> None:
    after = accepted(found(Verdict.NOT_VERIFIED), attestations=(attestation(),), reached=("pc-2",))

    assert after.verdict is Verdict.NOT_VERIFIED
    assert after.attestation is None


def test_what_is_measured_as_not_met_names_the_attestation_it_contradicts() -> None:
    plain = accepted(found(Verdict.NOT_MET), attestations=(attestation(),))
    waived = accepted(found(Verdict.NOT_MET), (waiver(),), (attestation(),))

    assert (plain.verdict, plain.attestation) == (Verdict.NOT_MET, attestation())
    assert (waived.verdict, waived.attestation) == (Verdict.WAIVED, attestation())


def use(entry: Waiver | Attestation, *findings: Finding, reached: tuple[str, ...] = HOSTS) -> Use:
    entries = Accepted(
        (entry,) if isinstance(entry, Waiver) else (),
        (entry,) if isinstance(entry, Attestation) else (),
    )
    keyed = {(each.requirement, each.host): each for each in findings}
    (made,) = uses(accept(keyed, entries, reached, TODAY).values(), entries, TODAY)
    return made


@pytest.mark.parametrize(
    ("entry", "verdicts", "outcome"),
    [
        (waiver(), [Verdict.NOT_MET, Verdict.MET], Outcome.APPLIED),
        (waiver(), [Verdict.MET, Verdict.NOT_APPLICABLE], Outcome.NOT_NEEDED),
        (waiver(), [], Outcome.NOT_NEEDED),
        (waiver(), [Verdict.NOT_VERIFIED, Verdict.MET], Outcome.NOT_APPLIED),
        (waiver(expires=date(2026, 11, 22)), [Verdict.NOT_MET], Outcome.EXPIRED),
        (waiver(expires=date(2026, 11, 22)), [], Outcome.EXPIRED),
        (attestation(), [Verdict.NOT_VERIFIED, Verdict.MET], Outcome.APPLIED),
        (attestation(), [Verdict.NOT_VERIFIED, Verdict.NOT_MET], Outcome.CONTRADICTED),
        (attestation(), [Verdict.MET], Outcome.NOT_NEEDED),
        (attestation(), [], Outcome.NOT_NEEDED),
        (attestation(until=date(2026, 11, 22)), [Verdict.NOT_MET], Outcome.EXPIRED),
    ],
)
def test_what_became_of_an_entry(
    entry: Waiver | Attestation, verdicts: list[Verdict], outcome: Outcome
) -> None:
    findings = [found(verdict, host=HOSTS[index]) for index, verdict in enumerate(verdicts)]

    assert use(entry, *findings).outcome is outcome


def test_an_attestation_for_a_host_that_was_not_reached_was_not_applied() -> None:
    made = use(attestation(), found(Verdict.NOT_VERIFIED), reached=())

    assert (made.outcome, made.applied) == (Outcome.NOT_APPLIED, ())


def test_a_use_names_the_findings_it_changed_and_those_that_contradict() -> None:
    made = use(attestation(), found(Verdict.NOT_VERIFIED), found(Verdict.NOT_MET, host="pc-2"))

    assert [each.host for each in made.applied] == ["pc-1"]
    assert [each.host for each in made.contradicting] == ["pc-2"]
    assert made.counts == {Verdict.ATTESTED: 1, Verdict.NOT_MET: 1}


def test_the_second_of_two_entries_for_a_cell_was_not_applied_and_not_called_needless() -> None:
    entries = Accepted((waiver(), waiver()))
    finding = found(Verdict.NOT_MET)
    after = accept({(finding.requirement, finding.host): finding}, entries, HOSTS, TODAY)
    first, second = uses(after.values(), entries, TODAY)

    assert (first.outcome, second.outcome) == (Outcome.APPLIED, Outcome.NOT_APPLIED)


def test_a_cell_whose_test_was_lost_is_not_counted_as_waived() -> None:
    entries = Accepted((waiver(),))
    (made,) = uses([found(Verdict.NOT_VERIFIED)], entries, TODAY)

    assert made.outcome is Outcome.NOT_APPLIED
