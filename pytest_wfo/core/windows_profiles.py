"""The settings of each profile, and how the stores' settings merge.

Source: [MS-GPFAS] 2.2.3 (keys and values) and [MS-FASP] 2.2.38 (defaults and merge laws). MDM is a
policy too; Group Policy goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_wfo.core.windows_rules import Profile, Store

STORES = (Store.GPO, Store.MDM, Store.LOCAL)  # the first that says something is right


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """What one registry key says; None where it says nothing.

    ``unclear`` names values that are there but cannot be read. The other fields are the registry's
    values, as booleans in the sense of their names here.
    """

    enabled: bool | None = None  # EnableFirewall
    blocks_in: bool | None = None  # DefaultInboundAction
    blocks_out: bool | None = None  # DefaultOutboundAction
    shielded: bool | None = None  # DoNotAllowExceptions
    local_rules: bool | None = None  # AllowLocalPolicyMerge
    local_programs: bool | None = None  # AuthorizedApplications\AllowUserPrefMerge
    local_open_ports: bool | None = None  # GloballyOpenPorts\AllowUserPrefMerge
    no_stealth: bool | None = None  # DisableStealthMode
    disabled_interfaces: frozenset[str] | None = None  # lower-case GUIDs
    unclear: tuple[str, ...] = ()


VALUES: Mapping[str, str] = {
    "enabled": "EnableFirewall",
    "blocks_in": "DefaultInboundAction",
    "blocks_out": "DefaultOutboundAction",
    "shielded": "DoNotAllowExceptions",
    "local_rules": "AllowLocalPolicyMerge",
    "local_programs": "AuthorizedApplications\\AllowUserPrefMerge",
    "local_open_ports": "GloballyOpenPorts\\AllowUserPrefMerge",
    "no_stealth": "DisableStealthMode",
    "disabled_interfaces": "DisabledInterfaces",
}
_FIELDS = {value.lower(): name for name, value in VALUES.items()}

_DEFAULTS: Mapping[str, bool | frozenset[str]] = {
    "enabled": True,
    "blocks_in": True,
    "blocks_out": False,
    "shielded": False,
    "local_rules": True,
    "local_programs": True,
    "local_open_ports": True,
    "no_stealth": False,
    "disabled_interfaces": frozenset(),
}


def profile_settings(values: Mapping[str, object]) -> ProfileSettings:
    """From the values of a profile's key; those of subkeys are named "Subkey\\Value".

    DWORDs come as int or as their decimal text. Values that decide nothing here are passed over.
    """
    found: dict[str, bool | frozenset[str]] = {}
    unclear: list[str] = []
    for name, value in values.items():
        known = _FIELDS.get(name.lower())
        if known == "disabled_interfaces" and isinstance(value, str):
            found[known] = frozenset(part.strip().lower() for part in value.split(",") if part)
        elif known and str(value) in ("0", "1"):
            found[known] = str(value) == "1"
        elif known:
            unclear.append(f"{VALUES[known]}={str(value)[:40]}")
    return ProfileSettings(**found, unclear=tuple(unclear))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class SettingsStore:
    """The profile keys of one store: "DomainProfile", "StandardProfile", "PrivateProfile",
    "PublicProfile". A key that does not exist is missing here."""

    keys: Mapping[str, ProfileSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectiveProfile:
    """The merged settings of a profile; ``origin`` says who set each ("" for Windows' default)."""

    profile: Profile
    enabled: bool
    blocks_in: bool
    blocks_out: bool
    shielded: bool
    local_rules: bool
    local_programs: bool
    local_open_ports: bool
    no_stealth: bool
    disabled_interfaces: frozenset[str]
    unclear: tuple[str, ...]
    origin: Mapping[str, str]

    def told(self, setting: str) -> str:
        """A setting for people: "AllowLocalPolicyMerge=0 (GPO)"."""
        value = getattr(self, setting)
        shown = ",".join(sorted(value)) if isinstance(value, frozenset) else str(int(value))
        return f"{VALUES[setting]}={shown} ({self.origin[setting] or 'the default'})"


def effective_profile(
    profile: Profile, settings: Mapping[Store, SettingsStore]
) -> EffectiveProfile:
    """Merge the stores' settings of one profile by the law of each setting."""
    said = [
        (store, _of_profile(store, settings.get(store, SettingsStore()).keys, profile))
        for store in STORES
    ]
    merged: dict[str, object] = {}
    origin: dict[str, str] = {}
    for name, default in _DEFAULTS.items():
        merged[name], origin[name] = default, ""
        for store, each in said:
            value = getattr(each, name)
            if value is None or (name == "shielded" and not value):
                continue  # shields: any store that is "on" wins
            if name == "local_rules" and store is Store.LOCAL:
                continue  # the local store cannot say that it counts
            merged[name], origin[name] = value, store.value
            break
    unclear = tuple(f"{text} ({store.value})" for store, each in said for text in each.unclear)
    return EffectiveProfile(profile, **merged, unclear=unclear, origin=origin)  # type: ignore[arg-type]


def _of_profile(
    store: Store, keys: Mapping[str, ProfileSettings], profile: Profile
) -> ProfileSettings:
    """Which key speaks of a profile. Locally, "Standard" is the old name of Private, for good; in
    a GPO it stands for Private and Public where neither has a key of its own."""
    nothing = ProfileSettings()
    if profile is Profile.DOMAIN:
        return keys.get("DomainProfile", nothing)
    if store is Store.LOCAL:
        return keys.get(
            "StandardProfile" if profile is Profile.PRIVATE else "PublicProfile", nothing
        )
    if store is Store.GPO and "PrivateProfile" not in keys and "PublicProfile" not in keys:
        return keys.get("StandardProfile", nothing)
    return keys.get(f"{profile.value}Profile", nothing)
