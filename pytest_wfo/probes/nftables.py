"""``nft -j list ruleset`` as a packet filter of the model.

Schema: libnftables-json(5). Versions differ in detail (how a set prints, what an old nft leaves
out), so every unknown word becomes an opaque match or action of exactly its rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    Verb,
)
from pytest_wfo.probes.matching import (
    TRANSPARENT_TARGETS,
    NotUnderstoodError,
    address,
    doubtful,
    every,
)
from pytest_wfo.probes.nft_match import NamedSet, Sets, elements_of, read_match, single
from pytest_wfo.probes.nft_text import rule_text

_FAMILIES = ("ip", "inet", "bridge", "netdev")  # ip6 and arp never see IPv4
_BELOW_IP = ("bridge", "netdev")

# Bridge hooks that frames pass on their way to IP and from it. Frames from port to port (bridge
# forward) are no traffic of the host itself.
_BRIDGE_HOOKS = {
    "prerouting": Hook.INGRESS,
    "input": Hook.INGRESS,
    "output": Hook.EGRESS,
    "postrouting": Hook.EGRESS,
}

_PRIORITIES = {
    "raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100,
}  # fmt: skip

# Statements which neither end a rule nor choose packets.
_TRANSPARENT = frozenset({
    "counter", "log", "comment", "last", "flow", "dup", "ct helper", "ct timeout", "ct expectation",
})  # fmt: skip

# Statements which choose packets by something that cannot be known beforehand.
_UNKNOWABLE = {
    "limit": "a rate limit: depends on traffic",
    "quota": "a quota: depends on traffic",
    "meter": "a meter: depends on traffic",
    "set": "updates a set: depends on traffic",
    "map": "updates a map: depends on traffic",
    "ct count": "a connection limit: depends on traffic",
}

_VERDICTS = {
    "accept": Verb.ACCEPT,
    "drop": Verb.DROP,
    "reject": Verb.REJECT,
    "return": Verb.RETURN,
    "jump": Verb.JUMP,
    "goto": Verb.GOTO,
}

# What malformed JSON of the right outline makes of plain indexing.
_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def read_nftables(text: str) -> PacketFilter:
    """Read the whole ruleset; what is not understood is opaque or in ``unread``.

    Raises ValueError if ``text`` is not nft's JSON at all.
    """
    try:
        document = json.loads(text)
        entries = document["nftables"]
        if not isinstance(entries, list):
            raise TypeError
        return _Ruleset(entries).read()
    except RecursionError:
        raise ValueError("nft's JSON is nested too deeply to be a ruleset") from None
    except (ValueError, KeyError, TypeError):
        start = " ".join(text[:60].split())
        raise ValueError(f"not the JSON of 'nft -j list ruleset': {start!r}") from None


class _Ruleset:
    """The objects of one ruleset by kind; keys are "family table chain"."""

    def __init__(self, entries: list[Any]) -> None:
        self._chains: dict[str, dict[str, Any]] = {}
        self._rules: dict[str, list[dict[str, Any]]] = {}
        self._sets: dict[str, dict[str, NamedSet]] = {}
        self._dormant: set[str] = set()
        self._perhaps_dormant: set[str] = set()
        self._unread: list[str] = []
        for entry in entries:
            try:
                self._sort(*single(entry))
            except _MALFORMED:
                self._unread.append(f"nftables: an entry was not understood: {str(entry)[:80]}")
        self._mark_changing_sets()

    def _sort(self, kind: str, body: Any) -> None:
        if kind not in {"table", "chain", "rule", "set", "map", "element"}:
            return
        family = body["family"]
        if family not in _FAMILIES:
            return
        table = f"{family} {body['name' if kind == 'table' else 'table']}"
        if kind == "table":
            flags = set(_listed(body.get("flags")))
            if "dormant" in flags:
                self._dormant.add(table)
            elif flags - {"owner", "persist"}:  # nft 1.0.6 prints stray text for any flag
                self._perhaps_dormant.add(table)
        elif kind == "chain":
            self._chains[f"{table} {body['name']}"] = body
        elif kind == "rule":
            self._rules.setdefault(f"{table} {body['chain']}", []).append(body)
        elif kind in {"set", "map"}:
            changing = {"timeout", "dynamic"} & set(_listed(body.get("flags")))
            unsteady = "timeout" in body or bool(changing)
            doubt = "its elements change while the firewall runs" if unsteady else ""
            elements = list(_listed(body.get("elem")))
            self._sets.setdefault(table, {})[body["name"]] = NamedSet(elements, doubt)
        else:
            self._sets[table][body["name"]].elements += _listed(body["elem"])

    def _mark_changing_sets(self) -> None:
        """Sets that rules update; nft 1.0.6 does not print their ``dynamic`` flag."""
        for key, rules in self._rules.items():
            sets = self._sets.get(key.rpartition(" ")[0], {})
            for rule in rules:
                for expression in _listed(rule.get("expr")):
                    for kind in ("set", "map"):
                        body = expression.get(kind) if isinstance(expression, dict) else None
                        name = str(body.get(kind, "")) if isinstance(body, dict) else ""
                        if name[1:] in sets:
                            sets[name[1:]].doubt = "rules change its elements"

    def read(self) -> PacketFilter:
        chains = {}
        bases: list[BaseChain] = []
        for key, body in self._chains.items():
            table = key.rpartition(" ")[0]
            below = body["family"] in _BELOW_IP or body.get("hook") == "ingress"
            rules = [
                rule for each in self._rules.get(key, []) for rule in self._rule(table, key, each)
            ]
            chains[key] = tuple(_below_ip(rule) if below else rule for rule in rules)
            if table in self._perhaps_dormant:
                chains[key] = tuple(map(_perhaps_asleep, chains[key]))
            if "hook" in body and table not in self._dormant:
                bases += self._base(key, body)
        orphans = sorted(self._rules.keys() - self._chains.keys())
        self._unread += [f"nftables: rules of a chain that is not listed: {key}" for key in orphans]
        return PacketFilter(tuple(bases), chains, tuple(self._unread))

    def _base(self, key: str, body: dict[str, Any]) -> Iterator[BaseChain]:
        try:
            below = body["family"] in _BELOW_IP or body["hook"] == "ingress"
            if body["family"] == "bridge":
                if body["hook"] == "forward":
                    return
                hook = _BRIDGE_HOOKS[body["hook"]]
            else:
                hook = Hook(body["hook"])
            policy = {"accept": Verb.ACCEPT, "drop": Verb.DROP}.get(body.get("policy", "accept"))
            asleep = key.rpartition(" ")[0] in self._perhaps_dormant
            if policy is None or ((below or asleep) and policy is Verb.DROP):
                policy = Verb.OPAQUE
            kind = body["type"]
            if kind not in {"filter", "route", "nat"}:
                raise NotUnderstoodError(kind)
            yield BaseChain(key, hook, _priority(body["prio"]), kind, policy)
        except _MALFORMED:
            self._unread.append(f"nftables: base chain {key} was not understood")

    def _rule(self, table: str, key: str, body: dict[str, Any]) -> Iterator[Rule]:
        handle = body.get("handle", "?")
        text = f"{key}: {rule_text(body.get('expr'))} (handle {handle})"
        comment = body.get("comment")
        if isinstance(comment, str):
            text = f"{text[:-1]}, {comment[:60]!r})"
        try:
            yield from _Statements(table, self._sets.get(table, {}), text).read(body["expr"])
        except _MALFORMED:
            yield Rule(Match(), Action(Verb.OPAQUE, "not understood"), text)


class _Statements:
    """One rule: its statements from left to right."""

    def __init__(self, table: str, sets: Sets, text: str) -> None:
        self._table = table
        self._sets = sets
        self._text = text
        self._matches = [Match()]

    def read(self, expressions: list[Any]) -> list[Rule]:
        """The rules of the model that the statements make; none if they change no packet's fate."""
        rules: list[Rule] = []
        open_end = ""
        for expression in expressions:
            kind, body = single(expression)
            if not self._matches:
                return rules
            if _is_transparent(kind, body):
                continue
            if kind == "match":
                self._match(body)
            elif kind in _UNKNOWABLE:
                self._doubt(_UNKNOWABLE[kind])
            elif kind == "notrack":
                rules += self._rules(Action(Verb.NOTRACK))
            elif kind == "vmap":
                return rules + self._verdict_map(body)
            elif kind == "continue":
                return rules
            elif (action := self._action(kind, body)) is not None:
                return rules + self._rules(action)
            else:
                open_end = f"not understood: {_name(kind, body)}"
                self._doubt(open_end)
        if open_end:  # the unknown statement may itself be what ends the rule
            rules += self._rules(Action(Verb.OPAQUE, open_end))
        return rules

    def _rules(self, action: Action) -> list[Rule]:
        return [Rule(match, action, self._text) for match in self._matches]

    def _doubt(self, reason: str) -> None:
        self._matches = [doubtful(match, reason) for match in self._matches]

    def _match(self, body: Any) -> None:
        try:
            found = read_match(body["left"], body.get("op", "=="), body["right"], self._sets)
            self._matches = every(self._matches, found)
        except NotUnderstoodError as problem:
            self._doubt(f"not understood: {problem}")

    def _verdict_map(self, body: Any) -> list[Rule]:
        try:
            rules = []
            for element in elements_of(body["data"], self._sets):
                key, verdict = element
                found = read_match(body["key"], "==", _value(key), self._sets)
                kind, target = single(verdict)
                if kind == "continue":
                    continue
                unknown = Action(Verb.OPAQUE, f"not understood: {kind}")
                action = self._action(kind, target) or unknown
                rules += [Rule(match, action, self._text) for match in every(self._matches, found)]
            return rules
        except _MALFORMED as problem:
            known = isinstance(problem, NotUnderstoodError)
            self._doubt(f"not understood: {problem if known else 'a verdict map'}")
            return self._rules(Action(Verb.OPAQUE, "verdict map"))

    def _action(self, kind: str, body: Any) -> Action | None:
        if kind in {"jump", "goto"}:
            return Action(_VERDICTS[kind], f"{self._table} {body['target']}")
        if kind in _VERDICTS:
            return Action(_VERDICTS[kind])
        if kind in {"snat", "masquerade"} or _name(kind, body) in {"xt SNAT", "xt MASQUERADE"}:
            return Action(Verb.SNAT)
        if kind == "redirect":
            return Action(Verb.DNAT)
        if kind == "dnat":
            return _dnat(body)
        return None


def _dnat(body: Any) -> Action:
    port = body.get("port")
    try:
        target = address(body.get("addr"))
    except NotUnderstoodError:
        return Action(Verb.DNAT)
    if port is None:
        return Action(Verb.DNAT, address=target)
    if isinstance(port, int) and 0 < port <= 65535:
        return Action(Verb.DNAT, address=target, port=port)
    return Action(Verb.DNAT)


def _value(key: Any) -> Any:
    """A map's key as the right-hand side of a match: a concatenation is an element of a set."""
    return {"set": [key]}


def _name(kind: str, body: Any) -> str:
    """A statement's name; iptables extensions ("xt") say which in newer versions of nft."""
    named = kind == "xt" and isinstance(body, dict)
    return f"xt {body.get('name', '')}".strip() if named else kind


def _is_transparent(kind: str, body: Any) -> bool:
    """Whether a statement neither ends a rule nor chooses packets nor moves them elsewhere."""
    if kind == "xt" and isinstance(body, dict):
        return body.get("name") == "comment" or body.get("name") in TRANSPARENT_TARGETS
    if kind != "mangle":
        return kind in _TRANSPARENT
    kind, inner = single(body["key"])
    if kind == "payload":
        return (inner.get("protocol"), inner.get("field")) in {
            ("ip", "dscp"), ("ip", "ecn"), ("ip", "ttl"), ("ip6", "dscp"), ("ip6", "hoplimit"),
        }  # fmt: skip
    return kind in {"meta", "ct", "tcp option"}


def _below_ip(rule: Rule) -> Rule:
    """Bridge and netdev rules see frames and other interfaces: their denials are not certain."""
    match, action = rule.match, rule.action
    if match.incoming or match.outgoing:
        match = replace(
            match, incoming=(), outgoing=(), opaque=(*match.opaque, "interface below IP")
        )
    if action.verb in {Verb.DROP, Verb.REJECT}:
        action = Action(Verb.OPAQUE, "acts below IP, where routing and interfaces differ")
    return Rule(match, action, rule.text)


def _perhaps_asleep(rule: Rule) -> Rule:
    """A rule of a table that may be switched off: nothing it changes is certain."""
    if rule.action.verb in {Verb.ACCEPT, Verb.RETURN, Verb.JUMP, Verb.GOTO}:
        return rule
    reason = "its table may be dormant: this version of nft does not say"
    return Rule(rule.match, Action(Verb.OPAQUE, reason), rule.text)


def _priority(value: Any) -> int:
    """A number, or "filter", "filter + 10". Raises ValueError otherwise."""
    if isinstance(value, int):
        return value
    words = str(value).split()
    number = _PRIORITIES[words[0]] if words[0] in _PRIORITIES else int(words[0])
    if len(words) == 3:
        number += int(words[2]) * {"+": 1, "-": -1}[words[1]]
    return number


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
