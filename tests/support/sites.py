"""Small sites and healthy facts for tests of the pure core."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.facts import (
    Access,
    Clock,
    Heard,
    HostFacts,
    Identity,
    InterfaceAddress,
    Known,
    Listener,
    OperatingSystem,
    Owner,
    Probe,
    Process,
    Reach,
    Rights,
    Route,
    Target,
    Transport,
)
from pytest_wfo.core.hosts import Connection, Feature, Host, Role, Site
from pytest_wfo.core.packet_filter import PacketFilter
from pytest_wfo.core.plan import Cell, Plan, plan, targets_of
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.documents.editions import load_edition
from tests.support.products import NONE, protected

if TYPE_CHECKING:
    from pytest_wfo.core.requirements import Edition

PREMISES, CLIENT, EDGE, CLOUD = "10.61.0.10", "10.61.0.21", "10.61.0.1", "198.51.100.7"
PORTS = (2010, 2012, 4510, 443, 943, 80, 2015, 5638, 5634)
POLICY = (
    "<access-policy><cross-domain-access><policy><allow-from><domain uri='*'/></allow-from>"
    "<grant-to><socket-resource port='4502-4534' protocol='tcp'/></grant-to>"
    "</policy></cross-domain-access></access-policy>"
)
EDITION: Edition = load_edition("16.1")


def host(name: str, role: Role, address: str, **more: Any) -> Host:
    return Host(name, frozenset({role}), (address,), Connection("ssh", address), **more)


def site(**more: Any) -> Site:
    hosts = [
        host("premises", Role.PREMISES, PREMISES, public_address="203.0.113.1"),
        host("client", Role.CLIENT, CLIENT),
        host("edge", Role.EDGE, EDGE),
        host("cloud", Role.CLOUD, CLOUD),
    ]
    values: dict[str, Any] = {
        "name": "Contoso Columbus",
        "ticket": "CHG0012345",
        "edition": "16.1",
        "hosts": {item.name: item for item in hosts},
        "features": frozenset(Feature),
        "cloud_endpoints": ("207.166.94.10", "207.166.95.10"),
        "source": "inventory.yml",
        "sha256": "0" * 64,
    }
    return Site(**(values | more))


def access(name: str = "premises", reason: str = "") -> Access:
    return Access(
        reason=reason,
        message=f"{name} did not answer" if reason else "",
        remedy="look at the network" if reason else "",
        endpoint=f"{name}:22",
        at="2026-11-23T10:00:00Z",
        seconds=0.2,
        host_key="SHA256:abc",
    )


def listener(port: int, address: str = "0.0.0.0", ipv4: bool | None = True) -> Listener:
    return Listener(address, port, ipv4, Known(Owner("wfo-service", 4711, "wfo"), "ss"))


def answered(target: Target) -> Probe:
    heard = Heard.NOT_ASKED if target.transport is Transport.TCP else Heard.EXPECTED
    excerpt = POLICY if target.transport is Transport.SILVERLIGHT_POLICY else "HTTP/1.1 200 OK"
    return Probe(target, Reach.OPEN, heard, "", excerpt, milliseconds=3)


def healthy(name: str, address: str, targets: tuple[Target, ...]) -> HostFacts:
    """Facts with which every requirement of every role is met."""
    return HostFacts(
        access=access(name),
        identity=Known(Identity(name, "boot"), "uname"),
        system=Known(OperatingSystem("linux", "Debian 12", "6.1"), "os-release"),
        rights=Known(Rights("audit", "sudo"), "id"),
        clock=Known(Clock(0.4, 0.2), "date"),
        addresses=Known((InterfaceAddress("lan", address, 24),), "ip addr"),
        routes=Known(
            (
                Route(f"{address}/32", "local", "lo", "", 0, "local"),
                Route("10.61.0.0/24", "unicast", "lan", "", 0, "main"),
                Route("0.0.0.0/0", "unicast", "wan", "203.0.113.2", 0, "main"),
            ),
            "ip route",
        ),
        forwarding=Known(True, "sysctl"),
        listeners=Known(tuple(listener(port) for port in PORTS), "ss -tlnp"),
        firewall=Known(PacketFilter(), "nft"),
        processes=Known((Process(1, "systemd", "/sbin/init"),), "ps"),
        probes=Known(tuple(answered(target) for target in targets), "python3"),
        antivirus=NONE,
    )


def the_plan(of: Site) -> Plan:
    return plan(EDITION, of)


def healthy_site(of: Site | None = None) -> SiteFacts:
    """The facts of a site without a fault."""
    of = of or site()
    targets = targets_of(the_plan(of).cells, of, {})
    facts = {
        name: healthy(name, item.addresses[0], targets.get(name, ()))
        for name, item in of.hosts.items()
    }
    return SiteFacts(of, facts)


def protected_site(of: Site | None = None) -> SiteFacts:
    """The same with an antivirus on every host that leaves out what it should."""
    facts = healthy_site(of)
    return replace(facts, hosts={name: protected(host) for name, host in facts.hosts.items()})


def with_facts(facts: SiteFacts, name: str, **changes: Any) -> SiteFacts:
    """The same facts, but some of one host's are others."""
    changed = replace(facts.hosts[name], **changes)
    return replace(facts, hosts={**facts.hosts, name: changed})


def cell(requirement: str, name: str, of: Site) -> Cell:
    return Cell(EDITION.by_id[requirement], of.hosts[name])
