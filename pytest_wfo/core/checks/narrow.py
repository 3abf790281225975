"""Ours, advisory: nothing is opened wider than the document asks."""

from __future__ import annotations

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.checks.answers import met, not_met, not_verified, unseen
from pytest_wfo.core.checks.breadth import check_breadth
from pytest_wfo.core.checks.firewall import firewall_answer, inner_side, pieces_evidence
from pytest_wfo.core.facts import HostFacts, Known, Unknown
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.site_facts import SiteFacts, is_ipv4
from pytest_wfo.core.verdicts import Judgement

# No connection comes from these: the kernel drops packets "from" them (RFC 1812, 5.3.7).
_NOBODY = AddressSet.of(["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"])


def check_narrow(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Port rows: nobody but the row's ranges (and the server itself) gets in. Exclusions: breadth."""
    if not cell.requirement.port:
        return check_breadth(cell, site_facts)
    servers = site_facts.premises()
    if isinstance(servers, Unknown):
        return unseen(servers, "the addresses of the PREMISES server")
    premises = Role.PREMISES in cell.host.roles
    own = site_facts.addresses_of([cell.host]) if premises else inner_side(cell.host, site_facts)
    if isinstance(own, Unknown):
        return unseen(own, "the host's addresses")
    wanted = AddressSet.of(cell.requirement.ranges) | own.value | servers.value
    others = ~(wanted | _NOBODY | _not_outside(site_facts.of(cell.host)))
    port = cell.requirement.port
    direction = Direction.IN if premises else Direction.FORWARD
    answer = firewall_answer(cell.host, direction, others, own.value, port, site_facts)
    if isinstance(answer, Unknown):
        return unseen(answer, "the firewall")
    ordered = sorted(answer.value, key=lambda piece: piece.decision is Decision.DENIED)
    evidence = pieces_evidence(ordered, direction, answer.source)
    for decision in (Decision.PERMITTED, Decision.UNDECIDED):
        wide = AddressSet()
        rules = []
        for piece in answer.value:
            if piece.decision is decision:
                wide |= piece.sources
                rules.append(piece.rule)
        if not wide:
            continue
        if decision is Decision.PERMITTED:
            return not_met(
                f"TCP {port} is also open to {wide}: {rules[0]}",
                evidence,
                f"limit TCP {port} on {cell.host.name} to {', '.join(cell.requirement.ranges)}",
            )
        return not_verified(
            f"whether TCP {port} is open to {wide} could not be decided: {rules[0]}",
            "look at the rule",
            evidence,
        )
    return met(f"TCP {port} is open to nobody but {', '.join(cell.requirement.ranges)}", evidence)


def _not_outside(facts: HostFacts) -> AddressSet:
    """The host's own addresses, and the broadcast addresses of its networks: nobody else's."""
    names: list[str] = []
    if isinstance(facts.addresses, Known):
        names += [item.address for item in facts.addresses.value]
    if isinstance(facts.routes, Known):
        names += [route.destination for route in facts.routes.value if route.kind == "broadcast"]
    return AddressSet.of([name for name in names if is_ipv4(name.partition("/")[0])])
