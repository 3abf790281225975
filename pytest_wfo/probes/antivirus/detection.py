"""What shows that an antivirus product is on a Windows host, and whether it runs.

Four places tell of products: services and processes (what runs), minifilters (what the file system
asks), the Security Center of client systems, and the list of installed programs. The last two go on
naming products that were removed, so they never say alone that one is active.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pytest_wfo.core.facts import Fact, Known, Process, Service, Unknown
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import fact
from pytest_wfo.probes.windows_envelope import Answer, integer, text
from pytest_wfo.probes.windows_machine import read_processes, read_services

T = TypeVar("T")

# The load order group FSFilter Anti-Virus (Microsoft, "Allocated filter altitudes").
_BAND = (320_000, 329_999)
_FILTER = re.compile(r"(\S.*?)\s+\d+\s+(\d{4,6}(?:\.\d+)?)\s+\S+\s*")
_OF_WINDOWS = 0x100
_WORKSTATION = 1  # Win32_OperatingSystem, ProductType
_UNKNOWN_NAMESPACE = "8004100e"

# A name like this is an antivirus whether or not it is known here.
_ANTIVIRUS = re.compile(r"anti-?(virus|malware)|endpoint (security|protection)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signs:
    """What a product has on a host: names of services, programs (without ".exe") and minifilters,
    in lower case, and how the Security Center and the list of programs name it."""

    product: str
    services: frozenset[str] = frozenset()
    programs: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    named: str = ""

    @classmethod
    def of(
        cls,
        product: str,
        services: str = "",
        programs: str = "",
        filters: str = "",
        named: str = "",
    ) -> Signs:
        """Names separated by bars; ``named`` is a regular expression."""
        return cls(product, _names(services), _names(programs), _names(filters), named)

    def mean(self, name: str) -> bool:
        """Whether a name in a list for people is the product's."""
        return bool(self.named) and re.search(self.named, name, re.IGNORECASE) is not None


def _names(text: str) -> frozenset[str]:
    return frozenset(name.lower() for name in text.split("|") if name)


@dataclass(frozen=True, slots=True)
class Installed:
    """A line of the list of installed programs."""

    name: str
    publisher: str
    version: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A product in the Security Center. What ``state`` (productState) means is not documented, but that
    Windows' own products have 0x100 in it is known from many hosts; their names are translated."""

    name: str
    state: int

    @property
    def known_as(self) -> str:
        """Its English name."""
        own = self.state & 0xF00 == _OF_WINDOWS
        defender = re.search(r"\bdefender\b", self.name, re.IGNORECASE) is not None
        return "Windows Defender" if own and defender else self.name


@dataclass(frozen=True, slots=True)
class WindowsHost:
    """What a host shows. ``filters`` are the names of those in the band for antivirus; ``center`` is
    empty on a server, which has no Security Center."""

    answer: Answer
    services: Fact[tuple[Service, ...]]
    processes: Fact[tuple[Process, ...]]
    filters: Fact[tuple[str, ...]]
    center: Fact[tuple[Listed, ...]]
    installed: Fact[tuple[Installed, ...]]

    @property
    def unseen(self) -> tuple[Unknown, ...]:
        """The places where could not be looked."""
        places: Iterable[Fact[object]] = (
            self.services,
            self.processes,
            self.filters,
            self.center,
            self.installed,
        )
        return tuple(place for place in places if isinstance(place, Unknown))


@dataclass(frozen=True, slots=True)
class Traces:
    """What is there of one product: what of it runs, and what else names it (both for people)."""

    signs: Signs
    running: tuple[str, ...]
    named: tuple[str, ...]
    loaded: tuple[str, ...]
    version: str

    def __bool__(self) -> bool:
        return bool(self.running or self.named or self.loaded)

    def active(self, host: WindowsHost) -> Fact[bool]:
        """Whether it runs. Where it does not, what cannot be seen leaves it open."""
        if self.running:
            return Known(True, "; ".join(self.running))
        unseen = [place for place in (host.services, host.processes) if isinstance(place, Unknown)]
        seen = "; ".join((*self.loaded, *self.named))
        if unseen:
            return Unknown(f"whether it runs: {unseen[0].reason} ({seen})", unseen[0].remedy)
        if self.loaded:
            return Unknown(
                f"{seen}, but none of its services and processes runs",
                "have the owner of the product say what it does on this host",
            )
        if not (self.signs.services or self.signs.programs):
            return Unknown(
                f"{seen}; its services and processes are not known here",
                "find out whether it protects this host",
            )
        return Known(False, f"no service or process of it runs ({seen})")


def look(answer: Answer) -> WindowsHost:
    """What the host shows, each place by itself."""
    return WindowsHost(
        answer,
        fact("services", lambda: read_services(answer)),
        fact("processes", lambda: read_processes(answer)),
        fact("minifilters", lambda: _filters(answer)),
        fact("the Security Center", lambda: _center(answer)),
        fact("installed programs", lambda: _installed(answer)),
    )


def traces(host: WindowsHost, signs: Signs) -> Traces:
    """What is there of one product."""
    services = _all(host.services)
    ours = [service for service in services if _is(service.name, signs.services)]
    running = [f"service {each.name} runs" for each in ours if each.pid]
    running += [
        f"process {each.name} runs"
        for each in _all(host.processes)
        if program(each.name) in signs.programs
    ]
    named = [f"service {each.name} is stopped" for each in ours if not each.pid]
    named += [
        f"the Security Center lists {each.name} (productState {each.state:#x})"
        for each in _all(host.center)
        if signs.mean(each.known_as)
    ]
    entries = [each for each in _all(host.installed) if signs.mean(each.name)]
    named += [f"{each.name} {each.version}".strip() + " is installed" for each in entries]
    loaded = [
        f"minifilter {each} is loaded"
        for each in _all(host.filters)
        if each.lower() in signs.filters
    ]
    return Traces(
        signs,
        tuple(dict.fromkeys(map(printable, running))),
        tuple(dict.fromkeys(map(printable, named))),
        tuple(dict.fromkeys(map(printable, loaded))),
        next((printable(each.version) for each in entries if each.version), ""),
    )


def unknown_signs(host: WindowsHost, known: Iterable[Signs]) -> Mapping[str, Fact[bool]]:
    """Products of which nothing is known here but that they are: name and whether they are active."""
    signs = tuple(known)
    found: dict[str, Fact[bool]] = {}
    for name in _all(host.filters):
        if not any(name.lower() in each.filters for each in signs):
            found[f"unknown product (minifilter {printable(name)})"] = Known(
                True, f"minifilter {printable(name)} is loaded at an altitude of antivirus products"
            )
    named = [
        (each.known_as, f"the Security Center lists it (productState {each.state:#x})")
        for each in _all(host.center)
    ]
    named += [
        (each.name, f"it is installed ({printable(each.publisher)})")
        for each in _all(host.installed)
        if _ANTIVIRUS.search(each.name)
    ]
    for name, why in named:
        if not any(each.mean(name) for each in signs):
            found[printable(name)] = Unknown(
                f"{why}; its services and processes are not known here",
                "find out whether it protects this host",
            )
    return found


def program(name: str) -> str:
    """The program's file name in the form in which names are compared."""
    return re.split(r"[/\\]", name)[-1].lower().removesuffix(".exe")


def _all(place: Fact[tuple[T, ...]]) -> tuple[T, ...]:
    return place.value if isinstance(place, Known) else ()


def _is(name: str, names: frozenset[str]) -> bool:
    """Names that end in an asterisk stand for all that begin so."""
    lower = name.lower()
    return lower in names or any(
        each.endswith("*") and lower.startswith(each[:-1]) for each in names
    )


def _filters(answer: Answer) -> Fact[tuple[str, ...]]:
    """Of the table only its shape is known in every language: name, instances, altitude, frame."""
    rows = [
        match
        for line in answer.output("av_filters", "minifilters").splitlines()
        if (match := _FILTER.fullmatch(line.strip()))
    ]
    if not rows:
        return Unknown("minifilters: fltmc shows none, and Windows is never without")
    inside = {row[1] for row in rows if _BAND[0] <= float(row[2]) <= _BAND[1]}
    return Known(tuple(sorted(inside)), "fltmc filters")


def _center(answer: Answer) -> Fact[tuple[Listed, ...]]:
    failure = answer.failure("av_center")
    if failure is not None and _UNKNOWN_NAMESPACE in failure.id and not _workstation(answer):
        return Known((), "servers have no Security Center")
    rows = answer.rows("av_center", "the Security Center")
    found = tuple(Listed(text(row, "name") or "", integer(row, "state")) for row in rows)
    return Known(found, "AntiVirusProduct of the Security Center")


def _workstation(answer: Answer) -> bool:
    """Also where it could not be seen."""
    if answer.failure("system") is not None:
        return True
    return integer(answer.value("system", "the operating system"), "type") == _WORKSTATION


def _installed(answer: Answer) -> Fact[tuple[Installed, ...]]:
    rows = answer.rows("av_installed", "installed programs")
    found = tuple(
        Installed(*(text(row, name) or "" for name in ("name", "publisher", "version")))
        for row in rows
    )
    return Known(found, "registry, list of installed programs")
