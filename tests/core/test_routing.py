"""Routes decide interfaces by the longest prefix, table by table."""

from __future__ import annotations

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Route
from pytest_wfo.core.routing import Way, interfaces_for


def route(destination: str, interface: str = "", kind: str = "unicast", **more: object) -> Route:
    metric, table = more.get("metric", 0), more.get("table", "main")
    assert isinstance(metric, int)
    return Route(destination, kind, interface, "", metric, str(table))


EVERYTHING = AddressSet.everything()


def test_the_longest_prefix_wins_and_the_lowest_metric() -> None:
    routes = (
        route("default", "wan", metric=100),
        route("default", "lte", metric=200),
        route("10.0.0.0/8", "vpn"),
        route("10.61.0.0/24", "lan"),
    )
    ways = interfaces_for(AddressSet.of(["10.61.0.0/23", "207.166.94.0/24"]), routes)
    assert set(ways) == {
        Way(AddressSet.of("10.61.0.0/24"), "lan"),
        Way(AddressSet.of("10.61.1.0/24"), "vpn"),
        Way(AddressSet.of("207.166.94.0/24"), "wan"),
    }


def test_own_addresses_go_by_loopback_before_any_other_table() -> None:
    routes = (
        route("10.61.0.10", "eth0", "local", table="local"),
        route("10.61.0.10/32", "eth1"),
    )
    assert interfaces_for(AddressSet.of("10.61.0.10"), routes) == (
        Way(AddressSet.of("10.61.0.10"), "lo"),
    )


def test_refusing_routes_and_gaps_are_named() -> None:
    routes = (
        route("207.166.94.0/24", kind="unreachable"),
        route("207.166.95.0/25", kind="blackhole"),
    )
    ways = interfaces_for(AddressSet.of(["207.166.94.0/24", "207.166.95.0/24"]), routes)
    assert {(str(way.addresses), way.interface, way.barred) for way in ways} == {
        ("207.166.94.0/24", None, "unreachable route 207.166.94.0/24 (table main)"),
        ("207.166.95.0/25", None, "blackhole route 207.166.95.0/25 (table main)"),
        ("207.166.95.128/25", None, "no route"),
    }


def test_throw_leaves_the_table_and_not_only_the_route() -> None:
    routes = (
        route("10.1.0.0/16", kind="throw"),
        route("10.0.0.0/8", "lan"),
        route("default", "spare", table="default"),
    )
    assert interfaces_for(AddressSet.of("10.1.2.3"), routes) == (
        Way(AddressSet.of("10.1.2.3"), "spare"),
    )


def test_an_interface_that_is_not_named_is_not_known() -> None:
    (way,) = interfaces_for(AddressSet.of("10.0.0.1"), (route("default"),))
    assert way.interface is None
    assert not way.barred


def test_ipv6_routes_and_other_tables_do_not_matter() -> None:
    routes = (route("fe80::/64", "eth0"), route("default", "vrf", table="100"))
    assert interfaces_for(EVERYTHING, routes) == (Way(EVERYTHING, None, "no route"),)


def test_the_ways_are_disjoint_and_cover_the_question() -> None:
    routes = (route("10.0.0.0/8", "a"), route("10.128.0.0/9", "b"), route("0.0.0.0/1", "c"))
    ways = interfaces_for(EVERYTHING, routes)
    assert sum(len(way.addresses) for way in ways) == 2**32
