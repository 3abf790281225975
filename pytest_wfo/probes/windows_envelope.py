"""The frame around everything windows.ps1 says: sections of values, and registry keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.facts import Unknown
from pytest_wfo.probes.envelope import UnreadableError, printable
from pytest_wfo.probes.reading import NotSeenError

VERSION = 1
NEEDS_FULL_LANGUAGE = "needs-full-language"

# Errors that the script itself raises, in words.
_OWN_WORDS = {
    NEEDS_FULL_LANGUAGE: "PowerShell runs in ConstrainedLanguage there, which forbids it",
    "too-old-to-ask": "this version does not know the question",
    "writes-nothing": "the session configuration installed there writes no test files (docs/jea.md)",
    "nowhere-to-write": "no new folder could be made below the temporary one, so nothing was written",
    "defender-off": "real-time protection of Microsoft Defender is off, so nothing was written",
    "defender-old": "the signatures of Microsoft Defender are a week old or more, so nothing was written",
    "too-much-text": "the host has more text of this kind than the collector carries",
    "value-missing": "PowerShell does not show every one of them",
    "wmi-too-slow": "WMI took so long for other questions that this one was not asked",
}

_START = '{"v":'
_SHORT = 200
_SURROGATE = re.compile("[\ud800-\udfff]")

ELEVATE = "log in as a member of the local Administrators group, with an elevated token"
LANGUAGE_REMEDY = (
    "let an administrator exempt the account from ConstrainedLanguage (WDAC or AppLocker policy), "
    "or attest this"
)

Row = Mapping[str, Any]
Values = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a section or key could not be read: ``id`` and ``category`` are PowerShell's own and the
    same in every language; ``said`` is the host's message."""

    id: str
    category: str
    said: str

    @property
    def words(self) -> str:
        """The failure for a person, on one line."""
        if self.id in _OWN_WORDS:
            return _OWN_WORDS[self.id]
        said = printable(" ".join(self.said.split()))[:_SHORT]
        return f"{said} ({printable(self.id)})" if said and said != self.id else printable(self.id)

    @property
    def remedy(self) -> str:
        """What the reader can do about it."""
        if self.id == NEEDS_FULL_LANGUAGE:
            return LANGUAGE_REMEDY
        if self.category in {"PermissionDenied", "SecurityError"} or "80041003" in self.id:
            return ELEVATE
        return "run the collector by hand on the host and look at what this section says"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: sections by name, registry keys by path."""

    sections: Mapping[str, Row]
    registry: Mapping[str, Row]

    def failure(self, name: str) -> Failure | None:
        """Why the section ``name`` failed; None if it did not."""
        return _failure(self.sections.get(name))

    def value(self, name: str, what: str) -> Row:
        """The value of a section. Raises ``NotSeenError`` if it failed."""
        failure = self.failure(name)
        if failure is not None:
            raise NotSeenError(Unknown(f"{what}: {failure.words}", failure.remedy))
        return _row(self.sections[name]["value"])

    def rows(self, name: str, what: str) -> tuple[Row, ...]:
        """The rows of a list. Raises ``NotSeenError`` if it failed or is not whole."""
        value = self.value(name, what)
        rows, total = value["rows"], integer(value, "total")
        if not isinstance(rows, list):
            raise TypeError("rows are no list")
        if total != len(rows):
            more = f"{what}: the host has {total}, of which {len(rows)} were reported"
            raise NotSeenError(Unknown(more, "look at the host by hand"))
        return tuple(_row(row) for row in rows)

    def output(self, name: str, what: str) -> str:
        """What a program printed. Raises ``NotSeenError`` if it failed or the text was cut."""
        value = self.value(name, what)
        output = text(value, "text") or ""
        if value["code"] != 0:
            said = printable(" ".join(output.split()))[:_SHORT]
            raise NotSeenError(Unknown(f"{what}: exit code {value['code']}: {said}", ELEVATE))
        if output.endswith(" [cut]"):
            raise NotSeenError(Unknown(f"{what}: the list is too long to be reported whole"))
        return output

    def key(self, path: str) -> Values | Failure | None:
        """The values of a registry key as (name, value); None if the key does not exist.

        A value is a text or an integer; None stands for any other type.
        """
        body = self.registry.get(path)
        failure = _failure(body)
        if failure is not None or body is None:
            return failure
        flat = body["values"]
        if not isinstance(flat, list) or len(flat) % 2:
            raise TypeError("the values of a registry key are damaged")
        names, values = flat[0::2], flat[1::2]
        if not all(isinstance(name, str) for name in names):
            raise TypeError("the names of registry values are damaged")
        if not all(value is None or type(value) in {str, int} for value in values):
            raise TypeError("registry values are damaged")
        if body["present"] is not True:
            return None
        return tuple(zip(names, values, strict=True))

    def setting(self, path: str, name: str) -> Any:
        """One value of a key that was read; None where there is no such key or value."""
        values = self.key(path)
        if values is None or isinstance(values, Failure):
            return None
        return next((value for own, value in values if own.lower() == name.lower()), None)


def _failure(body: Row | None) -> Failure | None:
    if body is None:
        return Failure("not-reported", "", "the collector did not report this")
    if body.get("ok") is True:
        return None
    return Failure(*(str(body.get(name) or "") for name in ("id", "category", "said")))


def read_answer(output: str) -> Answer:
    """The answer in ``output``; lines around it are passed over.

    Raises ``UnreadableError`` for anything but a complete answer of our version.
    """
    start = output.rfind("\n" + _START) + 1 or (0 if output.startswith(_START) else -1)
    if start < 0:
        first = printable(" ".join(output[:1000].split()))[:_SHORT]
        said = f'the host said "{first}"' if first else "the host said nothing"
        raise UnreadableError(f"no answer of the collector was found; {said}")
    try:
        document = _whole(json.loads(output[start:].split("\n", 1)[0]))
    except (ValueError, RecursionError):
        raise UnreadableError("the answer is cut off or damaged") from None
    if document.get("platform") != "windows":
        raise UnreadableError("the answer is not one of the Windows collector")
    if document.get("error"):
        raise UnreadableError(f"the collector could not work: {printable(str(document['error']))}")
    if document.get("v") != VERSION:
        raise UnreadableError(f"the answer has another version than {VERSION}")
    if document.get("complete") is not True:
        raise UnreadableError("the answer is not complete")
    parts = [document.get("sections"), document.get("registry")]
    if not all(isinstance(part, dict) and all(map(_is_row, part.values())) for part in parts):
        raise UnreadableError("the answer is damaged")
    return Answer(document["sections"], document["registry"])


def _whole(value: Any) -> Any:
    """Half a surrogate pair is no text that could be written anywhere; it becomes U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return value


def _is_row(value: Any) -> bool:
    return isinstance(value, dict)


def _row(value: Any) -> Row:
    if not isinstance(value, dict):
        raise TypeError("a row of the answer is damaged")
    return value


def integer(row: Row, name: str) -> int:
    """A number that must be there. Raises TypeError for anything else."""
    value = row[name]
    if type(value) is not int:
        raise TypeError(f"{name} is no integer")
    return value


def text(row: Row, name: str) -> str | None:
    """A text, or None where Windows has none. Raises TypeError for anything else."""
    value = row[name]
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def texts(row: Row, name: str) -> tuple[str, ...]:
    """A list of texts. Raises TypeError for anything else."""
    value = row[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is no list of texts")
    return tuple(value)
