"""Listening TCP sockets and their owners, from ``ss -tlnpe`` or /proc/net/tcp."""

from __future__ import annotations

import ipaddress
import re

from pytest_wfo.core.facts import Fact, Known, Listener, Owner, Unknown
from pytest_wfo.probes.envelope import NO_POWER, NOT_INSTALLED, Section, Sections

_GRANT = "log in as root, or grant the user this command by sudo: ss -tlnpe"
_OWNER = re.compile(r'\("(.{1,15}?)",pid=(\d{1,10}),fd=\d+\)(?:,|$)', re.DOTALL)
_OWNERS = re.compile(r'users:\((\(".*\))\)(?: |$)', re.DOTALL)
_LISTEN = "0A"
_BIG_ENDIAN = {"s390", "s390x", "ppc", "ppc64", "sparc", "sparc64", "parisc", "m68k", "mips"}


def read_listeners(sections: Sections) -> Fact[tuple[Listener, ...]]:
    """All listening TCP sockets; the best source that worked decides."""
    ss, plain = sections.get("ss"), sections.get("ss-user")
    try:
        if ss is not None and ss.ok:
            return Known(_from_ss(ss.output, None), f"ss -tlnpe (as {_who(ss)})")
        blind = _no_owner(ss)
        if plain is not None and plain.ok:
            return Known(_from_ss(plain.output, blind), "ss -tlne (without root)")
        tcp, tcp6 = sections.get("tcp"), sections.get("tcp6")
        if tcp is not None and tcp.ok and tcp.output.strip():
            machine = sections["machine"].output if "machine" in sections else ""
            big = machine.strip() in _BIG_ENDIAN
            found = _from_proc(tcp.output, blind, big)
            if tcp6 is not None and tcp6.ok:
                found += _from_proc(tcp6.output, blind, big)
            return Known(found, "/proc/net/tcp, /proc/net/tcp6")
    except ValueError as error:
        return Unknown(f"the list of listening sockets was not understood: {error}")
    why = ss.complaint if ss is not None else "ss is not installed"
    return Unknown(f"listening sockets: {why}; /proc/net/tcp is not readable", "install iproute2")


def _who(section: Section) -> str:
    return "root" if section.power == "root" else "root by sudo"


def _no_owner(ss: Section | None) -> Unknown:
    if ss is None or ss.code == NOT_INSTALLED:
        return Unknown("the owner of the socket: ss is not installed", "install iproute2")
    if ss.code == NO_POWER or ss.power == "sudo":
        return Unknown(f"the owner of the socket: needs root ({ss.complaint})", _GRANT)
    return Unknown(f"the owner of the socket: {ss.complaint}", _GRANT)


def _from_ss(text: str, blind: Unknown | None) -> tuple[Listener, ...]:
    rows = [line.split(None, 5) for line in text.splitlines() if line.startswith("LISTEN ")]
    peers = {row[4] for row in rows if len(row) > 4}
    # Old versions (before 2018) show IPv4 as "*:80 *:*" and IPv6 as ":::80 :::*".
    old = any(peer == ":::*" for peer in peers) and not any(peer == "0.0.0.0:*" for peer in peers)
    found = []
    for row in rows:
        if len(row) < 5:
            raise ValueError("a line of ss has too few columns")
        rest = row[5] if len(row) > 5 else ""
        host, port = _split(row[3])
        flag = re.search(r"(?:^| )v6only:([01])(?: |$)", _OWNERS.sub(" ", rest))
        address, ipv4 = _address(host, flag[1] if flag else None, old)
        found.append(Listener(address, port, ipv4, _owner(rest, blind)))
    if not found and text.strip() and not text.lstrip().startswith("State"):
        raise ValueError("ss printed something else than a list")
    return tuple(found)


def _split(local: str) -> tuple[str, int]:
    host, _, port = local.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("a line of ss has no port")
    return re.sub(r"\]?%.*", "", host), int(port)


def _address(host: str, v6only: str | None, old: bool) -> tuple[str, bool | None]:
    """The bound address and whether it takes IPv4; ``v6only`` is the socket's own flag, if shown."""
    if host == "*":
        if v6only is not None:
            return "::", v6only == "0"
        return ("0.0.0.0", True) if old else ("::", None)  # noqa: S104 - an address that was read
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address), True
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped), True
    if int(address):
        return str(address), False
    return "::", None if v6only is None else v6only == "0"


def _owner(rest: str, blind: Unknown | None) -> Fact[Owner]:
    if blind is not None:
        return blind
    shown = _OWNERS.search(rest)
    if shown is None:
        return Unknown(
            "ss shows no process behind the socket: it belongs to the kernel or to another container"
        )
    found = _OWNER.findall(shown[1])
    if not found:
        return Unknown("the owner of the socket: what ss shows was not understood")
    name, pid = min(found, key=lambda owner: int(owner[1]))
    user = re.search(r"(?:^| )uid:(\d+)", _OWNERS.sub(" ", rest))
    return Known(Owner(name, int(pid), f"uid {user[1]}" if user else "uid 0"), "ss -tlnpe")


def _from_proc(text: str, blind: Unknown, big_endian: bool) -> tuple[Listener, ...]:
    """/proc/net/tcp shows an address as 32-bit words in the machine's byte order, the port in hex."""
    step = 1 if big_endian else -1
    found = []
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 4 or columns[3] != _LISTEN:
            continue
        host, _, port = columns[1].partition(":")
        raw = bytes.fromhex(host)
        if len(raw) not in {4, 16}:
            raise ValueError("a line of /proc/net/tcp has no address")
        swapped = b"".join(raw[at : at + 4][::step] for at in range(0, len(raw), 4))
        address, ipv4 = _address(str(ipaddress.ip_address(swapped)), None, old=False)
        found.append(Listener(address, int(port, 16), ipv4, blind))
    return tuple(found)
