"""The model of a Windows Firewall rule, and how it is written.

Source: [MS-FASP] 2.2.37 (FW_RULE) and [MS-GPFAS] 2.2.2 (the rule string). IPv6 halves of a rule are
kept as text: they tell only that an IPv4 address is not what the rule is about.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from pytest_wfo.core.intervals import Intervals
from pytest_wfo.core.policy import Direction

ANY_PROTOCOL = 256
TCP = 6

# Keywords which the registry writes under a token of their own since policy version 2.20.
LATE_KEYWORDS = frozenset(
    (
        "intranet",
        "internet",
        "rmtintranet",
        "ply2renders",
        "captiveportal",
        "internallocaladdresses",
    )
)


class Profile(str, Enum):
    """The profile of a network."""

    DOMAIN = "Domain"
    PRIVATE = "Private"
    PUBLIC = "Public"


ALL_PROFILES = frozenset(Profile)


class Store(str, Enum):
    """Where a rule is kept. The values name the store for people."""

    LOCAL = "local"
    GPO = "GPO"
    MDM = "MDM"
    LEGACY = "legacy GPO list"  # the exception lists of Windows XP, still honoured from a GPO
    WSH_STATIC = "service hardening (static)"
    WSH_CONFIG = "service hardening (configurable)"

    @property
    def hardening(self) -> bool:
        """Whether the store's rules form the service hardening layer."""
        return self in (Store.WSH_STATIC, Store.WSH_CONFIG)


class Action(str, Enum):
    """What a rule does."""

    ALLOW = "Allow"
    BLOCK = "Block"
    BYPASS = "ByPass"


@dataclass(frozen=True, slots=True)
class Ports:
    """A port condition: ``spans`` are inclusive, one for each entry as written; ``keywords`` are
    lower case ("rpc", "iphttpsin"): sets of ports that Windows keeps up to date itself."""

    spans: Intervals = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Addresses:
    """An address condition: IPv4 ``intervals`` (merged) and lower-case ``keywords``.

    With neither, the condition speaks of IPv6 only and matches no IPv4 address.
    """

    intervals: Intervals = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowsRule:
    """One rule as its string says it; None and empty conditions ask nothing.

    ``action`` and ``direction`` are None where missing or unreadable. ``platforms`` are (platform,
    major, minor), the last one also standing for later versions if ``or_later``. ``elsewhere`` are
    tokens that keep the rule away from TCP connections of desktop programs and services (packages,
    trust tuples); ``conditions`` are tokens whose truth nobody can know from outside, unknown tokens
    among them; ``faults`` are tokens that cannot be read. ``remarks`` are tokens without influence.
    ``problems`` say why Windows does not enforce the rule. ``text`` is the string as read.
    """

    store: Store
    id: str
    version: tuple[int, int] | None = None
    action: Action | None = None
    active: bool = False
    direction: Direction | None = None
    protocol: int = ANY_PROTOCOL
    profiles: frozenset[Profile] = ALL_PROFILES
    local_ports: Ports | None = None
    remote_ports: Ports | None = None
    local: Addresses | None = None
    remote: Addresses | None = None
    program: str = ""
    service: str = ""
    interfaces: tuple[str, ...] = ()
    interface_types: tuple[str, ...] = ()
    platforms: tuple[tuple[int, int, int], ...] = ()
    or_later: bool = False
    skipped_up_to: tuple[int, int] | None = None
    ignores_remote: bool = False
    bypasses_blocks: bool = False
    name: str = ""
    elsewhere: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    text: str = field(default="", compare=False)

    def lacks(self, token: str) -> bool:
        """Whether ``token`` ("Action") could not be read, as opposed to being absent."""
        prefix = f"{token.lower()}="
        return any(fault.lower().startswith(prefix) for fault in self.faults)


def format_rule(rule: WindowsRule) -> str:
    """The rule in the spelling that Windows itself uses; parsing it gives ``rule`` again."""
    version = "" if rule.version is None else f"v{rule.version[0]}.{rule.version[1]}"
    return "".join(f"{token}|" for token in (version, *_tokens(rule)))


def title(rule: WindowsRule) -> str:
    """Which rule: store, id and the name as it is kept (a resource reference is not resolved)."""
    name = f' "{_cut(rule.name, 80)}"' if rule.name and rule.name != rule.id else ""
    return f"{rule.store.value} rule {_cut(rule.id, 120)}{name}"


def summary(rule: WindowsRule) -> str:
    """``title`` and what the rule says, without the tokens that decide nothing."""
    told = [
        token
        for token in (_cut(each, 120) for each in rule.text.split("|")[1:] if each)
        if token.partition("=")[0].lower() not in _UNTOLD
    ]
    if len(told) > _MOST_TOLD:
        told = [*told[:_MOST_TOLD], f"and {len(told) - _MOST_TOLD} more conditions"]
    return f"{title(rule)}: {'|'.join(told)}"


_UNTOLD = frozenset(("active", "name", "desc", "embedctxt", "edge", "lsm", "pcross", "luown"))
_MOST_TOLD = 12


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _tokens(rule: WindowsRule) -> Iterator[str]:
    if rule.action:
        yield f"Action={rule.action.value}"
    if rule.active is not rule.store.hardening:
        yield "Active=TRUE" if rule.active else "Active=FALSE"
    if rule.direction:
        yield f"Dir={'In' if rule.direction is Direction.IN else 'Out'}"
    if rule.protocol != ANY_PROTOCOL:
        yield f"Protocol={rule.protocol}"
    if rule.profiles != ALL_PROFILES:
        yield from (f"Profile={profile.value}" for profile in Profile if profile in rule.profiles)
    yield from _port_tokens("LPort", rule.local_ports)
    yield from _port_tokens("RPort", rule.remote_ports)
    yield from _address_tokens("LA4", rule.local)
    yield from _address_tokens("RA4", rule.remote)
    for token, value in (("App", rule.program), ("Svc", rule.service)):
        if value:
            yield f"{token}={value}"
    yield from (f"IF={each}" for each in rule.interfaces)
    yield from (f"IFType={each}" for each in rule.interface_types)
    for platform, major, minor in rule.platforms:
        yield f"Platform={platform}:{major}:{minor}"
    if rule.or_later:
        yield "Platform2=GTEQ"
    if rule.skipped_up_to:
        yield f"SkipVer={rule.skipped_up_to[0]}.{rule.skipped_up_to[1]}"
    if rule.ignores_remote:
        yield "LOM=TRUE"
    if rule.bypasses_blocks:
        yield "AuthByPassOut=TRUE"
    if rule.name:
        yield f"Name={rule.name}"
    yield from rule.elsewhere + rule.conditions + rule.faults + rule.remarks


def _port_tokens(token: str, ports: Ports | None) -> Iterator[str]:
    if ports:
        for low, high in ports.spans:
            yield f"{token}={low}" if low == high else f"{token}2_10={low}-{high}"
        yield from (f"{token}={keyword}" for keyword in ports.keywords)


def _address_tokens(token: str, addresses: Addresses | None) -> Iterator[str]:
    if addresses:
        for low, high in addresses.intervals:
            first, last = ipaddress.IPv4Address(low), ipaddress.IPv4Address(high)
            yield f"{token}={first}" if low == high else f"{token}={first}-{last}"
        for keyword in addresses.keywords:
            yield f"{token}{'2' if keyword in LATE_KEYWORDS else ''}={keyword}"
