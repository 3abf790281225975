"""Regions: products of address and port sets, in place of packets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_wfo.core.intervals import Intervals, difference, intersection, normalize
from pytest_wfo.core.packet_filter import Action, Match, State


@dataclass(frozen=True, slots=True)
class Region:
    """Packets that have met the same fate so far, as the rules see them now.

    ``state`` is None where conntrack's view is not known. ``translation`` is the DNAT action that
    applies to the connection and ``original`` the destinations and ports before it ("pending"
    while ``original`` is None); ``masked`` names the SNAT rule that applies.
    """

    sources: Intervals
    destinations: Intervals
    source_ports: Intervals
    destination_ports: Intervals
    state: State | None = State.NEW
    translation: Action | None = None
    original: tuple[Intervals, Intervals] | None = None
    masked: str = ""

    def translate(self) -> Region:
        """The region after a pending DNAT, if there is one."""
        action = self.translation
        if action is None or self.original is not None or action.address is None:
            return self
        port = self.destination_ports if action.port is None else ((action.port, action.port),)
        return replace(
            self,
            destinations=((action.address, action.address),),
            destination_ports=port,
            original=(self.destinations, self.destination_ports),
        )


def coalesced(regions: list[Region]) -> list[Region]:
    """The same packets in fewer regions where their union is a product again."""
    if len(regions) < 2:
        return regions
    by_rest: dict[Region, list[tuple[int, int]]] = {}
    for region in regions:
        by_rest.setdefault(replace(region, sources=()), []).extend(region.sources)
    regions = [replace(rest, sources=normalize(found)) for rest, found in by_rest.items()]
    by_rest = {}
    for region in regions:
        if region.original is None:
            by_rest.setdefault(replace(region, destinations=()), []).extend(region.destinations)
    merged = [replace(rest, destinations=normalize(found)) for rest, found in by_rest.items()]
    return merged + [region for region in regions if region.original is not None]


def meet(match: Match, region: Region) -> Region | None:
    """The packets of ``region`` whose addresses and ports match; None if there are none."""
    ports = intersection(match.destination_ports, region.destination_ports)
    if not ports:
        return None
    destinations = intersection(match.destinations, region.destinations)
    if not destinations:
        return None
    sources = intersection(match.sources, region.sources)
    if not sources:
        return None
    source_ports = intersection(match.source_ports, region.source_ports)
    if not source_ports:
        return None
    return replace(
        region,
        sources=sources,
        destinations=destinations,
        source_ports=source_ports,
        destination_ports=ports,
    )


def rest(region: Region, hit: Region) -> list[Region]:
    """``region`` without ``hit``, which is a product inside it."""
    left = []
    if ports := difference(region.destination_ports, hit.destination_ports):
        left.append(replace(region, destination_ports=ports))
        region = replace(region, destination_ports=hit.destination_ports)
    if addresses := difference(region.destinations, hit.destinations):
        left.append(replace(region, destinations=addresses))
        region = replace(region, destinations=hit.destinations)
    if addresses := difference(region.sources, hit.sources):
        left.append(replace(region, sources=addresses))
        region = replace(region, sources=hit.sources)
    if ports := difference(region.source_ports, hit.source_ports):
        left.append(replace(region, source_ports=ports))
    return left
