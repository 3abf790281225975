"""Does something listen where peers can reach it?"""

import pytest

from pytest_wfo.core.checks.listening import check_listens
from pytest_wfo.core.facts import Heard, Known, Listener, Reach, Unknown
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.sites import PREMISES, cell, healthy_site, listener, site, with_facts

OF = site()
HEALTHY = healthy_site(OF)


def judged(*listeners: Listener, requirement: str = "client-2012.listens") -> Judgement:
    """What the sockets alone show: nobody tried to connect."""
    facts = with_facts(HEALTHY, "premises", listeners=Known(listeners, "ss -tlnp (as root)"))
    facts = with_facts(facts, "client", probes=Known((), "none"))
    return check_listens(cell(requirement, "premises", OF), facts)


def asked_itself(**changes: object) -> SiteFacts:
    from dataclasses import replace

    probes = HEALTHY.hosts["premises"].probes
    assert isinstance(probes, Known)
    changed = tuple(
        replace(probe, **changes) if probe.target.address == PREMISES else probe  # type: ignore[arg-type]
        for probe in probes.value
    )
    return with_facts(HEALTHY, "premises", probes=Known(changed, "python3"))


@pytest.mark.parametrize(
    ("address", "ipv4", "verdict"),
    [
        ("0.0.0.0", True, Verdict.MET),
        (PREMISES, True, Verdict.MET),
        ("::", True, Verdict.MET),
        ("::ffff:10.61.0.10", True, Verdict.MET),
        ("127.0.0.1", True, Verdict.NOT_MET),
        ("::1", False, Verdict.NOT_MET),
        ("::", False, Verdict.NOT_MET),
        ("fe80::1", False, Verdict.NOT_MET),
        ("10.99.61.12", True, Verdict.NOT_MET),
        ("::", None, Verdict.NOT_VERIFIED),
        ("nonsense", None, Verdict.NOT_VERIFIED),
    ],
    ids=[
        "any", "own-address", "dual-stack", "v4-mapped", "loopback", "loopback6", "v6-only",
        "link-local6", "management-only", "v6-unknown", "unreadable",
    ],
)  # fmt: skip
def test_what_a_binding_is_worth(address: str, ipv4: bool | None, verdict: Verdict) -> None:
    judgement = judged(listener(2012, address, ipv4))

    assert judgement.verdict is verdict
    assert f"{address}" in judgement.evidence[0].statement
    assert "wfo-service (pid 4711" in judgement.evidence[0].statement


def test_a_connection_from_elsewhere_shows_that_an_unclear_socket_takes_ipv4() -> None:
    """Windows does not show whether an IPv6 socket is dual stack."""
    facts = with_facts(
        HEALTHY, "premises", listeners=Known((listener(2012, "::", None),), "netstat")
    )
    judgement = check_listens(cell("client-2012.listens", "premises", OF), facts)

    assert judgement.verdict is Verdict.MET
    assert any(
        "client got through to 10.61.0.10:2012" in item.statement for item in judgement.evidence
    )
    nobody = with_facts(facts, "client", probes=Known((), "none"))
    unclear = check_listens(cell("client-2012.listens", "premises", OF), nobody)
    assert unclear.verdict is Verdict.NOT_VERIFIED


def test_one_good_binding_is_enough() -> None:
    judgement = judged(listener(2012, "127.0.0.1"), listener(2012, "0.0.0.0"))

    assert judgement.verdict is Verdict.MET
    assert "wfo-service" in judgement.summary


def test_nothing_on_the_port_is_not_met() -> None:
    judgement = judged(listener(2010), listener(443))

    assert judgement.verdict is Verdict.NOT_MET
    assert judgement.summary == "nothing listens on TCP 2012"
    assert judgement.evidence[0].statement == "2 TCP listeners, none on port 2012"


def test_an_unknown_owner_is_said_and_does_not_decide() -> None:
    judgement = judged(Listener("0.0.0.0", 2012, True, Unknown("needs root")))

    assert judgement.verdict is Verdict.MET
    assert "owner unknown: needs root" in judgement.evidence[0].statement


def test_unread_listeners_are_not_verified() -> None:
    facts = with_facts(HEALTHY, "premises", listeners=Unknown("ss is not installed", "install ss"))
    judgement = check_listens(cell("client-2012.listens", "premises", OF), facts)

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "ss is not installed" in judgement.summary
    assert judgement.remedy == "install ss"


def test_2010_must_speak_http_to_the_server_itself() -> None:
    wanted = cell("cloud-2010.listens", "premises", OF)

    assert check_listens(wanted, HEALTHY).verdict is Verdict.MET
    garbage = check_listens(wanted, asked_itself(heard=Heard.OTHER, excerpt="SSH-2.0-x"))
    assert garbage.verdict is Verdict.NOT_MET
    assert "not HTTP" in garbage.summary
    assert any(item.excerpt == "SSH-2.0-x" for item in garbage.evidence)
    refused = check_listens(wanted, asked_itself(reach=Reach.REFUSED, heard=Heard.NOT_ASKED))
    assert refused.verdict is Verdict.NOT_VERIFIED
    nobody = with_facts(HEALTHY, "premises", probes=Known((), "none"))
    assert check_listens(wanted, nobody).verdict is Verdict.NOT_VERIFIED


def test_the_client_ports_are_asked_by_clients_not_by_the_server() -> None:
    nobody = with_facts(HEALTHY, "premises", probes=Known((), "none"))

    assert check_listens(cell("client-80.listens", "premises", OF), nobody).verdict is Verdict.MET
