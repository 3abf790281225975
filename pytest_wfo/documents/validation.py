"""Values of a document -> typed objects by pydantic; its errors -> problems in plain words.

Only ``documents`` knows pydantic, and whoever imports this module pays for importing it. The types
are frozen dataclasses whose fields carry an ``Expect``, or a validator that raises ``ValueError``
with a message for the user.
"""

from __future__ import annotations

import functools
import typing
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import core_schema

from pytest_wfo.documents.problems import did_you_mean, either, kind_of, shown
from pytest_wfo.documents.yaml_values import WrittenFloat, WrittenInt

if TYPE_CHECKING:
    from pytest_wfo.documents.problems import Path
    from pytest_wfo.documents.yaml_text import Document

T = TypeVar("T")


@dataclass(frozen=True)
class Expect:
    """What a field expects, in the words of a message; ``choices`` where it is one of few words."""

    words: str
    choices: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._validate, handler(source))

    def _validate(self, value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            advice = _how_to_write(value, inner)
            if not advice and isinstance(value, str):
                advice = did_you_mean(value, self.choices)
            message = f"expected {self.words}, got {shown(value)}{advice}"
        raise ValueError(message)


def one_of(*choices: str) -> Expect:
    """Expect one of these words."""
    return Expect(either(choices), choices)


def _how_to_write(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> str:
    """Advice if only the way of writing is wrong: quotes, or YAML 1.1's yes and no."""

    def accepts(other: Any) -> bool:
        try:
            inner(other)
        except ValidationError:
            return False
        return True

    if isinstance(value, WrittenInt | WrittenFloat | bool):
        text = shown(value) if isinstance(value, bool) else value.text
        return "; put it in quotes" if accepts(text) else ""
    if not isinstance(value, str):
        return ""
    if value.lower() in {"yes", "no", "on", "off"} and accepts(True) and accepts(False):
        return " as a text (so says YAML 1.2); write true or false"
    if value.lower() in {"true", "false"} and accepts(True):
        return " as a text; write it without quotes"
    if value.isdecimal() and len(value) < 20 and accepts(int(value)):
        return " as a text; write it without quotes"
    return ""


def validated(document: Document, kind: type[T], path: Path) -> T | None:
    """The value at ``path`` as a ``kind``; None after adding the problems to ``document``."""
    value = document.value
    for part in path:
        value = value[part]
    try:
        any_type: Any = kind  # mypy does not take a type[T] for hashable
        typed: T = _adapter(any_type).validate_python(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            unknown = detail["type"] == "unexpected_keyword_argument"
            if unknown or detail["input"] is not None:  # "no value" was said when it was read
                where = (*path, *detail["loc"])
                document.add(where, _in_words(detail, kind), at_key=unknown)
        return None
    return typed


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _in_words(detail: Any, kind: type) -> str:
    got = kind_of(detail["input"])
    match detail["type"]:
        case "missing":
            return "missing"
        case "unexpected_keyword_argument":
            *parents, key = detail["loc"]
            return f"unknown key{did_you_mean(str(key), _keys_at(kind, tuple(parents)))}"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "dataclass_type" | "dict_type":
            return f'expected a mapping ("key: value"), got {got}'
        case "list_type" | "tuple_type":
            return f'expected a list ("[a, b]"), got {got}'
        case "too_short":
            return "expected at least one, got an empty list"
        case _:
            return f"not as expected: {detail['msg']}"


def _keys_at(kind: Any, path: Path) -> tuple[str, ...]:
    """The keys of the dataclass that ``path`` leads to in the type ``kind``."""
    if is_dataclass(kind):
        if not path:
            return tuple(field.name for field in fields(kind))
        return _keys_at(typing.get_type_hints(kind).get(str(path[0])), path[1:])
    if path and isinstance(path[0], int):
        path = path[1:]
    within = (_keys_at(part, path) for part in typing.get_args(kind))
    return next((keys for keys in within if keys), ())
