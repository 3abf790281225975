"""Addresses, routes and interfaces of a Windows host, from the classes of root/StandardCimv2."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from pytest_wfo.core.facts import Fact, InterfaceAddress, Known, Route, Unknown
from pytest_wfo.probes.windows_envelope import Answer, Failure, Row, integer, text
from pytest_wfo.probes.windows_machine import TCPIP

# Values of MSFT_NetIPAddress, MSFT_NetRoute and MSFT_NetIPInterface (Microsoft, "NetTCPIP provider").
IPV4 = 2
_PERSISTENT = 0  # a second copy, for the next start
_USABLE = {3, 4}  # deprecated, preferred; others are tentative, duplicate or invalid
_CONNECTED = 1
_ENABLED = 1

_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
_EVERYONE = ipaddress.IPv4Network("255.255.255.255/32")
_METRIC = 2**16


def active_addresses(answer: Answer) -> tuple[Row, ...]:
    """The rows of addresses in use. Raises ``NotSeenError``."""
    return tuple(
        row
        for row in answer.rows("addresses", "addresses")
        if row["store"] != _PERSISTENT and integer(row, "state") in _USABLE
    )


def plain(address: str) -> str:
    """The address in its short form, without a zone. Raises ValueError for anything else."""
    return str(ipaddress.ip_address(address.partition("%")[0]))


def read_addresses(answer: Answer) -> Fact[tuple[InterfaceAddress, ...]]:
    """All addresses in use, by the interface's alias."""
    found = [
        InterfaceAddress(
            text(row, "alias") or f"#{integer(row, 'index')}",
            plain(text(row, "address") or ""),
            integer(row, "prefix"),
        )
        for row in active_addresses(answer)
    ]
    if not found:
        return Unknown("addresses: Windows shows none")
    return Known(tuple(found), "MSFT_NetIPAddress")


def read_routes(answer: Answer) -> Fact[tuple[Route, ...]]:
    """IPv4 routes of connected interfaces.

    Windows has a route of its own for each local and broadcast address; their kinds are told by the
    addresses, as the table does not show them.
    """
    own: set[str] = set()
    broadcast = {str(_EVERYONE)}
    for row in active_addresses(answer):
        address = ipaddress.ip_address(plain(text(row, "address") or ""))
        if isinstance(address, ipaddress.IPv4Address):
            own.add(f"{address}/32")
            network = ipaddress.IPv4Network((address, integer(row, "prefix")), strict=False)
            if network.prefixlen < 31:
                broadcast.add(f"{network.broadcast_address}/32")
    costs = {
        integer(row, "index"): integer(row, "metric")
        for row in answer.rows("interfaces", "interfaces")
        if row["family"] == IPV4 and row["connected"] == _CONNECTED
    }
    found = []
    for row in answer.rows("routes", "routes"):
        index = integer(row, "index")
        if row["family"] != IPV4 or row["store"] == _PERSISTENT or index not in costs:
            continue
        network = ipaddress.IPv4Network(text(row, "destination") or "", strict=False)
        gateway = plain(text(row, "gateway") or "0.0.0.0")  # noqa: S104 - an address that was read
        kind = "unicast"
        if str(network) in own or network.subnet_of(_LOOPBACK):
            kind = "local"
        elif str(network) in broadcast:
            kind = "broadcast"
        found.append(
            Route(
                destination=str(network),
                kind=kind,
                interface=text(row, "alias") or f"#{index}",
                gateway="" if not int(ipaddress.ip_address(gateway)) else gateway,
                metric=integer(row, "metric") + costs[index],
                table="local" if kind == "local" else "main",
            )
        )
    if not found:
        return Unknown("routes: Windows shows none")
    return Known(tuple(found), "MSFT_NetRoute")


def read_forwarding(answer: Answer) -> Fact[bool]:
    """Whether the host forwards IPv4 packets: for all interfaces, or by interface."""
    everywhere = answer.key(TCPIP)
    if isinstance(everywhere, Failure):
        return Unknown(f"forwarding: {everywhere.words}", everywhere.remedy)
    if answer.setting(TCPIP, "IPEnableRouter") == 1:
        return Known(True, "registry: IPEnableRouter")
    rows = answer.rows("interfaces", "interfaces")
    states = {integer(row, "forwarding") == _ENABLED for row in connected(rows)}
    if len(states) != 1:
        return Unknown(
            "forwarding: it differs by interface"
            if states
            else "forwarding: no interface shows it",
            "look at Get-NetIPInterface on the host, or attest the forwarding",
        )
    return Known(states.pop(), "MSFT_NetIPInterface")


def connected(rows: Iterable[Row]) -> Iterator[Row]:
    """The IPv4 rows of interfaces that are up, without loopback (which has index 1 everywhere)."""
    for row in rows:
        loopback = integer(row, "index") == 1
        if row["family"] == IPV4 and row["connected"] == _CONNECTED and not loopback:
            yield row
