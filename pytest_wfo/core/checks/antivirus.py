"""Exclusions: every active antivirus product leaves the item out of the kind of scanning asked for.

One that does not is enough for "not met"; one whose settings could not be seen is enough for "not
verified". Behaviour, where a canary test proves it, counts for more than settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_wfo.core.antivirus.behaviour import Behaviour, behaviour_of
from pytest_wfo.core.antivirus.coverage import Coverage, coverage
from pytest_wfo.core.antivirus.model import CanaryOutcome, Covered, Product, Reading, Scan
from pytest_wfo.core.antivirus.subjects import Subject, subject_of
from pytest_wfo.core.antivirus.words import coverage_words, named, remedy
from pytest_wfo.core.checks.answers import met, not_applicable, not_met, not_verified, unseen
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.known import NOT_ASKED
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim, ItemKind
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

_SCANS = {
    Claim.EXCLUDED_MEMORY_RESIDENT: Scan.MEMORY_RESIDENT,
    Claim.EXCLUDED_ON_DEMAND: Scan.ON_DEMAND,
}
_ELSEWHERE = Unknown(
    "they are managed elsewhere, and nothing on the host says them",
    "have their owner export them for this host, and attest the cell with that export",
)
_BEHIND = "exclude the folder that lies behind it, and name that one in the inventory (folders)"
_LOOK = "look at the product's settings"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one product says. ``covered`` is None where it does not count for this kind of scanning;
    ``why`` is then the reason, as it is for MAYBE."""

    product: Product
    covered: Covered | None
    why: str
    remedy: str = ""
    found: Coverage | None = None
    evidence: tuple[Evidence, ...] = ()


def check_excluded(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Met: excluded in every product that scans in this way."""
    facts = site_facts.of(cell.host)
    scan, subject = _SCANS[cell.requirement.claim], subject_of(cell, facts)
    behaviour = behaviour_of(facts.canary, subject, scan)
    what = f"{subject.text} is excluded from {scan.value} scanning"
    source = facts.canary.source if isinstance(facts.canary, Known) else ""
    proofs = [Evidence(words, source) for words in behaviour.words]
    if isinstance(facts.antivirus, Unknown):
        if behaviour.outcome is CanaryOutcome.DETECTED:
            return _detected(behaviour, subject, scan, (), proofs)
        return unseen(facts.antivirus, f"whether {what}", proofs)
    antivirus = facts.antivirus
    answers = [_ask(product, subject, scan) for product in antivirus.value.products]
    evidence = [*proofs, *(item for answer in answers for item in answer.evidence)]
    counting = [answer for answer in answers if answer.covered is not None]
    if behaviour.outcome is CanaryOutcome.DETECTED:
        return _detected(behaviour, subject, scan, counting, evidence)
    if not counting:
        looked = f"looked for: {antivirus.value.looked_for}"
        evidence.append(Evidence(looked, antivirus.source))
        return _nothing_scans(answers, behaviour, scan, evidence)
    return _judged(counting, behaviour, subject, scan, evidence)


def _ask(product: Product, subject: Subject, scan: Scan) -> _Answer:
    name = named(product)
    told = tuple(Evidence(f"{name}: {words}") for words in (*product.state, *product.warnings))
    if isinstance(product.active, Unknown):
        why = f"whether {name} is active: {product.active.reason}"
        return _Answer(product, Covered.MAYBE, why, product.active.remedy, None, told)
    if not product.active.value:
        why = f"{name} is not active ({product.active.source})"
        return _Answer(product, None, why, evidence=(Evidence(why, product.active.source), *told))
    scanning = product.scanning.get(scan, NOT_ASKED)
    if isinstance(scanning, Known) and not scanning.value:
        why = f"{name} does no {scan.value} scanning here"
        return _Answer(product, None, why, evidence=(Evidence(why, scanning.source), *told))
    exclusions = product.exclusions
    if isinstance(exclusions, Unknown) or product.reading is Reading.NONE:
        hidden = exclusions if isinstance(exclusions, Unknown) else _ELSEWHERE
        why = f"the exclusions of {name}: {hidden.reason}"
        return _Answer(product, Covered.MAYBE, why, hidden.remedy, None, told)
    found = coverage(product, exclusions.value, subject, scan)
    words = coverage_words(found, len(exclusions.value))
    evidence = [Evidence(f"{name}, {scan.value}: {each}", exclusions.source) for each in words]
    if product.reading is Reading.STORED:
        stored = (
            "this is what is stored on the host; whether it is in force, the product alone knows"
        )
        evidence.append(Evidence(f"{name}: {stored}", exclusions.source))
    evidence += told
    missing = [answer.part for answer in found.answers if answer.covered is not Covered.YES]
    how = remedy(product, missing, scan) if missing else ""
    if missing and {part.place for part in missing} <= dict(subject.detours).keys():
        how = _BEHIND
    for near in found.near:
        if near.entry.void and near.entry.origin:
            how += f"; {near.entry.text} ({near.entry.origin}) does not do: {near.entry.void}"
    if found.covered is Covered.NO and isinstance(scanning, Unknown):
        why = f"{name} does not exclude it, and whether it does {scan.value} scanning: {scanning.reason}"
        how = scanning.remedy or how
        return _Answer(product, Covered.MAYBE, why, how, found, tuple(evidence))
    return _Answer(product, found.covered, _why(name, found), how, found, tuple(evidence))


def _why(name: str, found: Coverage) -> str:
    doubts = [answer for answer in found.answers if answer.covered is found.covered]
    words = "; ".join(
        f"{answer.part.words}: {answer.why}" if answer.why else answer.part.words
        for answer in doubts
    )
    says = "has no entry in force for" if found.covered is Covered.NO else "may leave out"
    return f"{name} {says} {words}"


def _judged(
    counting: list[_Answer],
    behaviour: Behaviour,
    subject: Subject,
    scan: Scan,
    evidence: list[Evidence],
) -> Judgement:
    intact = behaviour.outcome is CanaryOutcome.INTACT
    names = " and ".join(answer.product.name for answer in counting)
    missing = [answer for answer in counting if answer.covered is Covered.NO]
    doubtful = [answer for answer in counting if answer.covered is Covered.MAYBE]
    if missing and intact:
        return not_verified(
            f"{missing[0].product.name} has no entry for {subject.text}, but left the canary there alone",
            f"find out why: {_LOOK} in its console",
            evidence,
        )
    if missing:
        near = [near for answer in missing if answer.found for near in answer.found.near]
        hint = f"; nearly: {near[0].entry.text} ({near[0].why})" if near else ""
        return not_met(
            f"{subject.text} is not excluded from {scan.value} scanning: {missing[0].why}{hint}",
            evidence,
            "; ".join(answer.remedy for answer in missing),
        )
    if doubtful and not (intact and len(counting) == 1 and _settles(behaviour, doubtful[0])):
        return not_verified(
            f"whether {subject.text} is excluded from {scan.value} scanning: {doubtful[0].why}",
            _remedy(doubtful[0], subject),
            evidence,
        )
    how = ", as a canary test showed" if intact else ""
    summary = f"{subject.text} is excluded from {scan.value} scanning by {names}{how}"
    return met(summary, evidence)


def _settles(behaviour: Behaviour, answer: _Answer) -> bool:
    """Whether a file that was left alone settles what the settings leave open: not where they were
    plain about that file, and open only about others."""
    if answer.found is None:
        return True
    entries = [each.entry for each in answer.found.answers if each.entry is not None]
    return not any(
        entry.pattern.file(file.path) is Covered.YES
        for entry in entries
        for file in behaviour.files
    )


def _remedy(answer: _Answer, subject: Subject) -> str:
    if subject.kind is ItemKind.PROCESS and subject.unknown:
        return f"see that {subject.text} runs, or is registered as a service, and run again"
    return answer.remedy or _LOOK


def _detected(
    behaviour: Behaviour,
    subject: Subject,
    scan: Scan,
    counting: Sequence[_Answer],
    evidence: list[Evidence],
) -> Judgement:
    paths = ", ".join(file.path for file in behaviour.files)
    missing = [answer.remedy for answer in counting if answer.covered is Covered.NO]
    names = " or ".join(answer.product.name for answer in counting) or "the antivirus"
    look = f"exclude {subject.text} in {names}, and look for why the entries that are there have no effect"
    return not_met(
        f"{subject.text} is not excluded from {scan.value} scanning: the canary {paths} was detected",
        evidence,
        "; ".join(missing) or look,
    )


def _nothing_scans(
    answers: list[_Answer], behaviour: Behaviour, scan: Scan, evidence: list[Evidence]
) -> Judgement:
    if behaviour.heard:
        return not_verified(
            f"something on this host does {scan.value} scanning, as the canary test showed, and no product "
            "that is known here does",
            "find out which antivirus protects the host",
            evidence,
        )
    if not answers:
        return not_applicable("no antivirus was found on this host", evidence)
    return not_applicable("; ".join(answer.why for answer in answers), evidence)
