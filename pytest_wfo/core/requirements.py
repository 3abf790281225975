"""One edition of the vendor's document as data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from pytest_wfo.core.antivirus.model import Concern
from pytest_wfo.core.facts import Transport
from pytest_wfo.core.hosts import Feature, Folder, Role


class Claim(str, Enum):
    """What is claimed about a row, one function in ``core/checks`` each.

    "Port open" is three claims that are never mixed: a policy permits it, something listens, and
    a real peer gets through and hears the stated transport.
    """

    ACCESS = "access"  # ours: the host was reached, is the right one, and let us see enough
    PERMITS_OUT = "permits-out"  # the host's own firewall lets connections out
    PERMITS_IN = "permits-in"  # the host's own firewall lets connections in
    FORWARDS_OUT = "forwards-out"  # the edge forwards from the PREMISES server to the cloud
    FORWARDS_IN = "forwards-in"  # the edge forwards from the cloud to the PREMISES server
    LISTENS = "listens"  # something listens, reachable from outside the host
    CONNECTS = "connects"  # a connection succeeds and the peer speaks the transport
    CONNECTS_IN = "connects-in"  # the same from the cloud side, seen from a vantage point
    NARROW = "narrow"  # ours, advisory: no wider than the document asks
    EXCLUDED_MEMORY_RESIDENT = "excluded-memory-resident"
    EXCLUDED_ON_DEMAND = "excluded-on-demand"
    UNTOUCHED = "untouched"  # antivirus leaves files of the type alone
    CONSIDERED = "considered"  # advisory: locked, large and temporary files are excluded


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement comes from: ``section`` of the document and the ``words`` it rests on.

    ``words`` occur in the document's text (white space folded), except where ``ours`` is true:
    then they say in our words why we ask for it.
    """

    section: str
    words: str
    ours: bool = False


class ItemKind(str, Enum):
    """What the antivirus rows speak of."""

    PROCESS = "process"
    EXTENSION = "extension"
    FOLDER = "folder"
    FILE_TYPE = "file-type"


@dataclass(frozen=True, slots=True)
class Item:
    """A program's file name, an extension (".vid"), a folder, or a file type (".vid"), in the
    document's words. ``folder`` says which folder of WFO it is, as that may have been moved."""

    kind: ItemKind
    text: str
    folder: Folder | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One claim about one row of the document, for hosts with any of ``roles``.

    ``id`` is ``row.claim`` and matches ``[A-Za-z0-9._:-]+``. Parameters that a claim does not use
    are empty. ``ranges`` are CIDR. ``items`` are the items of other rows that this one looks at: the
    folder a process writes to, WFO's folders for a file type, everything excluded for "no wider".
    ``reading`` is how we read the document where it leaves things open ("" where it is plain).
    """

    id: str
    row: str
    claim: Claim
    title: str
    source: Source
    roles: frozenset[Role]
    chapter: str
    feature: Feature | None = None
    advisory: bool = False
    port: int = 0
    transport: Transport = Transport.TCP
    ranges: tuple[str, ...] = ()
    item: Item | None = None
    items: tuple[Item, ...] = ()
    common: bool = False  # a file type that other programs write as well
    concern: Concern | None = None  # the kind of files that is worth excluding
    grants_port: int = 0  # the port a Silverlight policy must grant
    asks_itself: bool = False  # no peer of the site asks this port, so the server asks itself
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """All requirements of one version of the document, in the document's order."""

    id: str
    title: str
    requirements: tuple[Requirement, ...]
    ambiguities: tuple[str, ...] = ()
    sha256: str = ""  # of the edition file's bytes
    by_id: dict[str, Requirement] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.by_id.update({requirement.id: requirement for requirement in self.requirements})


def binding(edition: Edition) -> Edition:
    """The edition with no requirement advisory: what is advice there blocks as well."""
    requirements = tuple(replace(item, advisory=False) for item in edition.requirements)
    return replace(edition, requirements=requirements, by_id={})
