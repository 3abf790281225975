"""Several runs about one site, e.g. one for each network segment, as one report.

Each planned cell gets exactly one finding:

- what was measured counts before what was not, whenever that was: a run that did not select a cell,
  or could not examine its host, hides nothing another run saw;
- of what was measured the worst verdict counts, so that neither an older pass hides a newer failure
  nor the other way round; of equal verdicts the latest;
- a cell that no run measured stays not verified.

A site has one plan: what is asked of a host is asked of every host of its kind, whichever inventory
names it.

So the order of the files decides nothing, and a merged file can be merged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_wfo.core.facts import Access
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.model import (
    Differing,
    HostInfo,
    Key,
    RunInfo,
    SiteInfo,
    SiteReport,
    site_report,
)

WORST_LAST = (
    Verdict.MET,
    Verdict.NOT_APPLICABLE,
    Verdict.ATTESTED,
    Verdict.WAIVED,
    Verdict.NOT_VERIFIED,
    Verdict.NOT_MET,
)


class MergeError(ValueError):
    """Reports that cannot become one; the text says which and why."""


def merge(reports: Mapping[str, SiteReport], *, different_inventories: bool = False) -> SiteReport:
    """The report of all runs; ``reports`` by the names to call them in messages, at least one.

    Raises:
        MergeError: they are about different sites, editions, gates, features or, unless
            ``different_inventories``, inventories; or two inventories call different machines by
            one name, or ask different things of machines of one kind.
    """
    _refuse(reports, different_inventories=different_inventories)
    given = sorted(reports.values(), key=_order_of_report)
    if all(report == given[0] for report in given):
        return given[0]
    access = _access(given)
    findings: dict[Key, Finding] = {}
    seen: dict[Key, dict[Verdict, str]] = {}
    for report in given:
        for finding in report.findings:
            key = (finding.requirement, finding.host)
            findings[key] = _heavier(findings.get(key, finding), finding)
            if _says_something(finding):
                _note(seen.setdefault(key, {}), finding.verdict, finding.collected_at)
        for item in report.differing:
            for verdict, at in item.seen:
                _note(seen.setdefault((item.requirement, item.host), {}), verdict, at)
    site = _site(given)
    keys = _in_order(findings, given[0], site)
    left_out = _not_planned(given)
    _refuse_gaps(keys, site, left_out)
    return site_report(
        site,
        given[0].edition,
        [_unmeasured(findings[key], access) for key in keys],
        left_out,
        access,
        sorted({run for report in given for run in report.runs}, key=_order),
        unselected=_unselected(given),
        differing=[
            Differing(*key, tuple(sorted(seen[key].items(), key=lambda item: (item[1], item[0]))))
            for key in keys
            if len(seen.get(key, {})) > 1
        ],
    )


def _refuse(reports: Mapping[str, SiteReport], *, different_inventories: bool) -> None:
    (first_name, first), *others = reports.items()
    for name, other in others:
        both = f"{first_name} and {name}"
        if first.site.name != other.site.name:
            raise MergeError(
                f"{both}: of different sites, {first.site.name!r} and {other.site.name!r}"
            )
        one, two = first.edition, other.edition
        if (one.id, one.sha256) != (two.id, two.sha256):
            raise MergeError(
                f"{both}: of different editions, {one.id} (SHA-256 {one.sha256}) and {two.id} "
                f"(SHA-256 {two.sha256}); run the older one again"
            )
        if first.run.gate != other.run.gate:
            raise MergeError(
                f"{both}: of different gates, {first.run.gate} and {other.run.gate}: advisory "
                "requirements block in one of them only; run one again with the other's --wfo-gate"
            )
        if first.site.features != other.site.features:
            raise MergeError(
                f"{both}: of different features, {_features(first.site)} and {_features(other.site)}: "
                "hosts of one were not asked what those of the other were; write the same "
                "site.features into both inventories and run the one that was wrong again"
            )
        if not different_inventories and first.site.sha256 != other.site.sha256:
            raise MergeError(
                f"{both}: of different inventories, {first.site.source} (SHA-256 {first.site.sha256}) "
                f"and {other.site.source} (SHA-256 {other.site.sha256}); where each run has an "
                "inventory of its own on purpose, say --allow-different-inventories"
            )
        for host in first.site.hosts.keys() & other.site.hosts.keys():
            _refuse_other_machine(both, first.site.hosts[host], other.site.hosts[host])


def _features(site: SiteInfo) -> str:
    return ", ".join(site.features) or "none"


def _refuse_gaps(asked: Iterable[Key], site: SiteInfo, left_out: Iterable[NotPlanned]) -> None:
    """Refuse a plan in which a host was not asked what a host of its kind was.

    A requirement speaks of roles: asked of a host, it speaks of every host that has all its roles.
    """
    hosts_of: dict[str, dict[str, None]] = {}
    for requirement, name in asked:
        hosts_of.setdefault(requirement, {})[name] = None
    for requirement, names in hosts_of.items():
        kinds = {frozenset(site.hosts[name].roles): name for name in names}
        for host in site.hosts.values():
            if host.name in names:
                continue
            alike = next((kinds[kind] for kind in kinds if kind <= set(host.roles)), "")
            if alike:
                why = [item.reason for item in left_out if item.requirement == requirement]
                raise MergeError(
                    f"{requirement} was asked of {alike} and not of {host.name}, a host of the same "
                    f"kind ({'; '.join(why) or 'no run says why'}); cloud_endpoints and overlay are "
                    "the site's: write the same into all inventories and run the one that was wrong "
                    "again (what one segment alone need not meet is waived for its hosts)"
                )


def _refuse_other_machine(both: str, one: HostInfo, two: HostInfo) -> None:
    if one != two:
        raise MergeError(
            f"{both}: {one.name} is {', '.join((*one.roles, *one.addresses))} in one and "
            f"{', '.join((*two.roles, *two.addresses))} in the other; correct the inventories"
        )


def _order_of_report(report: SiteReport) -> tuple[list[tuple[str, ...]], str]:
    """By time; of runs that say the same of themselves, by what they did not plan."""
    return [_order(run) for run in report.runs], repr(report.not_planned)


def _order(run: RunInfo) -> tuple[str, ...]:
    return (run.started, run.finished, run.controller, run.user, repr(run))


def _says_something(finding: Finding) -> bool:
    """A person's word (waived, attested) counts also where nothing was measured."""
    return finding.measured or finding.verdict is not Verdict.NOT_VERIFIED


def _heavier(one: Finding, other: Finding) -> Finding:
    weights = _weight(one), _weight(other)
    if weights[0] == weights[1]:  # the choice must not depend on the order
        return max(one, other, key=repr)
    return one if weights[0] > weights[1] else other


def _weight(finding: Finding) -> tuple[bool, int, str]:
    """The heaviest finding of a cell counts; of those that say nothing, the last attempt."""
    return (
        _says_something(finding),
        WORST_LAST.index(finding.verdict),
        finding.collected_at,
    )


def _note(seen: dict[Verdict, str], verdict: Verdict, at: str) -> None:
    seen[verdict] = max(seen.get(verdict, ""), at)


def _access(given: list[SiteReport]) -> dict[str, Access]:
    """How each host was reached last; where it never was, the last attempt."""
    found: dict[str, Access] = {}
    for report in given:
        for name, access in report.access.items():
            found[name] = max(found.get(name, access), access, key=_reached)
    return found


def _reached(access: Access) -> tuple[bool, str, str]:
    return access.reached, access.at, repr(access)


def _unmeasured(finding: Finding, access: Mapping[str, Access]) -> Finding:
    """A finding that says nothing, in words that are true beside a host another run examined."""
    reached = finding.host in access and access[finding.host].reached
    if _says_something(finding) or not reached or not finding.depends_on_access:
        return finding
    judgement = replace(
        finding.judgement,
        summary="not measured by any run that examined the host",
        remedy="run the whole suite from where the host can be reached",
    )
    return replace(finding, judgement=judgement, depends_on_access=False, collected_at="")


def _unselected(given: list[SiteReport]) -> set[Key]:
    """The cells that no run selected."""
    selected = {
        key
        for report in given
        for finding in report.findings
        if (key := (finding.requirement, finding.host)) not in report.unselected
    }
    return {key for report in given for key in report.unselected} - selected


def _in_order(findings: Iterable[Key], first: SiteReport, site: SiteInfo) -> list[Key]:
    """In the order of a plan: the edition's, then the inventory's."""
    row = {item.id: number for number, item in enumerate(first.edition.requirements)}
    column = {name: number for number, name in enumerate(site.hosts)}
    return sorted(findings, key=lambda key: (row[key[0]], column[key[1]]))


def _site(given: list[SiteReport]) -> SiteInfo:
    """The site of all; of different inventories, the hosts of each."""
    sites = [report.site for report in given]
    hosts = {name: host for site in sites for name, host in site.hosts.items()}
    return SiteInfo(
        name=sites[0].name,
        ticket=_each(site.ticket for site in sites),
        features=tuple(sorted({feature for site in sites for feature in site.features})),
        source=_each(site.source for site in sites),
        sha256=_each(site.sha256 for site in sites),
        hosts=hosts,
        timezone=max(site.timezone for site in sites),
    )


def _each(texts: Iterable[str]) -> str:
    parts = (part for text in texts for part in text.split(", "))
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _not_planned(given: list[SiteReport]) -> list[NotPlanned]:
    """What was left out; of different inventories, with the one that says so."""
    several = len({report.site.sha256 for report in given}) > 1
    found: dict[NotPlanned, None] = {}
    for report in given:
        for item in report.not_planned:
            told = f"{report.site.source}: {item.reason}" if several else item.reason
            found[replace(item, reason=told)] = None
    return list(found)
