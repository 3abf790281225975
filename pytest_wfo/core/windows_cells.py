"""Remote addresses with what happens to them: the parts from which an answer is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from pytest_wfo.core.intervals import Intervals, difference, intersection, normalize
from pytest_wfo.core.policy import Decision
from pytest_wfo.core.windows_ways import Carrier


@dataclass(frozen=True, slots=True)
class Cell:
    """What happens to the connections with ``remote``; ``rule`` and ``why`` as in ``Piece``."""

    decision: Decision
    remote: Intervals
    rule: str
    why: str


# Addresses that somebody claims, and the cell to make of those that are left for him.
Claim = tuple[Intervals, Callable[[Intervals], Cell]]


def shared_out(addresses: Intervals, claims: Iterable[Claim]) -> tuple[list[Cell], Intervals]:
    """Give each address to the first claim on it; a claim makes its cell of what it gets.

    Also returns what nobody claims. One sweep over all claims: block lists have thousands.
    """
    if not addresses:
        return [], addresses
    makers: list[Callable[[Intervals], Cell]] = []
    spans: list[tuple[int, int, int]] = []  # first address, number of the claim, last address
    for claim, maker in claims:
        spans += [(low, len(makers), high) for low, high in intersection(claim, addresses)]
        makers.append(maker)
    shares: dict[int, list[tuple[int, int]]] = {}
    for number, low, high in _first_claims(sorted(spans)):
        shares.setdefault(number, []).append((low, high))
    cells = [makers[number](normalize(shares[number])) for number in sorted(shares)]
    claimed = normalize((low, high) for low, _, high in spans)
    return cells, difference(addresses, claimed)


def _first_claims(spans: list[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """The lowest claim's number for each run of addresses: (number, first, last)."""
    open_: list[tuple[int, int]] = []  # heap of claims that have begun: number, last address
    following = at = 0
    while following < len(spans) or open_:
        if not open_:
            at = max(at, spans[following][0])
        while following < len(spans) and spans[following][0] <= at:
            _, number, high = spans[following]
            heappush(open_, (number, high))
            following += 1
        while open_ and open_[0][1] < at:
            heappop(open_)
        if open_:
            number, last = open_[0]
            if following < len(spans):
                last = min(last, spans[following][0] - 1)
            yield number, at, last
            at = last + 1


def remote_of(cells: Iterable[Cell], decision: Decision) -> Intervals:
    """The addresses of all cells with this decision."""
    return normalize(span for cell in cells if cell.decision is decision for span in cell.remote)


def agreed(found: Sequence[tuple[Carrier, list[Cell]]], addresses: Intervals) -> list[Cell]:
    """One answer for connections that any of several carriers may take: what all permit is
    permitted, what all deny is denied."""
    permitted = denied = addresses
    for _, cells in found:
        permitted = intersection(permitted, remote_of(cells, Decision.PERMITTED))
        denied = intersection(denied, remote_of(cells, Decision.DENIED))
    open_ = difference(difference(addresses, permitted), denied)
    answer = _told(permitted, Decision.PERMITTED, found) + _told(denied, Decision.DENIED, found)
    undecided = _told(open_, Decision.UNDECIDED, found)
    disputed = difference(open_, remote_of(undecided, Decision.UNDECIDED))
    permitting = [
        str(carrier)
        for carrier, cells in found
        if intersection(disputed, remote_of(cells, Decision.PERMITTED))
    ]
    why = f"but {' and '.join(dict.fromkeys(permitting))} would permit it, and either may be used"
    return [
        *answer,
        *undecided,
        *(
            replace(cell, decision=Decision.UNDECIDED, why=f"{cell.why}; {why}")
            for cell in _told(disputed, Decision.DENIED, found)
        ),
    ]


def _told(
    addresses: Intervals, decision: Decision, found: Sequence[tuple[Carrier, list[Cell]]]
) -> list[Cell]:
    """``addresses`` in the words of the first carrier that decides so."""

    def claim(cell: Cell) -> Claim:
        return cell.remote, lambda got: replace(cell, remote=got)

    claims = [claim(cell) for _, cells in found for cell in cells if cell.decision is decision]
    return shared_out(addresses, claims)[0]
