"""Time to parse and evaluate a Windows host's firewall rules for all its cells.

    python benchmarks/windows_rules.py [--json]

Two generated rule sets: 1,612 rules, shaped like a Windows 11 client (two rules in three are bound
to a program or a service, many are disabled, UDP or for store packages; service hardening beside),
and 7,411, shaped like a client with block lists (6,714 literal addresses and subnets). Each run
parses all strings and asks 40 questions, as a PREMISES server or client has cells: ports inbound and
outbound, the vendor's ranges and the servers, the owner of the port known, expected or not known.
Where WFO_SHARED_DATA names a folder with real regedit exports, these are timed too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.windows_decide import decide_windows
from pytest_wfo.core.windows_firewall import (
    NetworkInterface,
    Program,
    ServiceState,
    WindowsFirewall,
)
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Profile, Store

RUNS = 7
Row = tuple[Store, str, str]
Question = tuple[Flow, Fact[Program], tuple[str, ...]]

CLOUD = AddressSet.of(["207.166.94.0/24", "207.166.95.0/24"])
SERVERS = AddressSet.of(["10.20.0.10", "10.20.0.11"])
OWN = AddressSet.of("10.20.0.50")
PORTS = (2010, 2012, 4510, 443, 943, 80, 2015, 5638, 5634)
OWNER = Program("C:\\Program Files\\CallCopy\\cc_screencapserver.exe", frozenset({"cc_screencap"}))
OWNERS: tuple[Fact[Program], ...] = (
    Known(OWNER, "benchmark"),
    Unknown("nothing listens"),
)
INTERFACES = (
    NetworkInterface(
        "{A}", "Ethernet", 6, ("10.20.0.50/24",), ("10.20.0.1",), ("10.20.0.2",), ("10.20.0.2",),
        (), Profile.DOMAIN,
    ),
    NetworkInterface(
        "{B}", "Wi-Fi", 71, ("192.168.7.20/24",), ("192.168.7.1",), ("192.168.7.1",),
        ("192.168.7.1",), (), Profile.PUBLIC,
    ),
)  # fmt: skip


def client_rules(amount: int, dice: random.Random) -> list[Row]:
    """As Windows 11 has them: a share of each kind as in real stores."""
    rows: list[Row] = []
    services = [f"svc{n}" for n in range(60)]
    for number in range(amount):
        kind = dice.random()
        inward = dice.random() < 0.55
        text = f"v2.3{dice.choice('0023')}|Action={'Allow' if dice.random() < 0.9 else 'Block'}|"
        text += (
            f"Active={'TRUE' if dice.random() < 0.55 else 'FALSE'}|Dir={'In' if inward else 'Out'}|"
        )
        if kind < 0.13:
            service = dice.choice(services)
            text = f"V2.0|Action={dice.choice(('Allow', 'Block'))}|Dir={'in' if inward else 'out'}|"
            text += (
                f"App=%SystemRoot%\\system32\\svchost.exe|Svc={service}|Name=hardening {number}|"
            )
            rows.append((Store.WSH_STATIC, f"{service}-{number}", text))
            continue
        if kind < 0.45:
            text += f"PFN=Vendor.App{number % 90}_8wekyb3d8bbwe|Platform=2:6:2|Platform2=GTEQ|"
        else:
            text += f"Protocol={dice.choice((6, 6, 6, 17, 17, 58, 1))}|"
            text += "".join(
                f"Profile={name}|"
                for name in ("Domain", "Private", "Public")
                if dice.random() < 0.4
            )
            if "Protocol=6|" in text or "Protocol=17|" in text:
                port = dice.choice(
                    ("RPC", "RPC-EPMap", "445", "5985", "3389", "135", "2010", "443")
                )
                text += f"{'LPort' if inward else 'RPort'}={port}|" if dice.random() < 0.7 else ""
            if dice.random() < 0.35:
                text += "RA4=LocalSubnet|RA6=LocalSubnet|"
            if dice.random() < 0.8:
                program = dice.choice(("svchost", "spoolsv", "msdtc", "dashost", f"app{number}"))
                text += f"App=%SystemRoot%\\system32\\{program}.exe|"
                text += f"Svc={dice.choice(services)}|" if program == "svchost" else ""
        text += f"Name=@FirewallAPI.dll,-{25000 + number}|Desc=@FirewallAPI.dll,-{35000 + number}|"
        text += f"EmbedCtxt=@FirewallAPI.dll,-{28000 + number % 40}|Edge=FALSE|"
        rows.append((Store.LOCAL, f"{{{number:08X}-0000-4000-8000-000000000000}}", text))
    return rows


def block_lists(amount: int, dice: random.Random) -> list[Row]:
    """Block rules, one address or subnet each, for both directions."""
    rows: list[Row] = []
    for number in range(amount):
        address = ".".join(
            str(dice.randint(1, 223) if n else dice.randint(11, 120)) for n in range(4)
        )
        mask = dice.choice(("", "", "/255.255.255.0", "/255.255.0.0"))
        text = (
            f"v2.33|Action=Block|Active=TRUE|Dir={dice.choice(('In', 'Out'))}|RA4={address}{mask}|"
        )
        text += f"Name=block {number}|EmbedCtxt=block list|"
        rows.append((Store.LOCAL, f"{{B{number:07X}-0000-4000-8000-000000000000}}", text))
    return rows


def questions() -> list[Question]:
    """40 of them: ports, directions, ranges, and what is known of the owner."""
    found: list[Question] = []
    for n, port in enumerate(PORTS * 3):
        inward, far = n % 2 == 0, CLOUD if n % 3 == 0 else SERVERS
        flow = Flow(Direction.IN, far, OWN, port) if inward else Flow(Direction.OUT, OWN, far, port)
        found.append((flow, OWNERS[n % 2], ()))
    everyone = ~(CLOUD | SERVERS | OWN)
    for n, port in enumerate((2010, 2012, 2015, 4510)):
        found.append((Flow(Direction.IN, everyone, OWN, port), OWNERS[n % 2], ()))
    for port in PORTS:
        found.append((Flow(Direction.IN, CLOUD, OWN, port), OWNERS[1], (OWNER.path, "System")))
    return found


def parse_and_ask(rows: list[Row]) -> int:
    """The whole work of one host; the number of pieces that came out."""
    running = ServiceState(running=True)
    firewall = WindowsFirewall(
        rules=tuple(parse_rule(*row) for row in rows),
        settings={},
        mpssvc=running,
        bfe=running,
        interfaces=INTERFACES,
        policy_version=(2, 33),
        windows_version=(10, 0),
        windows_folder="C:\\Windows",
    )
    return sum(len(decide_windows(firewall, *question)) for question in questions())


def milliseconds(work: Callable[[], object]) -> float:
    """The best of several runs: what the work takes where nothing else gets in between."""
    best = float("inf")
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best * 1000


def exports() -> dict[str, list[Row]]:
    """Rules of real regedit exports by file name, none where there are none."""
    folder = os.environ.get("WFO_SHARED_DATA")
    found: dict[str, list[Row]] = {}
    for path in sorted(Path(folder or ".").glob("windows-firewall/*.reg")) if folder else []:
        section, rows = "", []
        for line in path.read_text("utf-16").splitlines():
            section = line if line.startswith("[") else section
            value = re.fullmatch(r'"(.*?)"="([vV][0-9].*)"', line)
            if value and "\\Parameters\\" in section and "ConSec" not in section:
                store = Store.WSH_STATIC if "\\Static\\" in section else Store.LOCAL
                rows.append((store, value[1], value[2].replace("\\\\", "\\")))
        found[f"{path.name} ({len(rows)} rules)"] = rows
    return found


def main() -> int:
    """Print the figures; 0 if they could be taken."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    dice = random.Random(16_1)
    small = client_rules(1612, dice)
    large = [*client_rules(7411 - 6714, dice), *block_lists(6714, dice)]
    figures = {
        "ms_1612": round(milliseconds(lambda: parse_and_ask(small)), 1),
        "ms_7411": round(milliseconds(lambda: parse_and_ask(large)), 1),
    }
    if wanted.json:
        print(json.dumps(figures))
        return 0
    for name, rows in {"1,612 rules": small, "7,411 rules": large, **exports()}.items():
        parsing = milliseconds(lambda rows=rows: [parse_rule(*row) for row in rows])  # type: ignore[misc]
        whole = milliseconds(lambda rows=rows: parse_and_ask(rows))  # type: ignore[misc]
        print(f"{name:<36} parse {parsing:7.1f} ms   parse and ask 40 questions {whole:7.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
