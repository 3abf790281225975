"""What a fix is made of: changes of a host that the pack's scripts can make and undo."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.verdicts import Finding
from pytest_wfo.core.windows_rules import Profile

_ANSWERS = " answers"


@dataclass(frozen=True, slots=True)
class WindowsAllow:
    """An Allow rule in the local store of the Windows Firewall, for TCP.

    ``port`` is the local one inbound, the remote one outbound.
    """

    name: str
    direction: Direction
    port: int
    remote: AddressSet
    profiles: frozenset[Profile]


@dataclass(frozen=True, slots=True)
class ChainAccept:
    """An accept rule at the head of a base chain of a Linux packet filter, for IPv4 and TCP.

    ``tool`` is "nft", "iptables-nft" or "iptables-legacy"; ``family`` is "" except for nft. It is
    about packets from ``sources`` to port ``port`` of ``destinations``, or if ``answers``, the ones
    that come back: from that port of ``destinations`` to ``sources``.
    """

    requirement: str
    tool: str
    family: str
    table: str
    chain: str
    sources: AddressSet
    destinations: AddressSet
    port: int
    answers: bool = False

    @property
    def name(self) -> str:
        """The comment by which the rule is found again."""
        return rule_name(self.requirement) + _ANSWERS * self.answers


class ExclusionList(str, Enum):
    """One of Defender's lists: the parameter of Add-MpPreference."""

    PATH = "ExclusionPath"
    EXTENSION = "ExclusionExtension"
    PROCESS = "ExclusionProcess"


@dataclass(frozen=True, slots=True)
class DefenderExclusion:
    """An entry in a list of Microsoft Defender."""

    list: ExclusionList
    value: str


def written(addresses: AddressSet) -> tuple[str, ...]:
    """The set as firewalls take it: "10.20.0.10", "207.166.94.0/24"."""
    return tuple(cidr.removesuffix("/32") for cidr in addresses.cidrs())


Change = WindowsAllow | ChainAccept | DefenderExclusion


@dataclass(frozen=True, slots=True)
class Fix:
    """How to fix the not-met cell of ``finding``: by ``changes``, or by hand (``by_hand`` says how).

    Exactly one of the two is there.
    """

    cell: Cell
    finding: Finding
    changes: tuple[Change, ...] = ()
    by_hand: str = ""

    @property
    def automatic(self) -> bool:
        """Whether a script can do it."""
        return bool(self.changes)


def rule_name(requirement: str) -> str:
    """The name of a rule that serves a requirement; nobody else's rule is called so."""
    return f"WFO {requirement}"
