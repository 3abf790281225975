"""The stores' settings merge by the law of each setting."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from pytest_wfo.core.windows_profiles import (
    VALUES,
    EffectiveProfile,
    ProfileSettings,
    effective_profile,
    profile_settings,
)
from pytest_wfo.core.windows_rules import Profile
from tests.core.windows.hosts import settings


def merged(profile: Profile = Profile.DOMAIN, **keys: Mapping[str, object]) -> EffectiveProfile:
    return of_keys(keys, profile)


def of_keys(
    keys: Mapping[str, Mapping[str, object]], profile: Profile = Profile.DOMAIN
) -> EffectiveProfile:
    return effective_profile(profile, settings(**keys))


def test_every_setting_has_its_registry_value() -> None:
    names = {each.name for each in dataclasses.fields(ProfileSettings)}
    assert names == {*VALUES, "unclear"}


def test_what_nobody_sets_has_the_default_of_windows() -> None:
    found = merged()
    assert (found.enabled, found.blocks_in, found.blocks_out) == (True, True, False)
    assert (found.shielded, found.local_rules) == (False, True)
    assert (found.local_programs, found.local_open_ports) == (True, True)
    assert (found.no_stealth, found.disabled_interfaces) == (False, frozenset())
    assert found.told("blocks_in") == "DefaultInboundAction=1 (the default)"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("EnableFirewall", "enabled"),
        ("DefaultInboundAction", "blocks_in"),
        ("DefaultOutboundAction", "blocks_out"),
        ("AuthorizedApplications\\AllowUserPrefMerge", "local_programs"),
        ("GloballyOpenPorts\\AllowUserPrefMerge", "local_open_ports"),
        ("DisableStealthMode", "no_stealth"),
    ],
)
def test_gpo_goes_before_mdm_before_local(value: str, field: str) -> None:
    for first in (0, 1):
        then = 1 - first
        local = {"local_DomainProfile": {value: first}}
        mdm = {"local_DomainProfile": {value: then}, "mdm_DomainProfile": {value: first}}
        gpo = {"mdm_DomainProfile": {value: then}, "gpo_DomainProfile": {value: first}}
        for keys in (local, mdm, gpo):
            assert getattr(of_keys(keys), field) is bool(first)


@pytest.mark.parametrize("store", ["local", "mdm", "gpo"])
def test_shields_are_up_where_any_store_says_so(store: str) -> None:
    keys = {
        f"{name}_DomainProfile": {"DoNotAllowExceptions": 0} for name in ("local", "mdm", "gpo")
    }
    keys[f"{store}_DomainProfile"] = {"DoNotAllowExceptions": 1}
    assert of_keys(keys).shielded is True


def test_the_local_store_cannot_say_whether_it_counts() -> None:
    off: dict[str, object] = {"AllowLocalPolicyMerge": 0}
    assert merged(local_DomainProfile=off).local_rules is True
    assert merged(mdm_DomainProfile=off).local_rules is False
    assert merged(gpo_DomainProfile=off).local_rules is False
    assert merged(gpo_DomainProfile={"AllowLocalPolicyMerge": 1}, mdm_DomainProfile=off).local_rules


def test_locally_the_standard_profile_is_the_private_one() -> None:
    off: dict[str, object] = {"EnableFirewall": 0}
    keys: dict[str, dict[str, object]] = {
        "local_StandardProfile": off,
        "local_PrivateProfile": {"EnableFirewall": 1},
    }
    assert [of_keys(keys, profile).enabled for profile in Profile] == [True, False, True]


def test_in_a_gpo_standard_stands_for_both_unless_one_has_a_key() -> None:
    off: dict[str, object] = {"EnableFirewall": 0}
    alone: dict[str, dict[str, object]] = {"gpo_StandardProfile": off}
    assert [of_keys(alone, profile).enabled for profile in Profile] == [True, False, False]
    for key in ("gpo_PrivateProfile", "gpo_PublicProfile"):
        keys: dict[str, dict[str, object]] = {"gpo_StandardProfile": off, key: {}}
        assert [of_keys(keys, profile).enabled for profile in Profile] == [True, True, True]


def test_mdm_knows_no_standard_profile() -> None:
    assert merged(Profile.PRIVATE, mdm_StandardProfile={"EnableFirewall": 0}).enabled is True
    assert merged(Profile.PRIVATE, mdm_PrivateProfile={"EnableFirewall": 0}).enabled is False


def test_values_come_as_number_or_text_in_any_case() -> None:
    found = profile_settings({"enablefirewall": "0", "DEFAULTINBOUNDACTION": 1, "LogFilePath": "x"})
    assert found == ProfileSettings(enabled=False, blocks_in=True)


def test_a_value_that_is_no_yes_or_no_is_unclear_and_not_a_default() -> None:
    found = merged(gpo_DomainProfile={"EnableFirewall": 2})
    assert found.unclear == ("EnableFirewall=2 (GPO)",)


def test_disabled_interfaces_are_a_list() -> None:
    found = merged(local_DomainProfile={"DisabledInterfaces": "{AB},{cd}"})
    assert found.disabled_interfaces == {"{ab}", "{cd}"}
    assert found.told("disabled_interfaces") == "DisabledInterfaces={ab},{cd} (local)"
