"""Random policies: the evaluator's sets against a plain look at every single connection.

``WFO_SLOW=1`` asks for 100,000 policies instead of a few thousand.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, Unknown
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import NetworkInterface, Program, WindowsFirewall
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Profile, Store, WindowsRule
from tests.core.windows.hosts import host, listener
from tests.core.windows.plain import Plain

POLICIES = 100_000 if os.environ.get("WFO_SLOW") else 3_000
BATCHES = 10
# 10.0.0.1 is an address of the host; the first eight are on its first interface's link.
REMOTE = AddressSet.of([f"10.0.0.{last}" for last in (0, 1, 3, 4, 5, 8, 9, 10, 11, 12)])
OWN = AddressSet.of(["10.0.0.1", "10.0.1.1", "10.9.9.9"])  # the last is a translated one
FIRST = NetworkInterface(
    "{A1}", "one", 6, ("10.0.0.1/29",), ("10.0.0.2",), ("10.0.0.9",), (), (), Profile.DOMAIN
)
SECOND = NetworkInterface(
    "{B2}", "two", 71, ("10.0.1.1/24",), (), ("10.0.0.10",), None, ("10.0.0.11",), Profile.PUBLIC
)
EXE, SVCHOST = "C:\\x.exe", "%SystemRoot%\\system32\\svchost.exe"

# What a rule may say besides Action, Active, Dir, Protocol and its port; a rule takes up to four.
EXTRAS = (
    ("Profile=Domain|", "Profile=Private|Profile=Public|", "Profile=Public|", "profile=domain|"),
    ("RPort=2010|", "RPort=443|", "RPort2_10=1024-65535|", "RPort=49000|", "RPort=80|"),
    ("LPort=443|", "LPort2_10=1024-65535|", "LPort=Late|"),
    (
        "RA4=10.0.0.3|", "RA4=10.0.0.4/30|", "RA4=10.0.0.8/255.255.255.248|", "RA4=10.0.0.2-10.0.0.9|",
        "RA4=LocalSubnet|RA6=LocalSubnet|", "RA4=DNS|", "RA4=WINS|RA4=10.0.0.12|", "RA4=DHCP|",
        "RA4=DefaultGateway|", "RA42=IntErnet|RA62=IntErnet|", "RA6=fe80::/64|", "RA4=Elsewhere|",
        "RA42=Ply2Renders|RA4=10.0.0.5|", "RA4=0.0.0.0/0|", "RA4=10.0.0.0/28|", "RA4=junk/33|",
    ),
    (
        "RA4=10.0.0.0-10.0.0.4|", "RA4=10.0.0.8|RA4=10.0.0.10|", "RA4=10.0.0.0/29|", "RA4=10.0.0.0/8|",
        "RA4=10.0.0.5|", "RA4=10.0.0.12|",
    ),
    ("LA4=10.0.0.1|", "LA4=10.0.1.0/24|", "LA6=fe80::1|", "LA4=10.0.0.0-10.0.1.255|"),
    (f"App={EXE}|", "App=System|", f"App={SVCHOST}|Svc=foo|", "Svc=*|", "Svc=bar|", "App=C:\\X.EXE|"),
    ("IF={a1}|", "IF={B2}|IF={C3}|", "IFType=Lan|", "IFType=Wireless|", "IFType=New|"),
    ("Security=Authenticate|", "LUAuth=O:LSD:|", "Zork=1|", "PFN=a_b|", "TTK2_27=UPnP|"),
    ("Security=Authenticate|RMauth=O:LSD:|", "LOM=TRUE|", "AuthByPassOut=TRUE|", "LSM=TRUE|"),
    ("Platform=2:6:2|Platform2=GTEQ|", "Platform=2:6:1|", "SkipVer=2.33|", "SkipVer=2.20|"),
)  # fmt: skip
ACTIONS = ("Action=Allow|",) * 8 + ("Action=Block|",) * 6 + ("Action=ByPass|", "", "Action=Zap|")
ACTIVE = ("Active=TRUE|",) * 20 + ("Active=FALSE|", "", "Active=perhaps|")
PROTOCOLS = ("Protocol=6|",) * 20 + ("", "Protocol=17|", "Protocol=300|")
PORTS = ("{port}",) * 8 + (
    "80,{port}", "1-65535", "RPC", "RPC-EPMap", "IPHTTPSIn", "*", "Late", "99999", "443", "80",
)  # fmt: skip
STORES = (
    (Store.LOCAL,) * 9
    + (Store.GPO,) * 6
    + (Store.MDM, Store.MDM)
    + (Store.MDM, Store.WSH_STATIC, Store.WSH_CONFIG)
)
VERSIONS = ("v2.31",) * 30 + ("v2.10", "v2.40", "V4.0", "")
OWNERS: tuple[tuple[Fact[Program], tuple[str, ...]], ...] = (
    (listener(EXE), ()),
    (listener("System"), ()),
    (listener("c:\\windows\\System32\\svchost.exe", "Foo"), ()),
    (Unknown("nothing listens"), ()),
    (Unknown("nothing listens"), (EXE,)),
    (Unknown("nothing listens"), (EXE, "System")),
    (Unknown("nothing listens"), ("x.exe", "svchost.exe")),
)
SETTINGS = (
    ("EnableFirewall", "0"), ("DefaultInboundAction", "0"), ("DefaultOutboundAction", "1"),
    ("DoNotAllowExceptions", "1"), ("AllowLocalPolicyMerge", "0"),
    ("AuthorizedApplications\\AllowUserPrefMerge", "0"),
    ("GloballyOpenPorts\\AllowUserPrefMerge", "0"), ("DisabledInterfaces", "{A1}"),
)  # fmt: skip


def random_rule(dice: random.Random, number: int, direction: Direction, port: int) -> WindowsRule:
    """Mostly about the question, so that rules meet and overrule each other."""
    inward = (direction is Direction.IN) is not (dice.random() < 0.1)
    protocol = dice.choice(PROTOCOLS)
    text = f"{dice.choice(VERSIONS)}|{dice.choice(ACTIONS)}{dice.choice(ACTIVE)}{protocol}"
    text += dice.choice(("Dir=Up|", *(f"Dir={'In' if inward else 'Out'}|",) * 20))
    if protocol and dice.random() < 0.7:
        text += f"{'LPort' if inward else 'RPort'}={dice.choice(PORTS).format(port=port)}|"
    for extras in dice.sample(EXTRAS, dice.choice((0, 0, 1, 1, 1, 2, 2, 3, 4))):
        text += dice.choice(extras)
    return parse_rule(dice.choice(STORES), f"r{number}", text)


def random_interfaces(dice: random.Random) -> Sequence[NetworkInterface]:
    chosen = dice.choice(((FIRST,),) * 4 + ((FIRST, SECOND),) * 4 + ((SECOND,), ()))
    profiles = (*Profile, *Profile, *Profile, None)
    return [
        replace(
            interface,
            profile=dice.choice(profiles),
            gateways=dice.choice(
                (interface.gateways, interface.gateways, (), ("10.0.1.254",), None)
            ),
        )
        for interface in chosen
    ]


def random_host(dice: random.Random, direction: Direction, port: int) -> WindowsFirewall:
    rules = [random_rule(dice, number, direction, port) for number in range(dice.randint(0, 6))]
    keys: dict[str, dict[str, str]] = {}
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        store = dice.choice(("local", "gpo", "mdm"))
        key = dice.choice(("Domain", "Standard", "Private", "Public"))
        keys.setdefault(f"{store}_{key}Profile", {}).update([dice.choice(SETTINGS)])
    return replace(
        host(*rules, interfaces=random_interfaces(dice), **keys),
        policy_version=dice.choice(((2, 33), (2, 33), (2, 22), None)),
        windows_version=dice.choice(((10, 0), (10, 0), (6, 1), None)),
    )


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_connection_is_decided_as_a_plain_look_decides_it(batch: int) -> None:
    for number in range(POLICIES // BATCHES):
        seed = batch * POLICIES + number
        dice = random.Random(seed)
        owner, expected = dice.choice(OWNERS)
        direction = dice.choice((Direction.IN, Direction.IN, Direction.OUT))
        port = dice.choice((2010, 2010, 2010, 443, 135))
        firewall = random_host(dice, direction, port)
        ends = (REMOTE, OWN) if direction is Direction.IN else (OWN, REMOTE)
        pieces = decide_windows(firewall, Flow(direction, *ends, port), owner, expected)
        programs = tuple(map(Program, expected)) if isinstance(owner, Unknown) else (owner.value,)
        plain = Plain(firewall, direction, port, programs)
        found: dict[tuple[int, int], list[str]] = {}
        for piece in pieces:
            own, remote = piece.destinations, piece.sources
            if direction is Direction.OUT:
                own, remote = remote, own
            for pair in ((o, r) for o in each(own) for r in each(remote)):
                found.setdefault(pair, []).append(piece.decision.value)
        right = {
            (own, remote): [plain.decision(own, remote).value]
            for own in each(OWN)
            for remote in each(REMOTE)
        }
        assert found == right, f"policy of seed {seed}:\n" + "\n".join(
            f"{rule.store.value}: {rule.text}" for rule in firewall.rules
        )


def each(addresses: AddressSet) -> list[int]:
    return [value for low, high in addresses.intervals for value in range(low, high + 1)]
