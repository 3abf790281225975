"""From the rule strings of the registry to rules. Any text gives a rule; nothing raises.

Grammar: [MS-GPFAS] 2.2.2. Real stores bend it (case, order, comma lists), so a string is first split
into tokens by name and then read. What the tokens mean together is in ``windows_validity``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from pytest_wfo.core.intervals import normalize
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_rules import (
    ALL_PROFILES,
    ANY_PROTOCOL,
    Action,
    Addresses,
    Ports,
    Profile,
    Store,
    WindowsRule,
)
from pytest_wfo.core.windows_validity import problems_of

T = TypeVar("T")
Tokens = Mapping[str, list[str]]  # values by kind of token
Span = tuple[int, int]

_KINDS: dict[str, str] = {
    **{
        name.lower(): name
        for name in (
            "Action", "Active", "Dir", "Protocol", "App", "Svc", "Platform2", "SkipVer", "LOM",
            "AuthByPassOut", "Name", "Profile", "IF", "IFType", "Platform",
        )
    },
    **dict.fromkeys(("apppkgid", "pfn"), "elsewhere"),
    **dict.fromkeys(
        ("desc", "embedctxt", "edge", "defer", "lsm", "pcross", "luown", "icmp4", "icmp6"), "remark"
    ),
}  # fmt: skip
_FAMILIES = (  # later versions of a token carry a suffix: LPort2_10, RA42, TTK2_28
    (re.compile(r"lport(2_[0-9]+)?"), "LPort"),
    (re.compile(r"rport(2_[0-9]+)?"), "RPort"),
    (re.compile(r"la4(2(_[0-9]+)?)?"), "LA4"),
    (re.compile(r"la6(2(_[0-9]+)?)?"), "LA6"),
    (re.compile(r"ra4(2(_[0-9]+)?)?"), "RA4"),
    (re.compile(r"ra6(2(_[0-9]+)?)?"), "RA6"),
    (re.compile(r"ttk(2_[0-9]+)?"), "elsewhere"),
)
# Understood, but whether they hold cannot be seen from outside: IPsec, users, named networks.
KNOWN_CONDITIONS = frozenset(
    (
        "security", "security2", "security2_9", "rmauth", "ruauth", "luauth", "luauth2_24", "nnm",
        "securityrealmid",
    )
)  # fmt: skip
_KEPT_WHOLE = frozenset(("condition", "elsewhere", "remark", "LA6", "RA6"))

_ACTIONS = {each.value.lower(): each for each in Action}
_BOOLEANS = {"true": True, "false": False}
_DIRECTIONS = {"in": Direction.IN, "out": Direction.OUT}
_PROFILES = {each.value.lower(): each for each in Profile}
_PROTOCOL_NAMES = {"tcp": 6, "udp": 17}  # the service hardening stores spell them out
_OPERATORS = {"gteq": True}

_NUMBER = re.compile(r"[0-9]{1,5}")
_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})", re.IGNORECASE)
_PLATFORM = re.compile(r"([0-9]{1,5}):([0-9]{1,5}):([0-9]{1,5})")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_LOOPBACK = 127
_ALL_BITS = 2**32 - 1


def parse_rule(store: Store, id: str, text: str) -> WindowsRule:
    """The rule that ``text`` describes; ``id`` is the name of the registry value."""
    head, *parts = text.split("|")
    tokens: dict[str, list[str]] = {}
    for part in parts:
        if not part:
            continue
        name, _, value = part.partition("=")
        kind = _kind(name)
        tokens.setdefault(kind, []).append(part if kind in _KEPT_WHOLE else value)
    faults: list[str] = []
    active = _one("Active", tokens, _boolean, faults)
    protocol = _one("Protocol", tokens, _protocol_name if store.hardening else _protocol, faults)
    rule = WindowsRule(
        store=store,
        id=id,
        version=_version(head),
        action=_one("Action", tokens, _action, faults),
        active=store.hardening if active is None else active,
        direction=_one("Dir", tokens, _direction, faults),
        protocol=ANY_PROTOCOL if protocol is None else protocol,
        profiles=frozenset(_several("Profile", tokens, _profile, faults)) or ALL_PROFILES,
        local_ports=_ports("LPort", tokens, faults),
        remote_ports=_ports("RPort", tokens, faults),
        local=_addresses("LA4", "LA6", tokens, faults),
        remote=_addresses("RA4", "RA6", tokens, faults),
        program=_one("App", tokens, _text, faults) or "",
        service=_one("Svc", tokens, _text, faults) or "",
        interfaces=_several("IF", tokens, _text, faults),
        interface_types=_several("IFType", tokens, _text, faults),
        platforms=_several("Platform", tokens, _platform, faults),
        or_later=bool(_one("Platform2", tokens, _operator, faults)),
        skipped_up_to=_one("SkipVer", tokens, _version, faults),
        ignores_remote=bool(_one("LOM", tokens, _boolean, faults)),
        bypasses_blocks=bool(_one("AuthByPassOut", tokens, _boolean, faults)),
        name=_one("Name", tokens, _text, faults) or "",
        elsewhere=tuple(tokens.get("elsewhere", ())),
        conditions=tuple(tokens.get("condition", ())),
        remarks=(*tokens.get("remark", ()), *tokens.get("LA6", ()), *tokens.get("RA6", ())),
        faults=tuple(faults),
        text=text,
    )
    problems = problems_of(rule)
    return replace(rule, problems=problems) if problems else rule


@lru_cache(4096)
def _kind(name: str) -> str:
    """What a token is about; whatever is not known is a condition."""
    lower = name.lower()
    for family, kind in _FAMILIES:
        if family.fullmatch(lower):
            return kind
    return _KINDS.get(lower, "condition")


def _one(name: str, tokens: Tokens, read: Callable[[str], T | None], faults: list[str]) -> T | None:
    """A token that may occur once; given twice, none of its values counts."""
    if name not in tokens:
        return None
    values = tokens[name]
    found = read(values[0]) if len(values) == 1 else None
    if found is None:
        faults += [f"{name}={value}" for value in values]
    return found


def _several(
    name: str, tokens: Tokens, read: Callable[[str], T | None], faults: list[str]
) -> tuple[T, ...]:
    if name not in tokens:
        return ()
    found = []
    for value in tokens[name]:
        one = read(value)
        if one is None:
            faults.append(f"{name}={value}")
        else:
            found.append(one)
    return tuple(found)


def _text(value: str) -> str | None:
    return value or None


def _action(value: str) -> Action | None:
    return _ACTIONS.get(value.lower())


def _boolean(value: str) -> bool | None:
    return _BOOLEANS.get(value.lower())


def _direction(value: str) -> Direction | None:
    return _DIRECTIONS.get(value.lower())


def _profile(value: str) -> Profile | None:
    return _PROFILES.get(value.lower())


def _operator(value: str) -> bool | None:
    return _OPERATORS.get(value.lower())


def _protocol(value: str) -> int | None:
    number = int(value) if _NUMBER.fullmatch(value) else ANY_PROTOCOL
    return number if number < ANY_PROTOCOL else None


def _protocol_name(value: str) -> int | None:
    return _PROTOCOL_NAMES.get(value.lower()) or _protocol(value)


def _version(value: str) -> tuple[int, int] | None:
    found = _VERSION.fullmatch(value)
    return (int(found[1]), int(found[2])) if found else None


def _platform(value: str) -> tuple[int, int, int] | None:
    found = _PLATFORM.fullmatch(value)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _ports(name: str, tokens: Tokens, faults: list[str]) -> Ports | None:
    if name not in tokens:
        return None
    spans: list[Span] = []
    keywords: set[str] = set()
    everything = False
    for value in tokens[name]:
        for entry in value.split(","):
            span = _port_span(entry)
            if span:
                spans.append(span)
            elif entry == "*":
                everything = True
            elif _WORD.fullmatch(entry):
                keywords.add(entry.lower())
            else:
                faults.append(f"{name}={entry}")
    if everything or not (spans or keywords):
        return None
    return Ports(tuple(spans), tuple(sorted(keywords)))


@lru_cache(4096)
def _port_span(entry: str) -> Span | None:
    first, dash, last = entry.partition("-")
    if not _NUMBER.fullmatch(first) or (dash and not _NUMBER.fullmatch(last)):
        return None
    low, high = int(first), int(last) if dash else int(first)
    return (low, high) if low <= high <= 65535 else None


def _addresses(name: str, other_family: str, tokens: Tokens, faults: list[str]) -> Addresses | None:
    """One structure for both families: where there is only IPv6, no IPv4 address matches."""
    if name not in tokens and other_family not in tokens:
        return None
    spans: list[Span] = []
    keywords: set[str] = set()
    for value in tokens.get(name, ()):
        span = _address_span(value)
        if span:
            spans.append(span)
        elif name == "RA4" and _WORD.fullmatch(value):
            keywords.add(value.lower())
        else:
            faults.append(f"{name}={value}")
    if spans or keywords or other_family in tokens:
        return Addresses(normalize(spans), tuple(sorted(keywords)))
    return None


def _address_span(value: str) -> Span | None:
    """A single address, a range, or a subnet by mask or prefix length; None for anything else, mask
    0 and unspecified or loopback addresses included: Windows takes none of these."""
    first, slash, mask = value.partition("/")
    first, dash, last = first.partition("-")
    low = _ipv4(first)
    if low is None or (slash and dash):
        return None
    high: int | None = low
    if slash:
        bits = _mask(mask)
        low, high = (0, None) if bits is None else (low & bits, low | (bits ^ _ALL_BITS))
    elif dash:
        high = _ipv4(last)
    if high is None or low > high or low == 0 or low >> 24 == _LOOPBACK:
        return None
    return low, high


def _mask(text: str) -> int | None:
    """The mask as a number; None for 0 and for what is no contiguous mask."""
    if _NUMBER.fullmatch(text):
        length = int(text)
        return _ALL_BITS ^ (_ALL_BITS >> length) if 1 <= length <= 32 else None
    bits = _ipv4(text)
    if not bits:
        return None
    inverse = bits ^ _ALL_BITS
    return bits if inverse & (inverse + 1) == 0 else None


def _ipv4(text: str) -> int | None:
    try:
        return int(ipaddress.IPv4Address(text))
    except ValueError:
        return None
