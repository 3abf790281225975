"""The inventory as people write it: one dataclass a mapping, one field a key.

These types validate (``validation.py``) and describe themselves as JSON Schema (``schemas.py``).
Importing this module imports pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from pytest_wfo.documents.inventory_fields import (
    AnyText,
    AuthWord,
    ConnectionWord,
    Edition,
    FeatureWord,
    FileName,
    Flag,
    FolderPath,
    HostKey,
    HostName,
    IPv4,
    OnlyTrue,
    PlainName,
    Platform,
    Port,
    Prose,
    ProxyUrl,
    RoleWord,
    Seconds,
    Secret,
    Text,
    TimeZone,
    Window,
    Written,
)


def says(description: str) -> Any:
    """What a key means, for the schema."""
    return Field(description=description)


class Strict:
    """Other keys than the fields are problems."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutKeys(Strict):
    """Seconds allowed for each stage of reaching a host."""

    connect: Annotated[Seconds | None, says("TCP connection (5)")] = None
    banner: Annotated[Seconds | None, says("first words of the SSH server or of WinRM (10)")] = None
    login: Annotated[Seconds | None, says("login (15)")] = None
    script: Annotated[Seconds | None, says("examination of the host (120)")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKeys(Strict):
    """How to log in by SSH."""

    port: Annotated[Port | None, says("22; 5986 for psrp, 5985 without TLS")] = None
    user: Annotated[Text | None, says("login name")] = None
    password: Annotated[Secret | None, says("reference to the password")] = None
    key: Annotated[FileName | None, says("private key file")] = None
    passphrase: Annotated[Secret | None, says("reference to the key's passphrase")] = None
    agent: Annotated[Flag | None, says("use the SSH agent (true)")] = None
    host_key: Annotated[HostKey | None, says("the host's public key; else known_hosts")] = None
    known_hosts: Annotated[FileName | None, says("known_hosts file to use as well")] = None
    via: Annotated[
        AnyText | None, says('jump host: a name from hosts or jump_hosts; "" for none')
    ] = None
    timeouts: Annotated[TimeoutKeys | None, says("seconds for each stage")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionKeys(SshKeys):
    """How hosts are reached; every key can stand under ``defaults``."""

    connection: Annotated[
        ConnectionWord | None, says("ssh (default), local, psrp or a testinfra connection")
    ] = None
    platform: Annotated[Platform | None, says("windows for psrp, else posix")] = None
    sudo: Annotated[Flag | None, says("examine the host as root through sudo (false)")] = None
    sudo_password: Annotated[Secret | None, says("reference to sudo's password")] = None
    auth: Annotated[AuthWord | None, says("psrp: how to log in (negotiate)")] = None
    tls: Annotated[Flag | None, says("psrp: HTTPS (true), or HTTP with encrypted messages")] = None
    ca_file: Annotated[
        FileName | None, says("psrp: PEM file of certificates to trust; else the system's store")
    ] = None
    certificate: Annotated[
        FileName | None, says("psrp: PEM file of the certificate to log in with")
    ] = None
    certificate_key: Annotated[FileName | None, says("psrp: PEM file of its private key")] = None
    proxy: Annotated[ProxyUrl | None, says("psrp: HTTP proxy, such as http://proxy:3128")] = None
    configuration_name: Annotated[
        Text | None, says("psrp: session configuration (Microsoft.PowerShell)")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderKeys(Strict):
    """Folders of WFO that lie elsewhere than the document says."""

    screen_recording: Annotated[FolderPath | None, says("of Screen Recording (C:\\temp\\)")] = None
    logging: Annotated[
        FolderPath | None, says("of WFO's logs (C:\\Program Files\\CallCopy\\Logs\\)")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpHostEntry(SshKeys):
    """A machine that is only passed through."""

    address: Annotated[Text | None, says("IP address or DNS name (the entry's name)")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry(ConnectionKeys):
    """A host or a range of hosts; needs ``role`` or ``roles``."""

    role: Annotated[RoleWord | None, says("what the host is for the site")] = None
    roles: Annotated[list[RoleWord] | None, Field(min_length=1), says("several roles")] = None
    address: Annotated[
        Text | None, says("IPv4 address or DNS name its peers use (the host's name)")
    ] = None
    addresses: Annotated[
        list[Text] | None, Field(min_length=1), says("several addresses its peers use")
    ] = None
    public_address: Annotated[
        Text | None, says("address the cloud uses, if the host is behind NAT")
    ] = None
    management_address: Annotated[
        Text | None, says("where we connect, if not to its (first) address")
    ] = None
    folders: Annotated[FolderKeys | None, says("folders of WFO that lie elsewhere here")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryEntry(Strict):
    """When the antivirus canary may be tried."""

    ticket: Annotated[Written, says("ticket in which it was agreed with those who watch alerts")]
    window: Annotated[
        Window, says("from/to, in the site's time zone: 2026-11-28T22:00/2026-11-29T02:00")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEntry(Strict):
    """The customer location."""

    name: Annotated[Written, says("name of the site, for the report")]
    ticket: Annotated[Written, says("ticket the examination belongs to")] = ""
    edition: Annotated[Edition, says("edition of the vendor's document")] = "16.1"
    features: Annotated[
        list[FeatureWord], says("WFO products in use that bring requirements of their own")
    ] = field(default_factory=list)
    cloud_endpoints: Annotated[list[IPv4], says("cloud addresses that answer on 2010")] = field(
        default_factory=list
    )
    timezone: Annotated[TimeZone | None, says("time zone of the site, by its IANA name")] = None
    folders: Annotated[FolderKeys | None, says("folders of WFO that lie elsewhere")] = None
    av_canary: Annotated[
        CanaryEntry | None, says("when --wfo-probe=canary may try antivirus; needs timezone")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayEntry(Strict):
    """A requirement the site reads differently."""

    requirement: Annotated[Text, says("glob over requirement ids")]
    aside: Annotated[OnlyTrue, says("set the requirement aside")]
    because: Annotated[Prose, says("written justification, printed in the report")]
    approved_by: Annotated[Text, says("who approved it")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory(Strict):
    """An inventory of pytest-wfo."""

    site: SiteEntry
    hosts: Annotated[
        dict[HostName, HostEntry], Field(min_length=1), says("hosts by name or range of names")
    ]
    defaults: Annotated[ConnectionKeys, says("for every host that does not say otherwise")] = field(
        default_factory=ConnectionKeys
    )
    jump_hosts: Annotated[
        dict[PlainName, JumpHostEntry], says("machines that are only passed through")
    ] = field(default_factory=dict)
    overlay: Annotated[list[OverlayEntry], says("requirements set aside, with justification")] = (
        field(default_factory=list)
    )
    waivers: Annotated[FileName | None, says("file of waivers, beside this one")] = None
    attestations: Annotated[FileName | None, says("file of attestations, beside this one")] = None
