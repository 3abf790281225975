"""Firewall answers become verdicts that name the missing addresses and the rule to blame."""

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import InterfaceAddress, Known, Route, Unknown
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    State,
    Verb,
)
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.sites import cell, healthy_site, site, with_facts

OF = site()
HEALTHY = healthy_site(OF)
HALF = AddressSet.of("207.166.95.128/25").intervals


def filtering(hook: Hook, match: Match, action: Action, **more: tuple[str, ...]) -> PacketFilter:
    key = f"inet site {hook.value}"
    rule = Rule(match, action, f"{key}: the rule (handle 9)")
    return PacketFilter((BaseChain(key, hook, 0),), {key: (rule,)}, **more)


def judged(requirement: str, name: str, packet_filter: PacketFilter) -> Judgement:
    facts = with_facts(HEALTHY, name, firewall=Known(packet_filter, "nft (as root)"))
    return judge_cell(cell(requirement, name, OF), facts).judgement


@pytest.mark.parametrize(
    ("requirement", "name", "hook", "match"),
    [
        ("cloud-range-95.permits-out", "premises", Hook.OUTPUT, Match(destinations=HALF)),
        ("cloud-range-95.permits-in", "premises", Hook.INPUT, Match(sources=HALF)),
        ("cloud-range-95.forwards-out", "edge", Hook.FORWARD, Match(destinations=HALF)),
        ("cloud-range-95.forwards-in", "edge", Hook.FORWARD, Match(sources=HALF)),
    ],
    ids=["out", "in", "forward-out", "forward-in"],
)
def test_half_a_range_is_not_met_with_the_missing_half_and_the_rule(
    requirement: str, name: str, hook: Hook, match: Match
) -> None:
    judgement = judged(requirement, name, filtering(hook, match, Action(Verb.DROP)))

    assert judgement.verdict is Verdict.NOT_MET
    assert "207.166.95.128/25 (128 of 256 addresses)" in judgement.summary
    assert "the rule (handle 9)" in judgement.summary
    assert any("207.166.95.0/25" in item.statement for item in judgement.evidence), "what is open"


def test_the_other_range_is_not_touched() -> None:
    rules = filtering(Hook.OUTPUT, Match(destinations=HALF), Action(Verb.DROP))

    assert judged("cloud-range-94.permits-out", "premises", rules).verdict is Verdict.MET


def test_a_rule_that_is_not_understood_is_not_verified_and_named() -> None:
    match = Match(destinations=HALF, opaque=("limit rate 5/second",))
    judgement = judged(
        "cloud-range-95.permits-out", "premises", filtering(Hook.OUTPUT, match, Action(Verb.DROP))
    )

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "207.166.95.128/25" in judgement.summary
    assert "the rule (handle 9)" in judgement.summary


def test_a_part_of_the_firewall_that_was_not_read_is_not_verified() -> None:
    rules = filtering(
        Hook.OUTPUT, Match(), Action(Verb.ACCEPT), unread=("iptables-legacy rules: needs root",)
    )
    judgement = judged("cloud-range-95.permits-out", "premises", rules)

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "iptables-legacy rules: needs root" in judgement.summary


def test_client_ports_ask_about_the_premises_servers() -> None:
    address = AddressSet.of("10.61.0.10").intervals
    rules = filtering(
        Hook.OUTPUT,
        Match(destinations=address, destination_ports=((2012, 2012),)),
        Action(Verb.REJECT),
    )

    judgement = judged("client-2012.permits-out", "client", rules)
    assert judgement.verdict is Verdict.NOT_MET
    assert "out to 10.61.0.10 (1 of 1 addresses)" in judgement.summary
    assert judged("client-80.permits-out", "client", rules).verdict is Verdict.MET


def test_an_edge_that_does_not_forward_is_not_met() -> None:
    facts = with_facts(HEALTHY, "edge", forwarding=Known(False, "sysctl"))
    judgement = judge_cell(cell("cloud-range-94.forwards-out", "edge", OF), facts).judgement

    assert judgement.verdict is Verdict.NOT_MET
    assert "net.ipv4.ip_forward = 0" in judgement.summary


@pytest.mark.parametrize("fact", ["firewall", "forwarding"])
def test_an_unread_fact_of_the_edge_is_not_verified(fact: str) -> None:
    facts: SiteFacts = with_facts(HEALTHY, "edge", **{fact: Unknown("needs root", "grant root")})
    judgement = judge_cell(cell("cloud-range-94.forwards-in", "edge", OF), facts).judgement

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "needs root" in judgement.summary
    assert judgement.remedy == "grant root"


def test_wide_open_2010_is_an_advisory_remark_with_who_else_gets_in() -> None:
    cloud = AddressSet.of(["207.166.94.0/23"]).intervals
    key = "inet site input"
    rules = PacketFilter(
        (BaseChain(key, Hook.INPUT, 0, policy=Verb.DROP),),
        {
            key: (
                Rule(Match(sources=cloud), Action(Verb.ACCEPT), "the cloud (handle 3)"),
                Rule(
                    Match(sources=AddressSet.of("10.0.0.0/8").intervals),
                    Action(Verb.ACCEPT),
                    "the LAN (handle 4)",
                ),
            )
        },
    )
    judgement = judged("least-privilege-2010.narrow", "premises", rules)

    assert judgement.verdict is Verdict.NOT_MET
    assert "TCP 2010 is also open to 10.0.0.0/11" in judgement.summary
    assert "the LAN (handle 4)" in judgement.summary


def test_2010_for_the_cloud_only_is_narrow() -> None:
    cloud = AddressSet.of(["207.166.94.0/23"]).intervals
    key = "inet site input"
    rules = PacketFilter(
        (BaseChain(key, Hook.INPUT, 0, policy=Verb.DROP),),
        {key: (Rule(Match(sources=cloud), Action(Verb.ACCEPT), "the cloud (handle 3)"),)},
    )

    assert judged("least-privilege-2010.narrow", "premises", rules).verdict is Verdict.MET


def held(*addresses: str) -> Known[tuple[InterfaceAddress, ...]]:
    return Known(tuple(InterfaceAddress("wan", address, 30) for address in addresses), "ip addr")


def translating(target: str) -> PacketFilter:
    """The edge translates 203.0.113.1:2010 to ``target`` and forwards only what was translated."""
    pre, forward = "ip nat prerouting", "inet site forward"
    return PacketFilter(
        (
            BaseChain(pre, Hook.PREROUTING, -100, "nat"),
            BaseChain(forward, Hook.FORWARD, 0, policy=Verb.DROP),
        ),
        {
            pre: (
                Rule(
                    Match(
                        destinations=AddressSet.of("203.0.113.1").intervals,
                        destination_ports=((2010, 2010),),
                    ),
                    Action(Verb.DNAT, address=AddressSet.of(target).intervals[0][0]),
                    "dnat (handle 1)",
                ),
            ),
            forward: (
                Rule(Match(translated=True), Action(Verb.ACCEPT), "ct status dnat accept"),
                Rule(
                    Match(states=frozenset({State.ESTABLISHED})),
                    Action(Verb.ACCEPT),
                    "ct state established accept",
                ),
            ),
        },
    )


def forwards_in(rules: PacketFilter, *addresses: str) -> Judgement:
    healthy = HEALTHY.hosts["edge"].routes
    assert isinstance(healthy, Known)
    local = [Route(f"{address}/32", "local", "lo", "", 0, "local") for address in addresses]
    facts = with_facts(
        HEALTHY,
        "edge",
        firewall=Known(rules, "nft"),
        addresses=held(*addresses),
        routes=Known((*local, *healthy.value), "ip route"),
    )
    return judge_cell(cell("cloud-range-94.forwards-in", "edge", OF), facts).judgement


def test_an_edge_that_holds_the_public_address_must_translate_it() -> None:
    routed = ("10.61.0.1", "203.0.113.1")

    assert forwards_in(translating("10.61.0.10"), *routed).verdict is Verdict.MET
    none = PacketFilter((BaseChain("forward", Hook.FORWARD, 0),), {"forward": ()})
    assert forwards_in(none, "10.61.0.1").verdict is Verdict.MET, "translated on another device"
    missing = forwards_in(none, *routed)
    assert missing.verdict is Verdict.NOT_MET
    assert "an address of the host itself: not forwarded" in missing.evidence[0].statement


def test_an_edge_that_does_not_know_its_addresses_is_not_verified() -> None:
    facts = with_facts(HEALTHY, "edge", addresses=Unknown("ip is not installed"))
    judgement = judge_cell(cell("cloud-range-94.forwards-in", "edge", OF), facts).judgement

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "whether edge holds 203.0.113.1" in judgement.summary
