"""One model for the packet filters of Linux, whether nftables or iptables wrote them.

It holds what can touch an IPv4 TCP connection and nothing else: readers leave out rules which
never match one (UDP, IPv6). Semantics and evaluation are in ``packet_filter_eval``. What a reader
does not understand stays in the model as an opaque match or action, so that it can only ever lead
to "undecided".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pytest_wfo.core.intervals import Intervals

ANY_ADDRESS: Intervals = ((0, 2**32 - 1),)
ANY_PORT: Intervals = ((0, 65535),)


class Hook(str, Enum):
    """Where in the kernel a base chain is called."""

    INGRESS = "ingress"  # netdev, inet ingress and bridge: before IP sees the packet
    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"
    EGRESS = "egress"  # netdev and bridge: after IP is done with it


class State(str, Enum):
    """The conntrack states that packets of a good TCP connection can have.

    They are "invalid" to chains which see them before conntrack does.
    """

    NEW = "new"
    ESTABLISHED = "established"
    UNTRACKED = "untracked"
    INVALID = "invalid"


ANY_STATE = frozenset(State)


@dataclass(frozen=True, slots=True)
class Interfaces:
    """A match on an interface's name: one of ``names`` ("eth*" is a prefix), or none if negated."""

    names: tuple[str, ...]
    negated: bool = False

    def matches(self, name: str) -> bool:
        """Whether an interface of this name satisfies the match."""
        hit = any(
            name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
            for pattern in self.names
        )
        return hit is not self.negated


@dataclass(frozen=True, slots=True)
class TcpFlags:
    """A match on TCP flags: ``flags & mask == value``, or the contrary if negated."""

    mask: int
    value: int
    negated: bool = False

    def matches(self, flags: int) -> bool:
        """Whether a packet with these flags satisfies the match."""
        return (flags & self.mask == self.value) is not self.negated


@dataclass(frozen=True, slots=True)
class Match:
    """The conditions of a rule; all must hold.

    ``destination_local``/``source_local`` ask whether the address is one of the host's own;
    ``translated`` whether the destination was rewritten (``ct status dnat``). None asks nothing.
    ``opaque`` names each condition that was not understood.
    """

    sources: Intervals = ANY_ADDRESS
    destinations: Intervals = ANY_ADDRESS
    source_ports: Intervals = ANY_PORT
    destination_ports: Intervals = ANY_PORT
    incoming: tuple[Interfaces, ...] = ()
    outgoing: tuple[Interfaces, ...] = ()
    states: frozenset[State] = ANY_STATE
    flags: tuple[TcpFlags, ...] = ()
    source_local: bool | None = None
    destination_local: bool | None = None
    translated: bool | None = None
    opaque: tuple[str, ...] = ()


class Verb(str, Enum):
    """What a rule does with a packet that matches."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    NOTRACK = "notrack"  # goes on with the next rule
    DNAT = "dnat"
    SNAT = "snat"  # masquerade too
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class Action:
    """A verb and what it needs.

    ``target`` is the key of the chain for jump and goto, the reason for opaque. ``address`` and
    ``port`` are where DNAT sends the connection; an address of None: not known beforehand; a port
    of None: unchanged.
    """

    verb: Verb
    target: str = ""
    address: int | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``text`` names it for a person, with table, chain and handle where it has one."""

    match: Match
    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A chain the kernel calls. ``key`` finds its rules and names it ("inet filter input").

    ``kind`` is "filter", "route" or "nat"; ``policy`` is ACCEPT, DROP, or OPAQUE if not understood.
    """

    key: str
    hook: Hook
    priority: int
    kind: str = "filter"
    policy: Verb = Verb.ACCEPT


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """All base chains of a host and the rules of every chain by key.

    ``unread`` names each part that exists or may exist but could not be read, with the reason
    ("iptables-legacy rules: needs root"); while it is not empty nothing counts as permitted.
    """

    base_chains: tuple[BaseChain, ...] = ()
    chains: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
