"""Whether a product excludes something from one kind of scanning, and which entry decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import BOTH, Covered, Exclusion, Pattern, Product, Scan
from pytest_wfo.core.antivirus.near import NearMiss, near_misses
from pytest_wfo.core.antivirus.paths import fold, has_wildcard, split
from pytest_wfo.core.antivirus.patterns import PathGlob, best, worst
from pytest_wfo.core.antivirus.subjects import Part, Subject, parts_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What holds for one part: the entry that decides (None: there is none), and why if it is not
    plainly that entry."""

    part: Part
    covered: Covered
    entry: Exclusion | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What holds for a subject: its parts, and the entries that nearly cover what is not covered."""

    covered: Covered
    answers: tuple[Answer, ...]
    near: tuple[NearMiss, ...] = ()


def coverage(
    product: Product, exclusions: tuple[Exclusion, ...], subject: Subject, scan: Scan
) -> Coverage:
    """Whether ``product``, whose entries are ``exclusions``, leaves the subject out of such scanning."""
    answers = tuple(
        _doubted(answer_for(product, exclusions, part, scan), subject)
        for part in parts_of(subject, scan)
    )
    near = tuple(
        near_miss
        for answer in answers
        if answer.covered is not Covered.YES
        for near_miss in near_misses(exclusions, answer.part, scan)
    )
    return Coverage(
        worst(answer.covered for answer in answers), answers, tuple(dict.fromkeys(near))
    )


def answer_for(
    product: Product, exclusions: tuple[Exclusion, ...], part: Part, scan: Scan
) -> Answer:
    """What holds for one part: what is not scanned needs no entry; else the best entry decides."""
    watched = product.watched.get(scan)
    if watched is not None and _outside(part, watched):
        places = ", ".join(str(pattern) for pattern in watched) or "nothing"
        return Answer(part, Covered.YES, None, f"it scans {places} alone, in this way")
    covered, entry = Covered.NO, None
    for exclusion in exclusions:
        if in_force(exclusion, scan):
            found = _found(exclusion.pattern, part, watched)
            if best((found, covered)) is not covered:
                covered, entry = found, exclusion
    return _compared(product, exclusions, Answer(part, covered, entry))


def in_force(exclusion: Exclusion, scan: Scan) -> bool:
    """Whether it has an effect on such scanning."""
    return not exclusion.void and scan in exclusion.scans


def _found(pattern: Pattern, part: Part, watched: tuple[Pattern, ...] | None) -> Covered:
    """An extension is excluded as well where every place that is scanned at all is."""
    found = part.ask(pattern)
    if part.kind == "extension" and watched and found is not Covered.YES:
        places = [place for place in watched if isinstance(place, PathGlob)]
        plain = not any(has_wildcard(name) for place in places for name in place.parts)
        if plain and len(places) == len(watched):
            everywhere = worst(pattern.tree(str(place)) for place in places)
            return best((found, everywhere))
    return found


def _outside(part: Part, watched: tuple[Pattern, ...]) -> bool:
    """Whether nothing of it lies where the product scans."""
    if part.kind == "folder":
        return not any(
            not isinstance(place, PathGlob) or place.meets(part.place) for place in watched
        )
    if part.kind == "file" and len(split(part.place)) > 1:
        return all(place.file(part.place) is Covered.NO for place in watched)
    return not watched


def _compared(product: Product, exclusions: tuple[Exclusion, ...], answer: Answer) -> Answer:
    """The answer beside what the product's own checker says of paths that belong to the part.

    The checker knows no kinds of scanning; only what holds for both, or for none, can contradict it.
    """
    if answer.covered is Covered.MAYBE:
        return answer
    for path, excluded in product.opinions.items():
        if not _belongs(answer.part, path):
            continue
        effective = [each for each in exclusions if not each.void]
        for_both = best(each.pattern.file(path) for each in effective if each.scans == BOTH)
        for_any = best(each.pattern.file(path) for each in effective)
        covered = answer.covered is Covered.YES
        if covered and not excluded and for_both is Covered.YES:
            said = "is not excluded, although the entry covers it"
        elif not covered and excluded and for_any is Covered.NO:
            said = "is excluded, although no entry that was read covers it"
        else:
            continue
        why = f"the product's own check says that {path} {said}"
        return Answer(answer.part, Covered.MAYBE, answer.entry, why)
    return answer


def _belongs(part: Part, path: str) -> bool:
    if part.kind == "extension":
        return fold(path).endswith(fold(part.place))
    place = [fold(name) for name in split(part.place)]
    return [fold(name) for name in split(path)][: len(place)] == place


def _doubted(answer: Answer, subject: Subject) -> Answer:
    """What holds for a folder wherever it leads, and for a program wherever it may lie: an entry by name
    is right in any folder, and that none has its name is plain as well; a path entry may or may not be
    that of the program."""
    part, covered = answer.part, answer.covered
    detour = dict(subject.detours).get(part.place) if part.kind == "folder" else None
    if detour is not None:
        return Answer(part, Covered.MAYBE, answer.entry, detour)
    anywhere = part.kind in ("process", "file") and len(split(part.place)) == 1
    plain = covered is Covered.YES or (part.kind == "process" and covered is Covered.NO)
    if not anywhere or plain:
        return answer
    why = f"where {subject.text} lies is not known: {subject.unknown}"
    return Answer(part, Covered.MAYBE, answer.entry, why)


def effective(exclusions: Iterable[Exclusion]) -> Iterator[Exclusion]:
    """Those that have an effect on some kind of scanning."""
    return (exclusion for exclusion in exclusions if exclusion.scans and not exclusion.void)
