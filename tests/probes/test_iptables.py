"""iptables-save output of both flavours read into the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.packet_filter import (
    Action,
    Hook,
    Interfaces,
    Match,
    PacketFilter,
    Rule,
    State,
    TcpFlags,
    Verb,
)
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.policy import Decision, Direction, Flow
from pytest_wfo.core.routing import Way
from pytest_wfo.probes.iptables import combine, read_iptables
from pytest_wfo.probes.nftables import read_nftables

DATA = Path(__file__).with_name("data")
NFT = (DATA / "iptables-nft-1.8.9.txt").read_text("utf-8")
NFT_JSON = (DATA / "iptables-nft-1.8.9.json").read_text("utf-8")
LEGACY = (DATA / "iptables-legacy-1.8.9.txt").read_text("utf-8")


def rules_of(*lines: str) -> tuple[Rule, ...]:
    text = "*filter\n:INPUT ACCEPT [0:0]\n:mine - [0:0]\n" + "".join(
        f"-A INPUT {x}\n" for x in lines
    )
    found = read_iptables(text + "COMMIT\n", "nft")
    assert found.unread == ()
    return found.chains["iptables-nft filter INPUT"]


def addresses(*texts: str) -> tuple[tuple[int, int], ...]:
    return AddressSet.of(texts).intervals


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("-s 10.0.0.0/8 -d 10.9.9.9/32", Match(addresses("10.0.0.0/8"), addresses("10.9.9.9"))),
        ("! -s 10.0.0.0/255.0.0.0", Match((~AddressSet.of("10.0.0.0/8")).intervals)),
        ("-s ! 10.0.0.0/8", Match((~AddressSet.of("10.0.0.0/8")).intervals)),
        ("-p tcp -m tcp --dport 2010:2012", Match(destination_ports=((2010, 2012),))),
        ("-p tcp -m tcp ! --sport 1024:", Match(source_ports=((0, 1023),))),
        ("-p tcp -m multiport --dports 80,2010:2012", Match(destination_ports=((80, 80), (2010, 2012)))),
        ("-i eth+ ! -o lo", Match(
            incoming=(Interfaces(("eth*",)),), outgoing=(Interfaces(("lo",), negated=True),)
        )),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", Match(states=frozenset({State.ESTABLISHED}))),
        ("-m state ! --state NEW", Match(states=frozenset(State) - {State.NEW})),
        ("-m conntrack --ctstate DNAT", Match(translated=True)),
        ("-p tcp -m tcp --tcp-flags SYN,RST,ACK SYN", Match(flags=(TcpFlags(0x16, 0x02),))),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", Match(flags=(TcpFlags(0x17, 0x02, True),))),
        ("-m iprange --src-range 10.0.0.5-10.0.0.9", Match(addresses("10.0.0.5-10.0.0.9"))),
        ("-m addrtype --dst-type LOCAL", Match(destination_local=True)),
        ('-m comment --comment "-j ACCEPT ! -s 1.2.3.4"', Match()),
    ],
)  # fmt: skip
def test_conditions_are_exact(condition: str, expected: Match) -> None:
    (rule,) = rules_of(f"{condition} -j DROP")
    assert rule.match == expected
    assert rule.action == Action(Verb.DROP)


def test_either_port_means_two_alternatives() -> None:
    found = rules_of("-p tcp -m multiport --ports 2010 -j DROP")
    assert [rule.match for rule in found] == [
        Match(source_ports=((2010, 2010),)),
        Match(destination_ports=((2010, 2010),)),
    ]


@pytest.mark.parametrize(
    "condition", ["-p udp", "! -p tcp", "-p icmp -m icmp --icmp-type 8", "-p 17"]
)
def test_other_protocols_are_left_out(condition: str) -> None:
    assert rules_of(f"{condition} -j DROP") == ()


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("-m limit --limit 3/min", "rate limit"),
        ("-m set --match-set f2b src", "ipset"),
        ("-m recent --rcheck --name x --rsource", "recent"),
        ("-m mark --mark 0x1", "match mark"),
        ("-m owner ! --uid-owner 0", "match owner"),
        ('-m string --string "a b" --algo bm', "match string"),
        ("-m addrtype --dst-type BROADCAST", "BROADCAST"),
        ("-m conntrack --ctdir ORIGINAL", "--ctdir"),
        ("-f", "-f"),
        ("-s example.org", "example.org"),
    ],
)
def test_what_cannot_be_known_stays_as_doubt(condition: str, reason: str) -> None:
    (rule,) = rules_of(f"-d 10.0.0.1 {condition} -j ACCEPT")
    assert rule.match.destinations == addresses("10.0.0.1")
    assert reason in "; ".join(rule.match.opaque)
    assert rule.action == Action(Verb.ACCEPT)


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ("-j REJECT --reject-with tcp-reset", Action(Verb.REJECT)),
        ("-j RETURN", Action(Verb.RETURN)),
        ("-j mine", Action(Verb.JUMP, "iptables-nft filter mine")),
        ("-g mine", Action(Verb.GOTO, "iptables-nft filter mine")),
        ("-j CT --notrack", Action(Verb.NOTRACK)),
        ("-j MASQUERADE", Action(Verb.SNAT)),
        ("-j DNAT --to-destination 10.0.0.1", Action(Verb.DNAT, address=0x0A000001)),
        ("-j DNAT --to-destination 10.0.0.1:80", Action(Verb.DNAT, address=0x0A000001, port=80)),
        ("-j DNAT --to-destination 10.0.0.1-10.0.0.9", Action(Verb.DNAT)),
        ("-j REDIRECT --to-ports 80", Action(Verb.DNAT)),
        ("-j NFQUEUE --queue-num 0", Action(Verb.OPAQUE, "not understood: target NFQUEUE")),
    ],
)
def test_targets(target: str, action: Action) -> None:
    (rule,) = rules_of(target)
    assert rule.action == action


@pytest.mark.parametrize(
    "target",
    [
        '-j LOG --log-prefix "x -j DROP "',
        "-j MARK --set-xmark 0x1/0xffffffff",
        "-j CT --zone 1",
        "",
    ],
)
def test_targets_that_change_no_fate_are_left_out(target: str) -> None:
    assert rules_of(f"-s 10.0.0.0/8 {target}") == ()


@pytest.mark.parametrize(("text", "flavour"), [(NFT, "nft"), (LEGACY, "legacy")])
def test_captured_listings_are_understood(text: str, flavour: str) -> None:
    found = read_iptables(text, flavour)
    assert found.unread == ()
    doubtful = [rule.text for each in found.chains.values() for rule in each if rule.match.opaque]
    assert [words.split("--dport ")[1] for words in doubtful] == [
        "22 -m limit --limit 3/min -j ACCEPT",
        "4510 -m mark --mark 0x1 -j ACCEPT",
    ]
    policies = {base.key: (base.hook, base.priority, base.policy) for base in found.base_chains}
    assert policies[f"iptables-{flavour} filter INPUT"] == (Hook.INPUT, 0, Verb.DROP)
    assert policies[f"iptables-{flavour} raw PREROUTING"][1] == -300
    (cloud, _) = [
        rule for rule in found.chains[f"iptables-{flavour} filter INPUT"] if "cloud" in rule.text
    ]
    assert cloud.text == (
        f"iptables-{flavour} filter: -A INPUT -s 207.166.94.0/24 -p tcp -m tcp --dport 2010 "
        r'-m comment --comment "cloud -j \"in\"" -j wfo'
    )


def answer(packet_filter: PacketFilter) -> dict[str, Decision]:
    sources = AddressSet.of(["207.166.94.0/24", "10.0.0.1"])
    flow = Flow(Direction.IN, sources, AddressSet.of("10.61.0.10"), 2010)
    pieces = decide(packet_filter, flow, (Way(sources, "eth0"),), ())
    return {str(piece.sources): piece.decision for piece in pieces}


def test_tables_of_iptables_nft_are_judged_by_their_iptables_reading() -> None:
    """nft shows their matches as opaque ``xt``: alone it cannot decide, together it can."""
    nft = read_nftables(NFT_JSON)
    assert set(answer(nft).values()) == {Decision.UNDECIDED}
    both = combine(nft, iptables_nft=read_iptables(NFT, "nft"))
    assert answer(both) == {"207.166.94.0/24": Decision.PERMITTED, "10.0.0.1": Decision.DENIED}
    assert not any(key.startswith("ip ") for key in both.chains)


def test_tables_that_only_nft_knows_count_beside_iptables() -> None:
    """An empty iptables listing says nothing about nftables."""
    nft = read_nftables(NFT_JSON.replace('"table": "filter"', '"table": "own"'))
    both = combine(nft, iptables_nft=read_iptables("", "nft"))
    assert "ip own INPUT" in both.chains
    both = combine(nft, iptables_nft=read_iptables(NFT, "nft"))
    assert {"ip own INPUT", "iptables-nft filter INPUT"} <= set(both.chains)


def test_legacy_rules_count_beside_all_others_and_gaps_are_kept() -> None:
    both = combine(PacketFilter(), None, read_iptables(LEGACY, "legacy"), ("nft: not installed",))
    assert answer(both) == {"207.166.94.0/24": Decision.UNDECIDED, "10.0.0.1": Decision.DENIED}
    assert both.unread == ("nft: not installed",)


def test_a_listing_that_breaks_off_is_unread() -> None:
    found = read_iptables(NFT[: NFT.rindex("COMMIT")], "nft")
    assert found.unread == ("iptables-nft: the listing of table nat is cut off",)


def test_unknown_tables_and_lines_are_unread() -> None:
    found = read_iptables("*broute\nCOMMIT\n*filter\nnonsense\nCOMMIT\n", "legacy")
    assert len(found.unread) == 2


def test_counters_before_rules_are_passed_over() -> None:
    found = read_iptables("*filter\n:INPUT ACCEPT [1:2]\n[3:4] -A INPUT -j DROP\nCOMMIT\n", "nft")
    (rule,) = found.chains["iptables-nft filter INPUT"]
    assert rule.text == "iptables-nft filter: -A INPUT -j DROP"


def test_other_text_is_refused_in_words() -> None:
    with pytest.raises(
        ValueError, match="not the output of iptables-save: 'iptables-save: command"
    ):
        read_iptables("iptables-save: command not found", "nft")


_WORDS = st.sampled_from([
    "-A", "INPUT", "-s", "-d", "!", "-p", "tcp", "-m", "multiport", "--dports", "80,90", "--dport", "99999",
    "-j", "DROP", "mine", "-g", "--comment", '"', "'", "-i", "+", "--tcp-flags", "SYN", "DNAT",
    "--to-destination", "10.0.0.1", ":", "*filter", "COMMIT", "\n", "limit", "--limit", "--ctstate", "NEW",
    "-1",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS | st.text(max_size=3), max_size=14))
def test_no_line_makes_the_reader_fail(words: list[str]) -> None:
    found = read_iptables(
        f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {' '.join(words)}\nCOMMIT\n", "nft"
    )
    assert answer(found)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.integers(0, len(LEGACY)))
def test_damaged_listings_are_read_or_refused(noise: str, where: int) -> None:
    for text in (noise, LEGACY[:where] + noise + LEGACY[where:]):
        try:
            answer(read_iptables(text, "legacy"))
        except ValueError:
            continue
