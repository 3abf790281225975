"""Exclusions for Microsoft Defender, as far as they are what is missing.

What a cell needs excluded are its parts (``antivirus.subjects``); each is an entry in one of
Defender's lists. The entries are supposed and the check is asked again: where another product scans
as well, or Defender's entries have no effect, nothing is proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pytest_wfo.core.antivirus.model import BOTH, Antivirus, Exclusion, Pattern, Product, Scan
from pytest_wfo.core.antivirus.paths import split
from pytest_wfo.core.antivirus.patterns import FileExtension, OpenedBy, PathGlob
from pytest_wfo.core.antivirus.subjects import Part, parts_of, subject_of
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.changes import DefenderExclusion, ExclusionList, Fix
from pytest_wfo.core.known import NOT_ASKED
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Verdict

DEFENDER = "Microsoft Defender Antivirus"
"""The product on Windows; Defender on Linux has other commands."""

_SCANS = {
    Claim.EXCLUDED_MEMORY_RESIDENT: Scan.MEMORY_RESIDENT,
    Claim.EXCLUDED_ON_DEMAND: Scan.ON_DEMAND,
}
_LISTS = {
    "folder": ExclusionList.PATH,
    "file": ExclusionList.PATH,
    "extension": ExclusionList.EXTENSION,
    "process": ExclusionList.PROCESS,
}


def fix_defender(
    cell: Cell, finding: Finding, antivirus: Known[Antivirus], site_facts: SiteFacts
) -> Fix:
    """The fewest exclusions that serve the cell; by hand where none do."""
    facts = site_facts.of(cell.host)
    remedy = finding.judgement.remedy or finding.judgement.summary

    def helps(exclusions: Iterable[DefenderExclusion]) -> bool:
        # A canary test shows what is, not what would be.
        supposed = _with_exclusions(antivirus, exclusions)
        there = replace(facts, antivirus=supposed, canary=NOT_ASKED)
        hosts = {**site_facts.hosts, cell.host.name: there}
        judgement = judge_cell(cell, replace(site_facts, hosts=hosts)).judgement
        return judgement.verdict is Verdict.MET

    parts = parts_of(subject_of(cell, facts), _SCANS[cell.requirement.claim])
    chosen = list(_exclusions(parts))
    if not helps(chosen):
        return Fix(cell, finding, by_hand=remedy)
    for exclusion in reversed(chosen):
        fewer = [each for each in chosen if each is not exclusion]
        if helps(fewer):
            chosen = fewer
    return Fix(cell, finding, tuple(chosen), "" if chosen else remedy)


def _exclusions(parts: Iterable[Part]) -> Iterator[DefenderExclusion]:
    for part in parts:
        value = part.place
        if part.kind == "file" and len(split(value)) < 2:
            continue  # where it lies is not known, and Defender wants the path
        if part.kind == "folder":
            value = value.rstrip("\\")
        yield DefenderExclusion(_LISTS[part.kind], value.removeprefix("."))


def _with_exclusions(
    antivirus: Known[Antivirus], exclusions: Iterable[DefenderExclusion]
) -> Known[Antivirus]:
    """As if Defender had the exclusions too; what its own check says of paths holds no longer."""
    more = tuple(map(_as_exclusion, exclusions))

    def supposed(product: Product) -> Product:
        if product.name != DEFENDER or not isinstance(product.exclusions, Known):
            return product
        added = (replace(each, void=product.central) for each in more)
        there = Known((*product.exclusions.value, *added), product.exclusions.source)
        return replace(product, exclusions=there, opinions={})

    products = tuple(map(supposed, antivirus.value.products))
    return Known(replace(antivirus.value, products=products), antivirus.source)


def _as_exclusion(exclusion: DefenderExclusion) -> Exclusion:
    """Microsoft, "Exclusions overview": a process counts for real-time scanning alone."""
    value, pattern = exclusion.value, PathGlob.of(exclusion.value)
    if exclusion.list is ExclusionList.PATH:
        return Exclusion(value, pattern, BOTH, "local")
    if exclusion.list is ExclusionList.EXTENSION:
        return Exclusion(value, FileExtension.of(value), BOTH, "local")
    opened: Pattern = OpenedBy(pattern if len(split(value)) > 1 else value)
    return Exclusion(value, opened, frozenset((Scan.MEMORY_RESIDENT,)), "local")
