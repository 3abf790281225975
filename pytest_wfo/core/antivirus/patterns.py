"""The shapes that products' entries have, whatever the product: what each covers.

Every answer is about all the files the question speaks of. "Every file below a folder" cannot be
tried file by file; it is asked of sample names that nothing but a wildcard fits, since an entry that
covers those covers the others as well, and one that does not leaves at least those out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import Covered
from pytest_wfo.core.antivirus.paths import fits, join, name_of, split

# Letters of Unicode's private use area: no entry has them, so only a wildcard fits them.
_LETTER = "\ue000"
SAMPLES = (_LETTER, _LETTER * 40)  # "?" fits the short one, "??*" the long one, "*" both

_WORST = (Covered.NO, Covered.MAYBE, Covered.YES)


def worst(answers: Iterable[Covered]) -> Covered:
    """What holds for all of them; YES where there are none."""
    return min(answers, key=_WORST.index, default=Covered.YES)


def best(answers: Iterable[Covered]) -> Covered:
    """What holds for at least one of them; NO where there are none."""
    return max(answers, key=_WORST.index, default=Covered.NO)


@dataclass(frozen=True, slots=True)
class PathGlob:
    r"""Paths of a shape: each of ``parts`` is a glob of one component; ``**`` is any number of them.

    ``below`` says what holds for what lies below a match: YES where the entry is a folder with all
    its subfolders, NO where it is a file, MAYBE where the product's documentation leaves it open.
    ``certain`` is false where it is not sure that the entry is understood; then it is never YES.
    A shape that begins with ``**`` is not bound to a drive.
    """

    parts: tuple[str, ...]
    below: Covered = Covered.YES
    case_sensitive: bool = False
    certain: bool = True

    @classmethod
    def of(
        cls,
        text: str,
        below: Covered = Covered.YES,
        *,
        case_sensitive: bool | None = None,
        certain: bool = True,
    ) -> PathGlob:
        """The shape an entry writes; case counts on POSIX paths unless it is said otherwise."""
        parts = split(text)
        if case_sensitive is None:
            case_sensitive = parts[:1] == ("/",)
        return cls(parts, below, case_sensitive, certain)

    def file(self, path: str) -> Covered:
        """This file."""
        return self._sure(self._match(split(path)))

    def tree(self, folder: str) -> Covered:
        """A folder and everything below it."""
        return self._sure(self._all_below(split(folder)))

    def extension(self, extension: str) -> Covered:
        """Every file with this extension. A shape bound to a drive leaves the other drives out;
        where it has the whole of its drive, it is open whether there are others."""
        whole = worst(
            self._match((root, *(sample,) * depth, sample + extension))
            for root in self._roots()
            for depth in range(len(self.parts) + 1)
            for sample in SAMPLES
        )
        bound = self.parts[:1] not in (("**",), ("/",))
        return Covered.MAYBE if whole is Covered.YES and bound else self._sure(whole)

    def process(self, image: str) -> Covered:
        """Never: what a program opens lies anywhere."""
        del image
        return Covered.NO

    def meets(self, folder: str) -> bool:
        """Whether it covers, or may cover, anything in a folder or below it."""
        steps = list(self._steps(split(folder)))
        end = len(self.parts)
        reaches_on = bool(steps) and bool(steps[-1] - {end})
        return reaches_on or (self.below is not Covered.NO and any(end in step for step in steps))

    def may_name(self, name: str) -> bool:
        """Whether a file with this name, in some folder, may be of the shape."""
        if not self.parts:
            return False
        last = self.parts[-1]
        return self.below is not Covered.NO or last == "**" or self._fits(last, name)

    def _roots(self) -> tuple[str, ...]:
        return (f"{_LETTER}:", "/") if self.parts[:1] == ("**",) else self.parts[:1]

    def _sure(self, answer: Covered) -> Covered:
        return Covered.MAYBE if answer is Covered.YES and not self.certain else answer

    def _all_below(self, folder: tuple[str, ...]) -> Covered:
        return worst(
            self._match((*folder, *(sample,) * depth))
            for depth in range(1, len(self.parts) + 2)
            for sample in SAMPLES
        )

    def _match(self, path: tuple[str, ...]) -> Covered:
        """YES where the whole path is of the shape, ``below`` where a folder on it is."""
        if not self.parts or not path:
            return Covered.NO
        *folders, whole = [len(self.parts) in reached for reached in self._steps(path)]
        if whole:
            return Covered.YES
        return self.below if any(folders) else Covered.NO

    def _steps(self, path: tuple[str, ...]) -> Iterator[set[int]]:
        """After each component of the path: how many of the parts it and those before may use up."""
        reached = self._skip({0})
        for name in path:
            reached = self._skip(
                {
                    at if self.parts[at] == "**" else at + 1
                    for at in reached
                    if at < len(self.parts) and self._fits(self.parts[at], name)
                }
            )
            yield reached

    def _skip(self, reached: set[int]) -> set[int]:
        """With what is reached as well because ``**`` may be nothing."""
        for at, part in enumerate(self.parts):
            if part == "**" and at in reached:
                reached.add(at + 1)
        return reached

    def _fits(self, glob: str, name: str) -> bool:
        return fits(glob, name, case_sensitive=self.case_sensitive)

    def __str__(self) -> str:
        return join(self.parts) if self.parts else ""


def dotted(extension: str) -> str:
    """``vid``, ``.vid`` and ``*.vid`` -> ``.vid``; ``*`` -> ``.*``."""
    return "." + extension.strip().strip("\"'").removeprefix("*.").removeprefix(".")


@dataclass(frozen=True, slots=True)
class FileExtension:
    """Files with one of these extensions (".vid"), wherever they lie; ``*`` and ``?`` are allowed."""

    extensions: tuple[str, ...]
    case_sensitive: bool = False
    certain: bool = True

    @classmethod
    def of(cls, *texts: str, case_sensitive: bool = False, certain: bool = True) -> FileExtension:
        """The extensions, written in any of the usual ways."""
        return cls(tuple(dotted(text) for text in texts), case_sensitive, certain)

    def file(self, path: str) -> Covered:
        """This file."""
        name = name_of(path)
        return self._sure(any(self._fits("*" + wanted, name) for wanted in self.extensions))

    def tree(self, folder: str) -> Covered:
        """Never: a file may be without any extension."""
        del folder
        return Covered.NO

    def extension(self, extension: str) -> Covered:
        """Every file with this extension."""
        return self._sure(any(self._fits("*" + wanted, extension) for wanted in self.extensions))

    def process(self, image: str) -> Covered:
        """Never: a program opens files with any extension."""
        del image
        return Covered.NO

    def _sure(self, covered: bool) -> Covered:
        if not covered:
            return Covered.NO
        return Covered.YES if self.certain else Covered.MAYBE

    def _fits(self, glob: str, name: str) -> bool:
        return fits(glob, name, case_sensitive=self.case_sensitive)


@dataclass(frozen=True, slots=True)
class OpenedBy:
    """The files that a program opens, and never the program's own file.

    ``program`` is its file name (in any folder; wildcards allowed) or the shape of its path. With
    ``within`` only those files among them.
    """

    program: str | PathGlob
    within: PathGlob | None = None
    certain: bool = True

    def file(self, path: str) -> Covered:
        """Never: another program may open it."""
        del path
        return Covered.NO

    def tree(self, folder: str) -> Covered:
        """Never: another program may open it."""
        del folder
        return Covered.NO

    def extension(self, extension: str) -> Covered:
        """Never: another program may open it."""
        del extension
        return Covered.NO

    def process(self, image: str) -> Covered:
        """The program; with its path alone it is decided whether a path means it."""
        if isinstance(self.program, str):
            found = Covered.YES if fits(self.program, name_of(image)) else Covered.NO
        elif len(split(image)) > 1:
            found = self.program.file(image)
        else:
            found = Covered.MAYBE if self.program.may_name(image) else Covered.NO
        doubtful = not self.certain or self.within is not None
        return Covered.MAYBE if found is Covered.YES and doubtful else found


@dataclass(frozen=True, slots=True)
class Flat:
    """The same answer to every question."""

    answer: Covered

    def file(self, path: str) -> Covered:
        """This file."""
        del path
        return self.answer

    def tree(self, folder: str) -> Covered:
        """Everything below a folder."""
        del folder
        return self.answer

    def extension(self, extension: str) -> Covered:
        """Every file with this extension."""
        del extension
        return self.answer

    def process(self, image: str) -> Covered:
        """What a program opens."""
        del image
        return self.answer


NOTHING = Flat(Covered.NO)
"""An entry that covers nothing, whatever it says."""

UNCLEAR = Flat(Covered.MAYBE)
"""An entry that is not understood."""
