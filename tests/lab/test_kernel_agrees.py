"""The evaluator says what this machine's kernel does: random firewalls, real TCP conversations.

Three namespaces of our own, host - edge - cloud, without any link to the outside. The cloud owns
all addresses of the vendor's two ranges (AnyIP), so that every one of the 508 host addresses
answers, and can ask. What the evaluator leaves undecided may go either way.
"""

from __future__ import annotations

import ipaddress
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Route
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.routing import interfaces_for
from pytest_wfo.probes.iptables import combine, read_iptables
from pytest_wfo.probes.nftables import read_nftables
from tests.lab.random_rules import random_ruleset

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root for network namespaces"
    ),
    pytest.mark.skipif(
        not all(map(shutil.which, ("ip", "nft"))), reason="needs iproute2 and nftables"
    ),
]

PORT = 2010
HOST = "10.61.7.10"
PUBLIC = "203.0.113.1"
RANGES = ("207.166.94.0/24", "207.166.95.0/24")
CLOUD = tuple(str(address) for cidr in RANGES for address in ipaddress.ip_network(cidr).hosts())
SWEEP = Path(__file__).with_name("echo_sweep.py")

# Nothing happens for this long: the rest was dropped. Answers on a busy machine take milliseconds.
IDLE = 0.5
# Whoever contradicts the evaluator is asked again, with time for a lost SYN's retransmissions.
PATIENT = 3.5


@dataclass(frozen=True)
class Net:
    """The namespaces' names."""

    host: str
    edge: str
    cloud: str

    def run(self, where: str, *command: str, text: str = "") -> str:
        """Run a command in a namespace; its output."""
        full = ["ip", "netns", "exec", where, *command]
        done = subprocess.run(full, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stderr}\n{text}"
        return done.stdout

    def clear(self) -> None:
        """No rule of any kind anywhere."""
        for where in (self.host, self.edge):
            self.run(where, "nft", "flush", "ruleset")
            if shutil.which("iptables-legacy-restore"):
                self.run(where, "iptables-legacy-restore", text=_NO_LEGACY_RULES)


_NO_LEGACY_RULES = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split()) + "COMMIT\n"
    for table, chains in {
        "filter": "INPUT FORWARD OUTPUT",
        "nat": "PREROUTING INPUT OUTPUT POSTROUTING",
        "mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING",
        "raw": "PREROUTING OUTPUT",
    }.items()
)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """host (eth0) - (lan) edge (wan) - (wan0) cloud, each able to go nowhere else."""
    net = Net(*(f"wfo-agree-{os.getpid()}-{name}" for name in ("host", "edge", "cloud")))
    with ExitStack() as cleanup:
        for name in (net.host, net.edge, net.cloud):
            _ip("netns", "add", name)
            cleanup.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
            net.run(name, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        for one, port, other, peer in (
            (net.host, "eth0", net.edge, "lan"),
            (net.edge, "wan", net.cloud, "wan0"),
        ):
            link = ("link", "add", port, "netns", one, "type", "veth", "peer", peer, "netns", other)
            _ip(*link)
            _ip("-n", one, "link", "set", port, "up")
            _ip("-n", other, "link", "set", peer, "up")
        _ip("-n", net.host, "addr", "add", f"{HOST}/24", "dev", "eth0")
        _ip("-n", net.edge, "addr", "add", "10.61.7.1/24", "dev", "lan")
        _ip("-n", net.edge, "addr", "add", f"{PUBLIC}/30", "dev", "wan")
        _ip("-n", net.cloud, "addr", "add", "203.0.113.2/30", "dev", "wan0")
        _ip("-n", net.host, "route", "add", "default", "via", "10.61.7.1")
        _ip("-n", net.cloud, "route", "add", "10.61.7.0/24", "via", PUBLIC)
        for cidr in RANGES:
            _ip("-n", net.cloud, "route", "add", "local", cidr, "dev", "lo")
            _ip("-n", net.edge, "route", "add", cidr, "via", "203.0.113.2")
        for name in (net.edge, net.cloud):
            _ip("-n", name, "route", "add", "unreachable", "default", "metric", "4278198272")
        for name in (net.host, net.cloud):
            command = ["ip", "netns", "exec", name, sys.executable, "-I", str(SWEEP), "serve"]
            server = subprocess.Popen([*command, str(PORT)], stdout=subprocess.PIPE)
            cleanup.callback(server.wait)
            cleanup.callback(server.kill)
            assert server.stdout is not None
            cleanup.callback(server.stdout.close)
            assert server.stdout.readline() == b"ready\n"
        yield net


@pytest.fixture(autouse=True)
def _clear(net: Net) -> None:
    net.clear()


def _routes(net: Net, where: str) -> tuple[Route, ...]:
    listed = json.loads(net.run(where, "ip", "-j", "-4", "route", "show", "table", "all"))
    return tuple(
        Route(
            each["dst"],
            each.get("type", "unicast"),
            each.get("dev", ""),
            each.get("gateway", ""),
            each.get("metric", 0),
            each.get("table", "main"),
        )
        for each in listed
    )


def _read(net: Net, where: str, flavour: str) -> tuple[Piece, ...] | object:
    nft = read_nftables(net.run(where, "nft", "-j", "list", "ruleset"))
    if not flavour:
        return combine(nft)
    saved = read_iptables(net.run(where, f"iptables-{flavour}-save"), flavour)
    if flavour == "nft":
        return combine(nft, iptables_nft=saved)
    return combine(nft, iptables_legacy=saved)


@dataclass(frozen=True)
class Question:
    """One direction: who is asked about it, and who really talks to whom."""

    where: str
    direction: Direction
    talker: str
    pairs: tuple[tuple[str, str], ...]


def _questions(net: Net) -> dict[str, Question]:
    outwards = tuple((HOST, address) for address in CLOUD)
    inwards = tuple((address, HOST) for address in CLOUD)
    public = tuple((address, PUBLIC) for address in CLOUD)
    return {
        "out": Question(net.host, Direction.OUT, net.host, outwards),
        "in": Question(net.host, Direction.IN, net.cloud, inwards),
        "forward out": Question(net.edge, Direction.FORWARD, net.host, outwards),
        "forward in": Question(net.edge, Direction.FORWARD, net.cloud, inwards),
        "public": Question(net.edge, Direction.FORWARD, net.cloud, public),
    }


def _talk(net: Net, question: Question, pairs: list[tuple[str, str]], idle: float) -> set[int]:
    lines = "".join(f"{source} {destination}\n" for source, destination in pairs)
    command = (sys.executable, "-I", str(SWEEP), "sweep", str(PORT), str(idle))
    return {int(word) for word in net.run(question.talker, *command, text=lines).split()}


def _compare(net: Net, name: str, flavour: str = "") -> Counter[Decision]:
    """Fail where the kernel contradicts the evaluator; how many addresses got which decision."""
    question = _questions(net)[name]
    packet_filter = _read(net, question.where, flavour)
    routes = _routes(net, question.where)
    sources = AddressSet.of(source for source, _ in question.pairs)
    destinations = AddressSet.of(destination for _, destination in question.pairs)
    pieces = decide(
        packet_filter,  # type: ignore[arg-type]
        Flow(question.direction, sources, destinations, PORT),
        interfaces_for(sources, routes),
        interfaces_for(AddressSet.everything(), routes),
    )
    assert sum(len(piece.sources) * len(piece.destinations) for piece in pieces) == len(CLOUD)
    said = [
        next(
            piece for piece in pieces if pair[0] in piece.sources and pair[1] in piece.destinations
        )
        for pair in question.pairs
    ]

    def contradicted(numbers: list[int], idle: float) -> list[int]:
        if not numbers:
            return []
        worked = _talk(net, question, [question.pairs[number] for number in numbers], idle)
        return [
            number
            for index, number in enumerate(numbers)
            if (said[number].decision is Decision.PERMITTED) is not (index in worked)
        ]

    decided = [n for n, piece in enumerate(said) if piece.decision is not Decision.UNDECIDED]
    wrong = contradicted(contradicted(decided, IDLE), PATIENT)
    assert not wrong, f"{len(wrong)} wrong, e.g. {question.pairs[wrong[0]]}: {said[wrong[0]]}"
    return Counter(piece.decision for piece in said)


def _load_random(net: Net, name: str, chance: random.Random) -> str:
    """Load the first random ruleset that nft takes: some hooks refuse some conditions."""
    problem = ""
    for _ in range(10):
        rules = random_ruleset(chance, "edge" if "forward" in name else "host")
        try:
            net.run(_questions(net)[name].where, "nft", "-f", "-", text=rules)
        except AssertionError as refused:
            problem = str(refused)
            continue
        return rules
    raise AssertionError(problem)


TOTAL: Counter[Decision] = Counter()


@pytest.mark.parametrize("seed", range(32))
def test_random_nftables_rulesets(net: Net, seed: int) -> None:
    """Each seed is one ruleset, on the host or on the edge, asked in one direction."""
    name = ["out", "in", "forward out", "forward in"][seed % 4]
    rules = _load_random(net, name, random.Random(seed))
    try:
        TOTAL.update(_compare(net, name))
    except AssertionError as problem:
        raise AssertionError(f"{problem}\n{rules}") from None


def test_the_random_rulesets_were_worth_it() -> None:
    """Both decisions were compared often, and little was left undecided."""
    if not TOTAL:
        pytest.skip("runs after the random rulesets")
    everything = sum(TOTAL.values())
    assert TOTAL[Decision.PERMITTED] > everything * 0.15
    assert TOTAL[Decision.DENIED] > everything * 0.15
    assert TOTAL[Decision.UNDECIDED] < everything * 0.35


# (name of the question, decisions over the 508 addresses, rules)
HAND_MADE = {
    "no rules at all": ("out", {Decision.PERMITTED: 508}, ""),
    "answers are not let in": (
        "out",
        {Decision.DENIED: 508},
        "chain in { type filter hook input priority 0; policy drop; }",
    ),
    "only the first packet is let out": (
        "out",
        {Decision.DENIED: 508},
        "chain out { type filter hook output priority 0; policy drop; ct state new accept; }",
    ),
    "accept is final for its own chain only": (
        "in",
        {Decision.PERMITTED: 254, Decision.DENIED: 254},
        """chain first { type filter hook input priority -10; tcp dport 2010 accept; }
        chain second { type filter hook input priority 10; ip saddr 207.166.95.0/24 drop; }""",
    ),
    "untracked packets match no established rule": (
        "in",
        {Decision.DENIED: 508},
        """chain raw { type filter hook prerouting priority raw; tcp dport 2010 notrack; }
        chain in { type filter hook input priority 0; policy drop; ct state new,established accept; }
        """,
    ),
    "half a range is masqueraded and forwarded": (
        "forward out",
        {Decision.PERMITTED: 381, Decision.DENIED: 127},
        """chain nat { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
        chain through { type filter hook forward priority 0; policy drop;
          ct state established,related accept
          iifname "lan" oifname "wan" ip daddr != 207.166.94.128/25 tcp dport 2010 accept
        }""",
    ),
    "a destination is rewritten, and only that is forwarded": (
        "public",
        {Decision.PERMITTED: 508},
        """chain nat { type nat hook prerouting priority dstnat;
          iifname "wan" tcp dport 2010 dnat ip to 10.61.7.10
        }
        chain through { type filter hook forward priority 0; policy drop;
          ct state vmap { established : accept, related : accept }
          ct status dnat accept
        }""",
    ),
    "what is rewritten for half of the cloud is not forwarded for the rest": (
        "public",
        {Decision.PERMITTED: 254, Decision.DENIED: 254},
        """chain nat { type nat hook prerouting priority dstnat;
          ip saddr 207.166.94.0/24 ip daddr 203.0.113.1 tcp dport 2010 dnat ip to 10.61.7.10:2010
        }""",
    ),
    "a rate limit decides nothing": (
        "in",
        {Decision.UNDECIDED: 254, Decision.PERMITTED: 254},
        """chain in { type filter hook input priority 0; policy accept;
          ip saddr 207.166.94.0/24 ct state new limit rate over 10/second drop
        }""",
    ),
    "marks, logs and counters change nothing": (
        "forward in",
        {Decision.PERMITTED: 508},
        """chain in { type filter hook forward priority 0; policy drop;
          meta mark set 7 counter
          log prefix "wfo: "
          tcp dport 2010 counter accept
          tcp sport 2010 accept
        }""",
    ),
}


@pytest.mark.parametrize("case", HAND_MADE)
def test_hand_made_nftables_rulesets(net: Net, case: str) -> None:
    """Cases with a known answer; the kernel must agree with it as well."""
    name, expected, rules = HAND_MADE[case]
    net.run(_questions(net)[name].where, "nft", "-f", "-", text=f"table inet wfo {{\n{rules}\n}}\n")
    assert _compare(net, name) == expected


IPTABLES = {
    "user chains, lists and negation": (
        "in",
        {Decision.PERMITTED: 254 + 126, Decision.DENIED: 128},
        """-P INPUT DROP
        -N wfo
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A INPUT -s 207.166.94.0/24,207.166.95.0/25 -p tcp -m multiport --dports 80,2000:2015 -j wfo
        -A wfo ! -s 207.166.95.127 -m comment --comment "the -j ACCEPT" -j ACCEPT
        -A INPUT -s 207.166.95.128/32 -j RETURN
        """,
    ),
    "reject, interfaces and output": (
        "out",
        {Decision.PERMITTED: 254, Decision.DENIED: 254},
        """-A INPUT -i e+ -m state --state ESTABLISHED -j ACCEPT
        -A INPUT ! -i lo -j DROP
        -A OUTPUT -o eth0 -d 207.166.95.0/24 -p tcp --syn -j REJECT --reject-with tcp-reset
        """,
    ),
    "raw and mangle tables": (
        "in",
        {Decision.PERMITTED: 254, Decision.DENIED: 254},
        """-t raw -A PREROUTING -s 207.166.94.0/24 -p tcp --dport 2010 -j CT --notrack
        -t raw -A OUTPUT -d 207.166.94.0/24 -p tcp --sport 2010 -j CT --notrack
        -t mangle -A PREROUTING -p tcp -j MARK --set-mark 7
        -A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT
        -A INPUT -p tcp -j DROP
        """,
    ),
    "dnat and masquerade": (
        "public",
        {Decision.PERMITTED: 508},
        """-P FORWARD DROP
        -t nat -A PREROUTING -d 203.0.113.1 -p tcp --dport 2010 -j DNAT --to-destination 10.61.7.10
        -t nat -A POSTROUTING -o wan -j MASQUERADE
        -A FORWARD -m conntrack --ctstate ESTABLISHED,DNAT -j ACCEPT
        """,
    ),
}


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
@pytest.mark.parametrize("case", IPTABLES)
def test_iptables_of_both_kinds(net: Net, case: str, flavour: str) -> None:
    """The same commands, written by iptables-nft and by iptables-legacy."""
    tool = f"iptables-{flavour}"
    if not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    name, expected, commands = IPTABLES[case]
    for line in commands.splitlines():
        if line.strip():
            net.run(_questions(net)[name].where, tool, *shlex.split(line))
    assert _compare(net, name, flavour) == expected
