"""Ours: was the host reached, is it the right one, may we see enough, is its clock sane?"""

from __future__ import annotations

import ipaddress

from pytest_wfo.core.checks.answers import met, not_met, not_verified, unseen
from pytest_wfo.core.facts import HostFacts, Unknown
from pytest_wfo.core.hosts import Host, Role
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

MAX_CLOCK_OFFSET = 300.0
"""Seconds. Kerberos' default tolerance (RFC 4120, 5 minutes): beyond it logins between hosts fail."""


def check_access(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Judge what everything else rests on. An unreachable host is "not verified", with the reason."""
    facts = site_facts.of(cell.host)
    access = facts.access
    where = f"{access.endpoint} at {access.at}" if access.at else access.endpoint
    if not access.reached:
        tried = [Evidence(access.message, where)] if where else []
        return not_verified(f"{access.reason}: {access.message}", access.remedy, tried)

    evidence = [Evidence(f"answered in {access.seconds:.1f} s", where)]
    if access.host_key:
        evidence.append(Evidence(f"host key {access.host_key} accepted", where))
    for problem in (
        _identity(cell.host, facts, site_facts, evidence),
        _rights(cell.host, facts, evidence),
        _clock(facts, evidence),
    ):
        if problem is not None:
            return problem
    return met("reached, identified, rights sufficient, clock sane", evidence)


def _identity(
    host: Host, facts: HostFacts, site_facts: SiteFacts, evidence: list[Evidence]
) -> Judgement | None:
    if isinstance(facts.identity, Unknown):
        return unseen(facts.identity, "the machine's identity", evidence)
    system = "" if isinstance(facts.system, Unknown) else f", {facts.system.value.name}"
    hostname = facts.identity.value.hostname
    evidence.append(Evidence(f"calls itself {hostname}{system}", facts.identity.source))
    if Role.CLOUD in host.roles and not host.roles - {Role.CLOUD}:
        return None  # a vantage point may sit behind any NAT; its own addresses decide nothing
    if isinstance(facts.addresses, Unknown):
        return unseen(facts.addresses, "the machine's own addresses", evidence)
    own = [
        ipaddress.ip_network(f"{item.address}/{item.prefix}", strict=False)
        if ipaddress.ip_address(item.address).is_loopback
        else ipaddress.ip_network(item.address)
        for item in facts.addresses.value
    ]
    for name in host.addresses:
        numbers = site_facts.resolved.get(name, ()) or (name,)
        if any(_within(number, own) for number in numbers):
            continue
        listed = ", ".join(item.address for item in facts.addresses.value) or "none"
        return not_verified(
            f"the machine that answered has no interface with {name}; it has {listed}",
            f"if {hostname} is the right machine, correct the address of {host.name} in the "
            "inventory (behind NAT, give the inside address as address and the outside one as "
            "public_address); if not, correct where the inventory connects to",
            evidence,
        )
    evidence.append(
        Evidence(f"has {', '.join(host.addresses)} on its interfaces", facts.addresses.source)
    )
    return None


def _within(number: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(number)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _rights(host: Host, facts: HostFacts, evidence: list[Evidence]) -> Judgement | None:
    if isinstance(facts.rights, Unknown):
        return unseen(facts.rights, "our rights on the machine", evidence)
    rights = facts.rights.value
    evidence.append(
        Evidence(f"logged in as {rights.user}, rights: {rights.elevated}", facts.rights.source)
    )
    if rights.elevated != "none" or host.roles == {Role.CLOUD}:
        return None
    said = f" ({rights.detail})" if rights.detail else ""
    return not_verified(
        f"{rights.user} may not read the firewall rules and the owners of listeners{said}",
        f"grant {rights.user} the read-only commands listed in docs/rights.md through sudo without "
        "a password, or set sudo: true with sudo_password for this host",
        evidence,
    )


def _clock(facts: HostFacts, evidence: list[Evidence]) -> Judgement | None:
    if isinstance(facts.clock, Unknown):
        return unseen(facts.clock, "the machine's clock", evidence)
    clock = facts.clock.value
    words = f"clock {clock.offset:+.0f} s from the controller's (±{clock.uncertainty:.0f} s)"
    evidence.append(Evidence(words, facts.clock.source))
    if abs(clock.offset) - clock.uncertainty > MAX_CLOCK_OFFSET:
        return not_met(
            f"{words}: call times and certificates cannot be trusted",
            evidence,
            "synchronise the machine's clock (NTP), or the controller's if that one is wrong",
        )
    return None
