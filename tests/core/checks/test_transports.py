"""Did the peer speak what the document names?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfo.core.checks.transports import granted_ports, spoken
from pytest_wfo.core.facts import Heard, Probe, Reach, Target, Transport
from pytest_wfo.core.verdicts import Verdict
from tests.support.sites import EDITION, POLICY, PREMISES

ROWS = {
    Transport.HTTP: ("client-2012.connects", 2012),
    Transport.HTTPS: ("client-443.connects", 443),
    Transport.TCP: ("client-4510.connects", 4510),
    Transport.SILVERLIGHT_POLICY: ("client-943.connects", 943),
}


def heard(transport: Transport, what: Heard, excerpt: str = "", detail: str = "") -> Verdict:
    requirement, port = ROWS[transport]
    probe = Probe(Target(PREMISES, port, transport, "premises"), Reach.OPEN, what, detail, excerpt)
    judgement = spoken(EDITION.by_id[requirement], probe, "client")
    assert judgement.evidence, "a verdict on an open connection always has evidence"
    assert judgement.verdict is Verdict.MET or judgement.remedy
    return judgement.verdict


@pytest.mark.parametrize("transport", [Transport.HTTP, Transport.HTTPS], ids=["http", "https"])
@pytest.mark.parametrize(
    ("what", "verdict"),
    [
        (Heard.EXPECTED, Verdict.MET),
        (Heard.SILENCE, Verdict.NOT_MET),
        (Heard.CLOSED, Verdict.NOT_MET),
        (Heard.RESET, Verdict.NOT_MET),
        (Heard.OTHER, Verdict.NOT_MET),
        (Heard.UNMEASURED, Verdict.NOT_VERIFIED),
        (Heard.NOT_ASKED, Verdict.NOT_VERIFIED),
    ],
    ids=lambda value: value.value,
)
def test_http_and_https(transport: Transport, what: Heard, verdict: Verdict) -> None:
    assert heard(transport, what, "HTTP/1.1 200 OK") is verdict


def test_for_plain_tcp_the_connection_is_the_proof() -> None:
    assert heard(Transport.TCP, Heard.NOT_ASKED) is Verdict.MET
    assert heard(Transport.TCP, Heard.UNMEASURED) is Verdict.NOT_VERIFIED


def test_a_policy_must_grant_4510() -> None:
    policy = Transport.SILVERLIGHT_POLICY

    assert heard(policy, Heard.EXPECTED, POLICY) is Verdict.MET
    assert heard(policy, Heard.EXPECTED, POLICY.replace("4502-4534", "4510")) is Verdict.MET
    assert (
        heard(policy, Heard.EXPECTED, POLICY.replace("4502-4534", "4502-4506")) is Verdict.NOT_MET
    )
    assert heard(policy, Heard.EXPECTED, POLICY.replace("tcp", "udp")) is Verdict.NOT_MET
    assert heard(policy, Heard.EXPECTED, "<access-policy>") is Verdict.NOT_MET
    assert heard(policy, Heard.SILENCE) is Verdict.NOT_MET
    assert heard(policy, Heard.UNMEASURED) is Verdict.NOT_VERIFIED


def test_a_flash_policy_grants_silverlight_nothing() -> None:
    flash = (
        '<cross-domain-policy><allow-access-from domain="*" to-ports="4510"/></cross-domain-policy>'
    )

    assert granted_ports(flash) == ()
    assert heard(Transport.SILVERLIGHT_POLICY, Heard.EXPECTED, flash) is Verdict.NOT_MET


def test_a_policy_that_admits_no_domain_grants_nothing() -> None:
    assert granted_ports(POLICY.replace("<domain uri='*'/>", "")) == ()


def test_declarations_that_could_blow_up_are_refused() -> None:
    with pytest.raises(ValueError, match="document type"):
        granted_ports('<!DOCTYPE x [<!ENTITY a "b">]>' + POLICY)


def test_a_comment_and_an_xml_declaration_are_fine() -> None:
    text = f'<?xml version="1.0" encoding="utf-8"?><!-- ours -->{POLICY}\0'

    assert granted_ports(text) == ((4502, 4534),)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_a_value_error(text: str) -> None:
    try:
        ports = granted_ports(text)
    except ValueError:
        return
    assert ports == ()
