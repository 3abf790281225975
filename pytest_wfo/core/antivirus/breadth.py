"""Entries that exclude far more than the document asks, and what to write instead.

An entry is far wider than a folder if it also covers any file beside that folder: the whole drive, all
of ``Program Files``, the vendor's root; wider than an extension if it covers any other; wider than a
program if it covers any other in its folder. Microsoft ("Common mistakes to avoid when defining
exclusions") names such entries as places where malware is not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Pattern
from pytest_wfo.core.antivirus.paths import fold, join, parent, split
from pytest_wfo.core.antivirus.patterns import SAMPLES, worst
from pytest_wfo.core.antivirus.subjects import Subject
from pytest_wfo.core.requirements import ItemKind

_OTHER = SAMPLES[-1]  # a name that no entry writes


@dataclass(frozen=True, slots=True)
class Wide:
    """An entry that is wider than the document asks: surely (YES) or perhaps (MAYBE), what it excludes
    besides, and the narrower entry in words."""

    entry: Exclusion
    covered: Covered
    besides: str
    narrower: str


def wide(exclusion: Exclusion, subjects: Iterable[Subject]) -> Wide | None:
    """The entry against everything that the document asks for; None if it is not too wide for it."""
    wanted = tuple(sorted(subjects, key=_telling))
    found: list[Wide] = []
    for subject in wanted:
        for place, besides, covered in _besides(exclusion.pattern, subject, wanted):
            if covered is not Covered.NO:
                found.append(Wide(exclusion, covered, besides, place))
    found.sort(key=lambda item: item.covered is not Covered.YES)
    if not found:
        return None
    strongest = [item for item in found if item.covered is found[0].covered]
    narrower = ", ".join(dict.fromkeys(item.narrower for item in strongest))
    return Wide(exclusion, found[0].covered, strongest[0].besides, narrower)


def _telling(subject: Subject) -> tuple[int, int]:
    """What says most of an entry comes first: that all beside a folder is excluded, at the top."""
    order = (ItemKind.FOLDER, ItemKind.EXTENSION, ItemKind.PROCESS)
    depth = len(split(subject.text)) if subject.kind is ItemKind.FOLDER else 0
    return order.index(subject.kind), depth


def _besides(
    pattern: Pattern, subject: Subject, wanted: tuple[Subject, ...]
) -> Iterable[tuple[str, str, Covered]]:
    """(what is asked for, what is covered besides, whether it is) for each thing the pattern touches."""
    if subject.kind is ItemKind.FOLDER:
        above = parent(subject.text)
        if not _asked(above, wanted) and pattern.file(_in(subject.text)) is not Covered.NO:
            yield subject.text, f"everything in {above}", _any_file(pattern, above)
    elif subject.kind is ItemKind.EXTENSION:
        if pattern.extension(subject.text) is Covered.YES:
            others = worst(pattern.extension(f".{sample}") for sample in SAMPLES)
            yield f"*{subject.text}", "files with any other extension", others
    else:
        yield from _beside_program(pattern, subject, wanted)


def _beside_program(
    pattern: Pattern, subject: Subject, wanted: tuple[Subject, ...]
) -> Iterable[tuple[str, str, Covered]]:
    for image in subject.images or (f"C:\\{_OTHER}\\{subject.text}", f"/{_OTHER}/{subject.text}"):
        folder = parent(image)
        where = f"any other program in {folder}" if subject.images else "any other program"
        text = image if subject.images else subject.text
        other = join((*split(folder), f"{_OTHER}.exe"))
        if pattern.process(image) is not Covered.NO:
            yield text, where, pattern.process(other)
        if not _asked(folder, wanted) and pattern.file(image) is not Covered.NO:
            yield text, where, pattern.file(other)


def _in(folder: str) -> str:
    return join((*split(folder), _OTHER))


def _any_file(pattern: Pattern, folder: str) -> Covered:
    return worst(pattern.file(join((*split(folder), sample))) for sample in SAMPLES)


def _asked(folder: str, wanted: tuple[Subject, ...]) -> bool:
    """Whether the document asks for the folder itself, as part of another one."""
    path = [fold(name) for name in split(folder)]
    roots = (subject.text for subject in wanted if subject.kind is ItemKind.FOLDER)
    places = ([fold(name) for name in split(root)] for root in roots)
    return any(path[: len(place)] == place for place in places)
