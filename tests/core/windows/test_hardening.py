"""Service hardening: a layer of its own in which Allow beats Block."""

from __future__ import annotations

import pytest

from pytest_wfo.core.policy import Decision
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Store, WindowsRule
from tests.core.windows.hosts import ALLOW, NOBODY, OWN, ask, host, listener, local, only

SVCHOST = listener("C:\\Windows\\System32\\svchost.exe", "Foo")
WHO = "App=%SystemRoot%\\System32\\svchost.exe|Svc=Foo|"
BLOCK_ALL = f"V2.0|Action=Block|Dir=In|{WHO}Name=Block other traffic to Foo|"


def hardening(*texts: str) -> list[WindowsRule]:
    return [parse_rule(Store.WSH_STATIC, f"Foo-{n}", text) for n, text in enumerate(texts, 1)]


def test_a_block_holds_whatever_the_profiles_rules_permit() -> None:
    piece = only(ask(host(*local(ALLOW), *hardening(BLOCK_ALL)), SVCHOST))
    assert piece.decision is Decision.DENIED
    assert piece.rule.startswith("service hardening (static) rule Foo-1")


def test_an_allow_of_the_layer_beats_its_block_but_opens_nothing() -> None:
    allow = f"V2.0|Action=Allow|Dir=In|Protocol=6|LPort=2010|{WHO}Name=x|"
    rules = hardening(allow, BLOCK_ALL)
    assert only(ask(host(*local(ALLOW), *rules), SVCHOST)).decision is Decision.PERMITTED
    assert only(ask(host(*rules), SVCHOST)).decision is Decision.DENIED


def test_a_port_that_the_layer_does_not_mention_is_open() -> None:
    other = f"V2.0|Action=Allow|Dir=In|Protocol=6|LPort=5040|{WHO}Name=x|"
    piece = only(ask(host(*local(ALLOW), *hardening(other)), SVCHOST))
    assert piece.decision is Decision.UNDECIDED
    assert "names the program, but no rule of this layer speaks of this port" in piece.why


@pytest.mark.parametrize("owner", [NOBODY, listener("C:\\x.exe", "Foo"), listener("C:\\x.exe")])
def test_other_programs_are_not_concerned(owner: object) -> None:
    firewall = host(*local(ALLOW), *hardening(BLOCK_ALL))
    assert only(ask(firewall, owner)).decision is Decision.PERMITTED  # type: ignore[arg-type]


def test_a_process_whose_services_are_not_known_may_be_concerned() -> None:
    firewall = host(*local(ALLOW), *hardening(BLOCK_ALL))
    found = ask(firewall, expected=["C:\\Windows\\System32\\svchost.exe"])
    assert only(found).decision is Decision.UNDECIDED


def test_it_applies_inside_the_host_too() -> None:
    assert only(ask(host(*hardening(BLOCK_ALL)), SVCHOST, remote=OWN)).decision is Decision.DENIED
