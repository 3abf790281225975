"""Rule strings: reading, writing again, and what never happens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import (
    ALL_PROFILES,
    Action,
    Addresses,
    Ports,
    Profile,
    Store,
    WindowsRule,
    format_rule,
    summary,
)

HEAD = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"


def rule(text: str, store: Store = Store.LOCAL) -> WindowsRule:
    return parse_rule(store, "id", text)


def test_names_and_values_are_read_in_any_case_and_order() -> None:
    text = "V2.0|lport=80|PROTOCOL=6|dir=in|app=C:\\X.exe|aCtive=true|action=allow|rPort2_10=1-2"
    assert rule(text) == WindowsRule(
        Store.LOCAL,
        "id",
        version=(2, 0),
        action=Action.ALLOW,
        active=True,
        direction=Direction.IN,
        protocol=6,
        local_ports=Ports(((80, 80),)),
        remote_ports=Ports(((1, 2),)),
        program="C:\\X.exe",
    )


def test_only_the_first_equals_sign_splits() -> None:
    found = rule(f"{HEAD}Svc==DisplayEnhancementService|Name=a=b:c|")
    assert (found.service, found.name) == ("=DisplayEnhancementService", "a=b:c")


def test_repeated_tokens_and_comma_lists_are_a_union() -> None:
    found = rule(f"{HEAD}LPort=80|LPort=1-5,7|LPort2_24=mDNS|Profile=Domain|Profile=Public|")
    assert found.local_ports == Ports(((80, 80), (1, 5), (7, 7)), ("mdns",))
    assert found.profiles == {Profile.DOMAIN, Profile.PUBLIC}


def test_no_profile_means_all_of_them() -> None:
    assert rule(HEAD).profiles == ALL_PROFILES


@pytest.mark.parametrize(
    ("store", "active"),
    [
        (Store.LOCAL, False),
        (Store.GPO, False),
        (Store.MDM, False),
        (Store.WSH_STATIC, True),
        (Store.WSH_CONFIG, True),
    ],
)
def test_without_active_only_hardening_rules_are_enabled(store: Store, active: bool) -> None:
    assert rule("v2.0|Action=Block|Dir=in|", store).active is active
    assert rule("v2.0|Action=Block|Dir=in|Active=FALSE|", store).active is False


def test_only_hardening_rules_may_spell_the_protocol() -> None:
    assert rule("v2.0|Action=Block|Dir=in|Protocol=tcp|", Store.WSH_STATIC).protocol == 6
    assert rule("v2.0|Action=Block|Dir=in|Protocol=tcp|").problems == ("Protocol=tcp is not valid",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("207.166.94.7", ((3483786759, 3483786759),)),
        ("207.166.94.0/24", ((3483786752, 3483787007),)),
        ("207.166.94.9/255.255.255.0", ((3483786752, 3483787007),)),
        ("207.166.94.0-207.166.94.3", ((3483786752, 3483786755),)),
        ("207.166.94.1/32", ((3483786753, 3483786753),)),
    ],
)
def test_addresses_are_single_range_or_subnet(
    value: str, expected: tuple[tuple[int, int], ...]
) -> None:
    assert rule(f"{HEAD}RA4={value}|").remote == Addresses(expected)


@pytest.mark.parametrize(
    "value",
    [
        "0.0.0.0", "0.0.0.0/0", "10.0.0.0/0.0.0.0", "127.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.0/33",
        "10.0.0.0/0.0.0.255", "10.0.0.0/255.0.255.0", "10.0.0", "", "10.0.0.1/24-10.0.0.9", "1.2.3.4,5",
    ],
)  # fmt: skip
def test_addresses_that_windows_does_not_take_make_the_rule_invalid(value: str) -> None:
    found = rule(f"{HEAD}RA4={value}|")
    assert found.problems == (f"RA4={value} is not valid",)


def test_a_condition_on_ipv6_alone_matches_no_ipv4() -> None:
    assert rule(f"{HEAD}RA6=LocalSubnet|").remote == Addresses()
    assert rule(f"{HEAD}LA6=fe80::/64|").local == Addresses()
    assert rule(HEAD).remote is None


def test_address_keywords_of_both_tokens_come_together() -> None:
    found = rule(f"{HEAD}RA4=LocalSubnet|RA42=IntErnet|RA62=IntErnet|RA4=10.0.0.1|")
    assert found.remote == Addresses(((167772161, 167772161),), ("internet", "localsubnet"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("v2.0|Active=TRUE|Dir=In|", "it has no Action"),
        ("v2.0|Action=Allow|Active=TRUE|", "it has no Dir"),
        ("Action=Allow|Dir=In|", "it has no version"),
        ("V4.0|Action=Allow|Dir=In|", "Windows ignores version 4.0"),
        ("v2.0|Action=Allow|Dir=In|LPort=80|", "it names ports, but is neither for TCP nor for UDP"),
        ("v2.0|Action=Allow|Dir=Out|Protocol=6|LPort=RPC|",
         "it names a port keyword for outbound connections"),
        (f"{HEAD}Action=Allow|", "Action=Allow is not valid"),
        (f"{HEAD}LPort=70000|", "LPort=70000 is not valid"),
        (f"{HEAD}LPort=9-1|", "LPort=9-1 is not valid"),
        (f"{HEAD}LPort=|", "LPort= is not valid"),
        (f"{HEAD}ICMP4=8:*|", "it names ICMP types, but is not for ICMP"),
        (f"{HEAD}Name=all|", "its name must not be ALL"),
        (f"{HEAD}App=C:/x.exe|", "its program's path holds illegal characters"),
        (f"{HEAD}LA4=10.0.0.1|IFType=Lan|", "it names local addresses together with interfaces"),
        ("v2.0|Action=Block|Dir=In|Security=Authenticate|", "it blocks and asks for IPsec"),
        ("v2.0|Action=ByPass|Dir=In|Security=Authenticate|",
         "it bypasses block rules, but does not ask for IPsec and named computers"),
    ],
)  # fmt: skip
def test_rules_that_windows_does_not_enforce_say_why(text: str, problem: str) -> None:
    assert problem in rule(text).problems


def test_a_valid_bypass_rule_has_no_problem() -> None:
    text = "v2.0|Action=ByPass|Active=TRUE|Dir=In|Security=Authenticate|RMauth=O:LSD:(A;;CC;;;WD)|"
    assert rule(text).problems == ()


def test_unknown_tokens_are_conditions_as_written() -> None:
    found = rule(f"{HEAD}Zork=1|lone|LUAuth2_24=T2s6|")
    assert found.conditions == ("Zork=1", "lone", "LUAuth2_24=T2s6")
    assert found.problems == ()


def test_the_summary_leaves_out_what_decides_nothing_and_stays_short() -> None:
    found = rule(f"{HEAD}Name=WFO|Desc={'x' * 5000}|EmbedCtxt=g|" + "RA4=10.0.0.1|" * 500)
    assert summary(found).startswith('local rule id "WFO": Action=Allow|Dir=In|Protocol=6|RA4=')
    assert len(summary(found)) < 400
    assert summary(found).endswith("and 491 more conditions")


# --- properties -----------------------------------------------------------------------------------

NAMES = (
    "Action", "Active", "Dir", "Protocol", "Profile", "LPort", "RPort", "LPort2_10", "RPort2_10",
    "LPort2_24", "LA4", "LA6", "RA4", "RA6", "RA42", "RA62", "App", "Svc", "IF", "IFType", "ICMP4",
    "Edge", "Defer", "LSM", "LOM", "PCross", "Security", "Security2_9", "AuthByPassOut", "RMauth",
    "LUAuth", "LUAuth2_24", "LUOwn", "AppPkgId", "PFN", "TTK", "TTK2_28", "Platform", "Platform2",
    "SkipVer", "NNm", "SecurityRealmId", "Name", "Desc", "EmbedCtxt", "Zork", "",
)  # fmt: skip
VALUES = (
    "Allow", "Block", "ByPass", "TRUE", "FALSE", "In", "Out", "6", "17", "256", "tcp", "Domain", "Public",
    "80", "1-5", "5-1", "80,443", "*", "RPC", "IPHTTPSIn", "65536", "10.0.0.1", "10.0.0.0/8", "LocalSubnet",
    "10.0.0.0/255.0.0.0", "10.0.0.3-10.0.0.9", "IntErnet", "0.0.0.0/0", "fe80::1", "System", "{A}", "Lan",
    "2:6:2", "GTEQ", "2.20", "8:*", "Authenticate", "O:LSD:", "a=b", "ALL", "", "\u0663", "\n", " 6",
)  # fmt: skip
tokens = st.tuples(
    st.sampled_from(NAMES) | st.text(max_size=4),
    st.sampled_from(["=", "=", "=", "=", ""]),
    st.sampled_from(VALUES) | st.text(max_size=6),
).map("".join)
heads = st.sampled_from(["v2.31", "V2.0", "v4.0", "", "x"])
rule_texts = st.tuples(heads, st.lists(tokens, max_size=10)).map(
    lambda pair: "|".join((pair[0], *pair[1]))
)
stores = st.sampled_from([Store.LOCAL, Store.GPO, Store.WSH_STATIC])


@settings(max_examples=1000)
@given(stores, rule_texts)
def test_a_rule_written_again_is_the_same_rule(store: Store, text: str) -> None:
    found = parse_rule(store, "id", text)
    written = format_rule(found)
    assert parse_rule(store, "id", written) == found
    assert format_rule(parse_rule(store, "id", written)) == written


@settings(max_examples=500)
@given(stores, st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_raises(store: Store, text: str) -> None:
    found = parse_rule(store, text, text)
    assert found.text == text
    assert summary(found)
    assert parse_rule(store, text, format_rule(found)) == found


@settings(max_examples=200)
@given(st.sampled_from(NAMES), st.integers(1, 10**6).map(lambda length: "9" * min(length, 9000)))
def test_numbers_of_any_length_are_harmless(name: str, digits: str) -> None:
    parse_rule(Store.LOCAL, "id", f"v{digits}.1|{name}={digits}|{name}={digits}:{digits}:{digits}|")
