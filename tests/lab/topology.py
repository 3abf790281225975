"""The lab as data: machines, addresses, listeners, and the names one lab gives to what it makes.

::

    premises .10 ┐
    client1  .21 ├─ LAN 10.61.0.0/24 ─ .1 edge 203.0.113.1 ─ WAN ─ 203.0.113.2 cloud (both ranges)
    client2  .22 ┘

Two bridges in a namespace of their own ("wire") are the LAN and the WAN; no machine of the site
sees what happens there. A management network joins each machine to the root namespace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUD_RANGES = ("207.166.94.0/24", "207.166.95.0/24")
CLOUD_ENDPOINTS = ("207.166.94.10", "207.166.95.10")
CLOUD_SOURCE = "207.166.94.1"  # where the cloud's own connections come from
LAN = "10.61.0.0/24"
EDGE_LAN = "10.61.0.1"
PUBLIC = "203.0.113.1"  # the site's address on the WAN
PREMISES = "10.61.0.10"
WIRE = "wire"
USER = "wfo"
TEMPORARY = "/home/tmp"  # $TMPDIR of who logs in: /tmp is the machine's


class Protocol(str, Enum):
    """What a listener of the lab speaks."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"  # answers one line
    POLICY = "policy"  # the Silverlight socket policy exchange


CLIENT_PORTS: Mapping[int, Protocol] = {
    2012: Protocol.HTTP,
    4510: Protocol.TCP,
    443: Protocol.HTTPS,
    943: Protocol.POLICY,
    80: Protocol.HTTP,
    2015: Protocol.HTTP,
    5638: Protocol.TCP,
    5634: Protocol.TCP,
}


@dataclass(frozen=True, slots=True)
class Link:
    """An interface of a machine and its address; ``name`` is also the bridge it is plugged into."""

    name: str
    address: str  # with prefix length


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine; ``management`` is the last byte of its address on the management network.

    ``address`` is where its peers find it; ``routes`` are the words of ``ip route add``.
    """

    name: str
    role: str
    management: int
    address: str
    links: tuple[Link, ...]
    listeners: Mapping[int, Protocol] = field(default_factory=dict)
    routes: tuple[str, ...] = ()


def _on_the_lan(name: str, role: str, last: int, listeners: Mapping[int, Protocol]) -> Machine:
    address = f"10.61.0.{last}"
    routes = tuple(f"{cidr} via {EDGE_LAN}" for cidr in CLOUD_RANGES)
    return Machine(name, role, last, address, (Link("lan", f"{address}/24"),), listeners, routes)


MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        _on_the_lan("premises", "premises", 10, {2010: Protocol.HTTP, **CLIENT_PORTS}),
        _on_the_lan("client1", "client", 21, CLIENT_PORTS),
        _on_the_lan("client2", "client", 22, CLIENT_PORTS),
        Machine(
            "edge",
            "edge",
            2,
            EDGE_LAN,
            (Link("lan", f"{EDGE_LAN}/24"), Link("wan", f"{PUBLIC}/30")),
            routes=tuple(f"{cidr} via 203.0.113.2" for cidr in CLOUD_RANGES),
        ),
        Machine(
            "cloud",
            "cloud",
            3,
            CLOUD_SOURCE,
            (Link("wan", "203.0.113.2/30"),),
            {2010: Protocol.HTTP},
            # AnyIP: every address of both ranges answers, without 512 addresses on an interface.
            tuple(f"local {cidr} dev lo" for cidr in CLOUD_RANGES),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Names:
    """What one lab calls the things it makes on this machine, so that two labs never collide.

    ``pid`` is the process that made it, ``letter`` tells its labs apart, ``subnet`` is the third
    byte of the management network 10.99.x.0/24. Interface names stay within 15 bytes.
    """

    pid: int
    letter: str
    subnet: int = 0

    @property
    def tag(self) -> str:
        """The beginning of every name, and the management bridge."""
        return f"wfo{self.pid}{self.letter}"

    @property
    def table(self) -> str:
        """The nft tables of the guard in the root namespace."""
        return f"wfo_lab_guard_{self.pid}{self.letter}"

    @property
    def metric(self) -> int:
        """Of the guard's routes in the root namespace: each lab adds and removes its own."""
        return self.pid * 26 + ord(self.letter) - ord("a") + 1

    def namespace(self, host: str) -> str:
        """The network namespace of a machine or of the wire."""
        return f"{self.tag}-{host}"

    def port(self, host: str) -> str:
        """The management bridge's port towards a machine."""
        return f"{self.tag}-{MACHINES[host].management}"

    def management(self, host: str = "") -> str:
        """The management address of a machine, or of the root namespace."""
        return f"10.99.{self.subnet}.{MACHINES[host].management if host else 1}"
