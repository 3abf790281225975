"""Waivers and attestations as people write them: one dataclass a mapping, one field a key.

As in ``inventory_types``, these types validate and describe themselves as JSON Schema. Importing
this module imports pydantic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from pytest_wfo.documents.inventory_fields import FileName, OnlyTrue, Prose, Text, Written
from pytest_wfo.documents.inventory_types import Strict, says
from pytest_wfo.documents.problems import shown

_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_SHA256 = "^[0-9A-Fa-f]{64}$"


def _day(value: Any) -> date:
    if not isinstance(value, str) or not re.fullmatch(_DAY, value):
        raise ValueError(f"expected a day such as 2026-12-31, got {shown(value)}")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"the calendar has no day {value}") from None


def _sha256(text: str) -> str:
    if not re.fullmatch(_SHA256, text):
        raise ValueError("expected a SHA-256: 64 hexadecimal digits, as sha256sum prints them")
    return text.lower()


Day = Annotated[
    date,
    PlainValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY}),
]
Sha256 = Annotated[
    Written, AfterValidator(_sha256), WithJsonSchema({"type": "string", "pattern": _SHA256})
]
Hosts = Annotated[
    list[Text],
    Field(min_length=1),
    says('hosts: names, ranges (desk-[001:040]), globs ("desk-*") or "role:client"'),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverEntry(Strict):
    """A named person accepts that requirements are not met; needs ``expires`` or ``permanent``."""

    requirement: Annotated[Text, says("glob over requirement ids")]
    hosts: Hosts
    reason: Annotated[Prose, says("why it is accepted")]
    approver: Annotated[Text, says("who accepts it, by name")]
    ticket: Annotated[Written, says("ticket in which it was decided")]
    expires: Annotated[Day | None, says("last day it holds, in the site's time zone")] = None
    permanent: Annotated[OnlyTrue | None, says("it holds for good")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiversFile(Strict):
    """Waivers of a site, for pytest-wfo."""

    waivers: Annotated[list[WaiverEntry], says("of several for one check, the first counts")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationEntry(Strict):
    """A named person vouches for what no command can read."""

    requirement: Annotated[Text, says("glob over requirement ids")]
    hosts: Hosts
    who: Annotated[Text, says("who looked, by name")]
    when: Annotated[Day, says("day of looking, not in the future")]
    until: Annotated[Day, says("last day it holds, in the site's time zone")]
    reference: Annotated[Written, says("where the proof lies")]
    file: Annotated[FileName | None, says("attached file, beside this one; needs sha256")] = None
    sha256: Annotated[Sha256 | None, says("SHA-256 of the attached file")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationsFile(Strict):
    """Attestations of a site, for pytest-wfo."""

    attestations: Annotated[
        list[AttestationEntry], says("of several for one check, the first counts")
    ]
