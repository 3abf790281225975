"""The packet filters of one host, read by several tools, as one."""

from __future__ import annotations

from pytest_wfo.core.packet_filter import PacketFilter

_TABLES = frozenset({"filter", "nat", "mangle", "raw", "security"})
_BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


def combine(
    nft: PacketFilter | None = None,
    iptables_nft: PacketFilter | None = None,
    iptables_legacy: PacketFilter | None = None,
    unread: tuple[str, ...] = (),
) -> PacketFilter:
    """Everything that was read, and in ``unread`` what was not.

    None is "not read": whoever calls knows whether that matters, and then says so in ``unread``.
    Tables of iptables-nft are in the nftables ruleset too, with parts that only iptables can name;
    their iptables reading is the one that counts.
    """
    filters = [iptables_nft, iptables_legacy]
    if nft is not None:
        filters.insert(0, _without_tables_of(iptables_nft, nft) if iptables_nft else nft)
    read = [each for each in filters if each is not None]
    return PacketFilter(
        tuple(base for each in read for base in each.base_chains),
        {key: rules for each in read for key, rules in each.chains.items()},
        (*(text for each in read for text in each.unread), *unread),
    )


def _without_tables_of(iptables: PacketFilter, nft: PacketFilter) -> PacketFilter:
    managed = _by_table(iptables)
    same = {
        f"ip {table}"
        for (family, table), chains in _by_table(nft).items()
        if family == "ip"
        and table in _TABLES
        and chains <= managed.get(("iptables-nft", table), set())
        and all(
            base.key.split(" ", 2)[2] in _BUILT_IN
            for base in nft.base_chains
            if base.key.startswith(f"ip {table} ")
        )
    }
    return PacketFilter(
        tuple(base for base in nft.base_chains if base.key.rpartition(" ")[0] not in same),
        {key: rules for key, rules in nft.chains.items() if key.rpartition(" ")[0] not in same},
        nft.unread,
    )


def _by_table(packet_filter: PacketFilter) -> dict[tuple[str, str], set[str]]:
    """Names of chains by the first two words of their keys."""
    found: dict[tuple[str, str], set[str]] = {}
    for key in packet_filter.chains:
        first, table, chain = key.split(" ", 2)
        found.setdefault((first, table), set()).add(chain)
    return found
