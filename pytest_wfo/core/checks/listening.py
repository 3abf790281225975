"""Does something listen on the PREMISES server, where its peers can reach it?"""

from __future__ import annotations

import ipaddress

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.checks.answers import met, not_met, not_verified, unseen
from pytest_wfo.core.checks.transports import spoken
from pytest_wfo.core.facts import Fact, Known, Listener, Reach, Unknown
from pytest_wfo.core.plan import Cell, targets_of_cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement, Verdict

_ANY = {"0.0.0.0", "::", "*"}  # noqa: S104 (compared with, never bound)


def check_listens(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Something listens on the port on an address that peers use; loopback alone does not count.

    Where the row names a transport no client asks for (2010), the server's own probe must hear it.
    """
    port = cell.requirement.port
    facts = site_facts.of(cell.host)
    if isinstance(facts.listeners, Unknown):
        return unseen(facts.listeners, "the listening sockets")
    here = [listener for listener in facts.listeners.value if listener.port == port]
    source = facts.listeners.source
    if not here:
        return not_met(
            f"nothing listens on TCP {port}",
            [Evidence(f"{len(facts.listeners.value)} TCP listeners, none on port {port}", source)],
            f"start the WFO service that owns TCP {port}, or find out why it does not bind the port",
        )
    evidence = [Evidence(describe(listener), source) for listener in here]
    wanted = site_facts.addresses_of([cell.host])
    kinds = [_reachable(listener, wanted) for listener in here]
    if Verdict.MET not in kinds:
        if Verdict.NOT_VERIFIED in kinds:
            witness = _witness(cell, wanted, site_facts)
            if witness is not None:
                return _spoken(cell, site_facts, [*evidence, witness])
            return not_verified(
                f"TCP {port} is bound, but it could not be seen whether peers can reach the socket",
                "write the IPv4 address that peers use into the inventory, and have a client PC in it "
                "that connects; on Linux install ss (iproute2)",
                evidence,
            )
        bound = ", ".join(sorted({listener.address for listener in here}))
        return not_met(
            f"TCP {port} is bound to {bound} only, which peers cannot reach{_wanted(wanted)}",
            evidence,
            f"let the service bind all addresses (0.0.0.0) or the one its peers use on port {port}",
        )
    return _spoken(cell, site_facts, evidence)


def describe(listener: Listener) -> str:
    """A listener in words, with its owner or why the owner is unknown."""
    address = f"[{listener.address}]" if ":" in listener.address else listener.address
    if isinstance(listener.owner, Known):
        owner = listener.owner.value
        user = f", user {owner.user}" if owner.user else ""
        return f"{address}:{listener.port} owned by {owner.process} (pid {owner.pid}{user})"
    return f"{address}:{listener.port}, owner unknown: {listener.owner.reason}"


def _reachable(listener: Listener, wanted: Fact[AddressSet]) -> Verdict:
    if listener.address in _ANY:
        return {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.NOT_VERIFIED}[
            listener.ipv4
        ]
    try:
        address = ipaddress.ip_address(listener.address)
    except ValueError:
        return Verdict.NOT_VERIFIED
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return Verdict.NOT_MET
        address = address.ipv4_mapped
    if address.is_loopback:
        own = isinstance(wanted, Known) and str(address) in wanted.value
        return Verdict.MET if own else Verdict.NOT_MET
    if isinstance(wanted, Unknown):
        return Verdict.NOT_VERIFIED
    return Verdict.MET if str(address) in wanted.value else Verdict.NOT_MET


def _witness(cell: Cell, wanted: Fact[AddressSet], site_facts: SiteFacts) -> Evidence | None:
    """A connection over IPv4 that succeeded shows what the socket itself did not."""
    if isinstance(wanted, Unknown):
        return None
    for name, facts in site_facts.hosts.items():
        if name == cell.host.name or isinstance(facts.probes, Unknown):
            continue
        for probe in facts.probes.value:
            at = probe.target
            through = probe.reach is Reach.OPEN and at.port == cell.requirement.port
            if through and at.address in wanted.value:
                return Evidence(
                    f"{name} got through to {at.address}:{at.port}", facts.probes.source
                )
    return None


def _wanted(wanted: Fact[AddressSet]) -> str:
    return f" (they use {wanted.value})" if isinstance(wanted, Known) else ""


def _spoken(cell: Cell, site_facts: SiteFacts, evidence: list[Evidence]) -> Judgement:
    port = cell.requirement.port
    for target in targets_of_cell(cell, site_facts.site, site_facts.resolved):
        seen = site_facts.probe(cell.host, target)
        if isinstance(seen, Unknown):
            return unseen(seen, f"whether TCP {port} speaks {target.transport.value}", evidence)
        probe = seen.value
        if probe.reach is not Reach.OPEN:
            return not_verified(
                f"TCP {port} is bound, but the server's own connection to {target.address} was "
                f"{probe.reach.value} ({probe.detail})",
                "see whether the service accepts connections, and whether the host's firewall "
                "stops it from reaching itself",
                evidence,
            )
        judgement = spoken(cell.requirement, probe, f"{cell.host.name}, {seen.source}")
        if judgement.verdict is not Verdict.MET:
            return Judgement(
                judgement.verdict,
                judgement.summary,
                (*evidence, *judgement.evidence),
                judgement.remedy,
            )
        evidence = [*evidence, *judgement.evidence]
    owners = {
        listener.owner.value.process
        for listener in _known(site_facts, cell)
        if listener.port == port and isinstance(listener.owner, Known)
    }
    by = f" ({', '.join(sorted(owners))})" if owners else ""
    return met(f"listens on TCP {port}{by}", evidence)


def _known(site_facts: SiteFacts, cell: Cell) -> tuple[Listener, ...]:
    listeners = site_facts.of(cell.host).listeners
    return listeners.value if isinstance(listeners, Known) else ()
