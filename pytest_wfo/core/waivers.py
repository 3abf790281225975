"""What named persons accept: waivers and attestations, as their files say it.

A waiver accepts that a cell is not met, until a day or permanently. An attestation vouches, with a
reference, for what no command can read. ``acceptance`` says what they do to findings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cells an entry speaks of: its own words, and the ids and hosts they stand for.

    ``requirement`` is a glob over requirement ids; ``hosts`` are names, ranges, globs or
    ``role:premises``; ``place`` is where the entry stands ("waivers.yml:3"). What the words stand
    for follows from them and the inventory, and is not known to a report that was read again.
    """

    requirement: str
    hosts: tuple[str, ...]
    requirement_ids: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    host_names: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """``approver`` accepts that what is in ``scope`` is not met, for ``reason``.

    ``expires`` is the last day it holds, in the site's time zone; None: it holds permanently.
    """

    scope: Scope
    reason: str
    approver: str
    ticket: str
    expires: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it counts on ``day``."""
        return self.expires is None or day <= self.expires


@dataclass(frozen=True, slots=True)
class Attestation:
    """``who`` vouches that what is in ``scope`` is met; ``reference`` says where the proof lies.

    ``when`` is the day of looking, ``until`` the last day it holds, in the site's time zone.
    ``file`` is the name of an attached file whose SHA-256 was verified ("": none).
    """

    scope: Scope
    who: str
    when: date
    until: date
    reference: str
    file: str = ""
    sha256: str = ""

    def holds_on(self, day: date) -> bool:
        """Whether it counts on ``day``."""
        return day <= self.until


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file of waivers or attestations that was read; ``sha256`` is of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """All waivers and attestations of a run, in the order of their files."""

    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    files: tuple[AcceptedFile, ...] = ()
