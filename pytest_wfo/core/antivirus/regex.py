"""Entries that are regular expressions, as ClamAV's ``ExcludePath`` is.

ClamAV looks for a POSIX extended regular expression anywhere in the path, and case counts
(clamd.conf(5), ExcludePath). What such an expression covers for sure is proved from its shape; what
a sample path disproves is NO; everything else is MAYBE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_wfo.core.antivirus.model import Covered
from pytest_wfo.core.antivirus.paths import join, split
from pytest_wfo.core.antivirus.patterns import SAMPLES

# Ends that are no more than "and whatever follows", or of which one branch alone is used.
_OPEN_ENDS = {
    r"(/|$)": "/",
    r"($|/)": "/",
    r"(/.*)?$": "/",
    r"(/.*|$)": "/",
    r"/.*$": "/",
    r".*$": "",
}
_ANY_BEGINNING = re.compile(r"\^(\.[*+]|/\.\*|\(\.\*\))")


@dataclass(frozen=True, slots=True)
class Regex:
    """Paths in which the expression is found."""

    expression: str

    def file(self, path: str) -> Covered:
        """This file."""
        found = _search(self.expression, path)
        if found is None:
            return Covered.MAYBE
        return Covered.YES if found else Covered.NO

    def tree(self, folder: str) -> Covered:
        """A folder and everything below it.

        An expression that minds no end and is found in "folder/" is found in all that begins so.
        """
        parts = split(folder)
        if not parts:
            return Covered.MAYBE
        expression = self.expression
        for end, shorter in _OPEN_ENDS.items():
            if expression.endswith(end):
                expression = expression.removesuffix(end) + shorter
                break
        separator = "/" if parts[0] == "/" else "\\"
        start = join(parts).rstrip(separator) + separator
        if not _anchors(expression, "$") and _search(expression, start):
            return Covered.YES
        return self._samples(
            join((*parts, *(sample,) * depth, sample + ending))
            for sample in SAMPLES
            for depth in (0, 1, 4)
            for ending in ("", ".exe")
        )

    def extension(self, extension: str) -> Covered:
        """Every file with this extension.

        An expression that minds no beginning and is found in the extension is found in all that ends
        so.
        """
        expression = _ANY_BEGINNING.sub("", self.expression, count=1)
        if not _anchors(expression, "^") and _search(expression, extension):
            return Covered.YES
        return self._samples(
            join(("/", *(sample,) * depth, sample + extension))
            for sample in SAMPLES
            for depth in (0, 1, 4)
        )

    def process(self, image: str) -> Covered:
        """Never: ClamAV does not know which program opens a file."""
        del image
        return Covered.NO

    def _samples(self, paths: Iterable[str]) -> Covered:
        """NO where the expression is not found in one of them; else nothing is proved."""
        disproved = any(self.file(path) is Covered.NO for path in paths)
        return Covered.NO if disproved else Covered.MAYBE


def _anchors(expression: str, anchor: str) -> bool:
    """Whether the anchor stands in it, outside brackets and unescaped."""
    return anchor in re.sub(r"\\.|\[\^?\]?[^]]*\]", "", expression)


def _search(expression: str, text: str) -> bool | None:
    """Whether it is found; None where Python's answer might not be that of POSIX."""
    compiled = _compiled(expression)
    return None if compiled is None else compiled.search(text) is not None


_TOKEN = re.compile(
    r"""(?P<escape>\\.)
      | (?P<bracket>\[\^?\]?[^]\[]*\])
      | (?P<repeat>[*+?]|\{\d+(,\d*)?\})
      | (?P<open>[(|])
      | (?P<anchor>[$^])
      | (?P<plain>[^\\\[\]{}*+?()|$^])
      | (?P<close>\))""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(512)
def _compiled(expression: str) -> re.Pattern[str] | None:
    """The expression in Python's words; None for what the two might read in different ways.

    Those are escaped letters and digits, classes like [[:alpha:]], a repetition of a repetition or
    of nothing, an empty branch, and braces that are no repetition.
    """
    words: list[str] = []
    at, before = 0, "open"
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            return None
        kind, text = str(token.lastgroup), token[0]
        at = token.end()
        if (
            (kind == "escape" and text[1].isalnum())
            or (kind == "repeat" and before in ("open", "repeat", "anchor"))
            or ((kind == "close" or text == "|") and before == "open")
            or (kind == "bracket" and "--" in text)
        ):
            return None
        if kind == "bracket":
            text = "[" + re.sub(r"[]\\&|~]", r"\\\g<0>", text[1:-1]) + "]"
        elif text == "$":
            text = r"\Z"
        words.append(text)
        before = kind
    if before == "open" and words:
        return None
    try:
        return re.compile("".join(words), re.DOTALL)
    except re.error:
        return None
