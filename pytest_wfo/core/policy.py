"""The question put to a firewall, and its answer: sets of addresses, each with what decides them.

The same two types serve every platform's firewall. An answer covers the question exactly:
its pieces are disjoint and their union is the whole flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pytest_wfo.core.addresses import AddressSet


class Direction(str, Enum):
    """Where the packets pass: into the host, out of it, or through it."""

    IN = "in"
    OUT = "out"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Flow:
    """New IPv4 TCP connections from any address of ``sources`` to any of ``destinations``.

    ``port`` is the destination port. The source port is any of 1024-65535.
    """

    direction: Direction
    sources: AddressSet
    destinations: AddressSet
    port: int


class Decision(str, Enum):
    """What happens to a piece of a flow."""

    PERMITTED = "permitted"
    DENIED = "denied"
    UNDECIDED = "undecided"  # a rule was not understood, or depends on what cannot be known


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a flow and what decides it.

    ``rule`` names the rule, policy or gap for a person ("inet filter input: tcp dport 2010 drop
    (handle 12)"); ``why`` says in a clause what follows from it ("dropped", "policy drop, no rule
    permits it", "rate limit: depends on traffic").
    """

    decision: Decision
    sources: AddressSet
    destinations: AddressSet
    rule: str
    why: str
