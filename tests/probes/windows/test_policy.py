"""The Windows Firewall as read from recorded answers, and what of it could not be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_wfo.core.windows_firewall import (
    FirewallProduct,
    NetworkInterface,
    ServiceState,
    WindowsFirewall,
)
from pytest_wfo.core.windows_rules import Profile, Store
from pytest_wfo.probes.windows import read_windows
from tests.probes.windows.cells import firewall_of
from tests.probes.windows.host import REACHED, RECORDED

BASE = (RECORDED / "base.txt").read_text("ascii")
GROUP = r"HKLM:\SOFTWARE\Policies\Microsoft\WindowsFirewall"
LOCAL = r"HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
DENIED = {
    "ok": False,
    "id": "System.Security.SecurityException,Microsoft.PowerShell.Commands.GetItemCommand",
    "category": "PermissionDenied",
    "said": "Der angeforderte Registrierungszugriff ist unzulässig.",
}


def firewall(text: str) -> WindowsFirewall:
    return firewall_of(read_windows(text, REACHED, (), asked=0.0, answered=0.0))


def changed(part: str, name: str, body: dict[str, Any]) -> WindowsFirewall:
    document = json.loads(BASE)
    assert name in document[part]
    document[part][name] = body
    return firewall(json.dumps(document, separators=(",", ":")))


def key(*values: Any) -> dict[str, Any]:
    return {"ok": True, "present": True, "values": list(values)}


def section(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "value": {"rows": list(rows), "total": len(rows)}}


def test_a_sound_server_is_read_whole() -> None:
    found = firewall(BASE)
    assert found.unread == ()
    assert found.products == ()
    assert found.mpssvc == found.bfe == ServiceState(running=True)
    assert found.policy_version == (2, 29)
    assert found.windows_version == (10, 0)
    assert found.windows_folder == "C:\\Windows"
    assert [each.store for each in found.rules].count(Store.LOCAL) == 5
    assert [each.store for each in found.rules].count(Store.WSH_STATIC) == 1
    assert set(found.settings[Store.LOCAL].keys) == {
        "DomainProfile",
        "StandardProfile",
        "PublicProfile",
    }
    assert found.settings[Store.GPO].keys == {}
    assert found.interfaces == (
        NetworkInterface(
            id="{6A1C2F63-5D1E-4C8B-9A34-0E7D3A5B1C12}",
            name="Ethernet",
            type=6,
            addresses=("10.20.0.10/24",),
            gateways=("10.20.0.1",),
            dns=("10.20.0.2", "10.20.0.3"),
            dhcp=("10.20.0.4",),
            wins=("10.20.0.5",),
            profile=Profile.DOMAIN,
        ),
    )


KEYS = [
    (rf"{LOCAL}\FirewallRules", "firewall rules", "local store: "),
    (rf"{GROUP}\FirewallRules", "firewall rules", "GPO store: "),
    (rf"{LOCAL}\Mdm\FirewallRules", "firewall rules", "MDM store: "),
    (rf"{GROUP}\DomainProfile\GloballyOpenPorts\List", "firewall rules", "legacy GPO list: "),
    (rf"{LOCAL}\RestrictedServices\Static\System", "service hardening rules", "service hardening"),
    (rf"{GROUP}\PublicProfile", "profile settings", "PublicProfile of the GPO store: "),
    (
        rf"{LOCAL}\StandardProfile\GloballyOpenPorts",
        "profile settings",
        "StandardProfile of the local",
    ),
]


@pytest.mark.parametrize(("path", "area", "reason"), KEYS)
def test_a_key_that_is_denied_is_unread_and_never_empty(path: str, area: str, reason: str) -> None:
    (only,) = changed("registry", path, DENIED).unread
    assert only.area.value == area
    assert only.reason.startswith(reason)
    assert "SecurityException" in only.reason


SECTIONS = [
    ("services", "service states"),
    ("addresses", "network interfaces"),
    ("interfaces", "network interfaces"),
]


@pytest.mark.parametrize(("name", "area"), SECTIONS)
def test_a_section_that_failed_is_unread(name: str, area: str) -> None:
    found = changed("sections", name, DENIED)
    assert {each.area.value for each in found.unread} == {area}
    if name == "services":
        assert found.mpssvc is None
        assert found.bfe is None


@pytest.mark.parametrize("name", ["categories", "name_servers", "routes", "configurations"])
def test_what_an_interface_does_not_show_is_none(name: str) -> None:
    (interface,) = changed("sections", name, DENIED).interfaces
    fields = {
        "categories": ["profile"],
        "name_servers": ["dns"],
        "routes": ["gateways"],
        "configurations": ["dhcp", "wins"],
    }
    assert all(getattr(interface, field) is None for field in fields[name])


def test_a_network_without_a_category_is_public_and_an_unknown_one_is_not_guessed() -> None:
    (interface,) = changed("sections", "categories", section()).interfaces
    assert interface.profile is Profile.PUBLIC
    odd = section({"index": 12, "category": 9})
    (interface,) = changed("sections", "categories", odd).interfaces
    assert interface.profile is None


@pytest.mark.parametrize(
    ("state", "enabled"), [(266256, True), (397312, True), (262144, False), (0x42010, None)]
)
def test_products_of_the_security_center(state: int, enabled: bool | None) -> None:
    found = changed("sections", "security_center", section({"name": "Acme", "state": state}))
    assert found.products == (FirewallProduct("Acme", enabled),)
    assert found.unread == ()


@pytest.mark.parametrize(("categories", "enabled"), [([0, 2], True), ([0, 1], False), ([], False)])
def test_products_that_took_the_firewalls_rules_over(categories: list[int], enabled: bool) -> None:
    row = {"name": "Acme", "categories": categories}
    found = changed("sections", "products", section(row))
    assert found.products == (FirewallProduct("Acme", enabled),)


def test_without_either_list_of_products_they_are_unread() -> None:
    refused = {"ok": False, "id": "needs-full-language", "category": "", "said": ""}
    found = changed("sections", "products", refused)
    (only,) = found.unread
    assert only.area.value == "firewall products"
    assert "ConstrainedLanguage" in only.reason


def test_lists_of_windows_xp_become_rules() -> None:
    path = rf"{GROUP}\StandardProfile\GloballyOpenPorts\List"
    entry = "2010:TCP:207.166.94.0/24:enabled:WFO"
    found = changed("registry", path, key("(default)", "", entry, entry))
    (rule,) = [each for each in found.rules if each.store is Store.LEGACY]
    assert rule.profiles == {Profile.PRIVATE, Profile.PUBLIC}
    assert found.unread == ()


def test_settings_of_subkeys_and_numbers_are_read() -> None:
    path = rf"{GROUP}\DomainProfile\GloballyOpenPorts"
    found = changed("registry", path, key("AllowUserPrefMerge", 0))
    assert found.settings[Store.GPO].keys["DomainProfile"].local_open_ports is False


def test_a_service_that_windows_does_not_list_is_unread() -> None:
    found = changed("sections", "services", section({"name": "BFE", "state": "Running", "pid": 1}))
    assert found.mpssvc is None
    assert found.bfe == ServiceState(running=True)
    (only,) = found.unread
    assert only.reason == "MpsSvc: Windows does not list this service"
