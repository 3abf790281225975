"""What a host's firewall does with a port, decided over every address of the question."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.checks.answers import met, not_met, not_verified, unseen
from pytest_wfo.core.facts import Fact, HostFacts, Known, Unknown
from pytest_wfo.core.hosts import Host, Role
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.routing import Way, interfaces_for
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import Program, WindowsFirewall

# Evidence names this many pieces and counts the rest; more do not help a reader.
_SHOWN = 12


def check_permits(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """The host's own firewall permits the port with every address of the far side."""
    return _judge(cell, site_facts)


def check_forwards(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """The edge forwards the port between the PREMISES servers and every address of the ranges."""
    return _judge(cell, site_facts)


def question_of(cell: Cell, site_facts: SiteFacts) -> Flow | Judgement:
    """The question a permits or forwards cell puts to its host's firewall, or why there is none.

    The far side of "permits" is the row's ranges, or for client ports the addresses of all PREMISES
    servers. "Forwards" inward asks about each server as the cloud addresses it (``public_address``)
    where this edge holds that address, so that a missing address translation is found; else as it
    is addressed here.
    """
    requirement = cell.requirement
    forwards = requirement.claim in (Claim.FORWARDS_OUT, Claim.FORWARDS_IN)
    inward = requirement.claim in (Claim.PERMITS_IN, Claim.FORWARDS_IN)
    if requirement.claim is Claim.FORWARDS_IN:
        own, what = inner_side(cell.host, site_facts), "the addresses of the PREMISES server"
    elif forwards:
        own, what = site_facts.premises(), "the addresses of the PREMISES server"
    else:
        own, what = site_facts.addresses_of([cell.host]), "the host's addresses"
    if isinstance(own, Unknown):
        return unseen(own, what)
    far = _far_side(cell, site_facts)
    if isinstance(far, Unknown):
        return unseen(far, "the addresses of the PREMISES server")
    sources, destinations = (far.value, own.value) if inward else (own.value, far.value)
    direction = Direction.IN if inward else Direction.OUT
    if forwards:
        direction = Direction.FORWARD
    return Flow(direction, sources, destinations, requirement.port)


def inner_side(edge: Host, site_facts: SiteFacts, servers: Iterable[Host] = ()) -> Fact[AddressSet]:
    """What connections from the cloud are addressed to when they reach ``edge``.

    ``servers``: the PREMISES servers in question (default: all of the site).
    """
    held = site_facts.of(edge).addresses
    found = AddressSet()
    asked = tuple(servers) or site_facts.site.having(Role.PREMISES)
    for server in asked:
        public = server.public_address
        if public and isinstance(held, Unknown):
            return Unknown(f"whether {edge.name} holds {public}: {held.reason}", held.remedy)
        if public and isinstance(held, Known) and any(public == at.address for at in held.value):
            found |= AddressSet.of(public)
            continue
        inside = site_facts.addresses_of([server])
        if isinstance(inside, Unknown):
            return inside
        found |= inside.value
    return Known(found, "inventory") if asked else site_facts.premises()


def firewall_answer(
    host: Host,
    direction: Direction,
    sources: AddressSet,
    destinations: AddressSet,
    port: int,
    site_facts: SiteFacts,
) -> Fact[tuple[Piece, ...]]:
    """Put one question to the firewall of ``host``; Unknown where it could not be read."""
    facts = site_facts.of(host)
    if not facts.access.reached:
        return Unknown(f"{host.name} could not be examined", facts.access.remedy)
    if isinstance(facts.firewall, Unknown):
        return facts.firewall
    if direction is Direction.FORWARD:
        if isinstance(facts.forwarding, Unknown):
            return facts.forwarding
        if not facts.forwarding.value:
            why = "this host does not route packets at all"
            rule = "net.ipv4.ip_forward = 0"
            return Known(
                (Piece(Decision.DENIED, sources, destinations, rule, why),), facts.forwarding.source
            )
    flow = Flow(direction, sources, destinations, port)
    if isinstance(facts.firewall.value, WindowsFirewall):
        owner = _program(facts, port) if direction is Direction.IN else _SOME_PROGRAM
        pieces = decide_windows(facts.firewall.value, flow, owner)
    else:
        pieces = decide(facts.firewall.value, flow, *_ways(facts, flow))
    return Known(pieces, f"{host.name}, {facts.firewall.source}")


_SOME_PROGRAM = Unknown("which program connects is not known")


def _ways(facts: HostFacts, flow: Flow) -> tuple[tuple[Way, ...], tuple[Way, ...]]:
    """The interfaces of both ends; none where the routes are not known."""
    if isinstance(facts.routes, Unknown):
        return (), ()
    reachable = flow.destinations
    if flow.direction is Direction.FORWARD:
        reachable = AddressSet.everything()  # a rule may send connections elsewhere
    routes = facts.routes.value
    return interfaces_for(flow.sources, routes), interfaces_for(reachable, routes)


def _program(facts: HostFacts, port: int) -> Fact[Program]:
    """The one program that listens on the port, as rules of the Windows Firewall name it."""
    if isinstance(facts.listeners, Unknown):
        return facts.listeners
    owners = {listener.owner for listener in facts.listeners.value if listener.port == port}
    if not owners:
        return Unknown(
            f"nothing listens on TCP {port}, so rules for single programs are not decided"
        )
    owner = owners.pop()
    if owners:
        return Unknown(f"several programs listen on TCP {port}")
    if isinstance(owner, Unknown):
        return owner
    if not owner.value.path:
        return Unknown(f"the path of {owner.value.process} is not shown")
    return Known(Program(owner.value.path, owner.value.services), owner.source)


def pieces_evidence(pieces: Iterable[Piece], direction: Direction, source: str) -> list[Evidence]:
    """One line a piece: which addresses, what happens, and the rule to blame."""
    shown = list(pieces)
    lines = [
        Evidence(
            f"{_addresses(piece, direction)}: {piece.decision.value} by {piece.rule} ({piece.why})",
            source,
        )
        for piece in shown[:_SHOWN]
    ]
    if len(shown) > _SHOWN:
        lines.append(Evidence(f"and {len(shown) - _SHOWN} more pieces", source))
    return lines


def _far_side(cell: Cell, site_facts: SiteFacts) -> Fact[AddressSet]:
    if cell.requirement.ranges:
        return Known(AddressSet.of(cell.requirement.ranges), "edition")
    return site_facts.premises()


def _judge(cell: Cell, site_facts: SiteFacts) -> Judgement:
    question = question_of(cell, site_facts)
    if isinstance(question, Judgement):
        return question
    direction, port = question.direction, question.port
    sources, destinations = question.sources, question.destinations
    answer = firewall_answer(cell.host, direction, sources, destinations, port, site_facts)
    if isinstance(answer, Unknown):
        return unseen(answer, "the firewall")
    inward = cell.requirement.claim in (Claim.PERMITS_IN, Claim.FORWARDS_IN)
    far = sources if inward else destinations
    way = "in from" if inward else "out to"
    by: dict[Decision, list[Piece]] = {}
    for piece in answer.value:
        by.setdefault(piece.decision, []).append(piece)
    denied, undecided = by.get(Decision.DENIED, []), by.get(Decision.UNDECIDED, [])
    ordered = [*denied, *undecided, *by.get(Decision.PERMITTED, [])]
    evidence = pieces_evidence(ordered, direction, answer.source)
    if denied:
        missing = _union(denied, inward)
        return not_met(
            f"TCP {port} is not permitted {way} {missing} ({len(missing)} of {len(far)} addresses): "
            f"{denied[0].rule}",
            evidence,
            f"on {cell.host.name} permit new TCP connections to port {port} {way} {missing}",
        )
    if undecided:
        unclear = _union(undecided, inward)
        return not_verified(
            f"whether TCP {port} is permitted {way} {unclear} could not be decided: "
            f"{undecided[0].rule} ({undecided[0].why})",
            f"have the owner of the firewall confirm that TCP {port} is permitted {way} {unclear}, or "
            "replace the rule by one without such a condition",
            evidence,
        )
    return met(f"TCP {port} is permitted {way} all of {far}", evidence)


def _union(pieces: Iterable[Piece], inward: bool) -> AddressSet:
    union = AddressSet()
    for piece in pieces:
        union |= piece.sources if inward else piece.destinations
    return union


def _addresses(piece: Piece, direction: Direction) -> str:
    if direction is Direction.FORWARD:
        return f"{piece.sources} to {piece.destinations}"
    return str(piece.sources if direction is Direction.IN else piece.destinations)
