"""What of the host's packet filter could be read, and what could not.

nftables, iptables-nft and legacy iptables are separate worlds in one kernel; a host is known only as
far as each of them was either read or shown to be absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.core.packet_filter import PacketFilter
from pytest_wfo.probes.envelope import NOT_INSTALLED, Section, Sections
from pytest_wfo.probes.iptables import combine, read_iptables
from pytest_wfo.probes.nftables import read_nftables

_GRANT = "log in as root, or grant the user this command by sudo: {}"
_XDP = re.compile(r"^\d+: ([^:@\s]+).*\b(xdp(?:generic|drv|offload|multi)?)[/: ]", re.MULTILINE)


def read_packet_filter(sections: Sections) -> Fact[PacketFilter]:
    """The rules of every flavour. Parts not read are in ``unread``; unknown only if nothing was."""
    gap = _Gaps()
    if "nft" not in sections:
        return Unknown("the packet filter: not reported; only Linux is read so far")
    nft = _nft(sections, gap)
    compat = _compat(sections, gap)
    legacy = _legacy(sections, gap)
    for interface, kind in _XDP.findall(_output(sections.get("addresses"))):
        gap.add(f"a program on interface {interface} ({kind}) that may drop packets", "", "")
    combined = combine(nft, compat, legacy, tuple(gap.told))
    if nft is None and compat is None and not (legacy is not None and legacy.base_chains):
        return Unknown("; ".join(gap.told), "; ".join(dict.fromkeys(filter(None, gap.remedies))))
    return Known(combined, ", ".join(gap.sources))


class _Gaps:
    """Collects what was read by which command, and what was not, with reason and remedy."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.remedies: list[str] = []
        self.sources: list[str] = []

    def add(self, what: str, why: str, remedy: str) -> None:
        parts = f"{what}: {why}" if why else what
        self.told.append(f"{parts} ({remedy})" if remedy else parts)
        self.remedies.append(remedy)

    def take(
        self, section: Section, command: str, reader: Callable[[str], PacketFilter], what: str
    ) -> PacketFilter | None:
        """Read a section that succeeded; a text that is no listing is a gap."""
        try:
            found = reader(section.output)
        except ValueError as error:
            self.add(what, str(error), "report it as a defect")
            return None
        who = "root by sudo" if section.power == "sudo" else section.power
        self.sources.append(f"{command} (as {who})")
        return found


def _output(section: Section | None) -> str:
    return section.output if section is not None and section.ok else ""


def _nft(sections: Sections, gap: _Gaps) -> PacketFilter | None:
    section = sections["nft"]
    if section.ok:
        return gap.take(section, "nft -j list ruleset", read_nftables, "nftables rules")
    symbols = _output(sections.get("nf_tables"))
    if "tcp_v4_rcv" in symbols and "nft_do_chain" not in symbols:
        gap.sources.append("/proc/kallsyms (no nf_tables in the kernel)")
        return PacketFilter()
    if section.code == NOT_INSTALLED:
        remedy = "install nftables"
    else:
        remedy = _GRANT.format("nft -j list ruleset")
        if "JSON" in section.error or "option" in section.error:
            remedy = "install a version of nftables with JSON output (0.9.2 or later)"
    gap.add("nftables rules", section.complaint, remedy)
    return None


def _compat(sections: Sections, gap: _Gaps) -> PacketFilter | None:
    """The rules of iptables-nft: a second reading, wanted only where nft shows such tables."""
    for name in ("iptables_nft", "iptables"):
        section = sections.get(name)
        if section is None or not section.ok or not _is_nft(name, section):
            continue
        return gap.take(section, _command(name), _reader("nft"), "iptables-nft rules")
    return None


def _legacy(sections: Sections, gap: _Gaps) -> PacketFilter | None:
    what = "iptables-legacy rules"
    names = sections.get("ip_tables_names")
    if names is not None and names.code == NOT_INSTALLED and names.power == "none":
        gap.sources.append("/proc/net (no ip_tables in the kernel)")
        return PacketFilter()
    if names is not None and names.ok and not names.output.strip():
        gap.sources.append("/proc/net/ip_tables_names (empty)")
        return PacketFilter()
    complaint = "no tool to read them is installed"
    remedy = "install iptables with its legacy tools"
    for name in ("iptables_legacy", "iptables"):
        section = sections.get(name)
        if section is None or (section.ok and _is_nft(name, section)):
            continue
        if not section.ok:
            complaint = section.complaint
            if section.code != NOT_INSTALLED:
                remedy = _GRANT.format(_command(name))
            continue
        if name == "iptables" and not section.output.strip():
            continue  # says nothing: it may be the other flavour's
        found = gap.take(section, _command(name), _reader("legacy"), what)
        missing = set(_output(names).split()) - set(re.findall(r"^\*(\w+)", section.output, re.M))
        if found is not None and missing:
            gap.add(what, f"table {', '.join(sorted(missing))} was not listed", remedy)
        return found
    if names is not None and not names.ok:
        complaint, remedy = names.complaint, _GRANT.format("cat /proc/net/ip_tables_names")
    gap.add(what, complaint, remedy)
    return None


def _is_nft(name: str, section: Section) -> bool:
    return name == "iptables_nft" or "(nf_tables)" in section.output


def _command(name: str) -> str:
    return {"iptables_nft": "iptables-nft-save", "iptables_legacy": "iptables-legacy-save"}.get(
        name, "iptables-save"
    )


def _reader(flavour: str) -> Callable[[str], PacketFilter]:
    return lambda text: read_iptables(text, flavour)
