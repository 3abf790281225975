"""Rules that nearly permit: what the person who keeps the firewall wants to hear."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_wfo.core.intervals import Intervals, difference
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_index import Entry
from pytest_wfo.core.windows_match import Situation, told_remote
from pytest_wfo.core.windows_rules import ANY_PROTOCOL, TCP, title

_SHOWN = 3
_MOST_LIMITS = 2  # a rule that more than this keeps from counting is about something else
_PROTOCOLS = {1: "ICMP", 17: "UDP", 58: "ICMPv6"}


@dataclass(frozen=True, slots=True)
class _Near:
    entry: Entry
    limits: tuple[str, ...]


def near_misses(situation: Situation, direction: Direction, remote: Intervals) -> list[str]:
    """A clause for each rule that would permit connections with ``remote``, were it not for one or
    two of its conditions; the nearest first, at most three and a count."""
    found = []
    for entry in situation.firewall.index.nearly(direction, situation.port, situation.file_names()):
        limits = _limits(situation, entry, remote)
        if limits and len(limits) <= (_MOST_LIMITS if entry.names_port else 1):
            found.append(_Near(entry, tuple(limits)))
    found.sort(key=lambda near: (len(near.limits), not near.entry.names_port, near.entry.number))
    clauses = [
        f"{title(near.entry.rule)} would permit it, but {' and '.join(near.limits)}"
        for near in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        clauses.append(f"{len(found) - _SHOWN} more rules nearly permit it")
    return clauses


def _limits(situation: Situation, entry: Entry, remote: Intervals) -> list[str]:
    rule = entry.rule
    limits = []
    if rule.protocol not in (TCP, ANY_PROTOCOL):
        limits.append(f"is for {_PROTOCOLS.get(rule.protocol, f'protocol {rule.protocol}')}")
    limits += situation.limits(entry)
    _, maybe = situation.addresses(rule)
    if difference(remote, maybe):
        limits.append(told_remote(rule))
    return limits
