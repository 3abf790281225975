"""A Windows host for tests: one Ethernet interface, everything read, nothing unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import (
    NetworkInterface,
    Program,
    ServiceState,
    WindowsFirewall,
)
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_profiles import SettingsStore, profile_settings
from pytest_wfo.core.windows_rules import Profile, Store, WindowsRule

CLOUD = AddressSet.of("207.166.94.0/24")
OWN = AddressSet.of("192.168.1.10")
ALLOW = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2010|"
NOBODY = Unknown("nothing listens on the port")
ETHERNET = NetworkInterface(
    "{E0E0E0E0-0000-0000-0000-000000000001}", "Ethernet", 6, ("192.168.1.10/24",),
    ("192.168.1.1",), ("192.168.1.2",), ("192.168.1.3",), (), Profile.DOMAIN,
)  # fmt: skip


def local(*texts: str) -> tuple[WindowsRule, ...]:
    return tuple(parse_rule(Store.LOCAL, f"r{n}", text) for n, text in enumerate(texts, 1))


def settings(**keys: Mapping[str, object]) -> dict[Store, SettingsStore]:
    """From ``gpo_DomainProfile={"EnableFirewall": 1}`` and the like."""
    found: dict[Store, SettingsStore] = {}
    for name, values in keys.items():
        store, _, key = name.partition("_")
        here = found.get(Store[store.upper()], SettingsStore()).keys
        found[Store[store.upper()]] = SettingsStore({**here, key: profile_settings(values)})
    return found


def host(
    *rules: WindowsRule,
    interfaces: Sequence[NetworkInterface] = (ETHERNET,),
    **keys: Mapping[str, object],
) -> WindowsFirewall:
    running = ServiceState(running=True)
    return WindowsFirewall(
        rules=rules,
        settings=settings(**keys),
        mpssvc=running,
        bfe=running,
        interfaces=tuple(interfaces),
        policy_version=(2, 33),
        windows_version=(10, 0),
        windows_folder="C:\\Windows",
    )


def listener(path: str, *services: str) -> Fact[Program]:
    return Known(Program(path, frozenset(services)), "netstat")


def ask(
    firewall: WindowsFirewall,
    owner: Fact[Program] = NOBODY,
    direction: Direction = Direction.IN,
    port: int = 2010,
    expected: Sequence[str] = (),
    own: AddressSet = OWN,
    remote: AddressSet = CLOUD,
) -> tuple[Piece, ...]:
    ends = (remote, own) if direction is Direction.IN else (own, remote)
    return decide_windows(firewall, Flow(direction, *ends, port), owner, expected)


def only(pieces: tuple[Piece, ...]) -> Piece:
    (piece,) = pieces
    return piece


def last_bytes(pieces: tuple[Piece, ...], direction: Direction = Direction.IN) -> str:
    """ "permitted 0-127; denied 128-255" for pieces of CLOUD."""
    shown = []
    for decision in Decision:
        found = AddressSet()
        for piece in pieces:
            if piece.decision is decision:
                found |= piece.sources if direction is Direction.IN else piece.destinations
        spans = ",".join(f"{low % 256}-{high % 256}" for low, high in found.intervals)
        shown += [f"{decision.value} {spans}"] if spans else []
    return "; ".join(shown)
