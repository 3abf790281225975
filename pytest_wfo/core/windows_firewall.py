"""What there is to know of a Windows host's firewall before a flow can be decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from pytest_wfo.core.windows_index import RuleIndex
from pytest_wfo.core.windows_profiles import EffectiveProfile, SettingsStore, effective_profile
from pytest_wfo.core.windows_rules import Profile, Store, WindowsRule

SYSTEM = "System"  # the program of sockets that the kernel holds (process 4), as http.sys does


@dataclass(frozen=True, slots=True)
class Program:
    """Who holds a socket: the image's full path or ``SYSTEM``, and the short names of the services
    in the process (None: not known)."""

    path: str
    services: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """One connected interface, loopback left out.

    ``id`` is the GUID in braces; ``type`` the IANA number (6 Ethernet, 71 Wi-Fi, 23 PPP; None: not
    read); ``addresses`` are IPv4 with prefix length ("10.20.0.10/24"); the other lists IPv4
    addresses, None where they could not be read. ``profile`` is that of the network's category:
    Public where Windows has none for it, None where the category could not be read. Other text than
    IPv4 makes deciding raise ValueError.
    """

    id: str
    name: str
    type: int | None
    addresses: tuple[str, ...]
    gateways: tuple[str, ...] | None
    dns: tuple[str, ...] | None
    dhcp: tuple[str, ...] | None
    wins: tuple[str, ...] | None
    profile: Profile | None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service: does it run, and is its start type "disabled" (Start = 4)."""

    running: bool
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class FirewallProduct:
    """A firewall of another vendor as Windows knows it. ``enabled`` is None where not known."""

    name: str
    enabled: bool | None


class Area(str, Enum):
    """A part of the evidence that may be missing."""

    RULES = "firewall rules"  # of the local, GPO or MDM store, or the legacy lists
    SETTINGS = "profile settings"
    HARDENING = "service hardening rules"
    INTERFACES = "network interfaces"
    SERVICES = "service states"
    PRODUCTS = "firewall products"


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and why ("GPO store: access denied")."""

    area: Area
    reason: str


@dataclass(frozen=True)
class WindowsFirewall:
    """The rules of all stores, the profile keys of each store, and what the rules depend on.

    ``policy_version`` is the host's highest schema version (PolicyVersion 0x21E is (2, 30));
    ``windows_version`` is (10, 0) and the like; ``windows_folder`` is "C:\\Windows" and the like,
    "" if not known. ``mpssvc`` and ``bfe`` are None where not known. What could not be read belongs
    into ``unread``; an empty list means "looked, found none".
    """

    rules: tuple[WindowsRule, ...]
    settings: Mapping[Store, SettingsStore]
    mpssvc: ServiceState | None
    bfe: ServiceState | None
    interfaces: tuple[NetworkInterface, ...]
    products: tuple[FirewallProduct, ...] = ()
    policy_version: tuple[int, int] | None = None
    windows_version: tuple[int, int] | None = None
    windows_folder: str = ""
    unread: tuple[Unread, ...] = field(default=())

    @cached_property
    def index(self) -> RuleIndex:
        """The rules by what finds them, made once."""
        return RuleIndex(self.rules, self.policy_version)

    @cached_property
    def profiles(self) -> Mapping[Profile, EffectiveProfile]:
        """The merged settings of each profile."""
        return {profile: effective_profile(profile, self.settings) for profile in Profile}
