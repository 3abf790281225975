"""Reached, the right machine, rights, clock."""

from dataclasses import replace

import pytest

from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.facts import Clock, InterfaceAddress, Known, Rights, Unknown
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.sites import cell, healthy_site, site, with_facts

OF = site()
HEALTHY = healthy_site(OF)


def judged(name: str = "premises", **changes: object) -> Judgement:
    return judge_cell(cell("host.access", name, OF), with_facts(HEALTHY, name, **changes)).judgement


def test_a_healthy_host_is_met_and_says_who_it_is() -> None:
    judgement = judged()
    said = " ".join(item.statement for item in judgement.evidence)

    assert judgement.verdict is Verdict.MET
    assert "calls itself premises, Debian 12" in said
    assert "host key SHA256:abc accepted" in said
    assert "logged in as audit, rights: sudo" in said


def test_another_machine_under_the_address_is_not_verified() -> None:
    other = Known((InterfaceAddress("eth0", "10.61.0.99", 24),), "ip addr")
    judgement = judged(addresses=other)

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "no interface with 10.61.0.10; it has 10.61.0.99" in judgement.summary


def test_every_address_of_127_8_belongs_to_the_host() -> None:
    loopback = Known((InterfaceAddress("lo", "127.0.0.1", 8),), "ip addr")
    hosts = {
        **OF.hosts,
        "premises": replace(OF.hosts["premises"], addresses=("127.0.0.9",)),
    }
    of = replace(OF, hosts=hosts)
    facts = with_facts(healthy_site(of), "premises", addresses=loopback)

    assert judge_cell(cell("host.access", "premises", of), facts).verdict is Verdict.MET


def test_a_vantage_point_may_sit_behind_nat() -> None:
    other = Known((InterfaceAddress("eth0", "172.16.0.4", 24),), "ip addr")

    assert OF.hosts["cloud"].roles == {Role.CLOUD}
    assert judged("cloud", addresses=other).verdict is Verdict.MET


def test_without_root_it_is_not_verified_with_the_way_to_grant_it() -> None:
    judgement = judged(rights=Known(Rights("audit", "none", "a password is required"), "id"))

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "a password is required" in judgement.summary
    assert "docs/rights.md" in judgement.remedy


@pytest.mark.parametrize(
    ("offset", "uncertainty", "verdict"),
    [
        (299.0, 0.5, Verdict.MET),
        (-299.0, 0.5, Verdict.MET),
        (301.0, 0.5, Verdict.NOT_MET),
        (-3600.0, 1.0, Verdict.NOT_MET),
        (303.0, 5.0, Verdict.MET),
    ],
)
def test_the_clock_may_be_off_by_five_minutes(
    offset: float, uncertainty: float, verdict: Verdict
) -> None:
    judgement = judged(clock=Known(Clock(offset, uncertainty), "date"))

    assert judgement.verdict is verdict


@pytest.mark.parametrize("fact", ["identity", "addresses", "rights", "clock"])
def test_an_unread_part_is_not_verified(fact: str) -> None:
    unread: dict[str, object] = {fact: Unknown("could not be read", "do this")}
    judgement = judged("premises", **unread)

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "could not be read" in judgement.summary
    assert judgement.remedy == "do this"
