"""What the firewall of an answer does with the flows that a state names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, HostFacts, Known, Unknown
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import Program, WindowsFirewall
from pytest_wfo.probes.windows_envelope import NotSeenError, read_answer
from pytest_wfo.probes.windows_sockets import read_programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = AddressSet.of("10.20.0.10")
NOBODY: Fact[Program] = Unknown("nothing listens there")


def firewall_of(facts: HostFacts) -> WindowsFirewall:
    """The Windows Firewall in the facts."""
    assert isinstance(facts.firewall, Known)
    found: object = facts.firewall.value
    assert isinstance(found, WindowsFirewall)
    return found


def cells_of(
    text: str, facts: HostFacts, flows: Mapping[str, Sequence[Any]]
) -> dict[str, list[str]]:
    """For every flow, what happens to which remote addresses."""
    try:
        programs = read_programs(read_answer(text))
    except NotSeenError:
        programs = {}
    firewall = firewall_of(facts)
    return {
        name: _cells(firewall, programs.get(("0.0.0.0", port), NOBODY), way, port, remote)
        for name, (way, port, remote) in flows.items()
    }


def _cells(
    firewall: WindowsFirewall, owner: Fact[Program], way: str, port: int, remote: str
) -> list[str]:
    inward = Direction(way) is Direction.IN
    there = AddressSet.of(remote)
    ends = (there, HERE) if inward else (HERE, there)
    pieces = decide_windows(
        firewall, Flow(Direction(way), *ends, port), owner if inward else NOBODY
    )
    found: dict[str, AddressSet] = {}
    for piece in pieces:
        part = piece.sources if inward else piece.destinations
        found[piece.decision.value] = found.get(piece.decision.value, AddressSet()) | part
    return [f"{decision} {found[decision]}" for decision in sorted(found)]
