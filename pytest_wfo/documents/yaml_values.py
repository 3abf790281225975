"""YAML nodes -> plain values and the position of every key and value.

ruamel.yaml's own constructors stop at the first duplicate key and put no bound on what aliases and
merge keys multiply; this one finds all duplicates and has a bound.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_wfo.documents.problems import DocumentError, Path, Problem, key_text, path_text

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

MAX_VALUES = 1_000_000  # with all aliases and merge keys written out

Mark = tuple[int, int]
"""Line and column, from 1."""

Marks = dict[str | int, tuple[Mark, Mark]]
"""Of one dict or list: where each key (or index) and its value stand."""

_YAML = "tag:yaml.org,2002:"
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class WrittenInt(int):
    """A whole number that knows its ``text`` in the file."""

    text: str


class WrittenFloat(float):
    """A number that knows its ``text`` in the file."""

    text: str


class Builder:
    """Builds the value of a node. One that aliases share is built once; its size counts each time.

    ``marks`` are by ``id()`` of the dict or list. ``problems`` are those one can read past.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.marks: dict[int, Marks] = {}
        self._built: dict[int, tuple[Any, int]] = {}  # id(node) -> value, number of values in it
        self._open: set[int] = set()
        self._merged = 0

    def build(self, node: Node, path: Path = ()) -> Any:
        """The value of ``node``; ``DocumentError`` if its aliases have no end or no measure."""
        return self._value_and_size(node, path)[0]

    def _value_and_size(self, node: Node, path: Path) -> tuple[Any, int]:
        if id(node) in self._open:
            raise fatal(self.source, mark_of(node), "an alias (*) that contains itself")
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._new(node, path)
            self._open.remove(id(node))
        value, size = self._built[id(node)]
        if size > MAX_VALUES:
            message = f"aliases (*) make this larger than {MAX_VALUES:,} values"
            raise fatal(self.source, mark_of(node), message)
        return value, size

    def _new(self, node: Node, path: Path) -> tuple[Any, int]:
        from ruamel.yaml.nodes import MappingNode, ScalarNode

        if isinstance(node, ScalarNode):
            return self._scalar(node, path), 1
        if node.tag not in {f"{_YAML}map", f"{_YAML}seq"}:
            self._problem(node, path, "a tag (!) has no meaning here")
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return self._list(node, path)

    def _list(self, node: Node, path: Path) -> tuple[list[Any], int]:
        items: list[Any] = []
        marks = self.marks[id(items)] = {}
        total = 1
        for index, child in enumerate(node.value):
            value, size = self._value_and_size(child, (*path, index))
            if value is None:
                self._problem(child, (*path, index), "no value; write one or leave it out")
            items.append(value)
            marks[index] = (mark_of(child), mark_of(child))
            total += size
        return items, total

    def _mapping(self, node: Node, path: Path) -> tuple[dict[str, Any], int]:
        from ruamel.yaml.nodes import ScalarNode

        result: dict[str, Any] = {}
        marks = self.marks[id(result)] = {}
        merged: list[dict[str, Any]] = []
        total = 1
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, path, "a key must be text, not a list or a mapping")
                continue
            merges = key_node.tag == f"{_YAML}merge"
            key = self._text(key_node, path)
            here = (*path, key)
            if key in marks and not merges:
                line, column = marks[key][0]
                again = f'duplicate key "{key_text(key)}", first written at {line}:{column}'
                self._problem(key_node, here, again)
                continue
            value, size = self._value_and_size(value_node, here)
            if merges:
                merged += self._to_merge(value, value_node, here)
                continue
            total += size
            if value is None:
                self._problem(key_node, here, "no value; write one or leave the key out")
            result[key] = value
            marks[key] = (mark_of(key_node), mark_of(value_node))
        for other in merged:
            total += self._merge(other, result, node)
        return result, total

    def _to_merge(self, value: Any, node: Node, path: Path) -> list[dict[str, Any]]:
        others = value if isinstance(value, list) else [value]
        if all(isinstance(other, dict) for other in others):
            return others
        self._problem(node, path, "only mappings can be merged")
        return []

    def _merge(self, other: dict[str, Any], result: dict[str, Any], node: Node) -> int:
        """Add what ``result`` lacks: own keys and earlier merges win, as in YAML's merge type."""
        self._merged += len(other)
        if self._merged > MAX_VALUES:
            message = f"merge keys (<<) make this larger than {MAX_VALUES:,} values"
            raise fatal(self.source, mark_of(node), message)
        new = [key for key in other if key not in result]
        for key in new:
            result[key] = other[key]
            self.marks[id(result)][key] = self.marks[id(other)][key]
        return len(new)

    def _scalar(self, node: Node, path: Path) -> Any:
        kind, text = str(node.tag).removeprefix(_YAML), self._text(node, path)
        try:
            return _plain(kind, text)
        except (ValueError, KeyError):
            self._problem(node, path, f"this cannot be read as {kind}; put it in quotes")
        except LookupError:
            self._problem(node, path, "a tag (!) has no meaning here; put the text in quotes")
        return text

    def _text(self, node: Node, path: Path) -> str:
        text = str(node.value)
        if not text.isascii() and _HALF_PAIR.search(text):
            self._problem(node, path, "half of a surrogate pair (\\ud800 to \\udfff) is not text")
            text = _HALF_PAIR.sub("?", text)
        return text

    def _problem(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(Problem(*mark_of(node), path_text(path), message))


def mark_of(node: Node) -> Mark:
    """Where ``node`` starts."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def fatal(source: str, mark: Mark, message: str) -> DocumentError:
    """The error for a problem after which nothing more can be read."""
    return DocumentError(source, [Problem(*mark, "", message)])


def _plain(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind == "int":
        number = WrittenInt(_whole(text))
        number.text = text
        return number
    if kind == "float":
        fraction = WrittenFloat(_fraction(text))
        fraction.text = text
        return fraction
    if kind in {"str", "timestamp", "value", "merge"}:  # a date stays text
        return text
    raise LookupError(kind)


def _whole(text: str) -> int:
    digits = text.replace("_", "").lower()
    for prefix, base in (("0x", 16), ("0o", 8), ("0b", 2)):
        if digits.lstrip("+-").startswith(prefix):
            return int(digits, base)
    return int(digits)


def _fraction(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
