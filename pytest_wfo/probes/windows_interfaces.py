"""The connected interfaces of a Windows host, with what the keywords of firewall rules mean there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import TypeVar

from pytest_wfo.core.windows_firewall import Area, NetworkInterface, Unread
from pytest_wfo.core.windows_rules import Profile
from pytest_wfo.probes.reading import NotSeenError
from pytest_wfo.probes.windows_envelope import Answer, Row, integer, text, texts
from pytest_wfo.probes.windows_network import active_addresses, connected, plain

T = TypeVar("T")

# NLM_NETWORK_CATEGORY
_CATEGORIES = {0: Profile.PUBLIC, 1: Profile.PRIVATE, 2: Profile.DOMAIN}
_DEFAULT_ROUTE = "0.0.0.0/0"


def read_interfaces(answer: Answer) -> tuple[tuple[NetworkInterface, ...], tuple[Unread, ...]]:
    """The interfaces that carry IPv4, and what of them could not be read."""
    unread: list[Unread] = []
    try:
        addresses = active_addresses(answer)
        up = {
            integer(row, "index"): text(row, "alias") or f"#{row['index']}"
            for row in connected(answer.rows("interfaces", "interfaces"))
        }
    except NotSeenError as error:
        return (), (Unread(Area.INTERFACES, error.fact.reason),)

    adapters = _optional(answer, "adapters", _by_index)
    configurations = _optional(answer, "configurations", _by_index)
    categories = _optional(answer, "categories", _by_index)
    servers = _optional(answer, "name_servers", _servers)
    gateways = _optional(answer, "routes", _gateways)
    found = []
    for index, name in up.items():
        own = tuple(
            f"{address}/{integer(row, 'prefix')}"
            for row in addresses
            if integer(row, "index") == index
            for address in _ipv4([text(row, "address")])
        )
        if not own:
            continue
        adapter = (adapters or {}).get(index)
        configuration = (configurations or {}).get(index)
        guid = next((text(row, "guid") for row in (adapter, configuration) if row), None)
        if not guid:
            unread.append(Unread(Area.INTERFACES, f"{name}: Windows shows no GUID for it"))
        found.append(
            NetworkInterface(
                id=guid or "",
                name=name,
                type=integer(adapter, "type") if adapter else None,
                addresses=own,
                gateways=None if gateways is None else tuple(gateways.get(index, ())),
                dns=None if servers is None else tuple(servers.get(index, ())),
                dhcp=_ipv4(texts(configuration, "dhcp")) if configuration else None,
                wins=_ipv4(texts(configuration, "wins")) if configuration else None,
                profile=None if categories is None else _profile(categories.get(index)),
            )
        )
    if not found:
        unread.append(Unread(Area.INTERFACES, "Windows shows no connected interface with IPv4"))
    return tuple(found), tuple(unread)


def _optional(answer: Answer, name: str, read: Callable[[Iterable[Row]], T]) -> T | None:
    try:
        return read(answer.rows(name, name))
    except NotSeenError:
        return None


def _by_index(rows: Iterable[Row]) -> dict[int, Row]:
    return {integer(row, "index"): row for row in rows}


def _servers(rows: Iterable[Row]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(integer(row, "index"), []).extend(_ipv4(texts(row, "servers")))
    return found


def _gateways(rows: Iterable[Row]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in rows:
        if text(row, "destination") == _DEFAULT_ROUTE:
            gateway = [each for each in _ipv4([text(row, "gateway")]) if each != "0.0.0.0"]  # noqa: S104
            found.setdefault(integer(row, "index"), []).extend(gateway)
    return found


def _profile(row: Row | None) -> Profile | None:
    if row is None:
        return Profile.PUBLIC
    return _CATEGORIES.get(integer(row, "category"))


def _ipv4(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """The IPv4 addresses among ``addresses``. Raises ValueError for what is no address."""
    shown = [plain(address) for address in addresses if address]
    return tuple(each for each in shown if ipaddress.ip_address(each).version == 4)
