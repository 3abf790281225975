"""Forms of ip and ifconfig that this machine does not print itself."""

from __future__ import annotations

import pytest

from pytest_wfo.core.facts import InterfaceAddress, Known, Route, Unknown
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.routes import read_addresses, read_forwarding, read_routes

RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default"


def said(text: str, code: int = 0, error: str = "") -> Section:
    return Section(text, error, code, "user")


def route(line: str) -> Route:
    fact = read_routes({"routes": said(line), "rules": said(RULES)})
    assert isinstance(fact, Known), fact
    (found,) = fact.value
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.10 metric 100 ",
            Route("0.0.0.0/0", "unicast", "eth0", "192.0.2.1", 100, "main"),
        ),
        (
            "unreachable default metric 4278198272 ",
            Route("0.0.0.0/0", "unreachable", "", "", 4278198272, "main"),
        ),
        (
            "local 192.0.2.10 dev eth0 table local proto kernel",
            Route("192.0.2.10/32", "local", "eth0", "", 0, "local"),
        ),
        (
            "203.0.113.0/24 nexthop via 192.0.2.1 dev a \\\tnexthop via 192.0.2.2 dev b weight 1",
            Route("203.0.113.0/24", "unicast", "", "", 0, "main"),
        ),
        ("203.0.113.0/24 ", Route("203.0.113.0/24", "unicast", "", "", 0, "main")),
        ("throw 10.0.0.0/8 table 7", Route("10.0.0.0/8", "throw", "", "", 0, "7")),
    ],
)
def test_routes_are_read(line: str, expected: Route) -> None:
    assert route(line) == expected


@pytest.mark.parametrize("line", ["rubbish", "unreachable", "10.0.0.0/99 dev eth0"])
def test_a_line_that_is_not_understood_makes_all_routes_unknown(line: str) -> None:
    text = f"default via 192.0.2.1 dev eth0\n{line}\n"
    fact = read_routes({"routes": said(text), "rules": said(RULES)})
    assert isinstance(fact, Unknown)


@pytest.mark.parametrize(
    "rule",
    [
        "1000:\tfrom all lookup [l3mdev-table]",
        "32764:\tfrom all fwmark 0xca6c lookup 51820",
        "0:\tfrom all lookup main",
        "5:\tfrom all to 10.0.0.0/8 blackhole",
    ],
)
def test_any_rule_beyond_the_standard_makes_routes_unknown(rule: str) -> None:
    rules = said(f"{RULES}\n{rule}")
    fact = read_routes({"routes": said("default dev eth0"), "rules": rules})
    assert isinstance(fact, Unknown)
    assert rule.split("\t")[1] in fact.reason


def test_a_kernel_without_rules_has_none() -> None:
    rules = said("", 2, "RTNETLINK answers: Operation not supported\nDump terminated")
    assert isinstance(read_routes({"routes": said("default dev e"), "rules": rules}), Known)


def test_rules_that_were_not_read_are_not_taken_for_none() -> None:
    rules = said("", 1, "ip: applet not found")
    assert isinstance(read_routes({"routes": said("default dev e"), "rules": rules}), Unknown)


IP = """\
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 192.0.2.10/24 brd 192.0.2.255 scope global dynamic eth0
3: tun0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500
    inet 198.51.100.6 peer 198.51.100.5/32 scope global tun0
    inet6 2001:db8::1/64 scope global
"""
NET_TOOLS = """\
eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.10  netmask 255.255.255.0  broadcast 192.0.2.255
        inet6 2001:db8::1  prefixlen 64  scopeid 0x0<global>
"""
BUSYBOX = """\
eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:01
          inet addr:192.0.2.10  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: 2001:db8::1/64 Scope:Global
"""
BSD = """\
eth0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tinet 192.0.2.10 netmask 0xffffff00 broadcast 192.0.2.255
\tinet6 2001:db8::1 prefixlen 64
"""


def test_ip_addr_is_read() -> None:
    fact = read_addresses({"addresses": said(IP)})
    assert fact == Known(
        (
            InterfaceAddress("eth0", "192.0.2.10", 24),
            InterfaceAddress("tun0", "198.51.100.6", 32),
            InterfaceAddress("tun0", "2001:db8::1", 64),
        ),
        "ip addr",
    )


@pytest.mark.parametrize("text", [NET_TOOLS, BUSYBOX, BSD], ids=["net-tools", "busybox", "bsd"])
def test_every_ifconfig_is_read(text: str) -> None:
    fact = read_addresses({"ifconfig": said(text)})
    assert isinstance(fact, Known)
    assert fact.value == (
        InterfaceAddress("eth0", "192.0.2.10", 24),
        InterfaceAddress("eth0", "2001:db8::1", 64),
    )


@pytest.mark.parametrize("text", ["", "/proc/sys/net/ipv4/ip_forward=", "nonsense"])
def test_forwarding_that_was_not_read_is_unknown(text: str) -> None:
    assert isinstance(read_forwarding({"forwarding": said(text)}), Unknown)
