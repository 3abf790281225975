"""What is wrong with a file a person wrote: every problem at once, each with its place.

``DocumentError(Exception)`` is the only exception that leaves this package for a bad file. A
message never repeats a value that may be a secret, and what it repeats is escaped, so that a file
cannot write control characters to a terminal.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str | int, ...]
"""Keys and list indexes from the root of a document to a value."""

_LONGEST = 60  # characters of a value that a message repeats; a longer one is only described
_MAY_BE_SECRET = re.compile(r"passw|passphrase|secret|PRIVATE KEY", re.IGNORECASE)
_KEY_WITH_SECRET = re.compile(r"(\w*(?:passw|passphrase|secret)\w*)\W", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to correct. ``line`` and ``column`` count from 1; line 0 means the whole file."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}: " if self.line else ""
        path = f"{self.path}: " if self.path else ""
        return printable(f"{place}{path}{self.message}")


class DocumentError(Exception):
    """A file cannot be used. ``problems`` holds all of them, sorted by position.

    ``source`` is the file's name as the user wrote it.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(set(problems)))
        super().__init__(source, self.problems)

    def __str__(self) -> str:
        source = printable(self.source)
        return "\n".join(
            f"{source}:{'' if problem.line else ' '}{problem}" for problem in self.problems
        )


def printable(text: str) -> str:
    """``text`` with every character escaped that is not one visible character or a space."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def path_text(path: Path) -> str:
    """``path`` as people read it: "hosts.pc-1.roles[0]"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{key_text(part)}"
    return text.removeprefix(".")


def key_text(key: str) -> str:
    """``key`` for a message. Of "password:abc" (a space is missing) only "password..." remains."""
    if key_with_secret := _KEY_WITH_SECRET.match(key):
        return f"{key_with_secret[1]}..."
    return key if len(key) <= _LONGEST else f"{key[:_LONGEST]}..."


def shown(value: object) -> str:
    """``value`` as a message repeats it; only its kind where it is long or may be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        hidden = len(value) > _LONGEST or _MAY_BE_SECRET.search(value)
        return "another text" if hidden else f'"{value}"'
    return kind_of(value)


def kind_of(value: object) -> str:
    """What ``value`` is, in a YAML writer's words, without repeating it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    kinds = ((int | float, "a number"), (str, "text"), (list, "a list"), (dict, "a mapping"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A "; did you mean ...?" to append, or "" when nothing known is near ``word``."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower()[:_LONGEST], by_lower_case, n=1)
    return f'; did you mean "{by_lower_case[near[0]]}"?' if near else ""


def either(words: Iterable[str]) -> str:
    """ "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
