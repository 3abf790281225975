"""What a host says about itself, and what it saw when it tried something.

A fact is ``Known(value, source)`` or ``Unknown(reason, remedy)``; never a default. An empty tuple
inside ``Known`` means "looked, found none"; what could not be looked at is ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pytest_wfo.core.antivirus.model import Antivirus, Canary, Concerns, SurvivalProbe
from pytest_wfo.core.known import NOT_ASKED as NOT_ASKED  # noqa: PLC0414
from pytest_wfo.core.known import Fact as Fact  # noqa: PLC0414
from pytest_wfo.core.known import Known as Known  # noqa: PLC0414
from pytest_wfo.core.known import Unknown as Unknown  # noqa: PLC0414
from pytest_wfo.core.packet_filter import PacketFilter
from pytest_wfo.core.windows_firewall import WindowsFirewall

PROBES = ("none", "safe", "canary")
"""What hosts may try, from the least to the most (``--wfo-probe``)."""

Firewall = PacketFilter | WindowsFirewall


class Reach(str, Enum):
    """What a TCP connection attempt showed (after the second, slower pass)."""

    OPEN = "open"
    REFUSED = "refused"  # RST or ICMP port unreachable: nothing listens there, or a reject rule
    FILTERED = "filtered"  # no answer at all
    UNREACHABLE = "unreachable"  # ICMP host/net unreachable or prohibited, or no route
    RESET = "reset"  # connected, then reset before any answer
    UNMEASURED = "unmeasured"  # no means or no time to try; says nothing about the network


class Transport(str, Enum):
    """What must be spoken on a port, as the document's tables name it."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"
    SILVERLIGHT_POLICY = "silverlight-policy"  # TCP 943: the Silverlight socket policy exchange


class Heard(str, Enum):
    """What the peer said after the connection stood."""

    EXPECTED = "expected"  # the stated transport was recognised
    SILENCE = "silence"  # nothing within the time
    CLOSED = "closed"  # closed without a word
    RESET = "reset"
    OTHER = "other"  # something else; see ``excerpt``
    NOT_ASKED = "not-asked"  # plain TCP: the connection itself is the proof
    UNMEASURED = "unmeasured"  # no tool or no time for this transport; see ``detail``


@dataclass(frozen=True, slots=True)
class Target:
    """One connection a host is asked to try. ``peer`` is a host of the inventory, or "" for
    an address in the vendor's cloud."""

    address: str
    port: int
    transport: Transport
    peer: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What one host saw when it tried ``target``.

    ``detail`` is the host's own word (errno name, TLS error); ``excerpt`` is what came back first
    (status line, policy XML, garbage), printable text of at most 4096 characters;
    ``certificate`` is the peer's leaf certificate as DER, if TLS was spoken and it could be had.
    """

    target: Target
    reach: Reach
    heard: Heard
    detail: str = ""
    excerpt: str = ""
    certificate: bytes = b""
    milliseconds: int = 0
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Owner:
    """The process behind a socket.

    Windows: ``path`` is the image's full path ("System" for the kernel's sockets, as of http.sys;
    "" if not shown), ``services`` the short names of the services in the process (None: not known).
    """

    process: str
    pid: int
    user: str = ""
    path: str = ""
    services: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket. ``address`` is as bound ("0.0.0.0", "::", "127.0.0.1", ...).

    ``ipv4`` says whether it accepts IPv4 connections: an IPv6 socket may be dual stack or not;
    ``None`` where that could not be seen.
    """

    address: str
    port: int
    ipv4: bool | None
    owner: Fact[Owner]


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """One address of one interface; ``prefix`` is the prefix length."""

    interface: str
    address: str
    prefix: int


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``destination`` is CIDR; ``kind`` is "unicast", "local", "broadcast", "blackhole",
    "unreachable", "prohibit", "throw" or "nat"; ``table`` is "main", "local", or a number/name."""

    destination: str
    kind: str
    interface: str
    gateway: str
    metric: int
    table: str


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """``family`` is "linux", "freebsd", "darwin", "windows" ...; ``name`` is for people."""

    family: str
    name: str
    kernel: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the machine says it is."""

    hostname: str
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """Who we were there: ``elevated`` is "root", "sudo" or "none"; ``detail`` says what sudo answered."""

    user: str
    elevated: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """``offset`` = host minus controller, in seconds; ``uncertainty`` = half the round trip."""

    offset: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Process:
    """A running process: name as the kernel has it; ``command`` is the program as it was started
    (argv[0]), where readable, and never an argument, since arguments may hold secrets."""

    pid: int
    name: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service of Windows: its short name, the program's full path as registered ("" if not shown),
    and the process it runs in (0: it does not run)."""

    name: str
    path: str
    pid: int


@dataclass(frozen=True, slots=True)
class FileStat:
    """A requested path: ``kind`` is "file", "directory", "other" or "absent"; size in bytes."""

    path: str
    kind: str
    size: int = 0
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """How reaching the host went.

    ``reason`` is "" when the host answered, else a name of the closed list in
    ``pytest_wfo.connect.errors``; ``message`` says what was tried and what came back, ``remedy``
    what to do next. ``at`` is UTC, ISO 8601. ``host_key`` is the fingerprint that was accepted.
    """

    reason: str
    message: str
    remedy: str
    endpoint: str
    at: str
    seconds: float
    host_key: str = ""

    @property
    def reached(self) -> bool:
        """True when the host answered with a readable answer."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class HostFacts:
    """All that is known of one host. Every field but ``access`` is a fact of its own."""

    access: Access
    identity: Fact[Identity] = NOT_ASKED
    system: Fact[OperatingSystem] = NOT_ASKED
    rights: Fact[Rights] = NOT_ASKED
    clock: Fact[Clock] = NOT_ASKED
    addresses: Fact[tuple[InterfaceAddress, ...]] = NOT_ASKED
    routes: Fact[tuple[Route, ...]] = NOT_ASKED
    forwarding: Fact[bool] = NOT_ASKED  # does the kernel forward IPv4 packets
    listeners: Fact[tuple[Listener, ...]] = NOT_ASKED
    firewall: Fact[Firewall] = NOT_ASKED
    processes: Fact[tuple[Process, ...]] = NOT_ASKED
    probes: Fact[tuple[Probe, ...]] = NOT_ASKED
    files: Mapping[str, Fact[FileStat]] = field(default_factory=dict)
    services: Fact[tuple[Service, ...]] = NOT_ASKED  # Windows only
    antivirus: Fact[Antivirus] = NOT_ASKED
    survival: Fact[SurvivalProbe] = NOT_ASKED
    canary: Fact[Canary] = NOT_ASKED
    concerns: Fact[Concerns] = NOT_ASKED
