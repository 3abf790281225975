"""Remote addresses with what happens to them: the parts from which an answer is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_wfo.core.intervals import EMPTY, Intervals, difference, intersection, normalize, union
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

    Also returns what nobody claims.
    """
    cells = []
    for claim, cell in claims:
        if not addresses:
            break
        if got := intersection(claim, addresses):
            cells.append(cell(got))
            addresses = difference(addresses, got)
    return cells, addresses


def remote_of(cells: Iterable[Cell], decision: Decision) -> Intervals:
    """The addresses of all cells with this decision."""
    return normalize(span for cell in cells if cell.decision is decision for span in cell.remote)


def agreed(found: Sequence[tuple[Carrier, list[Cell]]], addresses: Intervals) -> list[Cell]:
    """One answer for connections that any of several carriers may take.

    What all permit is permitted; what all deny, or a certain one denies, is denied.
    """
    permitted = denied = addresses
    surely: Intervals = EMPTY
    for carrier, cells in found:
        permitted = intersection(permitted, remote_of(cells, Decision.PERMITTED))
        no = remote_of(cells, Decision.DENIED)
        denied = intersection(denied, no)
        surely = union(surely, no) if carrier.certain else surely
    denied = union(denied, surely)
    answer = _told(permitted, Decision.PERMITTED, found)
    answer += _told(denied, Decision.DENIED, found)
    open_ = difference(difference(addresses, permitted), denied)
    cells, open_ = shared_out(open_, _claims(Decision.UNDECIDED, found))
    disputed = [
        replace(cell, decision=Decision.UNDECIDED, why=f"{cell.why}; others may carry them")
        for cell in _told(open_, Decision.DENIED, found)
    ]
    return answer + cells + disputed


def _told(
    addresses: Intervals, decision: Decision, found: Sequence[tuple[Carrier, list[Cell]]]
) -> list[Cell]:
    """``addresses`` in the words of the carriers that decide so, the certain ones first."""
    return shared_out(addresses, _claims(decision, found))[0]


def _claims(decision: Decision, found: Sequence[tuple[Carrier, list[Cell]]]) -> list[Claim]:
    def claim(cell: Cell) -> Callable[[Intervals], Cell]:
        return lambda got: replace(cell, remote=got)

    ordered = sorted(found, key=lambda item: not item[0].certain)
    return [
        (cell.remote, claim(cell))
        for _, cells in ordered
        for cell in cells
        if cell.decision is decision
    ]
