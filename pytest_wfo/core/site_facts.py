"""What a check may look at: the site, and the facts of all its hosts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Access, Fact, HostFacts, Known, Probe, Target, Unknown
from pytest_wfo.core.hosts import Host, Role, Site

_NEVER = Access(
    reason="not-asked",
    message="this host was not examined in this run",
    remedy="run again without deselecting its tests",
    endpoint="",
    at="",
    seconds=0.0,
)


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The facts of a run. ``resolved`` holds what the controller resolved the inventory's names to."""

    site: Site
    hosts: Mapping[str, HostFacts]
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, host: Host | str) -> HostFacts:
        """The facts of a host; a host that was never asked has an access problem that says so."""
        name = host if isinstance(host, str) else host.name
        return self.hosts.get(name) or HostFacts(access=_NEVER)

    def addresses_of(self, hosts: Iterable[Host]) -> Fact[AddressSet]:
        """The IPv4 addresses that peers use for ``hosts``: from the inventory, names resolved."""
        found: list[str] = []
        for host in hosts:
            numbers = [number for name in host.addresses for number in self._ipv4(name)]
            if not numbers:
                names = ", ".join(host.addresses)
                return Unknown(
                    f"{host.name}: no IPv4 address is known for {names}",
                    f"write an IPv4 address for {host.name} in the inventory",
                )
            found += numbers
        if not found:
            return Unknown("the inventory names no such host", "add the host to the inventory")
        return Known(AddressSet.of(found), "inventory")

    def premises(self) -> Fact[AddressSet]:
        """The addresses of all PREMISES servers."""
        servers = self.site.having(Role.PREMISES)
        if not servers:
            return Unknown(
                "the inventory names no PREMISES server",
                "add the PREMISES server to the inventory with role: premises",
            )
        return self.addresses_of(servers)

    def probe(self, host: Host, target: Target) -> Fact[Probe]:
        """What ``host`` saw when it tried ``target``."""
        if not is_ip(target.address):
            return Unknown(
                f"the name {target.address} could not be resolved on the controller",
                "write the IP address into the inventory, or let the controller resolve the name",
            )
        probes = self.of(host).probes
        if isinstance(probes, Unknown):
            return probes
        for probe in probes.value:
            if probe.target == target:
                return Known(probe, probes.source)
        return Unknown(
            f"{host.name} was not asked to try {target.address}:{target.port} in this run",
            "run the whole suite again, without -k and with --wfo-probe=safe",
        )

    def _ipv4(self, name: str) -> tuple[str, ...]:
        candidates = (name, *self.resolved.get(name, ()))
        return tuple(text for text in candidates if is_ipv4(text))


def is_ip(text: str) -> bool:
    """True for an IP address of either family."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(1024)
def is_ipv4(text: str) -> bool:
    """True for a dotted IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
