"""Which interface the kernel takes to an address, from the host's routes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Route

LOOPBACK = "lo"

# The rules every kernel starts with: table local before main before default.
_TABLES = (("local", "255"), ("main", "254", ""), ("default", "253"))


@dataclass(frozen=True, slots=True)
class Way:
    """How the kernel reaches ``addresses``.

    ``interface`` is "lo" for the host's own addresses and None where it is not known. ``barred``
    names the route or the gap which refuses these addresses ("" where there is a way).
    """

    addresses: AddressSet
    interface: str | None
    barred: str = ""


@lru_cache(64)  # all ports of a host ask the same
def interfaces_for(addresses: AddressSet, routes: tuple[Route, ...]) -> tuple[Way, ...]:
    """Split ``addresses`` by the route that the longest prefix picks (then the lowest metric).

    Tables local, main and default count, as without ``ip rule`` changes. The result is disjoint
    and covers ``addresses``. IPv6 routes are passed over.
    """
    ways: list[Way] = []
    left = addresses
    for table in _TABLES:
        here = left
        for network, route in _by_precedence(routes, table):
            if not here:
                break
            hit = here & network
            here -= network
            if hit and route.kind != "throw":  # throw: the next table decides
                ways.append(_way(hit, route))
                left -= hit
    if left:
        ways.append(Way(left, None, "no route"))
    return _merged(ways)


def _by_precedence(
    routes: tuple[Route, ...], table: tuple[str, ...]
) -> list[tuple[AddressSet, Route]]:
    found = []
    for route in routes:
        if route.table not in table:
            continue
        try:
            network = AddressSet.of(
                "0.0.0.0/0" if route.destination == "default" else route.destination
            )
        except ValueError:
            continue  # an IPv6 destination
        found.append((network, route))
    return sorted(found, key=lambda item: (len(item[0]), item[1].metric))


def _way(addresses: AddressSet, route: Route) -> Way:
    if route.kind == "local":
        return Way(addresses, LOOPBACK)
    if route.kind in {"blackhole", "unreachable", "prohibit", "broadcast"}:
        return Way(addresses, None, f"{route.kind} route {route.destination} (table {route.table})")
    return Way(addresses, route.interface or None)


def _merged(ways: list[Way]) -> tuple[Way, ...]:
    by_result: dict[tuple[str | None, str], AddressSet] = {}
    for way in ways:
        key = (way.interface, way.barred)
        by_result[key] = by_result.get(key, AddressSet()) | way.addresses
    return tuple(Way(found, *key) for key, found in by_result.items())
