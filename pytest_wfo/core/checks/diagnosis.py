"""Why a connection failed: what both ends, their firewalls and the edges say about it.

A failed connection alone does not name the culprit: "refused" may be a missing listener or a
reject rule, "no answer" a drop rule anywhere on the way. The other facts of the run decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.checks.firewall import firewall_answer, inner_side
from pytest_wfo.core.checks.listening import describe
from pytest_wfo.core.facts import Fact, Known, Probe, Reach, Unknown
from pytest_wfo.core.hosts import Host, Role
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.site_facts import SiteFacts, is_ipv4
from pytest_wfo.core.verdicts import Evidence


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the combination means, what supports it, and what to do."""

    cause: str
    evidence: tuple[Evidence, ...]
    remedy: str


def diagnose(host: Host, probe: Probe, site_facts: SiteFacts) -> Diagnosis:
    """Explain why ``host`` did not get through to ``probe.target``.

    The first of these that is known to stop the connection is named: the host's own firewall, an
    edge on the way, the peer's firewall, the peer's listener; else a device nobody examined.
    """
    sources = site_facts.addresses_of([host])
    peer = site_facts.site.hosts.get(probe.target.peer)
    evidence: list[Evidence] = []
    blind: list[str] = []

    for who, direction, destinations in _stations(host, peer, probe, site_facts):
        if isinstance(sources, Unknown) or isinstance(destinations, Unknown):
            continue
        answer = firewall_answer(
            who, direction, sources.value, destinations.value, probe.target.port, site_facts
        )
        if isinstance(answer, Unknown):
            blind.append(f"the firewall of {who.name} ({answer.reason})")
            continue
        denied = [piece for piece in answer.value if piece.decision is Decision.DENIED]
        if denied:
            rule = denied[0].rule
            return Diagnosis(
                f"the firewall of {who.name} stops it: {rule}",
                (*evidence, Evidence(f"{who.name}: {rule}: {denied[0].why}", answer.source)),
                f"permit TCP {probe.target.port} {_WAY[direction]} on {who.name}",
            )
        if any(piece.decision is Decision.UNDECIDED for piece in answer.value):
            blind.append(f"the firewall of {who.name} (a rule could not be decided)")
        else:
            evidence.append(Evidence(f"the firewall of {who.name} permits it", answer.source))

    if peer is None:
        return _unexplained(
            probe, evidence, blind, "the far side does not listen, or a device on the way stops it"
        )
    return _peer(peer, probe, site_facts, evidence, blind)


_WAY = {Direction.OUT: "out", Direction.IN: "in", Direction.FORWARD: "through"}


def _stations(
    host: Host, peer: Host | None, probe: Probe, site_facts: SiteFacts
) -> list[tuple[Host, Direction, Fact[AddressSet]]]:
    outside = peer is None or host.roles == {Role.CLOUD}
    inner: Fact[AddressSet] = (
        site_facts.addresses_of([peer])
        if peer is not None
        else Known(AddressSet.of(probe.target.address), "inventory")
        if is_ipv4(probe.target.address)
        else Unknown("a name, not an address")
    )
    dialled = (
        Known(AddressSet.of(probe.target.address), "inventory")
        if is_ipv4(probe.target.address)
        else inner
    )
    stations: list[tuple[Host, Direction, Fact[AddressSet]]] = []
    if host.roles != {Role.CLOUD}:
        stations.append((host, Direction.OUT, dialled))
    if outside:
        stations += [
            (
                edge,
                Direction.FORWARD,
                inner if peer is None else inner_side(edge, site_facts, [peer]),
            )
            for edge in site_facts.site.having(Role.EDGE)
        ]
    if peer is not None:
        stations.append((peer, Direction.IN, inner))
    return stations


def _peer(
    peer: Host, probe: Probe, site_facts: SiteFacts, evidence: list[Evidence], blind: list[str]
) -> Diagnosis:
    port = probe.target.port
    listeners = site_facts.of(peer).listeners
    if isinstance(listeners, Unknown):
        blind.append(f"the listeners of {peer.name} ({listeners.reason})")
        return _unexplained(probe, evidence, blind, "the cause could not be narrowed down")
    here = [listener for listener in listeners.value if listener.port == port]
    if not here:
        return Diagnosis(
            f"nothing listens on TCP {port} of {peer.name}",
            (*evidence, Evidence(f"{peer.name}: no listener on TCP {port}", listeners.source)),
            f"start the WFO service that owns TCP {port} on {peer.name}",
        )
    heard = tuple(
        Evidence(f"{peer.name}: {describe(listener)}", listeners.source) for listener in here
    )
    if all(listener.address in ("127.0.0.1", "::1") for listener in here):
        return Diagnosis(
            f"on {peer.name} TCP {port} is bound to loopback only",
            (*evidence, *heard),
            f"let the service on {peer.name} bind all addresses on TCP {port}",
        )
    between = (
        "a device between them rejects it"
        if probe.reach in (Reach.REFUSED, Reach.UNREACHABLE)
        else "a device between them stops it"
    )
    return _unexplained(probe, [*evidence, *heard], blind, f"{peer.name} listens; {between}")


def _unexplained(probe: Probe, evidence: list[Evidence], blind: list[str], cause: str) -> Diagnosis:
    unseen = tuple(Evidence(f"not examined: {item}") for item in blind)
    if blind:
        cause = f"{cause} (not examined: {', '.join(blind)})"
    target = probe.target
    return Diagnosis(
        cause,
        (*evidence, *unseen),
        f"trace TCP {target.port} to {target.address} through every firewall and router on the way",
    )
