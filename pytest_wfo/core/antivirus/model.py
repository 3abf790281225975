"""What is known of the antivirus products on a host.

A product's reader (``pytest_wfo/probes/antivirus``, one file each) turns what the host printed into
one ``Product``; nothing else in the package knows a product's syntax. The checks ask products by the
two kinds of scanning of which the document speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from pytest_wfo.core.known import NOT_ASKED, Fact, Known


class Scan(str, Enum):
    """The two kinds of scanning (document: Antivirus Software / Exclusion Guidelines)."""

    MEMORY_RESIDENT = "memory-resident"  # also: on-access, real-time
    ON_DEMAND = "on-demand"  # also: scheduled, manual, full, custom


BOTH = frozenset(Scan)


class Covered(str, Enum):
    """Whether an exclusion covers something. MAYBE is never taken for YES."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


class Pattern(Protocol):
    """What one entry covers. Paths are absolute, as the host's system writes them."""

    def file(self, path: str) -> Covered:
        """This file."""

    def tree(self, folder: str) -> Covered:
        """A folder and everything below it, at any depth and under any name."""

    def extension(self, extension: str) -> Covered:
        """Every file with this extension (".vid"), wherever it lies."""

    def process(self, image: str) -> Covered:
        """The files that a program opens; ``image`` is its file name or, better, its full path."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One entry of a product's lists.

    ``text`` is the entry as the product holds it; ``scans`` are the kinds of scanning it is for;
    ``origin`` says where it comes from ("local", "Group Policy", "MDM", "clamd.conf line 12").
    ``void`` says why it has no effect ("" = it has); ``note`` is what a reader must know besides
    (e.g. that the product applies it only while a certain process opens the file).
    """

    text: str
    pattern: Pattern
    scans: frozenset[Scan] = BOTH
    origin: str = ""
    void: str = ""
    note: str = ""


class Reading(str, Enum):
    """How near to the truth a reading of the settings is."""

    EFFECTIVE = "effective"  # what the product itself says is in force
    STORED = "stored"  # what is stored on the host; the product may know better
    NONE = "none"  # managed elsewhere: nothing on the host says it


@dataclass(frozen=True, slots=True)
class Removal:
    """Something a product detected, and what it did: "removed", "quarantined", "blocked", "cleaned",
    "failed" (it tried to, in vain), "allowed", "none" (so far) or "unknown". ``at`` is UTC, ISO 8601."""

    path: str
    action: str
    threat: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """One antivirus product on a host.

    ``active``: whether it counts; a product that another one replaced (Defender's passive mode) does
    not. ``scanning``: whether it scans files in this way on this host; a kind that is missing counts
    as NOT_ASKED. ``watched``: where it scans only some places, their patterns; a kind that is missing
    is scanned everywhere. ``opinions``: what the product's own checker says of a path (True: it is
    excluded). ``removals``: what it did within the last ``history_days`` days, newest first.
    ``state`` and ``warnings`` are sentences for the evidence. ``advice`` says how an entry is added,
    by the kind of scanning and what it is for ("folder", "extension", "process" or "file": a program's
    own); in it ``{}`` stands for the place and ``{regex}`` for the place as a regular expression. What
    is missing is said in words that fit any product. ``central`` says why an entry that is added on the
    host itself would have no effect ("" = it would have).
    """

    name: str
    version: str = ""
    active: Fact[bool] = NOT_ASKED
    scanning: Mapping[Scan, Fact[bool]] = field(default_factory=dict)
    reading: Reading = Reading.NONE
    exclusions: Fact[tuple[Exclusion, ...]] = NOT_ASKED
    watched: Mapping[Scan, tuple[Pattern, ...]] = field(default_factory=dict)
    opinions: Mapping[str, bool] = field(default_factory=dict)
    removals: Fact[tuple[Removal, ...]] = NOT_ASKED
    history_days: int = 0
    state: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    advice: Mapping[tuple[Scan, str], str] = field(default_factory=dict)
    central: str = ""


NO_LINKS: Fact[Mapping[str, str]] = Known({}, "no folder was asked about")


@dataclass(frozen=True, slots=True)
class Antivirus:
    """All products found on a host, and where and for what was looked. No product at all means that
    everything that shows one could be looked at, and none is there. ``links``: of the folders that were
    asked about, those that are reached through a link, a junction or a mount point, and which it is."""

    products: tuple[Product, ...]
    looked_for: str
    links: Fact[Mapping[str, str]] = NO_LINKS


class Survival(str, Enum):
    """What became of a harmless file."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"  # content, attributes or access rights differ
    GONE = "gone"
    REFUSED = "refused"  # could not be read again, as where a scanner blocks it
    BLOCKED = "blocked"  # the system refused to write it because of a virus
    UNWRITTEN = "unwritten"  # could not be written: says nothing about an antivirus


@dataclass(frozen=True, slots=True)
class TestFile:
    """A harmless file of one of the document's types, written for the check and removed again.

    ``seconds``: how long it was left alone before it was looked at. ``detail`` of an unchanged file is
    what of it could not be compared ("" = nothing).
    """

    __test__ = False  # pytest: not a test case

    extension: str
    path: str
    survival: Survival
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SurvivalProbe:
    """The test files of one run, and those that could not be removed again."""

    files: tuple[TestFile, ...]
    leftovers: tuple[str, ...] = ()


class CanaryOutcome(str, Enum):
    """What a scanner did with the file that every scanner must detect."""

    DETECTED = "detected"
    INTACT = "intact"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CanaryFile:
    """One canary file. ``control``: it lies where nothing is excluded, so it must be detected."""

    path: str
    scan: Scan
    control: bool
    outcome: CanaryOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary run: ``run`` is the id in all its file names; ``started``, ``ended`` are UTC."""

    run: str
    started: str
    ended: str
    files: tuple[CanaryFile, ...]
    leftovers: tuple[str, ...] = ()


class Concern(str, Enum):
    """The document's three kinds of files that are worth excluding (General Considerations)."""

    LOCKED = "locked"
    LARGE = "large"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class ConcernedFile:
    """A file or folder that the document says should typically be excluded; ``why`` in words
    ("locked by sqlservr.exe", "12 GB", "140 new files in 10 s")."""

    concern: Concern
    path: str
    why: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Concerns:
    """What was found below ``roots``. ``limits`` says for each concern what was left unseen this time;
    a concern that is missing there was looked at as far as it can be. ``methods`` says what such a look
    can never see."""

    files: tuple[ConcernedFile, ...]
    roots: tuple[str, ...]
    limits: Mapping[Concern, str] = field(default_factory=dict)
    methods: Mapping[Concern, str] = field(default_factory=dict)
