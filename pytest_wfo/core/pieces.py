"""From parts of a flow by address and source port to the pieces of an answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.intervals import Intervals, difference, intersection, union
from pytest_wfo.core.policy import Decision, Piece

# Parts that differ by source port are compared pair by pair; beyond this nobody could read it.
_MOST_SPLIT = 200


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


def pieces_of(parts: Iterable[Part], all_ports: Intervals) -> tuple[Piece, ...]:
    """Disjoint parts which together cover every one of ``all_ports``, as pieces.

    Addresses whose source ports meet different decisions are undecided: nobody knows which port a
    client takes. Raises TooComplexError where too many parts differ by source port.
    """
    whole: list[Part] = []
    split: list[Part] = []
    for part in parts:
        (whole if part.source_ports == all_ports else split).append(part)
    return _merge(whole + _over_source_ports(split))


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
    first = members[0]
    if all(part.decision is first.decision for part in members):
        return Part(first.decision, sources, destinations, (), first.rule, first.why)
    others = [part for part in members if part.decision is not Decision.PERMITTED]
    ports: Intervals = ()
    for part in others:
        ports = union(ports, part.source_ports)
    shown = ", ".join(f"{low}-{high}" if low != high else str(low) for low, high in ports[:8])
    why = f"differs by source port: source ports {shown} are {others[0].decision.value}"
    return Part(Decision.UNDECIDED, sources, destinations, (), others[0].rule, why)


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
        ((part.decision, part.rule, part.why), part.sources, part.destinations) for part in parts
    ]
    previous = -1
    while len(boxes) != previous:
        previous = len(boxes)
        boxes = _join(
            boxes, lambda box: (box[0], box[1]), lambda a, b: (a[0], a[1], union(a[2], b[2]))
        )
        boxes = _join(
            boxes, lambda box: (box[0], box[2]), lambda a, b: (a[0], union(a[1], b[1]), a[2])
        )
    pieces = [
        Piece(what[0], AddressSet(sources), AddressSet(destinations), what[1], what[2])
        for what, sources, destinations in boxes
    ]
    return tuple(sorted(pieces, key=lambda p: (p.sources.intervals, p.destinations.intervals)))


_Box = tuple[tuple[Decision, str, str], Intervals, Intervals]


def _join(
    boxes: list[_Box], key: Callable[[_Box], Hashable], both: Callable[[_Box, _Box], _Box]
) -> list[_Box]:
    joined: dict[Hashable, _Box] = {}
    for box in boxes:
        same = key(box)
        joined[same] = both(joined[same], box) if same in joined else box
    return list(joined.values())
