"""The Windows Firewall as its registry keys, services and rivals show it.

Where what is kept: [MS-GPFAS] 2.2 and 3.1; the lists of Windows XP: [MS-GPFAS] 2.2.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_wfo.core.facts import Fact, Known
from pytest_wfo.core.windows_firewall import (
    Area,
    FirewallProduct,
    ServiceState,
    Unread,
    WindowsFirewall,
)
from pytest_wfo.core.windows_legacy import legacy_port, legacy_program
from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_profiles import ProfileSettings, SettingsStore, profile_settings
from pytest_wfo.core.windows_rules import Profile, Store, WindowsRule
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import NotSeenError
from pytest_wfo.probes.windows_envelope import Answer, Failure, integer, text
from pytest_wfo.probes.windows_interfaces import read_interfaces
from pytest_wfo.probes.windows_machine import CURRENT_VERSION

_LOCAL = r"HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
_GROUP = r"HKLM:\SOFTWARE\Policies\Microsoft\WindowsFirewall"
_SERVICES = r"HKLM:\SYSTEM\CurrentControlSet\Services"

RULES: Mapping[Store, str] = {
    Store.LOCAL: rf"{_LOCAL}\FirewallRules",
    Store.GPO: rf"{_GROUP}\FirewallRules",
    Store.MDM: rf"{_LOCAL}\Mdm\FirewallRules",
    Store.WSH_STATIC: rf"{_LOCAL}\RestrictedServices\Static\System",
    Store.WSH_CONFIG: rf"{_LOCAL}\RestrictedServices\Configurable\System",
}
SETTINGS: Mapping[Store, str] = {
    Store.LOCAL: _LOCAL,
    Store.GPO: _GROUP,
    Store.MDM: rf"{_LOCAL}\Mdm",
}
_PROFILES = ("DomainProfile", "StandardProfile", "PrivateProfile", "PublicProfile")
_PARTS = ("", "AuthorizedApplications", "GloballyOpenPorts")
_DEFAULT = "(default)"

_DISABLED = 4  # a service's Start
_FIREWALL_CATEGORY = (
    2  # NET_FW_RULE_CATEGORY_FIREWALL: whoever has it replaces the Windows Firewall
)
# productState of the Security Center is not documented; these bits are what all decoders agree on.
_ON_MASK, _ON, _OFF = 0xF000, 0x1000, 0x0000

# In these lists, Standard is everything that is not the domain.
_LEGACY_PROFILES = {
    "DomainProfile": frozenset((Profile.DOMAIN,)),
    "StandardProfile": frozenset((Profile.PRIVATE, Profile.PUBLIC)),
}


def read_windows_firewall(answer: Answer) -> Fact[WindowsFirewall]:
    """Everything the firewall's decisions rest on; what could not be read is in ``unread``."""
    unread: list[Unread] = []
    rules = [*_rules(answer, unread), *_legacy_rules(answer, unread)]
    version = answer.setting(_LOCAL, "PolicyVersion")
    interfaces, missing = read_interfaces(answer)
    unread += missing
    return Known(
        WindowsFirewall(
            rules=tuple(rules),
            settings={store: _settings(answer, store, unread) for store in SETTINGS},
            mpssvc=_service(answer, "MpsSvc", unread),
            bfe=_service(answer, "BFE", unread),
            interfaces=interfaces,
            products=tuple(_products(answer, unread)),
            policy_version=(version >> 8, version & 0xFF) if type(version) is int else None,
            windows_version=_windows_version(answer),
            windows_folder=_windows_folder(answer),
            unread=tuple(unread),
        ),
        "registry: rules and settings of the Windows Firewall",
    )


def _rules(answer: Answer, unread: list[Unread]) -> Iterator[WindowsRule]:
    for store, path in RULES.items():
        area = Area.HARDENING if store.hardening else Area.RULES
        values = answer.key(path)
        if isinstance(values, Failure):
            unread.append(Unread(area, f"{store.value} store: {values.words}"))
            continue
        for name, value in values or ():
            if isinstance(value, str):
                if value or name != _DEFAULT:
                    yield parse_rule(store, name, value)
            else:
                what = f"{store.value} store: the rule {printable(name)} is not a text"
                unread.append(Unread(area, what))


def _legacy_rules(answer: Answer, unread: list[Unread]) -> Iterator[WindowsRule]:
    for key, profiles in _LEGACY_PROFILES.items():
        for part, written in (
            ("GloballyOpenPorts", legacy_port),
            ("AuthorizedApplications", legacy_program),
        ):
            values = answer.key(rf"{_GROUP}\{key}\{part}\List")
            if isinstance(values, Failure):
                unread.append(Unread(Area.RULES, f"legacy GPO list: {values.words}"))
                continue
            for name, value in values or ():
                if isinstance(value, str) and (value or name != _DEFAULT):
                    yield written(value, profiles)


def _settings(answer: Answer, store: Store, unread: list[Unread]) -> SettingsStore:
    keys: dict[str, ProfileSettings] = {}
    for profile in _PROFILES:
        found: dict[str, object] = {}
        present = False
        for part in _PARTS:
            path = rf"{SETTINGS[store]}\{profile}" + (rf"\{part}" if part else "")
            values = answer.key(path)
            if isinstance(values, Failure):
                reason = f"{profile} of the {store.value} store: {values.words}"
                unread.append(Unread(Area.SETTINGS, reason))
                continue
            present = present or values is not None
            found |= {rf"{part}\{name}" if part else name: value for name, value in values or ()}
        if present:
            keys[profile] = profile_settings(found)
    return SettingsStore(keys)


def _service(answer: Answer, name: str, unread: list[Unread]) -> ServiceState | None:
    try:
        rows = answer.rows("services", name)
    except NotSeenError as error:
        unread.append(Unread(Area.SERVICES, error.fact.reason))
        return None
    state = next(
        (text(row, "state") for row in rows if str(row["name"]).lower() == name.lower()), None
    )
    if state is None:
        unread.append(Unread(Area.SERVICES, f"{name}: Windows does not list this service"))
        return None
    start = answer.setting(rf"{_SERVICES}\{name}", "Start")
    return ServiceState(running=state == "Running", disabled=start == _DISABLED)


def _products(answer: Answer, unread: list[Unread]) -> Iterator[FirewallProduct]:
    """Other firewalls, as the Windows Firewall itself knows them and as the Security Center does.

    One of the two will do: servers have no Security Center, and ConstrainedLanguage forbids the
    other.
    """
    reasons = []
    try:
        for row in answer.rows("products", "firewall products"):
            categories = row["categories"]
            if not isinstance(categories, list):
                raise TypeError("categories are no list")
            name = printable(text(row, "name") or "a product without a name")
            yield FirewallProduct(name, _FIREWALL_CATEGORY in categories)
    except NotSeenError as error:
        reasons.append(error.fact.reason)
    try:
        for row in answer.rows("security_center", "Security Center"):
            state = integer(row, "state") & _ON_MASK
            name = printable(text(row, "name") or "a product without a name")
            yield FirewallProduct(name, {_ON: True, _OFF: False}.get(state))
    except NotSeenError as error:
        reasons.append(error.fact.reason)
    if len(reasons) > 1:
        unread.append(Unread(Area.PRODUCTS, "; ".join(reasons)))


def _windows_version(answer: Answer) -> tuple[int, int] | None:
    if answer.failure("system") is not None:
        return None
    parts = (text(answer.value("system", "version"), "version") or "").split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1])


def _windows_folder(answer: Answer) -> str:
    folder = answer.setting(CURRENT_VERSION, "SystemRoot")
    return folder if isinstance(folder, str) else ""
