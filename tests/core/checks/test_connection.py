"""Connections, and what the two ends together say when one fails."""

from dataclasses import replace

import pytest

from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import HostFacts, Known, Reach, Unknown
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    Verb,
)
from pytest_wfo.core.plan import targets_of
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.sites import (
    access,
    cell,
    healthy,
    healthy_site,
    host,
    listener,
    site,
    the_plan,
    with_facts,
)

OF = site()
HEALTHY = healthy_site(OF)


def failing(facts: SiteFacts, reach: Reach, name: str = "client", port: int = 2012) -> SiteFacts:
    """``name`` does not get through to ``port``."""
    probes = facts.hosts[name].probes
    assert isinstance(probes, Known)
    changed = tuple(
        replace(probe, reach=reach, detail="ETIMEDOUT", attempts=2)
        if probe.target.port == port
        else probe
        for probe in probes.value
    )
    return with_facts(facts, name, probes=Known(changed, "python3"))


def dropping(hook: Hook, port: int) -> PacketFilter:
    rule = Rule(
        Match(destination_ports=((port, port),)),
        Action(Verb.DROP),
        f"inet test {hook.value}: tcp dport {port} drop (handle 7)",
    )
    key = f"inet test {hook.value}"
    return PacketFilter((BaseChain(key, hook, 0),), {key: (rule,)})


def judged(
    facts: SiteFacts, requirement: str = "client-2012.connects", name: str = "client"
) -> Judgement:
    return judge_cell(cell(requirement, name, OF), facts).judgement


def statements(judgement: Judgement) -> str:
    return "\n".join(item.statement for item in judgement.evidence)


@pytest.mark.parametrize("reach", [Reach.FILTERED, Reach.REFUSED], ids=lambda reach: reach.value)
def test_no_listener_on_the_server_is_named(reach: Reach) -> None:
    listeners = Known((listener(80),), "ss")
    judgement = judged(failing(with_facts(HEALTHY, "premises", listeners=listeners), reach))

    assert judgement.verdict is Verdict.NOT_MET
    assert "nothing listens on TCP 2012 of premises" in judgement.summary


def test_a_loopback_listener_on_the_server_is_named() -> None:
    listeners = Known((listener(2012, "127.0.0.1"),), "ss")
    judgement = judged(failing(with_facts(HEALTHY, "premises", listeners=listeners), Reach.REFUSED))

    assert "on premises TCP 2012 is bound to loopback only" in judgement.summary


def test_the_clients_own_firewall_is_named_first() -> None:
    facts = with_facts(HEALTHY, "client", firewall=Known(dropping(Hook.OUTPUT, 2012), "nft"))
    judgement = judged(failing(facts, Reach.FILTERED))

    assert (
        "the firewall of client stops it: inet test output: tcp dport 2012 drop"
        in judgement.summary
    )
    assert judgement.remedy == "permit TCP 2012 out on client"


def test_the_servers_firewall_is_named() -> None:
    facts = with_facts(HEALTHY, "premises", firewall=Known(dropping(Hook.INPUT, 2012), "nft"))
    judgement = judged(failing(facts, Reach.FILTERED))

    assert "the firewall of premises stops it" in judgement.summary
    assert "the firewall of client permits it" in statements(judgement)


def test_the_edge_is_named_on_the_way_to_the_cloud() -> None:
    facts = with_facts(HEALTHY, "edge", firewall=Known(dropping(Hook.FORWARD, 2010), "nft"))
    facts = failing(facts, Reach.FILTERED, "premises", 2010)
    judgement = judged(facts, "cloud-2010.connects", "premises")

    assert "the firewall of edge stops it" in judgement.summary


def test_when_both_ends_agree_a_device_between_is_to_blame() -> None:
    judgement = judged(failing(HEALTHY, Reach.FILTERED))

    assert "premises listens; a device between them stops it" in judgement.summary
    assert "2 attempts" in statements(judgement)


def test_a_refusal_although_the_server_listens_is_a_device_that_rejects() -> None:
    assert "a device between them rejects it" in judged(failing(HEALTHY, Reach.REFUSED)).summary


def test_what_was_not_examined_is_said() -> None:
    facts = replace(
        HEALTHY, hosts={**HEALTHY.hosts, "premises": HostFacts(access("premises", "refused"))}
    )
    judgement = judged(failing(facts, Reach.FILTERED))

    assert judgement.verdict is Verdict.NOT_MET
    assert "not examined: the firewall of premises" in judgement.summary


def test_an_attempt_that_could_not_be_made_is_not_verified() -> None:
    judgement = judged(failing(HEALTHY, Reach.UNMEASURED))

    assert judgement.verdict is Verdict.NOT_VERIFIED


def test_an_unread_firewall_with_a_working_connection_is_met() -> None:
    facts = with_facts(HEALTHY, "client", firewall=Unknown("needs root"))

    assert judged(facts).verdict is Verdict.MET


def test_one_bad_server_of_two_is_not_met_and_named() -> None:
    hosts = {
        "p1": host("p1", Role.PREMISES, "10.0.0.1"),
        "p2": host("p2", Role.PREMISES, "10.0.0.2"),
        "c": host("c", Role.CLIENT, "10.0.0.9"),
    }
    of = site(hosts=hosts)
    targets = targets_of(the_plan(of).cells, of, {})
    facts = SiteFacts(
        of, {name: healthy(name, item.addresses[0], targets[name]) for name, item in hosts.items()}
    )
    probes = facts.hosts["c"].probes
    assert isinstance(probes, Known)
    changed = tuple(
        replace(probe, reach=Reach.REFUSED) if probe.target.address == "10.0.0.2" else probe
        for probe in probes.value
    )
    facts = with_facts(facts, "c", probes=Known(changed, "python3"))
    judgement = judge_cell(cell("client-80.connects", "c", of), facts).judgement

    assert judgement.verdict is Verdict.NOT_MET
    assert "10.0.0.2:80 refused" in judgement.summary
    assert "10.0.0.1" not in judgement.summary


def test_a_name_that_was_not_resolved_is_not_verified() -> None:
    of = site(hosts={**OF.hosts, "premises": host("premises", Role.PREMISES, "prem.example")})
    facts = replace(HEALTHY, site=of)
    judgement = judge_cell(cell("client-80.connects", "client", of), facts).judgement

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "the name prem.example could not be resolved" in judgement.summary
