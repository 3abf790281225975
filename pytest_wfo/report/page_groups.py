"""What the site report says once instead of once a host: equal findings, and hosts that are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Attestation, Waiver
from pytest_wfo.report.accepted import contradicts, told_of
from pytest_wfo.report.changes import Kind
from pytest_wfo.report.model import RequirementInfo, SiteReport
from pytest_wfo.report.page_words import fold_names, template

# Wordings told with their evidence for one requirement. Hosts beyond it are still named.
_WORDINGS = 12
# Groups of one role, and requirements named for one group; the rest is counted.
_GROUPS = 40
_DIFFERENCES = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """Findings of one requirement with the same verdict and, but for the host, the same words; also
    the same person's, where they contradict one."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that stands for all."""
        return self.findings[0]

    @property
    def hosts(self) -> str:
        """The hosts' names, folded."""
        return fold_names(finding.host for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement: what was seen on ``n`` of its ``of`` hosts.

    ``others`` are hosts whose wordings are too many to be told.
    """

    requirement: RequirementInfo
    n: int
    of: int
    seen: tuple[Seen, ...]
    others: str

    @property
    def verdicts(self) -> str:
        """The verdicts in it, in words."""
        return " / ".join(dict.fromkeys(seen.first.verdict.value for seen in self.seen))


def by_requirement(report: SiteReport, findings: Iterable[Finding]) -> tuple[Item, ...]:
    """Findings grouped by requirement in the edition's order, most common wording first."""
    grouped: dict[str, dict[tuple[Verdict, str, str], list[Finding]]] = {}
    for finding in findings:
        words = template(finding.judgement.summary, report.site.hosts.get(finding.host))
        same = grouped.setdefault(finding.requirement, {})
        same.setdefault((finding.verdict, words, contradicts(finding)), []).append(finding)
    planned = Counter(finding.requirement for finding in report.findings)
    items = []
    for requirement in report.edition.requirements:
        if requirement.id not in grouped:
            continue
        seen = sorted(grouped[requirement.id].values(), key=len, reverse=True)
        items.append(
            Item(
                requirement,
                sum(map(len, seen)),
                planned[requirement.id],
                tuple(Seen(tuple(same)) for same in seen[:_WORDINGS]),
                fold_names(finding.host for same in seen[_WORDINGS:] for finding in same),
            )
        )
    return tuple(items)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A waiver or an attestation, and what it accepts: ``n`` findings by requirement."""

    entry: Waiver | Attestation
    items: tuple[Item, ...]
    n: int


def acceptances(report: SiteReport, verdict: Verdict) -> tuple[Acceptance, ...]:
    """What is ``verdict`` (waived or attested), by who accepts it, the most findings first."""
    grouped: dict[Waiver | Attestation, list[Finding]] = {}
    for finding in report.findings:
        entry = finding.waiver if verdict is Verdict.WAIVED else finding.attestation
        if finding.verdict is verdict and entry is not None:
            grouped.setdefault(entry, []).append(finding)
    return tuple(
        Acceptance(entry, by_requirement(report, found), len(found))
        for entry, found in sorted(grouped.items(), key=lambda item: len(item[1]), reverse=True)
    )


Told = tuple[tuple[RequirementInfo, tuple[str, ...]], ...]
"""By requirement, lines such as "not met, later met: pc-[001:003]"."""


def disagreements(report: SiteReport) -> Told:
    """What merged runs measured differently."""
    told = ((item.requirement, _in_time(item.seen), item.host) for item in report.differing)
    return _told(report, told)


def _in_time(seen: Iterable[tuple[Verdict, str]]) -> str:
    (first, before), *others = seen
    words = first.value
    for verdict, at in others:
        words += f"{', later' if at > before else ' and'} {verdict.value}"
        before = at
    return words


def changes(report: SiteReport) -> tuple[tuple[Kind, int, Told], ...]:
    """What changed since the baseline: kind, how many cells, and which."""
    found = report.drift.changes if report.drift else ()
    of_kind = {kind: [change for change in found if change.kind is kind] for kind in Kind}
    return tuple(
        (
            kind,
            len(some),
            _told(report, ((item.requirement, item.words, item.host) for item in some)),
        )
        for kind, some in of_kind.items()
        if some
    )


def _told(report: SiteReport, items: Iterable[tuple[str, str, str]]) -> Told:
    """(requirement, words, host) grouped."""
    grouped: dict[str, dict[str, list[str]]] = {}
    for requirement, words, host in items:
        grouped.setdefault(requirement, {}).setdefault(words, []).append(host)
    return tuple(
        (
            requirement,
            tuple(
                f"{words}: {fold_names(hosts)}" for words, hosts in grouped[requirement.id].items()
            ),
        )
        for requirement in report.edition.requirements
        if requirement.id in grouped
    )


@dataclass(frozen=True, slots=True)
class Alike:
    """Hosts with the same roles, the same verdicts, and the same words where one is not met.

    ``differences`` say how they differ from the largest group of their roles.
    """

    hosts: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    differences: tuple[str, ...] = ()
    more: int = 0

    @property
    def names(self) -> str:
        """The hosts' names, folded."""
        return fold_names(self.hosts)


@dataclass(frozen=True, slots=True)
class Role:
    """All hosts of the same roles in groups, the largest first; ``left`` hosts are not told."""

    name: str
    hosts: int
    groups: tuple[Alike, ...]
    left: int


_Answers = dict[str, tuple[Verdict, str]]  # requirement -> verdict, words ("" where they are free)
Groups = dict[tuple[str, frozenset[tuple[str, tuple[Verdict, str]]]], list[str]]


def groups_of_hosts(report: SiteReport) -> Groups:
    """Every host of the inventory in its group, in the inventory's order."""
    answers: dict[str, _Answers] = {name: {} for name in report.site.hosts}
    for finding in report.findings:
        host = report.site.hosts.get(finding.host)
        free = finding.verdict in (Verdict.MET, Verdict.NOT_APPLICABLE)
        words = "" if free else template(finding.judgement.summary, host) + told_of(finding)
        answers.setdefault(finding.host, {})[finding.requirement] = (finding.verdict, words)
    groups: Groups = {}
    for name, given in answers.items():
        host = report.site.hosts.get(name)
        roles = ", ".join(host.roles) if host else ""
        groups.setdefault((roles, frozenset(given.items())), []).append(name)
    return groups


def roles_of(groups: Groups) -> tuple[Role, ...]:
    """The groups by role, with what sets each apart from the largest."""
    by_role: dict[str, list[tuple[_Answers, list[str]]]] = {}
    for (roles, given), names in groups.items():
        by_role.setdefault(roles, []).append((dict(given), names))
    return tuple(_role(name, found) for name, found in by_role.items())


def _role(name: str, found: list[tuple[_Answers, list[str]]]) -> Role:
    found = sorted(found, key=lambda group: len(group[1]), reverse=True)
    largest = found[0][0]
    return Role(
        name,
        sum(len(names) for _, names in found),
        tuple(_alike(given, names, largest) for given, names in found[:_GROUPS]),
        sum(len(names) for _, names in found[_GROUPS:]),
    )


def _alike(given: _Answers, names: list[str], largest: _Answers) -> Alike:
    counts = Counter(verdict for verdict, _ in given.values())
    differing = sorted(
        name for name in given.keys() | largest.keys() if given.get(name) != largest.get(name)
    )
    return Alike(
        tuple(names),
        tuple((verdict.value, counts[verdict]) for verdict in Verdict if counts[verdict]),
        tuple(f"{name} ({_verdict(given.get(name))})" for name in differing[:_DIFFERENCES]),
        max(0, len(differing) - _DIFFERENCES),
    )


def _verdict(answer: tuple[Verdict, str] | None) -> str:
    return answer[0].value if answer else "not planned"
