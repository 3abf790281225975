"""General considerations, advisory: locked, large and temporary files that no exclusion covers."""

from __future__ import annotations

from pytest_wfo.core.antivirus.coverage import answer_for
from pytest_wfo.core.antivirus.model import ConcernedFile, Covered, Product, Scan
from pytest_wfo.core.antivirus.patterns import worst
from pytest_wfo.core.antivirus.subjects import file_part, folder_part
from pytest_wfo.core.antivirus.words import named
from pytest_wfo.core.checks.answers import met, not_applicable, not_met, not_verified, unseen
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

_SHOWN = 10


def check_considered(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Met: nothing of the kind was found that an active product does not leave out.

    Raises:
        ValueError: the requirement names no kind of files.
    """
    concern = cell.requirement.concern
    if concern is None:
        raise ValueError(f"{cell.requirement.id} names no kind of files")
    facts = site_facts.of(cell.host)
    what = f"which {concern.value} files are not excluded"
    if isinstance(facts.antivirus, Unknown):
        return unseen(facts.antivirus, what)
    antivirus = facts.antivirus
    counting = [
        product
        for product in antivirus.value.products
        if isinstance(product.active, Unknown) or product.active.value
    ]
    looked = Evidence(f"looked for: {antivirus.value.looked_for}", antivirus.source)
    if not counting:
        return not_applicable("no antivirus is active on this host", [looked])
    if isinstance(facts.concerns, Unknown):
        return unseen(facts.concerns, what)
    concerns, source = facts.concerns.value, facts.concerns.source
    files = [file for file in concerns.files if file.concern is concern]
    limit = concerns.limits.get(concern, "")
    where = ", ".join(concerns.roots) or "no folder"
    evidence = [Evidence(f"searched: {where}", source)]
    if limit:
        evidence.append(Evidence(f"not seen: {limit}", source))
    if method := concerns.methods.get(concern):
        evidence.append(Evidence(f"such a look never sees {method}", source))
    answers = {file: worst(_excluded(product, file) for product in counting) for file in files}
    open_files = [file for file, covered in answers.items() if covered is not Covered.YES]
    evidence += [Evidence(f"{file.path}: {file.why}", source) for file in open_files[:_SHOWN]]
    if len(open_files) > _SHOWN:
        evidence.append(Evidence(f"and {len(open_files) - _SHOWN} more", source))
    excluded = len(files) - len(open_files)
    if excluded:
        evidence.append(Evidence(f"{excluded} more were found and are excluded", source))
    if any(covered is Covered.NO for covered in answers.values()):
        first = next(file for file, covered in answers.items() if covered is Covered.NO)
        return not_met(
            f"{len(open_files)} {concern.value} files are not excluded: {first.path} ({first.why})",
            evidence,
            "consider to exclude them, after asking the owner of the program that writes them",
        )
    if open_files:
        hidden = next((product for product in counting if _unseen(product)), None)
        why = _unseen(hidden) if hidden else f"whether an entry covers {open_files[0].path}"
        return not_verified(f"{what}: {why}", "look at the product's settings", evidence)
    if limit:
        return not_verified(f"{what}: {limit}", "look at the rest by hand", evidence)
    return met(f"no {concern.value} file was found that is not excluded", evidence)


def _excluded(product: Product, file: ConcernedFile) -> Covered:
    """Whether the product leaves it out of every kind of scanning that it does."""
    if _unseen(product):
        return Covered.MAYBE
    exclusions = product.exclusions
    if isinstance(exclusions, Unknown):
        return Covered.MAYBE
    part = folder_part(file.path) if file.folder else file_part(file.path)
    return worst(
        answer_for(product, exclusions.value, part, scan).covered
        for scan in Scan
        if _scans(product, scan)
    )


def _scans(product: Product, scan: Scan) -> bool:
    scanning = product.scanning.get(scan)
    return not (isinstance(scanning, Known) and not scanning.value)


def _unseen(product: Product) -> str:
    """Why its entries are not known ("" = they are)."""
    if isinstance(product.active, Unknown):
        return f"whether {named(product)} is active: {product.active.reason}"
    if isinstance(product.exclusions, Unknown):
        return f"the exclusions of {named(product)}: {product.exclusions.reason}"
    return ""
