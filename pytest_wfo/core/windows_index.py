"""Which rules a question about a TCP port can meet, found without looking at all of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from pytest_wfo.core.intervals import EMPTY, Intervals, contains, count, intersection, normalize
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_rules import (
    ANY_PROTOCOL,
    TCP,
    Action,
    Ports,
    WindowsRule,
    summary,
)
from pytest_wfo.core.windows_validity import is_ignored, is_newer

ANY_PORT: Intervals = ((0, 65535),)
CLIENT_PORTS: Intervals = ((1024, 65535),)

# Ports that Windows opens under a keyword move, and are never those of other programs. An Allow
# rule for them says nothing of a fixed port; only the endpoint mapper's is always the same one. A
# Block rule is taken at its usual port, to be on the safe side.
_MOVING = frozenset(("rpc", "teredo", "dhcp", "ply2disc", "mdns", "cortanaout"))
_USUAL = {
    "rpc-epmap": 135, "iptlsin": 443, "iphttpsin": 443, "iptlsout": 443, "iphttpsout": 443,
    "tcpcdpsvc": 5040,
}  # fmt: skip
_SURELY_USUAL = "rpc-epmap"

_FEW_PORTS = 64  # rules with up to this many ports are found by the number


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule seen from one direction.

    ``ports`` are the service ports (local ones inbound, remote ones outbound) that it names for
    sure and ``perhaps`` those that it may name. ``clients`` says whether it covers the client's
    port: None means for some ports only.
    """

    number: int
    rule: WindowsRule
    ports: Intervals
    perhaps: Intervals
    clients: bool | None

    @property
    def names_port(self) -> bool:
        """Whether the rule is about certain ports at all."""
        return self.perhaps != ANY_PORT


class RuleIndex:
    """The rules of a firewall by direction, port and remote address."""

    def __init__(
        self, rules: Iterable[WindowsRule], policy_version: tuple[int, int] | None
    ) -> None:
        self._active = {direction: _Bucket() for direction in (Direction.IN, Direction.OUT)}
        self._allowing = {direction: _Allowing() for direction in (Direction.IN, Direction.OUT)}
        self._hardening: dict[tuple[Direction, str], list[Entry]] = {}
        self._told: dict[int, str] = {}
        for number, rule in enumerate(rules):
            for direction in _directions(rule):
                entry = _entry(number, rule, direction)
                if rule.elsewhere and not is_newer(rule, policy_version):
                    continue
                if rule.action is Action.ALLOW and not rule.store.hardening:
                    self._allowing[direction].add(entry)
                if is_ignored(rule):
                    continue
                enabled = rule.active or rule.lacks("Active")
                if enabled and rule.store.hardening:
                    key = (direction, file_name(rule.program))
                    self._hardening.setdefault(key, []).append(entry)
                elif enabled:
                    self._active[direction].add(entry)
        for bucket in self._active.values():
            bucket.finish()

    def matching(self, direction: Direction, port: int, remote: Intervals) -> list[Entry]:
        """Enabled rules that may be about ``port`` and ``remote``, those that name the port first."""
        found = self._active[direction].find(port, remote)
        found.sort(key=lambda entry: (not entry.names_port, entry.number))
        return found

    def nearly(self, direction: Direction, port: int, programs: Iterable[str]) -> list[Entry]:
        """Allow rules, disabled ones too, that name the port or one of the programs (lower-case file
        names), or are for all ports and programs alike."""
        return self._allowing[direction].find(port, programs)

    def hardening(self, direction: Direction, programs: Iterable[str]) -> list[Entry]:
        """The service hardening rules that are about one of the programs or about no certain one."""
        names = dict.fromkeys((*programs, ""))
        return [entry for name in names for entry in self._hardening.get((direction, name), ())]

    def told(self, entry: Entry) -> str:
        """The rule's ``summary``, made once: it is part of many answers."""
        if entry.number not in self._told:
            self._told[entry.number] = summary(entry.rule)
        return self._told[entry.number]


class _Bucket:
    def __init__(self) -> None:
        self._by_port: dict[int, list[Entry]] = {}
        self._by_address: list[tuple[int, int, Entry]] = []
        self._rest: list[Entry] = []
        self._lows: list[int] = []
        self._highest: list[int] = []

    def add(self, entry: Entry) -> None:
        rule = entry.rule
        if rule.protocol not in (TCP, ANY_PROTOCOL) or not entry.perhaps or entry.clients is False:
            return
        remote = rule.remote
        if entry.names_port and count(entry.perhaps) <= _FEW_PORTS:
            for low, high in entry.perhaps:
                for port in range(low, high + 1):
                    self._by_port.setdefault(port, []).append(entry)
        elif remote and not remote.keywords and not rule.ignores_remote:
            self._by_address += [(low, high, entry) for low, high in remote.intervals]
        else:
            self._rest.append(entry)

    def finish(self) -> None:
        self._by_address.sort(key=lambda item: item[:2])
        self._lows = [low for low, _, _ in self._by_address]
        self._highest = list(accumulate((high for _, high, _ in self._by_address), max))

    def find(self, port: int, remote: Intervals) -> list[Entry]:
        found = [entry for entry in self._rest if contains(entry.perhaps, port)]
        by_address = {}
        for low, high in remote:
            start = bisect_left(self._highest, low)
            end = bisect_right(self._lows, high)
            for _, last, entry in self._by_address[start:end]:
                if last >= low and contains(entry.perhaps, port):
                    by_address[entry.number] = entry
        return [*found, *by_address.values(), *self._by_port.get(port, ())]


class _Allowing:
    def __init__(self) -> None:
        self._by_port: dict[int, list[Entry]] = {}
        self._by_program: dict[str, list[Entry]] = {}
        self._general: list[Entry] = []

    def add(self, entry: Entry) -> None:
        rule = entry.rule
        if entry.names_port:
            if count(entry.ports) <= _FEW_PORTS:
                for low, high in entry.ports:
                    for port in range(low, high + 1):
                        self._by_port.setdefault(port, []).append(entry)
        elif rule.program:
            self._by_program.setdefault(file_name(rule.program), []).append(entry)
        elif not rule.service and rule.protocol in (TCP, ANY_PROTOCOL):
            self._general.append(entry)

    def find(self, port: int, programs: Iterable[str]) -> list[Entry]:
        named = [entry for name in programs for entry in self._by_program.get(name, ())]
        return [*self._by_port.get(port, ()), *named, *self._general]


def file_name(path: str) -> str:
    """The last component of a Windows path, in lower case."""
    return path.rpartition("\\")[2].lower()


def _directions(rule: WindowsRule) -> Iterator[Direction]:
    if rule.action is None and not rule.lacks("Action"):
        return
    if rule.direction:
        yield rule.direction
    elif rule.lacks("Dir"):
        yield from (Direction.IN, Direction.OUT)


def _entry(number: int, rule: WindowsRule, direction: Direction) -> Entry:
    service, client = rule.local_ports, rule.remote_ports
    if direction is Direction.OUT:
        service, client = client, service
    if rule.ignores_remote and rule.action is Action.ALLOW:
        if direction is Direction.IN:
            client = None
        else:
            service = None
    ports = _sure(service)
    perhaps = ports if service is None or not service.keywords else _perhaps(service, rule.action)
    return Entry(number, rule, ports, perhaps, _covers_clients(client))


def _sure(ports: Ports | None) -> Intervals:
    if ports is None:
        return ANY_PORT
    return ports.spans if len(ports.spans) == 1 else normalize(ports.spans)


def _perhaps(ports: Ports, action: Action | None) -> Intervals:
    spans = list(ports.spans)
    for keyword in ports.keywords:
        if keyword in _USUAL and (action is not Action.ALLOW or keyword == _SURELY_USUAL):
            spans.append((_USUAL[keyword], _USUAL[keyword]))
        elif keyword not in _USUAL and keyword not in _MOVING:
            return ANY_PORT  # a keyword of a later Windows
    return normalize(spans)


def _covers_clients(ports: Ports | None) -> bool | None:
    if ports is None:
        return True
    covered = intersection(normalize(ports.spans), CLIENT_PORTS)
    if covered == CLIENT_PORTS:
        return True
    return None if covered != EMPTY or ports.keywords else False
