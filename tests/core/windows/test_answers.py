"""What an answer says: the rule to blame, the profile, what nearly permits, what is in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_firewall import (
    Area,
    FirewallProduct,
    ServiceState,
    Unread,
    WindowsFirewall,
)
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Profile, Store
from tests.core.windows.hosts import (
    ALLOW,
    CLOUD,
    ETHERNET,
    OWN,
    ask,
    host,
    last_bytes,
    listener,
    local,
    only,
)

NAMED = f"{ALLOW}Name=WFO|"
WIFI = replace(
    ETHERNET,
    id="{E0E0E0E0-0000-0000-0000-000000000002}",
    name="Wi-Fi",
    type=71,
    addresses=("192.168.7.2/24",),
    gateways=("192.168.7.1",),
    profile=Profile.PUBLIC,
)


def test_a_permission_names_its_rule_and_profile() -> None:
    piece = only(ask(host(*local(NAMED))))
    assert (piece.sources, piece.destinations) == (CLOUD, OWN)
    assert piece.rule == 'local rule r1 "WFO": Action=Allow|Dir=In|Protocol=6|LPort=2010'
    assert piece.why == "permits it in the Domain profile (Ethernet)"


def test_a_gap_names_the_default_action_and_who_set_it() -> None:
    piece = only(ask(host(gpo_DomainProfile={"DefaultInboundAction": 1})))
    assert piece.rule == "default inbound block of the Domain profile, DefaultInboundAction=1 (GPO)"
    assert piece.why == "no rule permits it in the Domain profile (Ethernet)"


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        (NAMED.replace("TRUE", "FALSE"), "is disabled"),
        (f"{NAMED}Profile=Private|", "is for the Private profile only"),
        (f"{NAMED}Profile=Private|Profile=Public|", "is for the Private and Public profiles only"),
        (f"{NAMED}RA4=LocalSubnet|RA6=LocalSubnet|", "is limited to LocalSubnet"),
        (f"{NAMED}RA4=207.166.95.0/24|", "is limited to 207.166.95.0/24"),
        (f"{NAMED}RA6=2001:db8::/32|", "is for IPv6 addresses only"),
        (f"{NAMED}App=C:\\y.exe|", "is for program C:\\y.exe only"),
        (
            f"{NAMED}App=%LOCALAPPDATA%\\x.exe|",
            "is for program %LOCALAPPDATA%\\x.exe only "
            "(its variable is read as that of the SYSTEM account)",
        ),
        (f"{NAMED}Svc=Foo|", "is for service Foo only"),
        (f"{NAMED}App=System|", "is for program System only"),
        (f"{NAMED}IFType=Wireless|", "is for the interfaces Wireless only"),
        (f"{NAMED}LA4=192.168.1.11|", "is for other addresses of the host"),
        (f"{NAMED}RPort=80|", "is for some ports of the client only"),
        (f"{NAMED}Platform=2:6:1|", "is for other versions of Windows"),
        (f"{NAMED}SkipVer=2.33|", "is for other versions of Windows"),
        (NAMED.replace("=6", "=17"), "is for UDP"),
        (NAMED.replace("v2.31", "v4.0"), "is not enforced (Windows ignores version 4.0)"),
        (f"{NAMED}RA4=0.0.0.0/0|", "is not enforced (RA4=0.0.0.0/0 is not valid)"),
    ],
)
def test_a_rule_that_nearly_permits_is_told_with_what_is_missing(text: str, clause: str) -> None:
    piece = only(ask(host(*local(text)), listener("C:\\x.exe")))
    assert piece.decision is Decision.DENIED
    assert f'local rule r1 "WFO" would permit it, but {clause}' in piece.why


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("AllowLocalPolicyMerge", NAMED),
        ("GloballyOpenPorts\\AllowUserPrefMerge", NAMED),
        (
            "AuthorizedApplications\\AllowUserPrefMerge",
            "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\\x.exe|Name=WFO|",
        ),
    ],
)
def test_a_local_rule_that_policy_voids_is_told_with_the_setting(value: str, text: str) -> None:
    piece = only(ask(host(*local(text), gpo_DomainProfile={value: 0}), listener("C:\\x.exe")))
    assert piece.decision is Decision.DENIED
    assert f"would permit it, but is void, as {value}=0 (GPO)" in piece.why


def test_settings_of_the_lists_leave_other_local_rules_alone() -> None:
    two_ports = NAMED.replace("LPort=2010", "LPort=2010|LPort=80")
    program = f"{NAMED}App=C:\\x.exe|"
    keys = {
        "AuthorizedApplications\\AllowUserPrefMerge": 0,
        "GloballyOpenPorts\\AllowUserPrefMerge": 0,
    }
    any_protocol = "v2.31|Action=Allow|Active=TRUE|Dir=In|App=C:\\x.exe|"
    for text in (two_ports, program, any_protocol):
        firewall = host(*local(text), gpo_DomainProfile=keys)
        assert only(ask(firewall, listener("C:\\x.exe"))).decision is Decision.PERMITTED


def test_two_things_missing_are_told_together_and_rules_about_something_else_are_not() -> None:
    rules = local(
        f"{NAMED.replace('TRUE', 'FALSE')}Profile=Public|",
        "v2.31|Action=Allow|Active=FALSE|Dir=In|Protocol=6|App=C:\\other.exe|Name=other|",
        NAMED.replace("2010", "2011"),
    )
    piece = only(ask(host(*rules), listener("C:\\x.exe")))
    assert piece.why == (
        'no rule permits it in the Domain profile (Ethernet); local rule r1 "WFO" would permit it, '
        "but is for the Public profile only and is disabled"
    )


def test_a_failing_rule_for_the_port_is_told_beside_one_for_some_service() -> None:
    service = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Svc=CDPSvc|Name=any|"
    piece = only(ask(host(*local(service, NAMED.replace("TRUE", "FALSE")))))
    assert piece.decision is Decision.UNDECIDED
    assert "is for service CDPSvc only, and which program has the port is not known" in piece.why
    assert 'local rule r2 "WFO" would permit it, but is disabled' in piece.why


def test_a_half_permitted_range_is_told_with_its_limit() -> None:
    permitted, denied = ask(host(*local(f"{NAMED}RA4=207.166.94.0/25|")))
    assert (str(permitted.sources), str(denied.sources)) == ("207.166.94.0/25", "207.166.94.128/25")
    assert "is limited to 207.166.94.0/25" in denied.why


def test_of_many_near_misses_three_are_told_and_the_rest_counted() -> None:
    piece = only(ask(host(*local(*[NAMED.replace("TRUE", "FALSE")] * 9))))
    assert piece.why.count("is disabled") == 3
    assert piece.why.endswith("6 more rules nearly permit it")


def test_a_block_rule_is_told_with_the_permission_it_overrules() -> None:
    block = parse_rule(
        Store.LOCAL,
        "TCP Query User{0A1B}C:\\x.exe",
        "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|App=C:\\x.exe|Name=x.exe|Defer=User|",
    )
    piece = only(ask(host(*local(NAMED), block), listener("C:\\x.exe")))
    assert piece.decision is Decision.DENIED
    assert "made by a security alert that was dismissed" in piece.why
    assert 'it goes before local rule r1 "WFO", which permits it' in piece.why


def test_a_block_list_is_told_as_a_few_rules_and_a_count() -> None:
    rules = local(
        *(f"v2.31|Action=Block|Active=TRUE|Dir=In|RA4=207.166.94.{n}|" for n in range(200)), NAMED
    )
    pieces = ask(host(*rules))
    assert last_bytes(pieces) == "permitted 200-255; denied 0-199"
    assert len(pieces) == 52
    (rest,) = [piece for piece in pieces if "more such rules" in piece.rule]
    assert len(rest.sources) == 150
    assert rest.rule.endswith("and 149 more such rules")


# --- owners ---------------------------------------------------------------------------------------


def test_an_expected_program_decides_while_nothing_listens() -> None:
    firewall = host(*local(f"{NAMED}App=%ProgramFiles%\\CallCopy\\cc.exe|"))
    path = "c:\\program files\\callcopy\\CC.exe"
    assert only(ask(firewall, expected=[path])).decision is Decision.PERMITTED
    assert only(ask(firewall, expected=["C:\\old\\cc.exe"])).decision is Decision.DENIED
    assert only(ask(firewall, expected=["cc.exe"])).decision is Decision.UNDECIDED
    assert only(ask(firewall, expected=["other.exe"])).decision is Decision.DENIED


def test_several_expected_programs_must_all_be_permitted() -> None:
    one, both = local(f"{NAMED}App=C:\\x.exe|", f"{NAMED}App=System|")
    expected = ["C:\\x.exe", "System"]
    assert only(ask(host(one), expected=expected)).decision is Decision.UNDECIDED
    assert only(ask(host(one, *local(NAMED)), expected=expected)).decision is Decision.PERMITTED
    assert only(ask(host(both), expected=["System"])).decision is Decision.PERMITTED


def test_a_known_owner_goes_before_what_is_expected() -> None:
    firewall = host(*local(f"{NAMED}App=C:\\x.exe|"))
    found = ask(firewall, listener("C:\\y.exe"), expected=["C:\\x.exe"])
    assert only(found).decision is Decision.DENIED


def test_a_rule_for_a_program_does_not_open_a_port_of_http_sys() -> None:
    firewall = host(*local(f"{NAMED}App=C:\\x.exe|"), *local(f"{NAMED}App=System|Profile=Public|"))
    piece = only(ask(firewall, listener("System")))
    assert piece.decision is Decision.DENIED
    assert "is for program C:\\x.exe only" in piece.why


def test_without_the_windows_folder_variables_are_not_guessed() -> None:
    rule = f"{NAMED}App=%SystemRoot%\\system32\\svchost.exe|Svc=foo|"
    firewall = replace(host(*local(rule)), windows_folder="")
    same = listener("D:\\Windows\\system32\\svchost.exe", "foo")
    assert only(ask(firewall, same)).decision is Decision.UNDECIDED
    assert only(ask(firewall, listener("C:\\x.exe"))).decision is Decision.DENIED
    folder = replace(firewall, windows_folder="D:\\Windows")
    assert only(ask(folder, same)).decision is Decision.PERMITTED


def test_any_service_means_a_process_with_services() -> None:
    firewall = host(*local(f"{NAMED}Svc=*|"))
    assert only(ask(firewall, listener("C:\\x.exe", "a"))).decision is Decision.PERMITTED
    assert only(ask(firewall, listener("C:\\x.exe"))).decision is Decision.DENIED


# --- interfaces -----------------------------------------------------------------------------------


def test_each_own_address_is_judged_in_the_profile_of_its_interface() -> None:
    wifi = replace(WIFI, gateways=())
    firewall = host(*local(f"{NAMED}Profile=Domain|"), interfaces=(ETHERNET, wifi))
    pieces = ask(firewall, own=AddressSet.of(["192.168.1.10", "192.168.7.2"]))
    assert [(str(p.destinations), p.decision) for p in pieces] == [
        ("192.168.1.10", Decision.PERMITTED),
        ("192.168.7.2", Decision.DENIED),
    ]
    assert "the Public profile (Wi-Fi)" in pieces[1].why


def test_another_interface_with_a_default_gateway_must_permit_too() -> None:
    firewall = host(*local(f"{NAMED}Profile=Domain|"), interfaces=(ETHERNET, WIFI))
    piece = only(ask(firewall))
    assert piece.decision is Decision.UNDECIDED
    assert "but the Domain profile (Ethernet) would permit it, and either may be used" in piece.why
    assert (
        only(ask(host(*local(NAMED), interfaces=(ETHERNET, WIFI)))).decision is Decision.PERMITTED
    )


def test_neighbours_are_reached_over_their_own_link_alone() -> None:
    firewall = host(*local(f"{NAMED}Profile=Domain|"), interfaces=(ETHERNET, WIFI))
    near = AddressSet.of("192.168.1.20")
    assert only(ask(firewall, remote=near)).decision is Decision.PERMITTED


def test_a_translated_address_may_come_in_anywhere() -> None:
    outside = AddressSet.of("198.51.100.7")
    firewall = host(*local(f"{NAMED}Profile=Domain|"), interfaces=(ETHERNET, WIFI))
    assert only(ask(firewall, own=outside)).decision is Decision.UNDECIDED
    assert only(ask(host(*local(NAMED)), own=outside)).decision is Decision.PERMITTED
    at_address = host(*local(f"{NAMED}LA4=192.168.1.10|"))
    assert only(ask(at_address, own=outside)).decision is Decision.UNDECIDED


def test_an_unread_category_leaves_what_the_profiles_do_not_agree_on_open() -> None:
    interface = replace(ETHERNET, profile=None)
    some = host(*local(f"{NAMED}Profile=Domain|"), interfaces=(interface,))
    assert only(ask(some)).decision is Decision.UNDECIDED
    assert only(ask(host(*local(NAMED), interfaces=(interface,)))).decision is Decision.PERMITTED
    assert only(ask(host(interfaces=(interface,)))).decision is Decision.DENIED


def test_unread_interfaces_are_told_where_they_matter() -> None:
    reason = "network interfaces: access denied"
    for text, decision in ((f"{NAMED}RA4=LocalSubnet|", "undecided"), (NAMED, "permitted")):
        firewall = replace(host(*local(text)), unread=(Unread(Area.INTERFACES, reason),))
        piece = only(ask(firewall))
        assert piece.decision.value == decision
        assert (reason in piece.why) is (decision == "undecided")


def test_own_addresses_are_not_the_rules_business() -> None:
    piece = only(ask(host(), remote=OWN))
    assert piece.decision is Decision.PERMITTED
    assert piece.rule == "an address of the host itself"


def test_keywords_stand_for_the_hosts_own_servers() -> None:
    for keyword, address in (
        ("LocalSubnet", "192.168.1.77"),
        ("DefaultGateway", "192.168.1.1"),
        ("DNS", "192.168.1.2"),
        ("DHCP", "192.168.1.3"),
    ):
        firewall = host(*local(f"{NAMED}RA4={keyword}|"))
        at = AddressSet.of(address)
        assert only(ask(firewall, remote=at)).decision is Decision.PERMITTED
        assert only(ask(firewall)).decision is Decision.DENIED
    no_wins = host(*local(f"{NAMED}RA4=WINS|"))
    assert only(ask(no_wins)).decision is Decision.DENIED
    unread = replace(ETHERNET, wins=None)
    assert only(ask(host(*no_wins.rules, interfaces=(unread,)))).decision is Decision.UNDECIDED


# --- doubts ---------------------------------------------------------------------------------------

STOPPED = ServiceState(running=False)
DOUBTS = (
    (replace(host(), mpssvc=STOPPED), "service MpsSvc (Windows Defender Firewall) does not run"),
    (replace(host(), bfe=STOPPED), "service BFE (Base Filtering Engine) does not run"),
    (replace(host(), mpssvc=None), "service MpsSvc (Windows Defender Firewall)"),
    (
        replace(host(), mpssvc=ServiceState(running=True, disabled=True)),
        "service MpsSvc (Windows Defender Firewall) is disabled",
    ),
    (replace(host(), products=(FirewallProduct("Other", True),)), "firewall product Other"),
    (replace(host(), products=(FirewallProduct("Other", None),)), "firewall product Other"),
    *(
        (replace(host(), unread=(Unread(area, "access denied"),)), "access denied")
        for area in (Area.RULES, Area.SETTINGS, Area.SERVICES, Area.PRODUCTS)
    ),
)


@pytest.mark.parametrize("text", [NAMED, NAMED.replace("Allow", "Block")])
@pytest.mark.parametrize(("firewall", "blamed"), DOUBTS)
def test_what_speaks_against_the_rules_takes_every_decision_back(
    firewall: WindowsFirewall, blamed: str, text: str
) -> None:
    piece = only(ask(replace(firewall, rules=local(text))))
    assert piece.decision is Decision.UNDECIDED
    assert piece.rule == blamed
    word = "permitted" if "Allow" in text else "denied"
    assert f'by its rules alone: {word} by local rule r1 "WFO"' in piece.why


def test_a_product_that_is_off_changes_nothing() -> None:
    firewall = replace(host(*local(NAMED)), products=(FirewallProduct("Other", False),))
    assert only(ask(firewall)).decision is Decision.PERMITTED


def test_unread_hardening_takes_permission_but_not_denial() -> None:
    unread = (Unread(Area.HARDENING, "access denied"),)
    assert only(ask(replace(host(), unread=unread))).decision is Decision.DENIED
    permitting = replace(host(*local(NAMED)), unread=unread)
    assert only(ask(permitting)).decision is Decision.UNDECIDED


def test_a_setting_that_is_not_understood_decides_nothing() -> None:
    piece = only(ask(host(*local(NAMED), gpo_DomainProfile={"EnableFirewall": 2})))
    assert (piece.decision, piece.rule) == (Decision.UNDECIDED, "EnableFirewall=2 (GPO)")


def test_the_firewall_may_be_off_on_one_interface() -> None:
    keys = {"DisabledInterfaces": ETHERNET.id}
    piece = only(ask(host(local_DomainProfile=keys)))
    assert piece.decision is Decision.PERMITTED
    assert "the firewall is off on this interface" in piece.why


def test_the_rules_do_not_speak_of_forwarded_connections() -> None:
    piece = only(ask(host(*local(NAMED)), direction=Direction.FORWARD))
    assert piece.decision is Decision.UNDECIDED


# --- versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["PFN=a_b|", "RA42=CaptivePortal|"])
def test_a_rule_for_a_later_windows_may_match_more_on_this_one(extra: str) -> None:
    newer = local(f"{NAMED.replace('v2.31', 'v2.33')}{extra}")
    assert only(ask(replace(host(*newer), policy_version=(2, 22)))).decision is Decision.UNDECIDED
    assert only(ask(host(*newer))).decision is Decision.DENIED


def test_platform_and_skipped_versions_need_the_hosts_own() -> None:
    for extra in ("Platform=2:6:2|Platform2=GTEQ|", "SkipVer=2.20|"):
        firewall = host(*local(f"{NAMED}{extra}"))
        assert only(ask(firewall)).decision is Decision.PERMITTED
        blind = replace(firewall, policy_version=None, windows_version=None)
        assert only(ask(blind)).decision is Decision.UNDECIDED


@pytest.mark.parametrize(
    ("rule", "decision"),
    [
        (r"App=%SystemRoot%\system32\svchost.exe|Svc=CDPSvc|", Decision.DENIED),
        (r"App=C:\Windows\explorer.exe|", Decision.DENIED),
        ("App=System|", Decision.UNDECIDED),
        (r"App=C:\Program Files\CallCopy\cc_agent.exe|", Decision.UNDECIDED),
    ],
    ids=["service-of-windows", "program-of-windows", "the-kernel", "another-program"],
)
def test_while_nothing_listens_only_rules_for_programs_of_windows_are_out(
    rule: str, decision: Decision
) -> None:
    """Windows 10 and 11 permit any port to a service of their own; a WFO port is never its."""
    text = f"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|{rule}"

    assert only(ask(host(*local(text)))).decision is decision
