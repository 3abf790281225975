"""What a Linux packet filter does with a flow.

A connection is more than its first packet: a flow is permitted where the first packet, the later
ones and the answers all pass. So "output accepts, but no rule lets the answers in" is a denial.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.intervals import Intervals
from pytest_wfo.core.packet_filter import Hook, PacketFilter, State
from pytest_wfo.core.packet_region import Region, coalesced
from pytest_wfo.core.packet_walk import Packet, Step, Walk
from pytest_wfo.core.pieces import Part, TooComplexError, by_rule, pieces_of
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.routing import LOOPBACK, Way

CLIENT_PORTS: Intervals = ((1024, 65535),)

_FIN, _SYN, _PSH, _ACK, _ECE, _CWR = 0x01, 0x02, 0x08, 0x10, 0x40, 0x80

# A first packet asks for ECN or not (RFC 3168, 6.1.1). Only flags of a connection that works count:
# a rule on RST alone keeps nobody from talking.
_FIRST = (_SYN, _SYN | _ECE | _CWR)
_LATER = (_ACK, _PSH | _ACK, _FIN | _ACK)
_ANSWERS = (_SYN | _ACK, _SYN | _ACK | _ECE, *_LATER)

_NO_RULES = "no packet filter rules"


def decide(
    packet_filter: PacketFilter,
    flow: Flow,
    incoming: tuple[Way, ...],
    outgoing: tuple[Way, ...],
) -> tuple[Piece, ...]:
    """Split ``flow`` by what happens to it; the pieces are disjoint and cover it.

    ``incoming`` and ``outgoing`` are the ways to its sources and destinations
    (``routing.interfaces_for``); addresses without a way count as "interface not known". For OUT,
    ``incoming`` is not looked at, for IN ``outgoing``. For FORWARD ``outgoing`` should cover all
    addresses, so that a destination that the filter rewrites (DNAT) can be followed.
    """
    parts: list[Part] = []
    try:
        for near, far, region in _units(flow, incoming, outgoing):
            connection = _Connection(packet_filter, flow.direction, near, far, outgoing)
            parts += connection.parts(region)
        if packet_filter.unread:
            parts = [_unsure(part, packet_filter.unread) for part in parts]
        return pieces_of(parts, CLIENT_PORTS)
    except TooComplexError:
        why = "the rules split these connections into too many parts to follow"
        all_rules = "the packet filter as a whole"
        return (Piece(Decision.UNDECIDED, flow.sources, flow.destinations, all_rules, why),)


def _start(flow: Flow) -> Region:
    return Region(
        flow.sources.intervals,
        flow.destinations.intervals,
        CLIENT_PORTS,
        ((flow.port, flow.port),),
    )


def _units(
    flow: Flow, incoming: tuple[Way, ...], outgoing: tuple[Way, ...]
) -> list[tuple[Way, Way, Region]]:
    """The flow cut into parts that come one way and leave one way."""
    near = _ways(flow.sources, incoming, here=flow.direction is Direction.OUT)
    far = _ways(flow.destinations, outgoing, here=flow.direction is Direction.IN)
    start = _start(flow)
    return [
        (
            one,
            other,
            replace(start, sources=one.addresses.intervals, destinations=other.addresses.intervals),
        )
        for one in near
        for other in far
    ]


def _ways(addresses: AddressSet, ways: tuple[Way, ...], *, here: bool) -> list[Way]:
    """``here``: the addresses are the host's own by the question's nature."""
    if here:
        return [Way(addresses, LOOPBACK)] if addresses else []
    found = []
    for way in ways:
        hit = addresses & way.addresses
        if hit:
            found.append(Way(hit, way.interface, way.barred))
            addresses -= hit
    if addresses:
        found.append(Way(addresses, None))
    return found


class _Connection:
    """The three kinds of packets of connections between the addresses of two ways."""

    def __init__(
        self,
        packet_filter: PacketFilter,
        direction: Direction,
        near: Way,
        far: Way,
        outgoing: tuple[Way, ...],
    ) -> None:
        self._filter = packet_filter
        self._direction = direction
        self._near = near
        self._far = far
        self._outgoing = outgoing
        self._parts: list[Part] = []
        self._grants: list[Part] = []  # the more telling come first

    def parts(self, region: Region) -> list[Part]:
        """What happens to the connections of ``region``."""
        if self._near.barred and self._direction is not Direction.OUT:
            self._bar([region], self._near.barred, "no answer can be sent back")
        elif self._direction is Direction.FORWARD:
            passed = self._walk(Packet(_FIRST, first=True), self._path(before=True), [region])
            for far, group in self._by_final_way(passed):
                self._far = far
                if self._is_routable(group):
                    self._rest(group)
        elif self._direction is Direction.OUT and self._far.barred:
            self._bar([region], self._far.barred, "the host cannot send there")
        else:
            self._rest([region])
        return self._parts

    def _rest(self, regions: list[Region]) -> None:
        """Everything from where the route is known."""
        regions = self._walk(Packet(_FIRST, first=True), self._path(after=True), regions)
        regions = coalesced([_established(each) for each in regions])
        regions = self._walk(Packet(_LATER), self._path(), regions, "later packets: ")
        turned = [_turned(_answerable(each.translate())) for each in regions]
        answer = Packet(_ANSWERS, answer=True)
        for each in self._walk(answer, self._path(answer=True), coalesced(turned), "answers: "):
            part = _part(Decision.PERMITTED, _turned(each), _NO_RULES, "no rule denies it")
            self._parts += by_rule([part], self._grants)

    def _by_final_way(self, regions: list[Region]) -> list[tuple[Way, list[Region]]]:
        """Where routing takes the regions after a possible DNAT."""
        groups: list[tuple[Way, list[Region]]] = [
            (self._far, [each for each in regions if each.translation is None])
        ]
        for region in regions:
            if region.translation is not None:
                (way,) = _ways(AddressSet(region.destinations), self._outgoing, here=False)
                groups.append((way, [region]))
        return groups

    def _is_routable(self, regions: list[Region]) -> bool:
        """Whether the regions are forwarded at all; where not, they are settled here."""
        if self._far.barred:
            self._bar(regions, self._far.barred, "the host cannot forward there")
        elif self._far.interface == LOOPBACK:
            why = "an address of the host itself: not forwarded"
            for each in regions:
                # A redirection to the host itself may end in a proxy that forwards after all.
                decision = Decision.UNDECIDED if each.translation else Decision.DENIED
                self._parts.append(_part(decision, each, "routing table local", why))
        else:
            return True
        return False

    def _bar(self, regions: list[Region], rule: str, why: str) -> None:
        self._parts += [_part(Decision.DENIED, each, rule, why) for each in regions]

    def _walk(
        self, packet: Packet, path: list[Step], regions: list[Region], prefix: str = ""
    ) -> list[Region]:
        ends = (self._is_own(self._near), self._is_own(self._far))
        if not packet.first and any(each.translation for each in regions):
            ends = (ends[0], None)  # it depends on whether NAT has acted yet
        source, destination = ends[::-1] if packet.answer else ends
        walk = Walk(
            self._filter,
            replace(
                packet,
                follow=self._direction is Direction.FORWARD,
                source_local=source,
                destination_local=destination,
            ),
        )
        for step in path:
            regions = walk.through(step, regions)
        if packet.first:
            said = [*reversed(walk.grants), *reversed(walk.policies)]
            granted = [_part(Decision.PERMITTED, each, rule, "") for each, rule in said]
            self._grants = granted + self._grants
        for fate in walk.fates:
            region = _turned(fate.region) if packet.answer else fate.region
            self._parts.append(_part(fate.decision, region, fate.rule, prefix + fate.why))
        return regions

    def _is_own(self, way: Way) -> bool | None:
        if way.interface is None and not way.barred:
            return None
        return way.interface == LOOPBACK

    def _path(
        self, *, before: bool = False, after: bool = False, answer: bool = False
    ) -> list[Step]:
        """The hooks a packet passes with the interfaces it has there; for FORWARD on request only
        those before or after routing."""
        near, far = self._near.interface, self._far.interface
        if self._direction is Direction.FORWARD:
            come, leave = (far, near) if answer else (near, far)
            arriving = [Step(Hook.INGRESS, come, ""), Step(Hook.PREROUTING, come, "")]
            leaving = [
                Step(Hook.FORWARD, come, leave),
                Step(Hook.POSTROUTING, None, leave),  # old kernels hide the incoming one here
                Step(Hook.EGRESS, None, leave),
            ]
            return arriving * (not after) + leaving * (not before)
        peer = near if self._direction is Direction.IN else far
        inwards = [
            Step(Hook.INGRESS, peer, ""),
            Step(Hook.PREROUTING, peer, ""),
            Step(Hook.INPUT, peer, ""),
        ]
        outwards = [
            Step(Hook.OUTPUT, "", peer),
            Step(Hook.POSTROUTING, "", peer),
            Step(Hook.EGRESS, "", peer),
        ]
        if peer == LOOPBACK:
            return outwards + inwards
        return inwards if (self._direction is Direction.IN) is not answer else outwards


def _established(region: Region) -> Region:
    """The region as its later packets start: with the destination the client knows."""
    destinations, ports = region.original or (region.destinations, region.destination_ports)
    return replace(
        region,
        destinations=destinations,
        destination_ports=ports,
        original=None,
        state=State.ESTABLISHED if region.state is State.NEW else None,
    )


def _answerable(region: Region) -> Region:
    """As its answers start; where not all packets are tracked, nobody knows what conntrack sees."""
    return region if region.state is State.ESTABLISHED else replace(region, state=None)


def _turned(region: Region) -> Region:
    """The same connections as their packets in the other direction look."""
    return replace(
        region,
        sources=region.destinations,
        destinations=region.sources,
        source_ports=region.destination_ports,
        destination_ports=region.source_ports,
    )


def _part(decision: Decision, region: Region, rule: str, why: str) -> Part:
    destinations = region.original[0] if region.original else region.destinations
    return Part(decision, region.sources, destinations, region.source_ports, rule, why)


def _unsure(part: Part, unread: tuple[str, ...]) -> Part:
    if part.decision is not Decision.PERMITTED:
        return part
    return replace(
        part,
        decision=Decision.UNDECIDED,
        rule="; ".join(unread),
        why="part of the packet filter could not be read",
    )
