"""The table of known answers: TCP 2010 inbound from 207.166.94.0/24 unless a row says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_wfo.core.facts import Fact
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_firewall import Program
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Store
from tests.core.windows.hosts import ALLOW, NOBODY, ask, host, last_bytes, listener

ALL_PERMITTED = "permitted 0-255"
ALL_DENIED = "denied 0-255"
ALL_UNDECIDED = "undecided 0-255"
NAMED = f"{ALLOW}Name=WFO|"
POPUP = (
    "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|App=C:\\x.exe|"
    "Name=x.exe|Desc=x.exe|Defer=User|"
)
WSH = (
    "V2.0|Action=Block|Dir=in|LPort=1-1999,2001-65535|Protocol=6|"
    "App=%SystemRoot%\\system32\\svchost.exe|Svc=Foo|Name=x|"
)


@dataclass(frozen=True)
class Vector:
    name: str
    expected: str
    rules: tuple[str, ...] = ()
    owner: Fact[Program] = NOBODY
    keys: dict[str, Any] = field(default_factory=dict)
    store: Store = Store.LOCAL
    hardening: tuple[str, ...] = ()
    direction: Direction = Direction.IN
    port: int = 2010


EXE = listener("c:\\X.exe")
SVCHOST = listener("C:\\Windows\\System32\\svchost.exe", "foo")
NO_MERGE = {"gpo_DomainProfile": {"AllowLocalPolicyMerge": 0}}

VECTORS = (
    Vector("T01 no rule", ALL_DENIED),
    Vector("T02 a rule for the port", ALL_PERMITTED, (NAMED,)),
    Vector("T03 the range by mask", ALL_PERMITTED, (f"{ALLOW}RA4=207.166.94.0/255.255.255.0|",)),
    Vector(
        "T04 half the range", "permitted 0-127; denied 128-255", (f"{ALLOW}RA4=207.166.94.0/25|",)
    ),
    Vector(
        "T05 two halves",
        ALL_PERMITTED,
        (f"{ALLOW}RA4=207.166.94.0/25|", f"{ALLOW}RA4=207.166.94.128-207.166.94.255|"),
    ),
    Vector(
        "T06 Block beats Allow",
        "permitted 0-63,71-255; denied 64-70",
        (NAMED, f"{ALLOW.replace('Allow', 'Block')}RA4=207.166.94.64-207.166.94.70|"),
    ),
    Vector("T07 LocalSubnet", ALL_DENIED, (f"{ALLOW}RA4=LocalSubnet|RA6=LocalSubnet|",)),
    Vector("T08 IPv6 only", ALL_DENIED, (f"{ALLOW}RA6=2001:db8::/32|",)),
    Vector("T09 a program, owner unknown", ALL_UNDECIDED, (f"{ALLOW}App=C:\\x.exe|",)),
    Vector("T10 the owner's program", ALL_PERMITTED, (f"{ALLOW}App=C:\\x.exe|",), EXE),
    Vector("T11 System is no program", ALL_DENIED, (f"{ALLOW}App=System|",), EXE),
    Vector("T12 no Active", ALL_DENIED, (ALLOW.replace("Active=TRUE|", ""),)),
    Vector("T13 a popup's Block", ALL_DENIED, (NAMED, POPUP), EXE),
    Vector("T14 a popup's Block, owner unknown", ALL_UNDECIDED, (NAMED, POPUP)),
    Vector("T15 another profile", ALL_DENIED, (f"{ALLOW}Profile=Public|",)),
    Vector("T16 no merge, local rule", ALL_DENIED, (NAMED,), keys=NO_MERGE),
    Vector("T17 no merge, GPO rule", ALL_PERMITTED, (NAMED,), keys=NO_MERGE, store=Store.GPO),
    Vector(
        "T18 shields up",
        ALL_DENIED,
        (NAMED,),
        keys={"local_DomainProfile": {"DoNotAllowExceptions": 1}},
    ),
    Vector("T19 profile off", ALL_PERMITTED, keys={"local_DomainProfile": {"EnableFirewall": 0}}),
    Vector("T20 IPsec", ALL_UNDECIDED, (f"{ALLOW}Security=Authenticate|",)),
    Vector("T21 one port of the client", ALL_UNDECIDED, (f"{ALLOW}RPort=49000|",)),
    Vector(
        "T22 a range of ports",
        ALL_PERMITTED,
        (ALLOW.replace("LPort=2010", "LPort=80|LPort2_10=2000-2020"),),
    ),
    Vector("T23 no protocol, no ports", ALL_PERMITTED, ("v2.31|Action=Allow|Active=TRUE|Dir=In|",)),
    Vector(
        "T24 a package",
        ALL_DENIED,
        ("v2.31|Action=Allow|Active=TRUE|Dir=In|PFN=Microsoft.Foo_8wekyb3d8bbwe|",),
    ),
    Vector("T25 another major version", ALL_DENIED, (ALLOW.replace("v2.31", "V4.0"),)),
    Vector("T26 outbound by default", ALL_PERMITTED, direction=Direction.OUT, port=443),
    Vector(
        "T27 outbound Block of the Internet",
        ALL_UNDECIDED,
        ("v2.31|Action=Block|Active=TRUE|Dir=Out|RA42=IntErnet|RA62=IntErnet|",),
        direction=Direction.OUT,
        port=443,
    ),
    Vector("T28 service hardening", ALL_DENIED, (NAMED,), SVCHOST, hardening=(WSH,)),
    Vector("T28 hardening of others", ALL_PERMITTED, (NAMED,), EXE, hardening=(WSH,)),
    Vector("T29 an unknown token", ALL_UNDECIDED, (f"{ALLOW}Zork=1|",)),
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_the_known_answer_comes_out(vector: Vector) -> None:
    rules = [parse_rule(vector.store, f"r{n}", text) for n, text in enumerate(vector.rules)]
    rules += [
        parse_rule(Store.WSH_STATIC, f"h{n}", text) for n, text in enumerate(vector.hardening)
    ]
    pieces = ask(host(*rules, **vector.keys), vector.owner, vector.direction, vector.port)
    assert last_bytes(pieces, vector.direction) == vector.expected
