"""Conditions of packet filter rules put together; shared by the nftables and iptables readers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_wfo.core.intervals import Intervals, difference, intersection, normalize
from pytest_wfo.core.packet_filter import ANY_ADDRESS, ANY_PORT, Match, TcpFlags

# A rule with more alternatives than this is not followed: real ones have a few concatenations.
MOST_ALTERNATIVES = 20_000

TCP_FLAGS = {
    "fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20,
    "ecn": 0x40, "ece": 0x40, "cwr": 0x80,
}  # fmt: skip

# Tools print ports as numbers on request; these names cover what the vendor's document asks about.
_SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110,
    "ntp": 123, "imap2": 143, "snmp": 161, "ldap": 389, "https": 443, "microsoft-ds": 445, "ms-sql-s": 1433,
    "mysql": 3306, "ms-wbt-server": 3389, "http-alt": 8080,
}  # fmt: skip

# iptables targets after which the packet goes on with the next rule, its addresses and ports unchanged.
TRANSPARENT_TARGETS = frozenset({
    "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "DSCP", "ECN", "HL", "IDLETIMER", "LED",
    "LOG", "MARK", "NFLOG", "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE",
    "TTL", "ULOG",
})  # fmt: skip


class NotUnderstoodError(ValueError):
    """A condition or action outside what the reader knows; the text says which, for people."""


def both(a: Match, b: Match) -> Match | None:
    """The conjunction; None if no packet can satisfy it."""
    joined = Match(
        intersection(a.sources, b.sources),
        intersection(a.destinations, b.destinations),
        intersection(a.source_ports, b.source_ports),
        intersection(a.destination_ports, b.destination_ports),
        a.incoming + b.incoming,
        a.outgoing + b.outgoing,
        a.states & b.states,
        a.flags + b.flags,
        a.source_local if b.source_local is None else b.source_local,
        a.destination_local if b.destination_local is None else b.destination_local,
        a.translated if b.translated is None else b.translated,
        a.opaque + b.opaque,
    )
    needed = (joined.sources, joined.destinations, joined.source_ports, joined.destination_ports)
    if not all(needed) or not joined.states:
        return None
    for one, other in (
        (a.source_local, b.source_local),
        (a.destination_local, b.destination_local),
        (a.translated, b.translated),
    ):
        if one is not None and other is not None and one is not other:
            return None
    return joined


def every(alternatives: Sequence[Match], others: Sequence[Match]) -> list[Match]:
    """The conjunction of two lists of alternatives. Raises NotUnderstoodError beyond reason."""
    if len(alternatives) * len(others) > MOST_ALTERNATIVES:
        raise NotUnderstoodError("too many combinations of set elements")
    return [joined for a in alternatives for b in others if (joined := both(a, b)) is not None]


def doubtful(match: Match, *reasons: str) -> Match:
    """``match`` with conditions that were not understood."""
    return replace(match, opaque=match.opaque + reasons)


def on_field(field: str, wanted: Intervals, *, negated: bool = False) -> list[Match]:
    """A match of ``sources``, ``destinations``, ``source_ports`` or ``destination_ports``."""
    anything = ANY_PORT if field.endswith("ports") else ANY_ADDRESS
    if negated:
        wanted = difference(anything, wanted)
    wanted = intersection(anything, wanted)
    if not wanted:
        return []
    if field == "sources":
        return [Match(sources=wanted)]
    if field == "destinations":
        return [Match(destinations=wanted)]
    if field == "source_ports":
        return [Match(source_ports=wanted)]
    return [Match(destination_ports=wanted)]


def address(text: object) -> int:
    """An IPv4 address as number. Raises NotUnderstoodError for anything else."""
    try:
        return int(ipaddress.IPv4Address(str(text)))
    except ValueError:
        raise NotUnderstoodError(f"{str(text)[:40]!r} is no IPv4 address") from None


def network(text: str) -> tuple[int, int]:
    """First and last address of "10.0.0.0/8", "10.0.0.0/255.0.0.0" or "10.0.0.1"."""
    try:
        found = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise NotUnderstoodError(f"{text[:40]!r} is no IPv4 network") from None
    return int(found.network_address), int(found.broadcast_address)


def port(value: object) -> int:
    """A TCP port from a number or a service name. Raises NotUnderstoodError for anything else."""
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:
        return int(text)
    if text in _SERVICES:
        return _SERVICES[text]
    raise NotUnderstoodError(f"{text[:40]!r} is no port")


def pairs(found: Iterable[tuple[int, int]]) -> Intervals:
    """Inclusive pairs as a set. Raises NotUnderstoodError if one runs backwards."""
    listed = list(found)
    if any(low > high for low, high in listed):
        raise NotUnderstoodError("a range that runs backwards")
    return normalize(listed)


def tcp_flags(names: Iterable[object]) -> int:
    """Flag names or a number as bits. Raises NotUnderstoodError for an unknown one."""
    bits = 0
    for name in names:
        if isinstance(name, int):
            bits |= name
        elif str(name).lower() in TCP_FLAGS:
            bits |= TCP_FLAGS[str(name).lower()]
        else:
            raise NotUnderstoodError(f"TCP flag {str(name)[:40]!r}")
    return bits


def with_flags(mask: int, value: int, *, negated: bool) -> list[Match]:
    """A match on TCP flags."""
    return [Match(flags=(TcpFlags(mask, value, negated),))]
