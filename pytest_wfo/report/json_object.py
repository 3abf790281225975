"""Reading JSON whose shape is not trusted: every error says where in the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

_NEEDED: Any = object()


class ShapeError(ValueError):
    """The data is not as it must be; the text names the place."""


class JsonObject:
    """A JSON object and its ``place`` in the file ("" for the whole of it).

    Each method reads one key and raises ``ShapeError`` when the value is of another kind, or is
    missing and no default was given.
    """

    __slots__ = ("_data", "place")

    def __init__(self, data: Any, place: str = "") -> None:
        if not isinstance(data, Mapping):
            raise ShapeError(f"{place or 'the file'}: not an object")
        self._data, self.place = data, place

    def value(self, key: str, default: Any = _NEEDED) -> Any:
        """Whatever stands there."""
        found = self._data.get(key, default)
        if found is _NEEDED:
            raise ShapeError(f"{self._at(key)}: is missing")
        return found

    def text(self, key: str, default: str = _NEEDED) -> str:
        """A text."""
        found: str = self._of_kind(key, default, str, "text")
        return found

    def one_of(self, key: str, words: Sequence[str], default: str = _NEEDED) -> str:
        """One of ``words``."""
        found = self.text(key, default)
        if found not in words:
            raise ShapeError(f"{self._at(key)}: not one of {', '.join(words)}")
        return found

    def flag(self, key: str, default: bool = _NEEDED) -> bool:
        """True or false."""
        found: bool = self._of_kind(key, default, bool, "true or false")
        return found

    def number(self, key: str, default: float = _NEEDED) -> float:
        """A number that is one: Python reads NaN and Infinity as well."""
        found: float = self.value(key, default)
        whole = isinstance(found, int) and not isinstance(found, bool)
        if not (whole or (isinstance(found, float) and math.isfinite(found))):
            raise ShapeError(f"{self._at(key)}: not a number")
        return found

    def count(self, key: str, default: int = _NEEDED) -> int:
        """A whole number, 0 or more."""
        found = self.value(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            raise ShapeError(f"{self._at(key)}: not a whole number, 0 or more")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._list(key, _NEEDED)
        if not all(isinstance(item, str) for item in found):
            raise ShapeError(f"{self._at(key)}: not a list of texts")
        return tuple(found)

    def object(self, key: str, default: Any = _NEEDED) -> JsonObject:
        """An object."""
        return JsonObject(self.value(key, default), self._at(key))

    def objects(self, key: str, default: Sequence[Any] = _NEEDED) -> list[JsonObject]:
        """A list of objects."""
        at = self._at(key)
        return [
            JsonObject(item, f"{at}[{index}]")
            for index, item in enumerate(self._list(key, default))
        ]

    def _list(self, key: str, default: Any) -> list[Any]:
        found: list[Any] = self._of_kind(key, default, list, "a list")
        return found

    def _of_kind(self, key: str, default: Any, kind: type, words: str) -> Any:
        found = self.value(key, default)
        if not isinstance(found, kind):
            raise ShapeError(f"{self._at(key)}: not {words}")
        return found

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key
