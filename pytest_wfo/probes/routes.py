"""Addresses, routes and forwarding, from ``ip`` (iproute2 or busybox) or ``ifconfig``."""

from __future__ import annotations

import ipaddress
import re

from pytest_wfo.core.facts import Fact, InterfaceAddress, Known, Route, Unknown
from pytest_wfo.probes.envelope import Sections, printable

_INSTALL = "install iproute2"
_KINDS = {
    "unicast", "local", "broadcast", "multicast", "blackhole", "unreachable", "prohibit", "throw",
    "nat", "anycast",
}  # fmt: skip
_STANDARD_RULES = {("0", "local"), ("32766", "main"), ("32767", "default")}
_NO_RULES = ("not supported", "invalid argument")  # a kernel without policy routing
_LINK = re.compile(r"\d+: ([^:@\s]+)(?:@[^:\s]+)?: <")
_INET = re.compile(r"\s+inet6? ([0-9A-Fa-f:.]+)(?: peer ([0-9A-Fa-f:.]+))?/(\d+)")


def read_addresses(sections: Sections) -> Fact[tuple[InterfaceAddress, ...]]:
    """Every address of every interface."""
    section = sections.get("addresses")
    try:
        if section is not None and section.ok:
            return Known(_from_ip(section.output), "ip addr")
        other = sections.get("ifconfig")
        if other is not None and other.ok:
            return Known(_from_ifconfig(other.output), "ifconfig -a")
    except ValueError as error:
        return Unknown(f"addresses: not understood: {error}")
    why = section.complaint if section is not None else "ip and ifconfig are not installed"
    return Unknown(f"addresses: {why}", _INSTALL)


def _from_ip(text: str) -> tuple[InterfaceAddress, ...]:
    found, interface = [], ""
    for line in text.splitlines():
        if link := _LINK.match(line):
            interface = link[1]
        elif inet := _INET.match(line):
            prefix = 32 if inet[2] and ":" not in inet[1] else int(inet[3])
            found.append(InterfaceAddress(interface, str(ipaddress.ip_address(inet[1])), prefix))
    return tuple(found)


def _from_ifconfig(text: str) -> tuple[InterfaceAddress, ...]:
    found, interface = [], ""
    for line in text.splitlines():
        if line[:1].strip():
            interface = line.split()[0].rstrip(":")
        four = re.search(
            r"inet (?:addr:)?([\d.]+).*?(?:netmask |Mask:)(0x[0-9a-f]{8}|[\d.]+)", line
        )
        six = re.search(r"inet6 (?:addr: )?([0-9A-Fa-f:.]+)(?:%\S+)?(?:/|\s+prefixlen )(\d+)", line)
        if four:
            mask = str(int(four[2], 16)) if four[2].startswith("0x") else four[2]
            mask = str(ipaddress.ip_address(int(mask))) if mask.isdigit() else mask
            network = ipaddress.ip_network(f"0.0.0.0/{mask}")
            address = str(ipaddress.ip_address(four[1]))
            found.append(InterfaceAddress(interface, address, network.prefixlen))
        elif six:
            address = str(ipaddress.ip_address(six[1]))
            found.append(InterfaceAddress(interface, address, int(six[2])))
    return tuple(found)


def read_routes(sections: Sections) -> Fact[tuple[Route, ...]]:
    """The IPv4 routes of all tables; unknown where rules beyond the kernel's own three choose them."""
    section, rules = sections.get("routes"), sections.get("rules")
    if section is None:
        return Unknown("routes: ip is not installed", _INSTALL)
    if not section.ok:
        return section.unknown("routes", _INSTALL)
    if rules is None:
        return Unknown("routes: the rules that choose a table were not reported", _INSTALL)
    odd = _odd_rule(rules.output)
    if odd:
        return Unknown(
            f'routes: policy routing is not evaluated, and "ip rule" has "{odd}"',
            "judge the way of the packets by hand, or attest it",
        )
    if not rules.ok and not any(word in rules.complaint.lower() for word in _NO_RULES):
        return rules.unknown("routes: the rules that choose a table", _INSTALL)
    try:
        routes = tuple(_route(line) for line in section.output.splitlines() if line.strip())
    except ValueError as error:
        return Unknown(f"routes: not understood: {error}")
    return Known(routes, "ip -4 route show table all")


def _odd_rule(text: str) -> str:
    for line in text.splitlines():
        rule = re.fullmatch(r"(\d+):\s+from all lookup (\S+)", line.strip())
        if line.strip() and (rule is None or (rule[1], rule[2]) not in _STANDARD_RULES):
            return printable(" ".join(line.split()))[:200]
    return ""


def _route(line: str) -> Route:
    words = line.replace("\\", " ").split()
    kind = words.pop(0) if words[0] in _KINDS else "unicast"
    if not words:
        raise ValueError("a route without destination")
    given = words.pop(0)
    network = ipaddress.ip_network("0.0.0.0/0" if given == "default" else given, strict=False)
    metric = _after(words, "metric")
    devices = {words[at + 1] for at, word in enumerate(words[:-1]) if word == "dev"}
    gateways = {words[at + 1] for at, word in enumerate(words[:-1]) if word == "via"}
    return Route(
        destination=str(network),
        kind=kind,
        # Several next hops by several interfaces: not known which one it will be.
        interface=devices.pop() if len(devices) == 1 else "",
        gateway=gateways.pop() if len(gateways) == 1 else "",
        metric=int(metric) if metric.isdigit() else 0,
        table=_after(words, "table") or "main",
    )


def _after(words: list[str], name: str) -> str:
    return words[words.index(name) + 1] if name in words[:-1] else ""


def read_forwarding(sections: Sections) -> Fact[bool]:
    """Whether the kernel forwards IPv4; unknown where its interfaces differ."""
    section = sections.get("forwarding")
    values = {}
    for line in (section.output if section is not None else "").splitlines():
        path, _, value = line.rpartition("=")
        values[path] = value
    first = values.pop("/proc/sys/net/ipv4/ip_forward", "")
    if first not in {"0", "1"}:
        return Unknown("forwarding: /proc/sys/net/ipv4/ip_forward is not readable")
    of_links = {path.split("/")[6]: value for path, value in values.items() if path.count("/") == 7}
    odd = sorted(
        name
        for name, value in of_links.items()
        if name not in {"all", "default", "lo"} and value != first
    )
    if odd:
        return Unknown(
            f"forwarding: ip_forward is {first}, but it differs for {', '.join(odd[:8])}",
            "set net.ipv4.ip_forward once for all interfaces, or attest the forwarding",
        )
    return Known(first == "1", "/proc/sys/net/ipv4/ip_forward")
