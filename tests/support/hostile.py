"""A report as somebody would forge it who wants a terminal, a browser or a ticket to do something."""

from __future__ import annotations

from dataclasses import replace

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.gate import decide_gate
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement, Verdict
from pytest_wfo.core.waivers import AcceptedFile
from pytest_wfo.report.changes import Baseline, Change, Drift, Kind
from pytest_wfo.report.model import Differing, RunInfo, SiteReport
from tests.support.reports import accepted, report
from tests.support.sites import access, healthy_site, site

HTTP = "client-80.connects"


def hostile(text: str) -> SiteReport:
    """A report in which every text that comes from a host, a person or a file is ``text``.

    A forged results file could even name hosts and requirements so: one each is.
    """
    of = site()
    bad = replace(
        access("client", "filtered"), message=text, remedy=text, reason=text, endpoint=text
    )
    made = report(of, SiteFacts(of, {**healthy_site(of).hosts, "client": HostFacts(bad)}))
    judgements = {
        verdict: Judgement(verdict, text, (Evidence(text, text, text),), text)
        for verdict in Verdict
    }
    shifting = list(judgements.values())
    (waived,) = accepted(HTTP, "client", Verdict.WAIVED, text, attested=True).values()
    findings = tuple(
        replace(
            each,
            requirement=_named(each.requirement, text),
            host=_named(each.host, text),
            judgement=shifting[index % len(shifting)],
            collected_at=text,
            waiver=waived.waiver if index % len(shifting) == 4 else None,
            attestation=waived.attestation
            if index % 3 == 0 or index % len(shifting) == 5
            else None,
        )
        for index, each in enumerate(made.findings)
    )
    return replace(
        made,
        site=replace(
            made.site, name=text, ticket=text, source=text, sha256=text,
            hosts={
                _named(name, text): replace(each, name=_named(name, text), addresses=(text,))
                for name, each in made.site.hosts.items()
            },
        ),
        access={_named(name, text): each for name, each in made.access.items()},
        edition=replace(
            made.edition, ambiguities=(text,), sha256=text, title=text, by_id={},
            requirements=tuple(
                replace(
                    each, id=_named(each.id, text), title=text, reading=text,
                    source=replace(each.source, section=text, words=text),
                )
                for each in made.edition.requirements
            ),
        ),
        not_planned=(NotPlanned("x", text, text),),
        findings=findings,
        gate=decide_gate(findings, selected=None),
        runs=(
            RunInfo(
                text, text, text, text, text, "safe", text, (text,), text, text,
                accepted=(AcceptedFile(text, text),),
            ),
        )
        * 2,
        differing=(
            Differing(_named(HTTP, text), text, ((Verdict.NOT_MET, text), (Verdict.MET, text))),
        ),
        drift=Drift(
            Baseline(text, text, text, text, text),
            (Change(_named(HTTP, text), text, Kind.FAILING, None, Verdict.NOT_MET),),
            (text,), (text,), (text,), (text,), (text,), ((text, text),), ((text, text),), 3,
        ),
    )  # fmt: skip


def _named(name: str, text: str) -> str:
    return name + text[:40] if name in ("client", HTTP) else name
