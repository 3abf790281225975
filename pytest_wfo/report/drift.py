"""What changed since an earlier run, e.g. the one that was signed off. Pure, and without a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Attestation, Scope, Waiver
from pytest_wfo.report.changes import Baseline, Change, Drift, Kind
from pytest_wfo.report.model import Key, SiteReport
from pytest_wfo.report.page_words import fold_names

_BY_A_PERSON = {Verdict.WAIVED, Verdict.ATTESTED}


def drift_since(before: SiteReport, now: SiteReport) -> Drift:
    """Compare two reports about one site (``load_baseline`` refuses others)."""
    earlier, later = _by_cell(before), _by_cell(now)
    hosts, old_hosts = now.site.hosts, before.site.hosts
    asked = dict.fromkeys(requirement for requirement, _ in later)
    old_asked = dict.fromkeys(requirement for requirement, _ in earlier)

    def known_to_both(keys: Iterable[Key]) -> tuple[Key, ...]:
        return tuple(
            (requirement, host)
            for requirement, host in keys
            if host in hosts and host in old_hosts
            and requirement in asked and requirement in old_asked
        )  # fmt: skip

    common = [key for key in later if key in earlier]
    compared = [key for key in common if key not in now.unselected]
    run = before.run
    return Drift(
        baseline=Baseline(
            run.started, run.finished, run.user, run.controller, before.gate.decision.value
        ),
        changes=tuple(_changes(compared, earlier, later, before.unselected)),
        about=tuple(_about(before, now)),
        hosts_added=_missing(hosts, old_hosts),
        hosts_gone=_missing(old_hosts, hosts),
        requirements_added=_missing(asked, old_asked),
        requirements_gone=_missing(old_asked, asked),
        asked=known_to_both(key for key in later if key not in earlier),
        no_longer_asked=known_to_both(key for key in earlier if key not in later),
        uncompared=len(common) - len(compared),
    )


def _by_cell(report: SiteReport) -> dict[Key, Finding]:
    return {(finding.requirement, finding.host): finding for finding in report.findings}


def _missing(here: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    known = set(there)
    return tuple(name for name in here if name not in known)


def _changes(
    keys: Iterable[Key],
    earlier: dict[Key, Finding],
    later: dict[Key, Finding],
    unselected: frozenset[Key],
) -> Iterator[Change]:
    for key in keys:
        before = None if key in unselected else earlier[key]
        kind = _kind(before, later[key])
        if kind is not None:
            yield Change(*key, kind, before.verdict if before else None, later[key].verdict)


def _kind(before: Finding | None, now: Finding) -> Kind | None:
    old = before.verdict if before else None
    if before is not None and old is now.verdict:
        same = old not in _BY_A_PERSON or _terms(before) == _terms(now)
        return None if same else Kind.ACCEPTED
    if now.verdict is Verdict.NOT_MET:
        return Kind.FAILING
    if now.verdict is Verdict.NOT_VERIFIED:
        return Kind.UNVERIFIED
    if now.verdict in _BY_A_PERSON:
        return Kind.ACCEPTED
    if old in (None, Verdict.NOT_MET, Verdict.NOT_VERIFIED):
        return Kind.FIXED
    return Kind.ACCEPTED if old in _BY_A_PERSON else Kind.OTHER


def _terms(finding: Finding) -> Waiver | Attestation | None:
    """Who accepts a finding on what terms, wherever in a file that is written."""
    entry = finding.waiver if finding.verdict is Verdict.WAIVED else finding.attestation
    return replace(entry, scope=Scope("", ())) if entry else None


def _about(before: SiteReport, now: SiteReport) -> Iterator[str]:
    """Sentences on what the two runs were about."""
    old, new = before.edition, now.edition
    if old.id != new.id:
        yield f"edition {new.id} instead of {old.id}"
    elif old.sha256 != new.sha256:
        yield f"edition {new.id} has other contents"
    if before.run.gate != now.run.gate:
        yield f"gate {now.run.gate} instead of {before.run.gate}"
    if before.site.sha256 != now.site.sha256:
        yield "the inventory changed"
    others = [
        name
        for name, host in now.site.hosts.items()
        if name in before.site.hosts and before.site.hosts[name] != host
    ]
    if others:
        yield f"other roles or addresses of {fold_names(others)}"
    if before.site.features != now.site.features:
        features = ", ".join(now.site.features) or "none"
        yield f"other features ({features})"
