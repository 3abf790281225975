"""The frame around everything posix.sh says: one line of JSON, its sections, its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.facts import Unknown

VERSION = 1
NOT_INSTALLED = 127
NO_POWER = 126

_START = '{"v":'
ASIDE = "unable to resolve host"
"""sudo's remark on /etc/hosts, about nothing that matters here."""
_SHORT = 200  # characters of a tool's own words that fit into a reason


@dataclass(frozen=True, slots=True)
class Section:
    """What one command said: ``code`` is its exit code (127: not installed, 126: not permitted),
    ``power`` as whom it ran: "user", "root", "sudo" or "none"."""

    output: str
    error: str
    code: int
    power: str

    @property
    def ok(self) -> bool:
        """The command ran and says it succeeded."""
        return self.code == 0

    @property
    def complaint(self) -> str:
        """The command's own words about its failure, short and on one line."""
        lines = (self.error.strip() or self.output).splitlines()
        words = " ".join(" ".join(line for line in lines if ASIDE not in line).split())
        return printable(words)[:_SHORT] or f"exit code {self.code}"

    def unknown(self, what: str, remedy: str) -> Unknown:
        """The fact that ``what`` was not seen, in the words of this section."""
        return Unknown(f"{what}: {self.complaint}", remedy)


Sections = Mapping[str, Section]


class UnreadableError(ValueError):
    """The text is not a whole answer of the collector; the message says why."""


def read_envelope(output: str) -> Sections:
    """The sections by name; lines around the JSON (a login banner) are passed over.

    Raises ``UnreadableError`` for anything but a complete envelope of our version.
    """
    start = output.rfind("\n" + _START) + 1 or (0 if output.startswith(_START) else -1)
    if start < 0:
        first = printable(" ".join(output.split()))[:_SHORT]
        said = f'the host said "{first}"' if first else "the host said nothing"
        raise UnreadableError(f"no answer of the collector was found; {said}")
    line = output[start:].split("\n", 1)[0].replace("\0", " ")
    try:
        document = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        raise UnreadableError("the answer is cut off or damaged") from None
    if document.get("error"):
        raise UnreadableError(f"the collector could not work: {printable(str(document['error']))}")
    if document.get("v") != VERSION:
        raise UnreadableError(f"the answer has another version than {VERSION}")
    if document.get("complete") is not True or not isinstance(document.get("sections"), dict):
        raise UnreadableError("the answer is not complete")
    return {str(name): _section(body) for name, body in document["sections"].items()}


def _section(body: Any) -> Section:
    if not isinstance(body, dict):
        raise UnreadableError("a section of the answer is damaged")
    code, power = body.get("rc"), body.get("as")
    output, error = body.get("out"), body.get("err")
    if not (isinstance(code, int) and isinstance(output, str) and isinstance(error, str)):
        raise UnreadableError("a section of the answer is damaged")
    return Section(_decoded(output), _decoded(error), code, str(power))


def _decoded(text: str) -> str:
    """The host's bytes came one character each; they are UTF-8, more or less."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def printable(text: str) -> str:
    """``text`` with everything that a terminal would act on shown as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
