"""Which interfaces, and so which profiles, carry the connections of a flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.windows_firewall import Area, NetworkInterface, WindowsFirewall
from pytest_wfo.core.windows_rules import Profile

_LOOPBACK = AddressSet.of("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Carrier:
    """An interface under a profile. ``certain``: the connections surely pass it under that profile;
    otherwise they may. ``interface`` is None where the interfaces are not known."""

    interface: NetworkInterface | None
    profile: Profile
    certain: bool

    def __str__(self) -> str:
        name = self.interface.name if self.interface else "interfaces not known"
        return f"the {self.profile.value} profile ({name})"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Connections between these own and remote addresses, and what carries them.

    ``held``: the own addresses are those of an interface, not ones that something in front of the
    host translates. Without carriers the connections stay inside the host.
    """

    local: AddressSet
    remote: AddressSet
    carriers: tuple[Carrier, ...]
    held: bool


def stretches(firewall: WindowsFirewall, local: AddressSet, remote: AddressSet) -> list[Stretch]:
    """Cut a flow by what carries it; the result is disjoint and covers the flow.

    Windows takes and sends packets of an address on the interface which holds it (strong host
    model, the default since Vista); interfaces with a way to the other side might carry them too.
    """
    interfaces = () if _unread(firewall) else firewall.interfaces
    held = [(each, AddressSet.of(hosts_of(each))) for each in interfaces]
    own = _LOOPBACK
    for _, addresses in held:
        own |= addresses
    found = [
        Stretch(local & own, remote & own, (), True),
        Stretch(local - own, remote & own, (), False),
    ]
    links = _by_link(interfaces, remote - own)
    for holder, addresses in held:
        mine = local & addresses
        local -= addresses
        for part, ways in links:
            found.append(Stretch(mine, part, _carriers((holder,), ways), True))
    for part, ways in links:
        found.append(Stretch(local, part, _carriers((), ways or interfaces), False))
    return [each for each in found if each.local and each.remote]


def hosts_of(interface: NetworkInterface) -> list[str]:
    """The interface's own addresses, without prefix lengths."""
    return [address.partition("/")[0] for address in interface.addresses]


def _unread(firewall: WindowsFirewall) -> bool:
    return any(each.area is Area.INTERFACES for each in firewall.unread)


def _by_link(
    interfaces: tuple[NetworkInterface, ...], remote: AddressSet
) -> list[tuple[AddressSet, tuple[NetworkInterface, ...]]]:
    """Which interfaces have a way to which addresses: their own subnets, else a default gateway."""
    gates = tuple(each for each in interfaces if each.gateways is None or each.gateways)
    parts: list[tuple[AddressSet, tuple[NetworkInterface, ...]]] = [(remote, ())]
    for interface in interfaces:
        subnets = AddressSet.of(interface.addresses)
        parts = [
            piece
            for part, ways in parts
            for piece in ((part & subnets, (*ways, interface)), (part - subnets, ways))
            if piece[0]
        ]
    return [(part, ways or gates) for part, ways in parts]


def _carriers(
    holders: Iterable[NetworkInterface], ways: Iterable[NetworkInterface]
) -> tuple[Carrier, ...]:
    found = [carrier for holder in holders for carrier in _under(holder, certain=True)]
    others = [way for way in ways if way not in holders]
    found += [carrier for way in others for carrier in _under(way, certain=False)]
    return tuple(found) or tuple(Carrier(None, profile, False) for profile in Profile)


def _under(interface: NetworkInterface, *, certain: bool) -> list[Carrier]:
    if interface.profile is None:
        return [Carrier(interface, profile, False) for profile in Profile]
    return [Carrier(interface, interface.profile, certain)]
