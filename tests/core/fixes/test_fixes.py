"""A change is proposed only where the check, asked about the changed host, would be met."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.core.fixes import fixes
from pytest_wfo.core.fixes.changes import ChainAccept, Fix, WindowsAllow
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    Verb,
)
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.verdicts import Evidence, Finding, Judgement, Verdict
from pytest_wfo.core.windows_firewall import FirewallProduct, WindowsFirewall
from pytest_wfo.core.windows_rules import ALL_PROFILES, Profile
from tests.core.windows.hosts import ETHERNET, local
from tests.core.windows.hosts import host as windows
from tests.support.sites import CLIENT, PREMISES, healthy_site, site, the_plan, with_facts

OF = site()
HEALTHY = healthy_site(OF)
CELLS = the_plan(OF).cells
HERE = replace(ETHERNET, addresses=(f"{CLIENT}/24",), gateways=("10.61.0.1",))
BLOCK = "v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=2012|Name=Old habit|"
DROP = Rule(Match(destination_ports=((2012, 2012),)), Action(Verb.DROP), "a drop (handle 9)")


def proposed(
    firewall: WindowsFirewall | PacketFilter, requirement: str, name: str = "client"
) -> Fix:
    facts = with_facts(HEALTHY, name, firewall=Known(firewall, "read"))
    found = fixes(CELLS, judge(CELLS, facts).values(), facts)
    (fix,) = [fix for fix in found if fix.cell.key == (requirement, name)]
    assert fix.automatic is not bool(fix.by_hand)
    return fix


def filtering(key: str, hook: Hook, *rules: Rule, kind: str = "filter") -> PacketFilter:
    return PacketFilter((BaseChain(key, hook, 0, kind),), {key: rules})


def test_windows_default_block_takes_an_allow_rule_for_exactly_the_servers_and_the_profile() -> (
    None
):
    (change,) = proposed(windows(interfaces=[HERE]), "client-2012.permits-in").changes

    assert isinstance(change, WindowsAllow)
    assert change.name == "WFO client-2012.permits-in"
    assert (change.direction, change.port) == (Direction.IN, 2012)
    assert str(change.remote) == PREMISES
    assert change.profiles == {Profile.DOMAIN}


def test_windows_outbound_block_by_default_takes_an_outbound_rule() -> None:
    blocking = windows(interfaces=[HERE], local_DomainProfile={"DefaultOutboundAction": 1})
    (change,) = proposed(blocking, "client-80.permits-out").changes

    assert isinstance(change, WindowsAllow)
    assert (change.direction, change.port) == (Direction.OUT, 80)


def test_a_network_without_a_known_category_takes_all_profiles() -> None:
    unknown = replace(HERE, profile=None)
    (change,) = proposed(windows(interfaces=[unknown]), "client-80.permits-in").changes

    assert isinstance(change, WindowsAllow)
    assert change.profiles == ALL_PROFILES


@pytest.mark.parametrize(
    ("firewall", "words"),
    [
        pytest.param(windows(*local(BLOCK), interfaces=[HERE]), "Old habit", id="block-rule"),
        pytest.param(
            windows(interfaces=[HERE], gpo_DomainProfile={"AllowLocalPolicyMerge": 0}),
            "is void, as AllowLocalPolicyMerge=0 (GPO)",
            id="local-rules-void",
        ),
        pytest.param(
            windows(interfaces=[HERE], gpo_DomainProfile={"DoNotAllowExceptions": 1}),
            "DoNotAllowExceptions=1 (GPO)",
            id="shielded",
        ),
    ],
)
def test_where_an_allow_rule_cannot_help_people_are_told_why(
    firewall: WindowsFirewall, words: str
) -> None:
    fix = proposed(firewall, "client-2012.permits-in")

    assert not fix.automatic
    assert "A local allow rule does not help" in fix.by_hand
    assert words in fix.by_hand
    assert "on client permit new TCP connections to port 2012" in fix.by_hand


def test_a_block_rule_of_one_port_leaves_the_others_automatic() -> None:
    firewall = windows(*local(BLOCK), interfaces=[HERE])

    assert proposed(firewall, "client-80.permits-in").automatic


def test_what_another_firewall_product_makes_unsure_is_no_fix() -> None:
    firewall = replace(
        windows(interfaces=[HERE]), products=(FirewallProduct("Other", enabled=True),)
    )
    facts = with_facts(HEALTHY, "client", firewall=Known(firewall, "read"))

    found = fixes(CELLS, judge(CELLS, facts).values(), facts)
    assert [fix for fix in found if fix.cell.host.name == "client"] == []


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("inet host input", ("nft", "inet", "host", "input")),
        ("iptables-legacy filter INPUT", ("iptables-legacy", "", "filter", "INPUT")),
        ("iptables-nft filter INPUT", ("iptables-nft", "", "filter", "INPUT")),
    ],
)
def test_linux_takes_one_rule_at_the_head_of_the_denying_chain(
    key: str, place: tuple[str, ...]
) -> None:
    (change,) = proposed(filtering(key, Hook.INPUT, DROP), "client-2012.permits-in").changes

    assert isinstance(change, ChainAccept)
    assert (change.tool, change.family, change.table, change.chain) == place
    assert (str(change.sources), str(change.destinations)) == (PREMISES, CLIENT)
    assert not change.answers


@pytest.mark.parametrize(
    ("packet_filter", "words"),
    [
        (filtering("inet host x; flush ruleset", Hook.INPUT, DROP), "a drop (handle 9)"),
        (filtering("inet host $(reboot)", Hook.INPUT, DROP), "a drop (handle 9)"),
        (filtering("netdev host in", Hook.INGRESS, DROP), "a drop (handle 9)"),
        (filtering("inet host early", Hook.PREROUTING, DROP), "a drop (handle 9)"),
        (filtering("inet firewalld filter_INPUT", Hook.INPUT, DROP), "kept by firewalld"),
        (
            PacketFilter(
                (BaseChain("iptables-nft filter INPUT", Hook.INPUT, 0),),
                {
                    "iptables-nft filter INPUT": (DROP,),
                    "iptables-nft filter ufw-user-input": (),
                },
            ),
            "kept by ufw",
        ),
    ],
    ids=["hostile-name", "hostile-word", "below-ip", "other-hook", "firewalld", "ufw"],
)
def test_linux_chains_that_no_command_of_ours_should_touch_are_left_to_people(
    packet_filter: PacketFilter, words: str
) -> None:
    fix = proposed(packet_filter, "client-2012.permits-in")

    assert not fix.automatic
    assert words in fix.by_hand


def test_a_host_that_does_not_forward_is_left_to_people() -> None:
    facts = with_facts(HEALTHY, "edge", forwarding=Known(False, "sysctl"))
    every = fixes(CELLS, judge(CELLS, facts).values(), facts)

    found = [fix for fix in every if fix.cell.requirement.claim.value.startswith("forwards")]
    assert len(found) == 4
    assert not any(fix.automatic for fix in found)
    assert all("net.ipv4.ip_forward = 0" in fix.by_hand for fix in found)


def _finding(requirement: str, host: str, verdict: Verdict) -> Finding:
    judgement = Judgement(verdict, "seen", (Evidence("seen", "there"),), "do something")
    return Finding(requirement, host, judgement)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(Verdict), min_size=len(CELLS), max_size=len(CELLS)), st.booleans())
def test_each_not_met_cell_has_exactly_one_fix_and_no_other_cell(
    verdicts: list[Verdict], readable: bool
) -> None:
    """Whatever was read of the hosts, and also where the facts do not fit the findings."""
    facts = HEALTHY
    if not readable:
        for name in OF.hosts:
            facts = with_facts(facts, name, firewall=Unknown("not read"))
    findings = [_finding(*cell.key, verdict) for cell, verdict in zip(CELLS, verdicts, strict=True)]

    found = fixes(CELLS, findings, facts)

    wanted = [
        (finding.requirement, finding.host)
        for finding in findings
        if finding.verdict is Verdict.NOT_MET
    ]
    assert [fix.cell.key for fix in found] == wanted
    assert all(fix.by_hand for fix in found if not fix.automatic)
