"""The site under test as the inventory describes it: hosts, what they are for, how they are reached.

No secret ever lives here: a ``SecretRef`` names where a secret is kept, and only
``pytest_wfo.connect`` looks there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import Enum


class Role(str, Enum):
    """What a host is for the site."""

    PREMISES = "premises"  # a WFO PREMISES server
    CLIENT = "client"  # a PC of an agent or supervisor
    EDGE = "edge"  # a firewall between the site and the cloud
    CLOUD = "cloud"  # a vantage point on the cloud side


class Feature(str, Enum):
    """A WFO product that brings requirements of its own (document: "If you use ...")."""

    SCREEN_RECORDING = "screen_recording"
    DESKTOP_ANALYTICS = "desktop_analytics"


class Folder(str, Enum):
    """A folder of WFO that may lie elsewhere than the document says ("the default folder ...")."""

    SCREEN_RECORDING = "screen_recording"
    LOGGING = "logging"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept: ``scheme`` is "env", "file", "keyring" or "prompt"; ``name`` says which.

    ``name`` is a variable, a path, "service/user", or "" for a prompt.
    """

    scheme: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}" if self.name else self.scheme


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds allowed for each stage of reaching a host.

    ``banner``: the first words of an SSH server, the first answer of WinRM; ``login``: the rest up
    to where a command could be run.
    """

    connect: float = 5.0
    banner: float = 10.0
    login: float = 15.0
    script: float = 120.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How one host is reached.

    ``kind`` is "ssh", "psrp", "local", or "testinfra" (then ``spec`` is its URL). ``address`` and
    ``port`` are the management end point of "ssh" and "psrp"; ``host_key`` is "ssh-ed25519 AAAA..."
    (or empty: known_hosts decides); ``via`` names another host or a jump host of the inventory to
    jump through; ``sudo`` runs the whole script as root (otherwise ``sudo -n`` is tried for single
    commands).

    For "psrp" alone: ``auth`` is "negotiate", "ntlm", "kerberos", "credssp", "certificate" or
    "basic"; without ``tls`` each message is encrypted by what ``auth`` agreed on; ``ca_file`` is a
    PEM file to trust instead of the system's store; ``certificate`` and ``certificate_key`` (PEM
    files; ``passphrase`` opens the key) log in by "certificate"; ``proxy`` is "http://name:port";
    ``configuration_name`` is the host's session configuration ("": Microsoft.PowerShell).
    """

    kind: str
    address: str = ""
    port: int = 22
    user: str = ""
    password: SecretRef | None = None
    key: str = ""
    passphrase: SecretRef | None = None
    agent: bool = True
    host_key: str = ""
    known_hosts: str = ""
    via: str = ""
    sudo: bool = False
    sudo_password: SecretRef | None = None
    spec: str = ""
    auth: str = "negotiate"
    tls: bool = True
    ca_file: str = ""
    certificate: str = ""
    certificate_key: str = ""
    proxy: str = ""
    configuration_name: str = ""
    timeouts: Timeouts = Timeouts()

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """Where what it takes to log in is kept."""
        refs = (self.password, self.passphrase, self.sudo_password)
        return tuple(ref for ref in refs if ref is not None)


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the site.

    ``addresses`` are the IP addresses its peers use for WFO traffic (at least one);
    ``public_address`` is what the cloud uses for a PREMISES server behind NAT ("": the same).
    ``folders`` are those of WFO that lie elsewhere than the document says.
    """

    name: str
    roles: frozenset[Role]
    addresses: tuple[str, ...]
    connection: Connection
    platform: str = "posix"
    public_address: str = ""
    folders: Mapping[Folder, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A requirement the site reads differently, with the written justification (a site overlay).

    ``requirement`` is a glob over requirement ids.
    """

    requirement: str
    because: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class CanaryWindow:
    """When the antivirus canary may be tried, and the ticket in which that was agreed.

    ``opens`` and ``closes`` have a zone; the moment it closes is no longer in it.
    """

    ticket: str
    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Site:
    """One customer location under test. ``hosts`` keeps the order of the inventory.

    ``jump_hosts`` are machines that are only passed through (``Connection.via``), never examined.
    """

    name: str
    ticket: str
    edition: str
    hosts: Mapping[str, Host]
    features: frozenset[Feature] = frozenset()
    cloud_endpoints: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    timezone: tzinfo | None = None
    source: str = ""  # the inventory file's name, as the user wrote it
    sha256: str = ""  # of the inventory's bytes
    warnings: tuple[str, ...] = ()
    jump_hosts: Mapping[str, Connection] = field(default_factory=dict)
    waivers: str = ""  # path of the file the inventory names; "": none
    attestations: str = ""
    av_canary: CanaryWindow | None = None
    # Asked for every cell, so not looked for among all hosts each time.
    _by_role: Mapping[Role, tuple[Host, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hosts = self.hosts.values()
        by_role = {role: tuple(host for host in hosts if role in host.roles) for role in Role}
        object.__setattr__(self, "_by_role", by_role)

    def having(self, role: Role) -> tuple[Host, ...]:
        """The hosts with ``role``, in the inventory's order."""
        return self._by_role[role]
