"""Entries that do not cover something but look as if they were meant to: what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Pattern, Scan
from pytest_wfo.core.antivirus.paths import fold, name_of
from pytest_wfo.core.antivirus.patterns import FileExtension, OpenedBy, PathGlob, dotted
from pytest_wfo.core.antivirus.regex import Regex
from pytest_wfo.core.antivirus.subjects import Part

_MOST = 3
_ALIKE = 0.85  # of two texts; C:\temp2 and D:\temp are as near to C:\temp as that


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry, and why it does not do."""

    entry: Exclusion
    why: str


def near_misses(exclusions: tuple[Exclusion, ...], part: Part, scan: Scan) -> tuple[NearMiss, ...]:
    """The nearest of the entries that do not cover ``part`` in such scanning, and why not."""
    found = [
        (order, index, NearMiss(entry, why))
        for index, entry in enumerate(exclusions)
        for order, why in _reasons(entry, part, scan)
    ]
    return tuple(near for _, _, near in sorted(found, key=lambda item: item[:2])[:_MOST])


def _reasons(entry: Exclusion, part: Part, scan: Scan) -> Iterator[tuple[int, str]]:
    """At most one reason, with the order in which reasons are told."""
    covers = part.ask(entry.pattern) is not Covered.NO
    named = fold(part.place.rstrip("\\/")) in fold(entry.text)
    if entry.void:
        if covers or named:
            yield 0, f"it has no effect: {entry.void}"
    elif covers:
        if scan not in entry.scans:
            yield 1, _only(entry)
    elif part.ask(_ignoring_case(entry.pattern)) is Covered.YES:
        yield 2, "upper and lower case count in it"
    elif condition := _condition(entry, part):
        yield 3, condition
    elif named or _alike(entry, part):
        yield 4, entry.note or "it does not cover it"


def _only(entry: Exclusion) -> str:
    if entry.note:
        return f"it is {entry.note}" if entry.note.startswith("only") else entry.note
    scans = " and ".join(scan.value for scan in Scan if scan in entry.scans) or "no"
    return f"it is only for {scans} scanning"


def _ignoring_case(pattern: Pattern) -> Pattern:
    if isinstance(pattern, PathGlob | FileExtension):
        return replace(pattern, case_sensitive=False)
    return _Lower(pattern) if isinstance(pattern, Regex) else pattern


@dataclass(frozen=True, slots=True)
class _Lower:
    """A regular expression asked as if there were only small letters."""

    regex: Regex

    def file(self, path: str) -> Covered:
        return self._small.file(path.lower())

    def tree(self, folder: str) -> Covered:
        return self._small.tree(folder.lower())

    def extension(self, extension: str) -> Covered:
        return self._small.extension(extension.lower())

    def process(self, image: str) -> Covered:
        return self._small.process(image)

    @property
    def _small(self) -> Regex:
        return Regex(self.regex.expression.lower())


def _condition(entry: Exclusion, part: Part) -> str:
    """Why an entry that is about the same thing is not for it ("" = it is about something else)."""
    pattern = entry.pattern
    if isinstance(pattern, OpenedBy):
        if pattern.within is not None and part.ask(pattern.within) is not Covered.NO:
            return f"it is {entry.note or 'only for the files that one program opens'}"
        if part.kind == "file" and pattern.process(part.place) is not Covered.NO:
            return (
                "it is for the files that the program opens, and for memory-resident scanning alone"
            )
    if part.kind == "process" and pattern.file(part.place) is Covered.YES:
        return "it is for the program's own file, not for the files that it opens"
    if part.kind == "folder" and isinstance(pattern, PathGlob) and pattern.meets(part.place):
        return "it covers only a part"
    return ""


def _alike(entry: Exclusion, part: Part) -> bool:
    first, second = fold(entry.text.rstrip("\\/")), fold(part.place.rstrip("\\/"))
    if part.kind in ("process", "file"):
        first, second = name_of(first), name_of(second)
    elif part.kind == "extension":
        first = dotted(first)
    if abs(len(first) - len(second)) > 3:
        return False
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= _ALIKE
