"""YAML 1.2 text -> a document whose every key and value has a position.

Differences from a plain YAML load, all on purpose:

- keys are text exactly as written (``0012:`` is "0012");
- numbers remember how they were written, for texts that look like numbers (``ticket: 0012345``);
- dates are text, and so are ``yes`` and ``no`` (YAML 1.2);
- a key without a value is a problem, since no document of ours gives "nothing" a meaning.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from pytest_wfo.documents.problems import DocumentError, Path, Problem, path_text
from pytest_wfo.documents.yaml_values import Builder, Mark, Marks, fatal, mark_of

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

MAX_BYTES = 5_000_000

_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NAME_FROM_FILE = re.compile(r"""(alias|anchor|handle) (['"]).*\2""", re.DOTALL)


@dataclass(slots=True)
class Document:
    """A file's ``value`` (dicts with text keys, lists, scalars) and the ``problems`` seen so far.

    Whoever reads meaning from it adds problems and calls ``raise_problems`` after the last look.
    """

    source: str  # the file's name as the user wrote it
    data: bytes
    value: Any
    problems: list[Problem]
    start: Mark
    marks: dict[int, Marks]

    def add(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note a problem with the value at ``path``, or with its key.

        What does not exist (a missing key) is placed at the key of its nearest parent.
        """
        place, container = (self.start, self.start), self.value
        for part in path:
            marks = self.marks.get(id(container), {})
            if part not in marks:
                at_key = True
                break
            place, container = marks[part], container[part]
        line, column = place[0 if at_key else 1]
        self.problems.append(Problem(line, column, path_text(path), message))

    def line(self, path: Path) -> int:
        """The line of the key at ``path`` (which exists), to name a second place in a message."""
        *parents, last = path
        container = self.value
        for part in parents:
            container = container[part]
        return self.marks[id(container)][last][0][0]

    def raise_problems(self) -> None:
        """Raise ``DocumentError`` with all problems, if there are any."""
        if self.problems:
            raise DocumentError(self.source, self.problems)


def read_yaml(path: FilePath | str) -> Document:
    """Read the file at ``path``; ``DocumentError`` if it cannot be read or is not YAML."""
    source = os.fspath(path)
    try:
        with FilePath(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DocumentError(source, [Problem(0, 0, "", _why_unreadable(error))]) from None
    return parse_yaml(data, source)


def parse_yaml(data: bytes, source: str) -> Document:
    """Read YAML from ``data``, which problems call ``source``; ``DocumentError`` if it is none."""
    root = _composed(_decoded(data, source), source)
    builder = Builder(source)
    try:
        value = builder.build(root)
    except RecursionError:
        raise fatal(source, (1, 1), "nested too deeply") from None
    return Document(source, data, value, builder.problems, mark_of(root), builder.marks)


def _why_unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder; name the file in it"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return "this is not a file name"  # ValueError: a NUL in it


def _decoded(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 1_000_000} MB; is this the right file?"
        raise DocumentError(source, [Problem(0, 0, "", message)])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError(source, [Problem(0, 0, "", "saved as UTF-16; save it as UTF-8")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode()
        raise fatal(source, _end_of(good), "not UTF-8 text; save it as UTF-8") from None
    if bad := _NOT_IN_YAML.search(text):
        message = f"a control character (U+{ord(bad[0]):04X}) is not allowed"
        raise fatal(source, _end_of(text[: bad.start()]), message)
    return text


def _composed(text: str, source: str) -> Node:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    root: Node | None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor set twice: the later one holds, as in YAML
            root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise fatal(source, place, _syntax(str(error.problem or error.context))) from None
    except RecursionError:
        raise fatal(source, (1, 1), "nested too deeply") from None
    except Exception:  # the parser fails in many ways on text that is no YAML at all
        raise fatal(source, (1, 1), "this is not YAML") from None
    if root is None:
        raise fatal(source, (1, 1), "the file is empty")
    return root


def _syntax(problem: str) -> str:
    """The parser's words with advice, without names from the file: they may be unquoted secrets."""
    problem = _NAME_FROM_FILE.sub(r"\1", problem)
    if "'\\t'" in problem:
        return "a tab is used for indentation; use spaces"
    if "alias" in problem:
        return f'not valid YAML: {problem}; a text that starts with "*" needs quotes'
    if "cannot start any token" in problem:
        return f"not valid YAML: {problem}; put the text in quotes"
    if "another document" in problem:
        return 'a second document starts here; write one, without "---"'
    if "mapping values are not allowed" in problem:
        return (
            'a ":" is not expected here; check the indentation and the space after each ":",'
            " or put the text in quotes"
        )
    if problem.endswith("but got '['"):
        return f'not valid YAML: {problem}; inside braces a range needs quotes: "10.20.1.[1:250]"'
    return f"not valid YAML: {problem}"


def _end_of(text: str) -> Mark:
    """The position right after ``text``."""
    lines = _LINE_END.split(text)
    return len(lines), len(lines[-1]) + 1
