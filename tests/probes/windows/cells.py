"""What the firewall of an answer does with the flows that a state names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, HostFacts, Known, Owner, Unknown
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import Program, WindowsFirewall

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


def cells_of(facts: HostFacts, flows: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """For every flow, what happens to which remote addresses."""
    firewall, listeners = firewall_of(facts), facts.listeners
    owners = {
        each.port: _program(each.owner)
        for each in (listeners.value if isinstance(listeners, Known) else ())
        if each.address == "0.0.0.0"
    }
    return {
        name: _cells(firewall, owners.get(port, NOBODY), way, port, remote)
        for name, (way, port, remote) in flows.items()
    }


def _program(owner: Fact[Owner]) -> Fact[Program]:
    if isinstance(owner, Unknown) or not owner.value.path:
        return NOBODY
    return Known(Program(owner.value.path, owner.value.services), owner.source)


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
