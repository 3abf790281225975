"""nft's JSON read into the model: captured rulesets, and rules one by one from the real nft."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.packet_filter import Hook, Match, PacketFilter, Rule, State, Verb
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.policy import Decision, Direction, Flow
from pytest_wfo.core.routing import Way
from pytest_wfo.probes.nftables import read_nftables

DATA = Path(__file__).with_name("data")
CAPTURED = (DATA / "nft-1.0.6-statements.json").read_text("utf-8")


@pytest.fixture(scope="module")
def captured() -> PacketFilter:
    """A ruleset with one rule of nearly every kind, as nft 1.0.6 lists it."""
    return read_nftables(CAPTURED)


def rules(packet_filter: PacketFilter, words: str) -> list[Rule]:
    """The rules whose text has ``words``."""
    return [r for found in packet_filter.chains.values() for r in found if words in r.text]


def one(packet_filter: PacketFilter, words: str) -> Rule:
    (found,) = rules(packet_filter, words)
    return found


def addresses(*texts: str) -> tuple[tuple[int, int], ...]:
    return AddressSet.of(texts).intervals


def test_base_chains_keep_hook_priority_and_policy(captured: PacketFilter) -> None:
    found = {b.key: (b.hook, b.priority, b.kind, b.policy) for b in captured.base_chains}
    assert found == {
        "inet filter input": (Hook.INPUT, 0, "filter", Verb.DROP),
        "inet filter pre": (Hook.PREROUTING, -305, "filter", Verb.ACCEPT),
        "inet filter natpre": (Hook.PREROUTING, -100, "nat", Verb.ACCEPT),
        "inet filter natpost": (Hook.POSTROUTING, 100, "nat", Verb.ACCEPT),
        "inet filter fwd1": (Hook.FORWARD, 0, "filter", Verb.ACCEPT),
        "netdev g e": (Hook.EGRESS, 0, "filter", Verb.ACCEPT),
    }
    assert captured.unread == ()


def test_named_sets_are_looked_up(captured: PacketFilter) -> None:
    rule = one(captured, "ip saddr @cloud accept")
    assert rule.match == Match(sources=addresses("10.9.8.7", "207.166.94.0/24", "207.166.95.0/24"))
    assert rule.text == "inet filter wfo: ip saddr @cloud accept (handle 11)"


def test_concatenations_become_one_rule_for_each_element(captured: PacketFilter) -> None:
    assert [rule.match for rule in rules(captured, "@pairs")] == [
        Match(sources=addresses("207.166.94.0/24"), destination_ports=((2010, 2010),)),
        Match(sources=addresses("10.0.0.1"), destination_ports=((80, 90),)),
    ]


def test_verdict_maps_become_one_rule_for_each_element(captured: PacketFilter) -> None:
    assert [(r.match.destination_ports, r.action.verb) for r in rules(captured, "vmap @ports")] == [
        (((22, 22),), Verb.ACCEPT),
        (((2010, 2010),), Verb.JUMP),
    ]
    states = {s: r.action.verb for r in rules(captured, "ct state vmap") for s in r.match.states}
    assert states == {State.ESTABLISHED: Verb.ACCEPT, State.INVALID: Verb.DROP}


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ("tcp dport != 22-25", Match(destination_ports=((0, 21), (26, 65535)))),
        ("tcp dport >= 2000", Match(destination_ports=((2000, 2999),))),
        ("tcp dport { 80", Match(
            sources=(AddressSet.everything() - AddressSet.of("10.0.0.0/8")).intervals,
            destination_ports=((80, 80), (443, 443), (2000, 2015)),
        )),
        ("ct state != new", Match(states=frozenset(State) - {State.NEW})),
        ("meta l4proto { tcp, udp }", Match(destination_ports=((53, 53),))),
        ("ip protocol tcp accept (handle 38)", Match()),
        ("fib result type flags saddr local", Match(source_local=True)),
        ("ct status dnat", Match(translated=True)),
    ],
)  # fmt: skip
def test_conditions_are_exact(captured: PacketFilter, words: str, match: Match) -> None:
    assert one(captured, words).match == match


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("limit rate 10/second accept", "rate limit"),
        ("meter key", "meter"),
        ("set op add", "updates a set"),
        ("ip saddr @dyn drop", "rules change its elements"),
        ("meta mark 1 accept", "meta mark"),
        ("fib result oif", "fib"),
        ("meta skuid", "meta skuid"),
        ("ct direction", "ct direction"),
        ("numgen", "numgen"),
        ("pkttype", "pkttype"),
    ],
)
def test_what_cannot_be_known_stays_in_the_rule_as_doubt(
    captured: PacketFilter, words: str, reason: str
) -> None:
    assert reason in "; ".join(one(captured, words).match.opaque)


@pytest.mark.parametrize(
    "words", ["udp dport", "icmp type", "ip6 saddr", "nfproto ipv6", "mark set"]
)
def test_rules_that_cannot_touch_ipv4_tcp_are_left_out(captured: PacketFilter, words: str) -> None:
    assert rules(captured, words) == []


def test_rules_below_ip_never_deny_for_certain(captured: PacketFilter) -> None:
    (rule,) = captured.chains["netdev g e"]
    assert rule.action.verb is Verb.OPAQUE
    assert "below IP" in rule.action.target


def test_translations_are_exact_or_open(captured: PacketFilter) -> None:
    found = {r.text.split(": ", 1)[1].split(" (")[0]: r.action for r in rules(captured, "natpre")}
    exact = found["tcp dport 2010 dnat to 10.0.0.5:2011"]
    assert (exact.address, exact.port) == (addresses("10.0.0.5")[0][0], 2011)
    others = [action for action in found.values() if action is not exact]
    assert [(a.verb, a.address) for a in others] == [(Verb.DNAT, None)] * 3


# --- what other versions print, by hand ---------------------------------------------------------


def ruleset(*expressions: dict[str, Any], family: str = "inet", **chain: Any) -> str:
    base = {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"} | chain
    names = {"family": family, "table": "t"}
    return json.dumps({"nftables": [
        {"metainfo": {"version": "x"}},
        {"table": {"family": family, "name": "t"}},
        {"chain": {**names, "name": "c", **base}},
        {"rule": {**names, "chain": "c", "handle": 1, "expr": list(expressions)}},
    ]})  # fmt: skip


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
ACCEPT = {"accept": None}


@pytest.mark.parametrize(
    ("expressions", "verb", "doubt"),
    [
        ([{"frobnicate": {}}, ACCEPT], Verb.ACCEPT, "frobnicate"),
        ([{"frobnicate": {}}], Verb.OPAQUE, "frobnicate"),
        ([{"xt": None}, ACCEPT], Verb.ACCEPT, "xt"),
        ([{"xt": {"type": "target", "name": "TPROXY"}}], Verb.OPAQUE, "xt TPROXY"),
        ([{"queue": {"num": 1}}], Verb.OPAQUE, "queue"),
        ([{"quota": {"val": 1}}, {"drop": None}], Verb.DROP, "quota"),
        ([{"ct count": {"val": 9}}, {"drop": None}], Verb.DROP, "connection limit"),
        ([match(DPORT, "@gone"), ACCEPT], Verb.ACCEPT, "not in the ruleset"),
        ([match(DPORT, {"set": [{"elem": {"val": 1, "timeout": 5}}]}), ACCEPT], Verb.ACCEPT, "timeout"),
        ([{"vmap": {"key": DPORT, "data": "@gone"}}], Verb.OPAQUE, "not in the ruleset"),
        ([{"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "x"}}],
         Verb.OPAQUE, "mangle"),
        ([match({"ct": {"key": "state"}}, ["new", "established"], "!="), ACCEPT], Verb.ACCEPT, "ct state"),
    ],
)  # fmt: skip
def test_unknown_words_are_doubt_of_their_own_rule(
    expressions: list[dict[str, Any]], verb: Verb, doubt: str
) -> None:
    (rule,) = read_nftables(ruleset(*expressions)).chains["inet t c"]
    assert rule.action.verb is verb
    assert doubt in "; ".join((*rule.match.opaque, rule.action.target))


@pytest.mark.parametrize(
    ("right", "ports"),
    [
        (2010, ((2010, 2010),)),
        ("ssh", ((22, 22),)),
        ({"range": [2010, 2012]}, ((2010, 2012),)),
        ({"set": [80, {"range": [2010, 2012]}, {"elem": {"val": 443, "comment": "x"}}]},
         ((80, 80), (443, 443), (2010, 2012))),
        ({"set": 80}, ((80, 80),)),
    ],
)  # fmt: skip
def test_right_hand_sides_of_all_versions(right: Any, ports: tuple[tuple[int, int], ...]) -> None:
    (rule,) = read_nftables(ruleset(match(DPORT, right), ACCEPT)).chains["inet t c"]
    assert rule.match == Match(destination_ports=ports)


def test_a_base_chain_without_policy_accepts_and_priorities_may_have_names() -> None:
    text = ruleset(ACCEPT, prio="filter - 5").replace('"policy": "drop"', '"other": 1')
    (base,) = read_nftables(text).base_chains
    assert (base.policy, base.priority) == (Verb.ACCEPT, -5)


def test_a_base_chain_that_is_not_understood_is_unread() -> None:
    found = read_nftables(ruleset(ACCEPT, hook="sideways"))
    assert found.base_chains == ()
    assert found.unread == ("nftables: base chain inet t c was not understood",)


def test_tables_of_ipv6_and_sleeping_tables_do_not_count() -> None:
    assert read_nftables(ruleset(ACCEPT, family="ip6")) == PacketFilter()
    asleep = ruleset(ACCEPT).replace('"name": "t"}', '"name": "t", "flags": "dormant"}')
    assert read_nftables(asleep).base_chains == ()


def test_a_table_that_may_sleep_denies_nothing_for_certain() -> None:
    """nft 1.0.6 prints stray text in the place of the flag."""
    found = read_nftables(
        ruleset({"drop": None}).replace('"name": "t"}', '"name": "t", "flags": "stray"}')
    )
    assert found.base_chains[0].policy is Verb.OPAQUE
    assert found.chains["inet t c"][0].action.verb is Verb.OPAQUE


@pytest.mark.parametrize(
    "text", ["", "nft: command not found", "[]", "{}", "3", '{"nftables": {}}', "[" * 9999]
)
def test_other_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="nft"):
        read_nftables(text)


def _leaves() -> st.SearchStrategy[Any]:
    known = ["accept", "drop", "jump", "match", "vmap", "set", "elem", "concat", "payload", "tcp",
             "@s", "ip", "dport", "saddr", "==", "new", "range", "prefix", "10.0.0.0", "meta", "ct",
             "state", "dnat"]  # fmt: skip
    return (
        st.none()
        | st.booleans()
        | st.integers(-1, 70000)
        | st.sampled_from(known)
        | st.text(max_size=3)
    )


_KEYS = st.sampled_from([
    "match", "left", "right", "op", "payload", "protocol", "field", "meta", "key", "ct", "set", "elem", "val",
    "range", "prefix", "addr", "len", "concat", "vmap", "data", "accept", "jump", "target", "dnat", "port",
    "mangle", "&", "limit", "xt", "fib", "flags", "result",
])  # fmt: skip
_NODES = st.recursive(
    _leaves(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=2),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@example([{"match": {"op": []}}])
@given(st.lists(st.dictionaries(_KEYS, _NODES, min_size=1, max_size=1), max_size=4))
def test_no_expression_makes_the_reader_fail(expressions: list[dict[str, Any]]) -> None:
    found = read_nftables(ruleset(*expressions))
    flow = Flow(Direction.IN, AddressSet.of("10.0.0.0/30"), AddressSet.of("10.9.9.9"), 2010)
    assert decide(found, flow, (Way(flow.sources, "eth0"),), ())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["table", "chain", "rule", "set", "map", "x"]), _NODES, max_size=2
        )
    )
)
def test_no_object_makes_the_reader_fail(entries: list[dict[str, Any]]) -> None:
    read_nftables(json.dumps({"nftables": entries}))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.integers(0, len(CAPTURED)))
def test_damaged_listings_are_read_or_refused(noise: str, where: int) -> None:
    for text in (noise, CAPTURED[:where], CAPTURED[:where] + noise + CAPTURED[where:]):
        try:
            read_nftables(text)
        except ValueError:
            continue


@pytest.mark.lab
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("nft"),
    reason="needs root and nft for a ruleset in a namespace of its own",
)
def test_this_machines_nft_lists_what_the_reader_expects() -> None:
    """The same rules through the real nft: a new version that prints otherwise shows here."""
    rules_text = """table inet t {
      set cloud { type ipv4_addr; flags interval; elements = { 207.166.94.0/24, 207.166.95.0/24 } }
      chain c { type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        ip saddr @cloud tcp dport { 80, 2000-2015 } counter accept
        ip saddr . tcp dport { 10.0.0.1 . 2010 } accept
        tcp flags & (fin | syn) == fin | syn drop
      }
    }
    """
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", "nft -f - && nft -j list ruleset"],
        input=rules_text, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    found = read_nftables(done.stdout)
    assert not any(rule.match.opaque for rule in found.chains["inet t c"])
    sources = AddressSet.of(["207.166.94.0/24", "10.0.0.0/31"])
    flow = Flow(Direction.IN, sources, AddressSet.of("10.9.9.9"), 2010)
    pieces = decide(found, flow, (Way(sources, "eth0"),), ())
    assert {str(p.sources): p.decision for p in pieces} == {
        "10.0.0.0": Decision.DENIED,
        "10.0.0.1": Decision.PERMITTED,
        "207.166.94.0/24": Decision.PERMITTED,
    }
