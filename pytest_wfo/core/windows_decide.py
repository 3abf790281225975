"""What the Windows Firewall does with a flow.

Precedence: [MS-FASP] 2.2.34 (ByPass, Block, Allow, default action; no order among rules). Service
hardening is a layer of its own that connections must pass too. Wherever a rule's condition cannot be
seen, the addresses it is about are undecided; they are never permitted on its account.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, Known
from pytest_wfo.core.intervals import Intervals, difference, intersection, normalize
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.windows_cells import Cell, agreed, remote_of
from pytest_wfo.core.windows_doubts import doubted
from pytest_wfo.core.windows_firewall import Program, WindowsFirewall
from pytest_wfo.core.windows_hardening import after_hardening
from pytest_wfo.core.windows_index import file_name
from pytest_wfo.core.windows_layer import decide_layer
from pytest_wfo.core.windows_match import Situation
from pytest_wfo.core.windows_rules import Profile
from pytest_wfo.core.windows_ways import Carrier, Stretch, stretches

_MOST_SPLIT = 64  # parts of the host's own addresses that rules may tell apart


def decide_windows(
    firewall: WindowsFirewall,
    flow: Flow,
    owner: Fact[Program],
    expected: Sequence[str] = (),
) -> tuple[Piece, ...]:
    """Split ``flow`` by what happens to it; the pieces are disjoint and cover it.

    ``owner`` holds the socket: the listener inbound, the client program outbound. Where it is not
    known, ``expected`` names the programs that may (full path, bare file name or "System"); what
    holds for all of them is decided. The answer holds for every profile that can carry the flow.
    """
    if flow.direction is Direction.FORWARD:
        why = "its rules do not speak of connections that the host passes on"
        undecided = Decision.UNDECIDED
        return (Piece(undecided, flow.sources, flow.destinations, "Windows Firewall", why),)
    programs = (
        (owner.value,) if isinstance(owner, Known) else tuple(Program(path) for path in expected)
    )
    inward = flow.direction is Direction.IN
    local, remote = (
        (flow.destinations, flow.sources) if inward else (flow.sources, flow.destinations)
    )
    found: dict[_Key, list[tuple[int, int]]] = {}
    for stretch in stretches(firewall, local, remote):
        question = _Question(firewall, flow, programs, stretch)
        for own, cells in question.answers():
            for cell in doubted(firewall, cells):
                key = (cell.decision, cell.rule, cell.why, own)
                found.setdefault(key, []).extend(cell.remote)
    return _pieces(found, inward=inward)


_Key = tuple[Decision, str, str, Intervals]  # the own addresses are the last


def _pieces(found: dict[_Key, list[tuple[int, int]]], *, inward: bool) -> tuple[Piece, ...]:
    """Join what differs by the own addresses only."""
    joined: dict[tuple[Decision, str, str, Intervals], list[tuple[int, int]]] = {}
    for (*what, own), spans in found.items():
        joined.setdefault((*what, normalize(spans)), []).extend(own)  # type: ignore[arg-type]
    pieces = []
    for (decision, rule, why, remote), spans in joined.items():
        near, far = AddressSet(normalize(spans)), AddressSet(remote)
        ends = (far, near) if inward else (near, far)
        pieces.append(Piece(decision, *ends, rule, why))
    return tuple(sorted(pieces, key=lambda p: (p.sources.intervals, p.destinations.intervals)))


class _Question:
    """The flow's port on one stretch."""

    def __init__(
        self,
        firewall: WindowsFirewall,
        flow: Flow,
        programs: tuple[Program, ...],
        stretch: Stretch,
    ) -> None:
        self._firewall = firewall
        self._direction = flow.direction
        self._port = flow.port
        self._programs = programs
        self._stretch = stretch
        self._remote = stretch.remote.intervals
        self._entries = firewall.index.matching(flow.direction, flow.port, self._remote)

    def answers(self) -> list[tuple[Intervals, list[Cell]]]:
        """Own addresses and what happens to their connections."""
        parts = self._own_parts()
        if len(parts) > _MOST_SPLIT:
            why = "the rules tell too many of the host's own addresses apart"
            cell = Cell(Decision.UNDECIDED, self._remote, "the rules as a whole", why)
            return [(self._stretch.local.intervals, [cell])]
        return [(own, self._over_carriers(own)) for own in parts]

    def _own_parts(self) -> list[Intervals]:
        """The own addresses as the rules' local conditions cut them."""
        parts = [self._stretch.local.intervals]
        if not self._stretch.held:
            return parts
        names = [file_name(program.path) for program in self._programs]
        hardening = self._firewall.index.hardening(self._direction, names)
        conditions = {
            entry.rule.local.intervals for entry in (*self._entries, *hardening) if entry.rule.local
        }
        for intervals in conditions:
            cut = [
                each
                for part in parts
                for each in (intersection(part, intervals), difference(part, intervals))
            ]
            parts = [each for each in cut if each]
            if len(parts) > _MOST_SPLIT:
                break
        return parts

    def _over_carriers(self, own: Intervals) -> list[Cell]:
        if not self._stretch.carriers:
            return self._inside(own)
        settled: list[Cell] = []
        left = self._remote
        found: list[tuple[Carrier, list[Cell]]] = []
        for carrier in self._stretch.carriers:  # the certain ones come first
            if not left:
                break
            cells = self._on(carrier, own, left)
            if carrier.certain:
                settled += [cell for cell in cells if cell.decision is Decision.DENIED]
                left = difference(left, remote_of(cells, Decision.DENIED))
            found.append((carrier, cells))
        return settled + agreed(found, left)

    def _inside(self, own: Intervals) -> list[Cell]:
        """Connections between the host's own addresses: only hardening applies (KB2771908)."""
        why = "the rules of the profiles do not apply inside the host"
        cell = Cell(Decision.PERMITTED, self._remote, "an address of the host itself", why)
        situation = self._situation(Carrier(None, Profile.PUBLIC, False), own, self._remote)
        return after_hardening(situation, self._direction, [cell])

    def _on(self, carrier: Carrier, own: Intervals, remote: Intervals) -> list[Cell]:
        situation = self._situation(carrier, own, remote)
        cells = decide_layer(situation, self._direction, self._entries)
        return after_hardening(situation, self._direction, cells)

    def _situation(self, carrier: Carrier, own: Intervals, remote: Intervals) -> Situation:
        return Situation(
            self._firewall,
            self._firewall.profiles[carrier.profile],
            carrier,
            self._programs,
            self._port,
            own,
            self._stretch.held,
            remote,
        )
