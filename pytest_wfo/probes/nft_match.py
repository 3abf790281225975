"""One condition of an nftables rule, in nft's JSON, as matches of the model.

Schema: libnftables-json(5). A condition becomes a list of alternatives; an empty list means that
no IPv4 TCP packet satisfies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_wfo.core.packet_filter import Interfaces, Match, State
from pytest_wfo.probes.matching import (
    NotUnderstoodError,
    address,
    every,
    network,
    on_field,
    pairs,
    port,
    tcp_flags,
    with_flags,
)

_FIELDS = {
    ("ip", "saddr"): ("sources", address),
    ("ip", "daddr"): ("destinations", address),
    ("tcp", "sport"): ("source_ports", port),
    ("tcp", "dport"): ("destination_ports", port),
    ("th", "sport"): ("source_ports", port),
    ("th", "dport"): ("destination_ports", port),
}

_NOT_IPV4_TCP = frozenset({
    "ip6", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "esp", "ah", "comp", "arp",
    "gre", "rt", "hbh", "frag", "dst", "mh",
})  # fmt: skip

# What these expressions give for an IPv4 TCP packet, by name and by number.
_CONSTANTS = {
    ("meta", "l4proto"): ("tcp", 6, "6"),
    ("meta", "protocol"): ("ip", 0x0800, "0x0800"),
    ("meta", "nfproto"): ("ipv4", 2, "2"),
    ("ip", "protocol"): ("tcp", 6, "6"),
    ("ip", "version"): (4, "4"),
    ("ether", "type"): ("ip", 0x0800, "0x0800"),
}

Sets = Mapping[str, "NamedSet"]


class NamedSet:
    """A named set or map: its elements, and why they cannot be relied on ("" if they can)."""

    def __init__(self, elements: list[Any], doubt: str = "") -> None:
        self.elements = elements
        self.doubt = doubt


def read_match(left: Any, op: str, right: Any, sets: Sets) -> list[Match]:
    """The alternatives of ``left op right``. Raises NotUnderstoodError with what is not known."""
    kind, body = single(left)
    if kind == "payload":
        return _payload(body, op, right, sets)
    if kind == "meta":
        return _meta(body, op, right, sets)
    if kind == "ct":
        return _conntrack(body, op, right, sets)
    if kind == "concat":
        return _concatenation(body, op, right, sets)
    if kind == "&":
        return _masked(body, op, right)
    if kind == "fib":
        return _fib(body, op, right)
    raise NotUnderstoodError(kind)


def elements_of(value: Any, sets: Sets) -> list[Any]:
    """The elements that a right-hand side stands for, unwrapped. Raises NotUnderstoodError."""
    if isinstance(value, str) and value.startswith("@"):
        found = sets.get(value[1:])
        if found is None:
            raise NotUnderstoodError(f"set {value}, which is not in the ruleset")
        if found.doubt:
            raise NotUnderstoodError(f"set {value}: {found.doubt}")
        return [unwrapped(element) for element in found.elements]
    if isinstance(value, dict) and "set" in value:
        inner = value["set"]
        return [unwrapped(each) for each in (inner if isinstance(inner, list) else [inner])]
    return [unwrapped(value)]


def unwrapped(element: Any) -> Any:
    """An element without comment and counter. Raises NotUnderstoodError if it may expire."""
    if isinstance(element, dict) and "elem" in element:
        body = element["elem"]
        unsteady = set(body) - {"val", "comment", "counter"}
        if unsteady:
            raise NotUnderstoodError(f"a set element with {', '.join(sorted(unsteady))}")
        return body["val"]
    return element


def single(node: Any) -> tuple[str, Any]:
    """Key and value of a JSON object with one key. Raises NotUnderstoodError for anything else."""
    if isinstance(node, dict) and len(node) == 1:
        ((key, value),) = node.items()
        return str(key), value
    raise NotUnderstoodError("an expression in an unknown form")


def _pair(element: Any, convert: Callable[[object], int]) -> tuple[int, int]:
    if isinstance(element, dict):
        kind, body = single(element)
        if kind == "range":
            low, high = body
            return convert(low), convert(high)
        if kind == "prefix" and convert is address:
            return network(f"{body['addr']}/{body['len']}")
        raise NotUnderstoodError(kind)
    if isinstance(element, (str, int)) and not isinstance(element, bool):
        return (convert(element),) * 2
    raise NotUnderstoodError("a value in an unknown form")


def _payload(body: Any, op: str, right: Any, sets: Sets) -> list[Match]:
    protocol, field = body.get("protocol"), body.get("field")
    if protocol in _NOT_IPV4_TCP:
        return []
    if (protocol, field) in _CONSTANTS:
        return _constant((protocol, field), op, right, sets)
    if (protocol, field) == ("tcp", "flags"):
        return _flags(0xFF, op, right, sets)
    if (protocol, field) not in _FIELDS:
        raise NotUnderstoodError(f"{protocol or 'raw payload'} {field or ''}".strip())
    name, convert = _FIELDS[protocol, field]
    found = pairs(_pair(element, convert) for element in elements_of(right, sets))
    if op in {"==", "in", "!="}:
        return on_field(name, found, negated=op == "!=")
    value = found[0][0]
    top = 2**32
    ranges = {
        "<": (0, value - 1),
        "<=": (0, value),
        ">": (value + 1, top),
        ">=": (value, top),
    }
    if op not in ranges or len(found) != 1 or found[0][0] != found[0][1]:
        raise NotUnderstoodError(f"operator {op}")
    low, high = ranges[op]
    return on_field(name, ((low, high),) if low <= high else ())


def _constant(what: tuple[str, str], op: str, right: Any, sets: Sets) -> list[Match]:
    elements = elements_of(right, sets)
    if any(isinstance(element, (dict, list)) for element in elements):
        raise NotUnderstoodError(" ".join(what))
    return _if(any(element in _CONSTANTS[what] for element in elements), op)


def _if(hit: bool, op: str) -> list[Match]:
    if op not in {"==", "in", "!="}:
        raise NotUnderstoodError(f"operator {op}")
    return [Match()] if hit is not (op == "!=") else []


def _meta(body: Any, op: str, right: Any, sets: Sets) -> list[Match]:
    key = body.get("key")
    if ("meta", key) in _CONSTANTS:
        return _constant(("meta", key), op, right, sets)
    if key not in {"iif", "iifname", "oif", "oifname"}:
        raise NotUnderstoodError(f"meta {key}")
    names = elements_of(right, sets)
    # A number is the index of an interface that is gone; a backslash quotes a literal star.
    if not all(isinstance(name, str) and "\\" not in name for name in names):
        raise NotUnderstoodError(f"{key} without a plain name")
    if key in {"iif", "oif"} and any(name.endswith("*") or name.isdigit() for name in names):
        raise NotUnderstoodError(f"{key} without a plain name")
    if op not in {"==", "in", "!="}:
        raise NotUnderstoodError(f"operator {op}")
    interfaces = (Interfaces(tuple(names), negated=op == "!="),)
    return [Match(incoming=interfaces) if key.startswith("i") else Match(outgoing=interfaces)]


def _conntrack(body: Any, op: str, right: Any, sets: Sets) -> list[Match]:
    key = body.get("key")
    if key == "status":  # ours has its destination rewritten or not; other bits are not followed
        if right not in ("dnat", ["dnat"]) or op not in {"in", "!"}:
            raise NotUnderstoodError("ct status")
        return [Match(translated=op == "in")]
    if key != "state":
        raise NotUnderstoodError(f"ct {key}")
    bits = isinstance(right, list) and len(right) != 1
    if op not in {"in", "!"} and (op not in {"==", "!="} or bits):
        raise NotUnderstoodError("ct state")  # compares the whole bit mask
    names = right if isinstance(right, list) else elements_of(right, sets)
    if not all(isinstance(name, str) for name in names):
        raise NotUnderstoodError("ct state")
    states = frozenset(state for state in State if state.value in names)
    if op in {"!", "!="}:
        states = frozenset(State) - states
    return [Match(states=states)] if states else []


def _flags(mask: int, op: str, right: Any, sets: Sets) -> list[Match]:
    if op in {"in", "!"}:  # any of the flags is set, or none
        bits = tcp_flags(right if isinstance(right, list) else [right])
        return with_flags(mask & bits, 0, negated=op == "in")
    if op not in {"==", "!="}:
        raise NotUnderstoodError(f"tcp flags {op}")
    if isinstance(right, dict) and op == "==":
        found = []
        for element in elements_of(right, sets):
            found += _flags(mask, op, element, sets)
        return found
    if isinstance(right, dict) and "|" in right:
        right = right["|"]
    values = right if isinstance(right, list) else [right]
    return with_flags(mask, tcp_flags(values), negated=op == "!=")


def _masked(body: Any, op: str, right: Any) -> list[Match]:
    left, mask = body
    kind, inner = single(left)
    if kind == "payload" and (inner.get("protocol"), inner.get("field")) == ("tcp", "flags"):
        if isinstance(mask, dict) and "|" in mask:
            mask = mask["|"]
        return _flags(tcp_flags(mask if isinstance(mask, list) else [mask]), op, right, {})
    raise NotUnderstoodError(f"{kind} with a bit mask")


def _fib(body: Any, op: str, right: Any) -> list[Match]:
    flags, result = body.get("flags"), body.get("result")
    flags = flags if isinstance(flags, list) else [flags]
    if result == "type" and right == "local" and op in {"==", "!="}:
        if flags == ["saddr"]:
            return [Match(source_local=op == "==")]
        if flags == ["daddr"]:
            return [Match(destination_local=op == "==")]
    raise NotUnderstoodError("fib")


def _concatenation(body: Any, op: str, right: Any, sets: Sets) -> list[Match]:
    if op not in {"==", "in"}:
        raise NotUnderstoodError("a negated match on a concatenation")
    found = []
    for element in elements_of(right, sets):
        values = element.get("concat") if isinstance(element, dict) else None
        if not isinstance(values, list) or len(values) != len(body):
            raise NotUnderstoodError("a concatenation in an unknown form")
        alternatives = [Match()]
        for left, value in zip(body, values, strict=True):
            alternatives = every(alternatives, read_match(left, "==", value, sets))
        found += alternatives
    return found
