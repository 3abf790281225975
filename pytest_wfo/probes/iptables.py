"""``iptables-save`` output, of iptables-legacy or iptables-nft, as a packet filter of the model.

Options and targets: iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    Verb,
)
from pytest_wfo.probes.iptables_match import read_conditions
from pytest_wfo.probes.matching import TRANSPARENT_TARGETS, NotUnderstoodError, address, port

_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}

_BUILT_IN = {
    "PREROUTING": Hook.PREROUTING,
    "INPUT": Hook.INPUT,
    "FORWARD": Hook.FORWARD,
    "OUTPUT": Hook.OUTPUT,
    "POSTROUTING": Hook.POSTROUTING,
}

_VERDICTS = {
    "ACCEPT": Verb.ACCEPT,
    "DROP": Verb.DROP,
    "REJECT": Verb.REJECT,
    "RETURN": Verb.RETURN,
}

# The tables of iptables-nft, as nft shows them.
_NFT_TABLES = frozenset(f"ip {table}" for table in _PRIORITIES)

_COUNTERS = re.compile(r"^\[\d+:\d+\]\s+")


def read_iptables(text: str, flavour: str) -> PacketFilter:
    """Read what ``iptables-save`` printed; ``flavour`` is "nft" or "legacy", to name the rules.

    Empty text is an empty filter: it says nothing about the other flavours. What is not understood
    is opaque or in ``unread``. Raises ValueError if ``text`` is not iptables-save output at all.
    """
    if text.strip() and not re.search(r"^(\*\w+|#.*)$", text, re.MULTILINE):
        start = " ".join(text[:60].split())
        raise ValueError(f"not the output of iptables-save: {start!r}")
    return _Save(f"iptables-{flavour}").read(text)


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
        table
        for table, chains in _by_table(nft).items()
        if table in _NFT_TABLES
        and chains <= managed.get(table.replace("ip ", "iptables-nft ", 1), set())
    }
    for base in nft.base_chains:  # iptables shows no base chain of another name
        table, _, chain = base.key.rpartition(" ")
        if chain not in _BUILT_IN:
            same.discard(table)
    return PacketFilter(
        tuple(base for base in nft.base_chains if base.key.rpartition(" ")[0] not in same),
        {key: rules for key, rules in nft.chains.items() if key.rpartition(" ")[0] not in same},
        nft.unread,
    )


def _by_table(packet_filter: PacketFilter) -> dict[str, set[str]]:
    """Names of chains by the words before them: "ip filter", "iptables-nft filter"."""
    found: dict[str, set[str]] = {}
    for key in packet_filter.chains:
        table, _, chain = key.rpartition(" ")
        found.setdefault(table, set()).add(chain)
    return found


class _Save:
    """The state of reading one listing; keys are "iptables-legacy table chain"."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._table = ""
        self._policies: dict[str, tuple[str, str, str]] = {}
        self._lines: dict[str, list[str]] = {}
        self._unread: list[str] = []

    def read(self, text: str) -> PacketFilter:
        for raw in text.splitlines():
            line = _COUNTERS.sub("", raw.strip())
            if not line or line.startswith("#"):
                continue
            if not self._take(line):
                self._unread.append(f"{self._tool}: a line was not understood: {line[:80]!r}")
        if self._table:
            self._unread.append(f"{self._tool}: the listing of table {self._table} is cut off")
        chains = {
            key: tuple(rule for line in lines for rule in self._rule(key, line))
            for key, lines in self._lines.items()
        }
        return PacketFilter(tuple(self._bases()), chains, tuple(self._unread))

    def _take(self, line: str) -> bool:
        words = line.split(None, 2)
        if line.startswith("*"):
            self._table = line[1:]
            return self._table in _PRIORITIES
        if line == "COMMIT":
            self._table = ""
            return True
        if not self._table or len(words) < 2:
            return False
        if line.startswith(":"):
            key = self._key(words[0][1:])
            self._policies[key] = (self._table, words[0][1:], words[1])
            self._lines.setdefault(key, [])
            return True
        if words[0] == "-A":
            self._lines.setdefault(self._key(words[1]), []).append(line)
            return True
        return False

    def _key(self, chain: str) -> str:
        return f"{self._tool} {self._table} {chain}"

    def _bases(self) -> Iterator[BaseChain]:
        for key, (table, chain, policy) in self._policies.items():
            if chain not in _BUILT_IN or table not in _PRIORITIES:
                continue
            verb = {"ACCEPT": Verb.ACCEPT, "DROP": Verb.DROP}.get(policy, Verb.OPAQUE)
            kind = "nat" if table == "nat" else "filter"
            yield BaseChain(key, _BUILT_IN[chain], _PRIORITIES[table], kind, verb)

    def _rule(self, key: str, line: str) -> list[Rule]:
        table = key.split(" ", 2)[1]
        text = f"{self._tool} {table}: {line}"
        try:
            words = shlex.split(line)[2:]
            conditions, target, options = _split_at_target(words)
            matches = read_conditions(conditions)
            action = self._action(key, target, options)
        except ValueError as problem:
            known = isinstance(problem, NotUnderstoodError)
            why = f"not understood: {problem}" if known else "not understood"
            return [Rule(Match(), Action(Verb.OPAQUE, why), text)]
        return [] if action is None else [Rule(match, action, text) for match in matches]

    def _action(self, key: str, target: tuple[str, str], options: list[str]) -> Action | None:
        """None where the rule changes no packet's fate."""
        option, name = target
        if not option or name in TRANSPARENT_TARGETS:
            return None
        if name in _VERDICTS:
            return Action(_VERDICTS[name])
        if name == "NOTRACK" or (name == "CT" and "--notrack" in options):
            return Action(Verb.NOTRACK)
        if name == "CT":
            return None
        if name in {"SNAT", "MASQUERADE"}:
            return Action(Verb.SNAT)
        if name == "NETMAP":
            return Action(Verb.SNAT if key.endswith(" POSTROUTING") else Verb.DNAT)
        if name == "REDIRECT":
            return Action(Verb.DNAT)
        if name == "DNAT":
            return _dnat(options)
        chain = f"{key.rpartition(' ')[0]} {name}"
        if chain in self._lines:
            return Action(Verb.GOTO if option == "-g" else Verb.JUMP, chain)
        return Action(Verb.OPAQUE, f"not understood: target {name}")


def _split_at_target(words: list[str]) -> tuple[list[str], tuple[str, str], list[str]]:
    """Conditions, the target option with its name, and the target's own options."""
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif word == "--comment":  # its text may be anything
            skip = True
        elif word in {"-j", "-g", "--jump", "--goto"}:
            if index + 1 == len(words):
                raise NotUnderstoodError("a jump to nowhere")
            option = "-g" if word in {"-g", "--goto"} else "-j"
            return words[:index], (option, words[index + 1]), words[index + 2 :]
    return words, ("", ""), []


def _dnat(options: list[str]) -> Action:
    """Exact for one address and at most one port; else where it goes is not known beforehand."""
    if "--to-destination" not in options[:-1]:
        return Action(Verb.DNAT)
    target = options[options.index("--to-destination") + 1]
    where, colon, which = target.partition(":")
    try:
        return Action(Verb.DNAT, "", address(where), port(which) if colon else None)
    except NotUnderstoodError:
        return Action(Verb.DNAT)
