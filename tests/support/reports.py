"""Small reports for tests of the writers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pytest_wfo.core.checks import judge
from pytest_wfo.core.gate import settle
from pytest_wfo.core.verdicts import Evidence, Finding, Judgement, Verdict
from pytest_wfo.core.waivers import Attestation, Scope, Waiver
from pytest_wfo.report.model import (
    RunInfo,
    SiteReport,
    edition_info,
    site_info,
    site_report,
    with_counts,
)
from tests.support.sites import EDITION, healthy_site, the_plan
from tests.support.sites import site as make_site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_wfo.core.hosts import Site
    from pytest_wfo.core.site_facts import SiteFacts

RUN = RunInfo(
    started="2026-11-23T10:00:00Z",
    finished="2026-11-23T10:00:09Z",
    user="qa",
    controller="ci-7",
    tool_version="0.1.0",
    probe="safe",
    facts="gathered in this run",
)


def report(
    site: Site | None = None,
    facts: SiteFacts | None = None,
    changed: Mapping[tuple[str, str], Finding] | None = None,
    selected: list[tuple[str, str]] | None = None,
    run: RunInfo = RUN,
) -> SiteReport:
    """The report of a site (default: without a fault), with some findings replaced."""
    site = site or make_site()
    facts = facts or healthy_site(site)
    planned = the_plan(site)
    found = {**judge(planned.cells, facts), **(changed or {})}
    if selected is not None:
        found = {key: finding for key, finding in found.items() if key in selected}
    findings = settle(planned, found)
    keys = {cell.key for cell in planned.cells}
    return with_counts(
        site_report(
            site_info(site),
            edition_info(EDITION),
            findings,
            planned.not_planned,
            {name: item.access for name, item in facts.hosts.items()},
            (replace(run, inventory=site.source, inventory_sha256=site.sha256),),
            unselected=() if selected is None else keys.difference(selected),
        )
    )


def finding(
    requirement: str,
    host: str,
    verdict: Verdict,
    summary: str = "seen",
    evidence: str = "a rule",
    excerpt: str = "",
    remedy: str = "do this",
) -> dict[tuple[str, str], Finding]:
    """One finding, keyed as reports want it."""
    judgement = Judgement(verdict, summary, (Evidence(evidence, "nft", excerpt),), remedy)
    return {(requirement, host): Finding(requirement, host, judgement)}


def renamed(of: SiteReport, name: str) -> SiteReport:
    """The same report of a site with another name."""
    return replace(of, site=replace(of.site, name=name, ticket=name))


def with_notes(of: SiteReport, *notes: str) -> SiteReport:
    """The same report of a run with these notes."""
    return replace(of, runs=(replace(of.runs[0], notes=notes),))


def accepted(
    requirement: str,
    host: str,
    verdict: Verdict,
    text: str = "",
    *,
    attested: bool = False,
    permanent: bool = False,
) -> dict[tuple[str, str], Finding]:
    """A finding that is waived or attested, or ("not met", ``attested``) contradicts a person.

    With ``text`` every text that a person wrote is that text.
    """
    ((key, made),) = finding(requirement, host, verdict, "measured so").items()
    waiver = Waiver(
        Scope(text or requirement, (text or host,), place=text or "waivers.yml:3"),
        text or "moves in March",
        text or "R. Ortiz",
        text or "CHG0099",
        None if permanent else date(2026, 12, 31),
    )
    attestation = Attestation(
        Scope(text or requirement, (text or host,), place=text or "attestations.yml:3"),
        text or "K. Lee",
        date(2026, 11, 2),
        date(2027, 5, 1),
        text or "DOC-7",
        text or "proof.pdf",
        text or "a" * 64,
    )
    if verdict is Verdict.WAIVED:
        made = replace(made, waiver=waiver)
    if attested or verdict is Verdict.ATTESTED:
        made = replace(made, attestation=attestation)
    return {key: made}
