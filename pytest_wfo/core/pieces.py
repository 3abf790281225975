"""From parts of a flow by address and source port to the pieces of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.intervals import Intervals, count, difference, intersection, normalize, union
from pytest_wfo.core.policy import Decision, Piece

# Parts that differ by source port are compared pair by pair; beyond this nobody could read it.
_MOST_SPLIT = 200

# Rules about service ports hit answers too, to a client which has such a port by chance. A few of
# them, below the ports that systems give to clients (Linux 32768 and up, Windows and IANA 49152
# and up), decide no real connection.
_STRAY_PORTS = 32
_EPHEMERAL = 32768

_BLAME = (Decision.DENIED, Decision.UNDECIDED, Decision.PERMITTED)


class TooComplexError(Exception):
    """The ruleset splits the question into more parts than can be followed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece which may hold for some source ports only."""

    decision: Decision
    sources: Intervals
    destinations: Intervals
    source_ports: Intervals
    rule: str
    why: str

    def within(self, sources: Intervals, destinations: Intervals, source_ports: Intervals) -> Part:
        """The same for these addresses and ports only."""
        return replace(self, sources=sources, destinations=destinations, source_ports=source_ports)


def pieces_of(parts: Iterable[Part], all_ports: Intervals) -> tuple[Piece, ...]:
    """Disjoint parts which together cover every one of ``all_ports``, as pieces.

    Addresses whose source ports meet different decisions are undecided: nobody knows which port a
    client takes. A few single service ports are no such difference. Raises TooComplexError where
    too many parts differ by source port.
    """
    whole: list[Part] = []
    split: list[Part] = []
    for part in parts:
        (whole if part.source_ports == all_ports else split).append(part)
    return _merge(whole + _over_source_ports(split))


def by_rule(parts: list[Part], grants: list[Part]) -> list[Part]:
    """``parts`` cut by the first of ``grants`` that covers them, each with its rule."""
    named: list[Part] = []
    for grant in grants:
        if not parts:
            break
        left: list[Part] = []
        for part in parts:
            sources = intersection(part.sources, grant.sources)
            destinations = sources and intersection(part.destinations, grant.destinations)
            ports = destinations and intersection(part.source_ports, grant.source_ports)
            if not ports:
                left.append(part)
                continue
            named.append(replace(part, rule=grant.rule).within(sources, destinations, ports))
            if outside := difference(part.sources, sources):
                left.append(part.within(outside, part.destinations, part.source_ports))
            if outside := difference(part.destinations, destinations):
                left.append(part.within(sources, outside, part.source_ports))
            if outside := difference(part.source_ports, ports):
                left.append(part.within(sources, destinations, outside))
        parts = left
    return named + parts


def _over_source_ports(split: list[Part]) -> list[Part]:
    if len(split) > _MOST_SPLIT:
        raise TooComplexError
    cells: list[tuple[Intervals, Intervals, list[Part]]] = []
    for part in split:
        fresh = [(part.sources, part.destinations)]
        cut: list[tuple[Intervals, Intervals, list[Part]]] = []
        for sources, destinations, members in cells:
            both = (
                intersection(sources, part.sources),
                intersection(destinations, part.destinations),
            )
            if not all(both):
                cut.append((sources, destinations, members))
                continue
            cut.append((*both, [*members, part]))
            cut += [(*rest, members) for rest in _minus((sources, destinations), both)]
            fresh = [rest for each in fresh for rest in _minus(each, both)]
        cells = cut + [(*each, [part]) for each in fresh]
    return [_settle(*cell) for cell in cells]


def _settle(sources: Intervals, destinations: Intervals, members: list[Part]) -> Part:
    ports: dict[Decision, Intervals] = {}
    for part in members:
        ports[part.decision] = union(ports.get(part.decision, ()), part.source_ports)
    for part in members:
        others: Intervals = ()
        for decision, found in ports.items():
            others = others if decision is part.decision else union(others, found)
        if count(others) <= _STRAY_PORTS and (not others or others[-1][1] < _EPHEMERAL):
            return Part(part.decision, sources, destinations, (), part.rule, part.why)
    worst = min(members, key=lambda part: _BLAME.index(part.decision))
    shown = ", ".join(
        f"{low}-{high}" if low != high else str(low) for low, high in ports[worst.decision][:8]
    )
    why = f"differs by source port: source ports {shown} are {worst.decision.value}"
    return Part(Decision.UNDECIDED, sources, destinations, (), worst.rule, why)


def _minus(
    box: tuple[Intervals, Intervals], other: tuple[Intervals, Intervals]
) -> list[tuple[Intervals, Intervals]]:
    sources = intersection(box[0], other[0])
    destinations = intersection(box[1], other[1])
    if not sources or not destinations:
        return [box]
    rest = [(difference(box[0], sources), box[1]), (sources, difference(box[1], destinations))]
    return [each for each in rest if all(each)]


def _merge(parts: list[Part]) -> tuple[Piece, ...]:
    """Join parts with the same decision, rule and reason wherever the union is a product again."""
    boxes = [
        _Box((part.decision, part.rule, part.why), part.sources, part.destinations)
        for part in parts
    ]
    previous = -1
    while len(boxes) != previous:
        previous = len(boxes)
        boxes = _joined_over_destinations(_joined_over_sources(boxes))
    pieces = [
        Piece(box.what[0], AddressSet(box.sources), AddressSet(box.destinations), *box.what[1:])
        for box in boxes
    ]
    return tuple(sorted(pieces, key=lambda p: (p.sources.intervals, p.destinations.intervals)))


class _Box(NamedTuple):
    what: tuple[Decision, str, str]
    sources: Intervals
    destinations: Intervals


def _joined_over_sources(boxes: list[_Box]) -> list[_Box]:
    found: dict[_Box, list[tuple[int, int]]] = {}
    for box in boxes:
        found.setdefault(box._replace(sources=()), []).extend(box.sources)
    return [box._replace(sources=normalize(pairs)) for box, pairs in found.items()]


def _joined_over_destinations(boxes: list[_Box]) -> list[_Box]:
    found: dict[_Box, list[tuple[int, int]]] = {}
    for box in boxes:
        found.setdefault(box._replace(destinations=()), []).extend(box.destinations)
    return [box._replace(destinations=normalize(pairs)) for box, pairs in found.items()]
