"""File types: antivirus leaves files of the type alone, as harmless files and the products' own
histories show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_wfo.core.antivirus.items import item_of, items_of
from pytest_wfo.core.antivirus.model import Product, Removal, Survival, SurvivalProbe, TestFile
from pytest_wfo.core.antivirus.paths import fold, name_of
from pytest_wfo.core.antivirus.patterns import PathGlob
from pytest_wfo.core.antivirus.task import HISTORY_DAYS
from pytest_wfo.core.antivirus.words import named
from pytest_wfo.core.checks.answers import met, not_applicable, not_met, not_verified, unseen
from pytest_wfo.core.facts import Fact, HostFacts, Known, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

# What a product did, in words; one that tried in vain did not leave the file alone.
_TOUCHED = {
    "removed": "was removed",
    "quarantined": "was quarantined",
    "cleaned": "was cleaned",
    "blocked": "was blocked",
    "failed": "was to be taken away, which failed,",
}
_LEFT = {"allowed": "was detected and then allowed"}
_OPEN = "was detected, and what was done is not known,"
_OF_USERS = (
    PathGlob.of("**\\Users\\*\\AppData"),
    PathGlob.of("**\\Users\\*\\Downloads"),
    PathGlob.of("**\\$Recycle.Bin"),
    PathGlob.of("/home/*/.cache"),
    PathGlob.of("/home/*/Downloads"),
)
_OURS = re.compile(r"wfo-(probe|canary)-[0-9a-z-]+\.[0-9a-z]+", re.IGNORECASE)
"""Test files of this run and of earlier ones. What becomes of this run's is seen; the canary is to be
removed; and what became of earlier ones may be why the antivirus was mended since."""
_BAD = {
    Survival.GONE: "was removed",
    Survival.CHANGED: "was changed",
    Survival.REFUSED: "could not be read again",
    Survival.BLOCKED: "was refused as a virus when it was written",
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _History:
    """The removals of files of the type: those that count, those of which nobody knows whether they
    do, and those that do not."""

    counting: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def check_untouched(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Met: the test files of the type are unchanged, and no active product touched any in its history."""
    facts = site_facts.of(cell.host)
    extension = item_of(cell).text
    survived = _of_type(facts.survival, extension)
    evidence = list(_survival_evidence(facts.survival, survived))
    bad = [file for file in survived if file.survival in _BAD]
    if bad:
        told = "; ".join(f"{file.path} {_BAD[file.survival]}" for file in bad[:_SHOWN])
        return not_met(
            f"a harmless {extension} file was not left alone: {told}",
            evidence,
            f"have the antivirus leave {extension} files alone, and look into its history for what it did",
        )
    if isinstance(facts.antivirus, Unknown):
        return unseen(facts.antivirus, f"what antivirus does to {extension} files", evidence)
    antivirus = facts.antivirus
    products = [product for product in antivirus.value.products if _counts(product)]
    folders = tuple(PathGlob.of(item.text) for item in items_of(cell))
    unseen_history: Unknown | None = None
    found = _History()
    for product in antivirus.value.products:
        history = product.removals
        if isinstance(history, Known):
            own = _history(history.value, extension, folders, common=cell.requirement.common)
            evidence += _history_evidence(product, own, history.source)
            found = _History(
                found.counting + own.counting, found.open + own.open, found.others + own.others
            )
        if product in products and unseen_history is None:
            unseen_history = _unseen(product)
    if found.counting:
        return not_met(
            f"antivirus touched {extension} files: {found.counting[0]}",
            evidence,
            f"restore what was taken, and have the antivirus leave {extension} files of WFO alone",
        )
    if not products:
        evidence.append(Evidence(f"looked for: {antivirus.value.looked_for}", antivirus.source))
        return not_applicable("no antivirus is active on this host", evidence)
    return _unless_open(extension, facts, survived, unseen_history, found, evidence)


def _unless_open(
    extension: str,
    facts: HostFacts,
    survived: list[TestFile],
    history: Unknown | None,
    found: _History,
    evidence: list[Evidence],
) -> Judgement:
    """Met, unless something of it was not seen."""
    if found.open:
        return not_verified(
            f"whether antivirus touched a {extension} file of WFO: {found.open[0]}",
            "look whether it was one of WFO; if so, restore it and have the antivirus leave it alone",
            evidence,
        )
    if history is not None:
        return unseen(history, f"what antivirus did to {extension} files", evidence)
    if isinstance(facts.survival, Unknown):
        return unseen(facts.survival, f"whether a harmless {extension} file survives", evidence)
    unchanged = [file for file in survived if file.survival is Survival.UNCHANGED]
    if not unchanged:
        return not_verified(
            f"no harmless {extension} file could be written to see whether it survives",
            "let the account write to WFO's folders, or to a temporary folder",
            evidence,
        )
    partly = next((file for file in unchanged if file.detail), None)
    if partly is not None:
        return not_verified(
            f"whether harmless {extension} files are left as they are: {partly.path}: {partly.detail}",
            "let the account read the access rights of its own files there",
            evidence,
        )
    summary = f"{len(unchanged)} harmless {extension} files survived, and no history names one"
    if found.others:
        summary += " that counts"
    return met(summary, evidence)


def _counts(product: Product) -> bool:
    return isinstance(product.active, Unknown) or product.active.value


def _unseen(product: Product) -> Unknown | None:
    """Why the history of a product is not known, or not known far enough."""
    name = named(product)
    if isinstance(product.active, Unknown):
        return Unknown(f"whether {name} is active: {product.active.reason}", product.active.remedy)
    if isinstance(product.removals, Unknown):
        removals = product.removals
        return Unknown(f"the history of {name}: {removals.reason}", removals.remedy)
    if product.history_days < 1:
        return Unknown(f"how far the history of {name} reaches back is not known", "look into it")
    return None


def _of_type(survival: Fact[SurvivalProbe], extension: str) -> list[TestFile]:
    files = survival.value.files if isinstance(survival, Known) else ()
    return [file for file in files if fold(file.extension) == fold(extension)]


def _survival_evidence(survival: Fact[SurvivalProbe], files: list[TestFile]) -> Iterator[Evidence]:
    if isinstance(survival, Unknown):
        return
    for file in files:
        detail = f" ({file.detail})" if file.detail else ""
        words = f"{file.path}: {file.survival.value} after {file.seconds:.0f} s{detail}"
        yield Evidence(words, survival.source)
    for path in survival.value.leftovers:
        yield Evidence(f"could not be removed again: {path}", survival.source)


def _history(
    removals: tuple[Removal, ...], extension: str, folders: tuple[PathGlob, ...], *, common: bool
) -> _History:
    sorted_in: dict[str, list[str]] = {"counting": [], "open": [], "others": []}
    for removal in removals:
        if not fold(name_of(removal.path)).endswith(fold(extension)):
            continue
        where = _where(removal, folders, common=common)
        sorted_in[where].append(_removal_words(removal))
    return _History(**{where: tuple(words) for where, words in sorted_in.items()})


def _where(removal: Removal, folders: tuple[PathGlob, ...], *, common: bool) -> str:
    """Whether it counts (see the edition's reading)."""
    if removal.action in _LEFT or _OURS.fullmatch(name_of(removal.path)):
        return "others"
    within = any(_below(folder, removal.path) for folder in folders)
    if common and not within:
        of_user = any(_below(folder, removal.path) for folder in _OF_USERS)
        return "others" if of_user else "open"
    return "counting" if removal.action in _TOUCHED else "open"


def _below(folder: PathGlob, path: str) -> bool:
    return folder.file(path).value == "yes"


def _removal_words(removal: Removal) -> str:
    at = f" at {removal.at}" if removal.at else ""
    threat = f" as {removal.threat}" if removal.threat else ""
    ours = " (a test file of this tool)" if _OURS.fullmatch(name_of(removal.path)) else ""
    done = (_TOUCHED | _LEFT).get(removal.action, _OPEN)
    return f"{removal.path} {done}{threat}{at}{ours}"


def _history_evidence(product: Product, found: _History, source: str) -> Iterator[Evidence]:
    name = named(product)
    words = (*found.counting, *found.open, *found.others)
    for said in words[:_SHOWN]:
        yield Evidence(f"{name}: {said}", source)
    if len(words) > _SHOWN:
        yield Evidence(f"{name}: and {len(words) - _SHOWN} more files of the type", source)
    if not words:
        short = "" if product.history_days >= HISTORY_DAYS else "; it reaches back no further"
        days = f"{product.history_days} days"
        yield Evidence(f"{name}: nothing of the type in the history of {days}{short}", source)
