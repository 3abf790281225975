"""What a packet filter does with a flow, in words and in time."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Interfaces,
    Match,
    PacketFilter,
    Rule,
    Verb,
)
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.policy import Decision, Direction, Flow, Piece
from pytest_wfo.core.routing import Way

PEERS = AddressSet.from_pairs([(0, 7)])
OWN = AddressSet.from_pairs([(100, 103)])
PORT = 2010
WAYS = (
    Way(AddressSet.from_pairs([(0, 3)]), "eth0"),
    Way(AddressSet.from_pairs([(4, 7)]), "eth1"),
    Way(AddressSet.from_pairs([(100, 103)]), "lo"),
)


def one_chain(
    hook: Hook, *found: Rule, policy: Verb = Verb.ACCEPT, unread: tuple[str, ...] = ()
) -> PacketFilter:
    key = f"inet filter {hook.value}"
    base = BaseChain(key, hook, 0, "filter", policy)
    return PacketFilter((base,), {key: found}, unread)


def ask(packet_filter: PacketFilter, direction: Direction = Direction.IN) -> tuple[Piece, ...]:
    sources, destinations = (PEERS, OWN) if direction is Direction.IN else (OWN, PEERS)
    return decide(packet_filter, Flow(direction, sources, destinations, PORT), WAYS, WAYS)


def test_without_rules_everything_is_permitted_by_the_kernels_default() -> None:
    assert ask(PacketFilter()) == (
        Piece(Decision.PERMITTED, PEERS, OWN, "no packet filter rules", "no rule denies it"),
    )


def test_what_could_not_be_read_takes_permission_but_not_denial() -> None:
    drop = Rule(Match(sources=((0, 3),)), Action(Verb.DROP), "the drop")
    found = ask(one_chain(Hook.INPUT, drop, unread=("iptables-legacy rules: needs root",)))
    assert [(str(p.sources), p.decision, p.rule) for p in found] == [
        ("0.0.0.0/30", Decision.DENIED, "the drop"),
        ("0.0.0.4/30", Decision.UNDECIDED, "iptables-legacy rules: needs root"),
    ]


def test_a_policy_is_named_with_its_chain() -> None:
    (piece,) = ask(one_chain(Hook.INPUT, policy=Verb.DROP))
    assert piece.rule == "inet filter input: policy drop"
    assert piece.why == "policy drop, no rule permits it"


def test_answers_that_are_held_back_deny_the_connection() -> None:
    (piece,) = ask(one_chain(Hook.INPUT, policy=Verb.DROP), Direction.OUT)
    assert piece.decision is Decision.DENIED
    assert piece.why == "answers: policy drop, no rule permits it"


def test_a_rule_for_some_source_ports_decides_nothing() -> None:
    low = Rule(Match(source_ports=((0, 4999),)), Action(Verb.DROP), "the drop")
    (piece,) = ask(one_chain(Hook.INPUT, low))
    assert piece.decision is Decision.UNDECIDED
    assert piece.rule == "the drop"
    assert "source ports 1024-4999 are denied" in piece.why


def test_a_service_port_that_a_client_might_have_by_chance_does_not_matter() -> None:
    out = Rule(Match(destination_ports=((PORT, PORT), (2012, 2015))), Action(Verb.DROP), "the drop")
    (piece,) = ask(one_chain(Hook.OUTPUT, out))
    assert piece.decision is Decision.PERMITTED
    (piece,) = ask(one_chain(Hook.OUTPUT, out), Direction.OUT)
    assert piece.decision is Decision.DENIED
    high = Rule(Match(destination_ports=((50000, 50000),)), Action(Verb.DROP), "the drop")
    (piece,) = ask(one_chain(Hook.OUTPUT, high))
    assert piece.decision is Decision.UNDECIDED


def test_parts_by_source_port_that_agree_are_one_answer() -> None:
    drops = [
        Rule(Match(source_ports=ports), Action(Verb.DROP), "the drop")
        for ports in (((0, 4999),), ((5000, 65535),))
    ]
    (piece,) = ask(one_chain(Hook.INPUT, *drops))
    assert piece.decision is Decision.DENIED


def test_no_route_denies_what_is_sent_and_what_must_be_answered() -> None:
    barred = (Way(PEERS, None, "no route"),)
    out = decide(PacketFilter(), Flow(Direction.OUT, OWN, PEERS, PORT), (), barred)
    into = decide(PacketFilter(), Flow(Direction.IN, PEERS, OWN, PORT), barred, ())
    assert [(p.decision, p.rule, p.why) for p in (*out, *into)] == [
        (Decision.DENIED, "no route", "the host cannot send there"),
        (Decision.DENIED, "no route", "no answer can be sent back"),
    ]


def test_an_interface_that_matters_and_is_not_known_decides_nothing() -> None:
    rule = Rule(Match(incoming=(Interfaces(("eth0",)),)), Action(Verb.ACCEPT), "the rule")
    chain = one_chain(Hook.INPUT, rule, policy=Verb.DROP)
    (piece,) = decide(chain, Flow(Direction.IN, PEERS, OWN, PORT), (), ())
    assert piece.decision is Decision.UNDECIDED
    assert piece.why == "the incoming interface of these packets is not known"


def test_traffic_to_oneself_goes_out_and_in_by_loopback() -> None:
    permit = Rule(Match(incoming=(Interfaces(("lo",)),)), Action(Verb.ACCEPT), "lo is fine")
    chain = one_chain(Hook.INPUT, permit, policy=Verb.DROP)
    (piece,) = decide(chain, Flow(Direction.OUT, OWN, OWN, PORT), WAYS, WAYS)
    assert piece.decision is Decision.PERMITTED
    assert piece.rule == "lo is fine"


def test_own_addresses_are_not_forwarded_unless_rewritten() -> None:
    flow = Flow(Direction.FORWARD, PEERS, OWN, PORT)
    (piece,) = decide(PacketFilter(), flow, WAYS, WAYS)
    assert piece.decision is Decision.DENIED
    assert "not forwarded" in piece.why
    dnat = Rule(Match(), Action(Verb.DNAT, address=200), "the dnat")
    nat = PacketFilter((BaseChain("nat", Hook.PREROUTING, -100, "nat"),), {"nat": (dnat,)})
    (piece,) = decide(nat, flow, WAYS, (*WAYS, Way(AddressSet.from_pairs([(200, 200)]), "lan")))
    assert piece.decision is Decision.PERMITTED
    assert piece.destinations == OWN
    (piece,) = ask(nat)
    assert (piece.decision, piece.rule) == (Decision.UNDECIDED, "the dnat")


def test_chains_that_jump_in_a_circle_are_not_followed_for_ever() -> None:
    jump = Rule(Match(), Action(Verb.JUMP, "inet filter input"), "the jump")
    (piece,) = ask(one_chain(Hook.INPUT, jump))
    assert piece.decision is Decision.UNDECIDED
    double = one_chain(Hook.INPUT, *[replace(jump, match=Match(opaque=("x",)))] * 20)
    started = time.process_time()
    (piece,) = ask(double)
    assert piece.decision is Decision.UNDECIDED
    assert time.process_time() - started < 5


def test_a_missing_chain_is_not_an_empty_one() -> None:
    (piece,) = ask(one_chain(Hook.INPUT, Rule(Match(), Action(Verb.JUMP, "gone"), "the jump")))
    assert piece.decision is Decision.UNDECIDED
    assert "not in the ruleset" in piece.why


def test_a_jump_in_doubt_matters_only_where_the_chain_decides() -> None:
    doubt = Match(opaque=("a limit",))
    drop = Rule(Match(sources=((0, 1),)), Action(Verb.DROP), "the drop")
    key = "inet filter input"
    packet_filter = PacketFilter(
        (BaseChain(key, Hook.INPUT, 0),),
        {
            key: (Rule(doubt, Action(Verb.JUMP, "log and drop"), "the jump"),),
            "log and drop": (drop,),
        },
    )
    assert [(str(p.sources), p.decision, p.rule) for p in ask(packet_filter)] == [
        ("0.0.0.0/31", Decision.UNDECIDED, "the jump"),
        ("0.0.0.2/31, 0.0.0.4/30", Decision.PERMITTED, f"{key}: policy accept"),
    ]


@pytest.mark.parametrize("policy", [Verb.ACCEPT, Verb.DROP])
def test_thousands_of_rules_cost_milliseconds(policy: Verb) -> None:
    """2,000 rules about single addresses in and around the question; CPU time, generous bound."""
    found = [
        Rule(
            Match(sources=((n * 7, n * 7 + 2),), destination_ports=((PORT - n % 3, PORT),)),
            Action(Verb.DROP if policy is Verb.ACCEPT else Verb.ACCEPT),
            f"rule {n % 5}",
        )
        for n in range(2000)
    ]
    everyone = AddressSet.from_pairs([(0, 2**16)])
    flow = Flow(Direction.IN, everyone, OWN, PORT)
    started = time.process_time()
    pieces = decide(
        one_chain(Hook.INPUT, *found, policy=policy), flow, (Way(everyone, "eth0"),), ()
    )
    assert time.process_time() - started < 1.0
    assert sum(len(piece.sources) for piece in pieces) == len(everyone)
    assert len(pieces) == 6
