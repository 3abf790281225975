"""Reports of made runs about one small site, as a real run could leave them, for property tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import strategies as st

from pytest_wfo.core.acceptance import accept
from pytest_wfo.core.facts import PROBES, Access
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.requirements import Source
from pytest_wfo.core.verdicts import Evidence, Finding, Judgement, Verdict
from pytest_wfo.core.waivers import Accepted, Attestation, Scope, Waiver
from pytest_wfo.report.model import (
    EditionInfo,
    HostInfo,
    RequirementInfo,
    RunInfo,
    SiteInfo,
    SiteReport,
    site_report,
    with_counts,
)

HOSTS = ("prem", "pc-1", "pc-2")
ACCESS, ADVICE = "host.access", "large.considered"
REQUIREMENTS = (ACCESS, "port-80.listens", "port-80.connects", ADVICE)
EDITION = EditionInfo(
    "16.1",
    "Requirements",
    "e" * 64,
    tuple(
        RequirementInfo(name, f"about {name}", Source("1", "words"), "", name == ADVICE)
        for name in REQUIREMENTS
    ),
    ("open question",),
)
SITE = SiteInfo(
    "Contoso",
    "CHG1",
    (),
    "inventory.yml",
    "1" * 64,
    {
        name: HostInfo(name, ("premises" if name == "prem" else "client",), (f"10.0.0.{number}",))
        for number, name in enumerate(HOSTS, start=1)
    },
    "America/New_York",
)
SEEN_ALIKE = st.just("seen")
SEEN = (Verdict.MET, Verdict.NOT_MET, Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE)
CELLS = tuple((requirement, host) for requirement in REQUIREMENTS for host in HOSTS)


def moment(minute: int) -> str:
    """A time of the day all runs are made."""
    return f"2026-11-23T{10 + minute // 60:02}:{minute % 60:02}:00Z"


@st.composite
def reports(draw: st.DrawFn, texts: st.SearchStrategy[str] = SEEN_ALIKE) -> SiteReport:
    """One run: hosts may not answer, cells may not be selected, tests may not run."""
    minute = draw(st.integers(0, 179))
    access: dict[str, Access] = {}
    for name in HOSTS:
        reason = draw(st.sampled_from(["", "filtered", "not asked"]))
        if reason != "not asked":
            access[name] = Access(
                reason, draw(texts), draw(texts), "x:22", moment(minute), 0.25, draw(texts)
            )
    findings, unselected = [], set()
    for key in CELLS:
        finding = _finding(draw, key, access.get(key[1]), texts, moment(minute))
        findings.append(finding)
        if finding.judgement.summary == "not selected":
            unselected.add(key)
    run = RunInfo(
        moment(minute),
        moment(minute + 1),
        draw(st.sampled_from(["qa", "kim"])),
        "ci",
        "0.1.0",
        draw(st.sampled_from(PROBES)),
        "gathered in this run",
        tuple(draw(st.lists(texts, max_size=2))),
        SITE.source,
        SITE.sha256,
    )
    not_planned = [NotPlanned("x.y", draw(st.sampled_from(["", "prem"])), draw(texts))]
    made = site_report(SITE, EDITION, findings, not_planned, access, [run], unselected=unselected)
    return with_counts(made)


def _finding(
    draw: st.DrawFn,
    key: tuple[str, str],
    access: Access | None,
    texts: st.SearchStrategy[str],
    at: str,
) -> Finding:
    advisory = key[0] == ADVICE
    nothing = Finding(
        *key, Judgement(Verdict.NOT_VERIFIED, "not selected"), advisory, measured=False
    )
    if access is None or draw(st.booleans()):
        return nothing
    if not access.reached:
        lost = Judgement(Verdict.NOT_VERIFIED, "no answer", remedy=draw(texts))
        depends = key[0] != ACCESS
        return replace(nothing, judgement=lost, depends_on_access=depends, collected_at=at)
    if draw(st.integers(0, 9)) == 0:
        return replace(nothing, judgement=Judgement(Verdict.NOT_VERIFIED, "its test did not run"))
    evidence = (Evidence(draw(texts), draw(texts), draw(texts)),)
    judgement = Judgement(draw(st.sampled_from(SEEN)), draw(texts), evidence, draw(texts))
    finding = Finding(*key, judgement, advisory, collected_at=at)
    return draw(accepted(finding, texts)) if draw(st.integers(0, 3)) == 0 else finding


@st.composite
def accepted(draw: st.DrawFn, finding: Finding, texts: st.SearchStrategy[str]) -> Finding:
    """The finding as waivers and attestations that speak of it leave it."""
    scope = Scope(finding.requirement, (draw(texts),), frozenset(REQUIREMENTS), frozenset(HOSTS))
    day = date(2026, 11, draw(st.integers(23, 30)))
    waiver = Waiver(
        scope, draw(texts), draw(texts), draw(texts), draw(st.sampled_from([day, None]))
    )
    attestation = Attestation(scope, draw(texts), day, day, draw(texts), draw(texts), "a" * 64)
    entries = Accepted(
        draw(st.sampled_from([(), (waiver,)])), draw(st.sampled_from([(), (attestation,)]))
    )
    key = (finding.requirement, finding.host)
    return accept({key: finding}, entries, HOSTS, date(2026, 11, 23))[key]
