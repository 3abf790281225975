"""What can be wrong at a site: each fault changes one real thing, ``Lab.heal`` undoes them all.

A fault is a function of the lab. Rules go into the empty ``*_faults`` chains of the healthy
rulesets (``tests.lab.firewalls``), which come before everything that accepts new connections.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.lab import Lab
from tests.lab.topology import CLOUD_RANGES, MACHINES

Fault = Callable[[Lab], None]

REJECTIONS = {
    "drop": "drop",
    "rst": "reject with tcp reset",
    "icmp-port": "reject with icmpx type port-unreachable",
    "icmp-host": "reject with icmpx type host-unreachable",
    "icmp-admin": "reject with icmpx type admin-prohibited",
}


def rule(host: str, hook: str, text: str) -> Fault:
    """An nftables rule on a host; ``hook`` is input, output or forward."""
    table = "edge" if host == "edge" else "host"
    return lambda lab: lab.nft(host, f"add rule inet {table} {hook}_faults {text}")


def nft(host: str, *commands: str) -> Fault:
    """Any change to a host's ruleset."""
    return lambda lab: lab.nft(host, "\n".join(commands))


def iptables(host: str, kind: str, *words: str) -> Fault:
    """A rule in the other packet filters of Linux; ``kind`` is "legacy" or "nft"."""

    def apply(lab: Lab) -> None:
        lab.inside(host, f"iptables-{kind}", *words)

    return apply


def address_missing(host: str, address: str) -> Fault:
    """One address is not in the set of cloud addresses any more."""
    cidr = next(cidr for cidr in CLOUD_RANGES if cidr.startswith(address.rpartition(".")[0]))
    net, _, last = address.rpartition(".")
    rest = f"{net}.0-{net}.{int(last) - 1}, {net}.{int(last) + 1}-{net}.255"
    return nft(
        host,
        f"delete element inet host cloud {{ {cidr} }}",
        f"add element inet host cloud {{ {rest} }}",
    )


def listener(host: str, port: int, mode: str) -> Fault:
    """A listener misbehaves; the modes are those of ``tests.lab.listeners``."""
    return lambda lab: lab.listener(host, port, mode)


def sshd(host: str, mode: str) -> Fault:
    """sshd hangs, is off, or shows another host key ("hang", "off", "wrongkey")."""
    return lambda lab: _tell(lab, host, "sshd", mode)


def login_refused(host: str) -> Fault:
    """The key is not authorised any more."""
    return lambda lab: _tell(lab, host, "login", "off")


def sudo_withdrawn(host: str) -> Fault:
    """The audit user may run nothing as root."""
    return lambda lab: _tell(lab, host, "sudo", "off")


def down(host: str) -> Fault:
    """The machine is off, as far as the network can tell."""
    links = ("mgmt", *(link.name for link in MACHINES[host].links))
    return lambda lab: lab.ip(host, *(f"link set {link} down" for link in links))


def no_route(host: str, cidr: str) -> Fault:
    """The route is missing; nothing else leads there."""
    return lambda lab: lab.ip(host, f"route del {cidr}")


def forwarding_off(host: str) -> Fault:
    """The kernel does not forward packets."""

    def apply(lab: Lab) -> None:
        lab.inside(host, "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")

    return apply


def on_the_wire(port: str, match: str) -> Fault:
    """A device nobody examines drops what matches ``match`` as it comes from ``port``.

    ``port`` is a port of the wire's bridges, like "lan-client1" or "wan-edge".
    """
    return nft(
        "wire",
        "add table netdev between",
        f"add chain netdev between {port} "
        f'{{ type filter hook ingress device "{port}" priority 0; policy accept; }}',
        f"add rule netdev between {port} {match} drop",
    )


def loss(port: str, every: int) -> Fault:
    """Every nth TCP packet coming from ``port`` is lost: as bad as chance, but the same each time."""
    return on_the_wire(port, f"ip protocol tcp numgen inc mod {every} 0")


def _tell(lab: Lab, host: str, *words: str) -> None:
    lab.hosts[host].tell(*words)
