"""Exception lists of Windows XP's firewall in a GPO."""

from __future__ import annotations

import pytest

from pytest_wfo.core.policy import Decision
from pytest_wfo.core.windows_legacy import legacy_port, legacy_program
from pytest_wfo.core.windows_rules import ALL_PROFILES, Profile
from tests.core.windows.hosts import ALLOW, ask, host, last_bytes, listener, local, only

DOMAIN = frozenset({Profile.DOMAIN})


def test_an_entry_permits_its_scope_in_its_profile() -> None:
    rule = legacy_port("2010:TCP:207.166.94.0/25,localsubnet:enabled:WFO: cloud", DOMAIN)
    assert rule.name == "WFO: cloud"
    assert last_bytes(ask(host(rule))) == "permitted 0-127; denied 128-255"
    elsewhere = legacy_port("2010:tcp:*:Enabled:WFO", frozenset({Profile.PUBLIC}))
    piece = only(ask(host(elsewhere)))
    assert piece.decision is Decision.DENIED
    assert "legacy GPO list rule 2010:tcp:*:Enabled:WFO" in piece.why


def test_entries_count_without_local_merge() -> None:
    rule = legacy_port("2010:TCP:*:enabled:WFO", DOMAIN)
    firewall = host(rule, gpo_DomainProfile={"AllowLocalPolicyMerge": 0})
    assert only(ask(firewall)).decision is Decision.PERMITTED


def test_a_program_entry_is_for_the_program() -> None:
    rule = legacy_program("C:\\Program Files\\x\\x.exe:*:enabled:X", DOMAIN)
    assert only(ask(host(rule), listener("c:\\program files\\x\\X.EXE"))).decision is (
        Decision.PERMITTED
    )
    assert only(ask(host(rule), listener("C:\\y.exe"))).decision is Decision.DENIED


def test_a_disabled_entry_may_override_what_others_permit() -> None:
    rule = legacy_port("2010:TCP:*:disabled:WFO", ALL_PROFILES)
    assert only(ask(host(rule, *local(ALLOW)))).decision is Decision.UNDECIDED


@pytest.mark.parametrize(
    "entry",
    ["", "x", "2010:TCP:*:maybe:n", "2010:TCP:*:enabled:a|Action=Allow|", ":::", "9" * 9000],
)
def test_other_text_permits_nothing_and_says_so(entry: str) -> None:
    for rule in (legacy_port(entry, DOMAIN), legacy_program(entry, DOMAIN)):
        assert rule.problems
        assert only(ask(host(rule))).decision is Decision.DENIED
