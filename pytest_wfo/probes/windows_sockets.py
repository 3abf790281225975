"""Listening TCP sockets and what stands behind them.

A socket of process 4 ("System") is one of http.sys if an HTTP address is registered on its port;
``netsh http show servicestate`` names the process which registered it. Its labels are in the host's
language, so it is read by its shape: indentation, numbers and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_wfo.core.facts import Fact, Known, Listener, Owner, Unknown
from pytest_wfo.core.intervals import Intervals, normalize
from pytest_wfo.core.windows_firewall import SYSTEM as SYSTEM_PROGRAM
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import NotSeenError
from pytest_wfo.probes.windows_envelope import (
    Answer,
    Failure,
    integer,
    text,
)
from pytest_wfo.probes.windows_network import plain

SYSTEM = 4
PROXIES = tuple(
    rf"HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\{way}\tcp"
    for way in ("v4tov4", "v4tov6", "v6tov4", "v6tov6")
)

_ANY = {"0.0.0.0", "::"}  # noqa: S104 - addresses that were read
_URL = re.compile(r"^\s+https?://(?:[^/:\[\]]+|\[[^\]]+\]):(\d{1,5})(?::[^/]*)?/", re.IGNORECASE)
_PID = re.compile(r"^(\s{4,})(?:(\d{1,10})|[^\d,]*?(\d{1,10}),\s.*)$")
_RANGE = re.compile(r"^\s*(\d{1,5})\s+(\d{1,5})\s*\*?\s*$")
_HELPER = "iphlpsvc"  # the service that runs the port proxies
_QUEUE_DEPTH = 8  # columns by which process ids are indented below the name of their queue


@dataclass(frozen=True, slots=True)
class _Machine:
    """What may stand behind a socket: names and image paths by process, services and their accounts
    by process (None: not shown), processes by port of http.sys, targets of port proxies by port."""

    names: Mapping[int, str]
    paths: Mapping[int, str]
    services: Mapping[int, tuple[str, ...]] | None
    accounts: Mapping[int, str]
    queues: Mapping[int, tuple[int, ...]]
    proxies: Mapping[int, str]

    def owner(self, pid: int, port: int) -> Fact[Owner]:
        """Who holds a socket of ``pid`` on ``port``."""
        if pid == SYSTEM:
            name, path = self._system(port), SYSTEM_PROGRAM
        elif pid in self.names:
            name, path = self._named(pid), self.paths.get(pid, "")
        else:
            gone = f"process {pid} was gone when processes were listed"
            return Unknown(f"the owner of the socket: {gone}")
        hosted = None if self.services is None else self.services.get(pid, ())
        if port in self.proxies and _HELPER in (hosted or ()):
            name = f"{name}, port proxy to {self.proxies[port]}"
        services = None if hosted is None else frozenset(hosted)
        source = "Win32_Process, Win32_Service" if pid != SYSTEM else "netsh http, Win32_Service"
        return Known(Owner(name, pid, self.accounts.get(pid, ""), path, services), source)

    def _named(self, pid: int) -> str:
        name = printable(self.names.get(pid, "")) or f"process {pid}"
        hosted = ", ".join(map(printable, (self.services or {}).get(pid, ())))
        return f"{name} ({hosted})" if hosted else name

    def _system(self, port: int) -> str:
        if port not in self.queues:
            return "System"
        behind = ", ".join(self._named(pid) for pid in self.queues[port])
        return f"System (http.sys for {behind or 'a program that Windows does not show'})"


def read_listeners(answer: Answer) -> Fact[tuple[Listener, ...]]:
    """All listening TCP sockets with their owners."""
    rows = answer.rows("listeners", "listening sockets")
    machine = _machine(answer)
    found = []
    bound = {(plain(text(row, "address") or ""), integer(row, "port")) for row in rows}
    for row in rows:
        address, port = plain(text(row, "address") or ""), integer(row, "port")
        owner = (
            machine if isinstance(machine, Unknown) else machine.owner(integer(row, "pid"), port)
        )
        found.append(Listener(address, port, _ipv4(address, port, bound), owner))
    return Known(tuple(found), "MSFT_NetTCPConnection")


def _ipv4(address: str, port: int, bound: set[tuple[str, int]]) -> bool | None:
    """An IPv6 socket may take IPv4 too, which Windows does not show; a socket of its own beside it
    settles that."""
    if ":" not in address:
        return True
    if address != "::":
        return False
    return None if ("0.0.0.0", port) not in bound else False  # noqa: S104


def _machine(answer: Answer) -> _Machine | Unknown:
    try:
        processes = answer.rows("processes", "the owner of the socket: processes")
    except NotSeenError as error:
        return error.fact
    services: dict[int, tuple[str, ...]] = {}
    accounts: dict[int, str] = {}
    try:
        for row in answer.rows("services", "services"):
            pid = row["pid"]
            if type(pid) is int and pid:
                services[pid] = (*services.get(pid, ()), text(row, "name") or "")
                accounts[pid] = printable(text(row, "account") or "")
        shown = True
    except NotSeenError:
        shown = False
    return _Machine(
        names={integer(row, "pid"): text(row, "name") or "" for row in processes},
        paths={integer(row, "pid"): text(row, "path") or "" for row in processes},
        services=services if shown else None,
        accounts=accounts,
        queues=_queues(answer),
        proxies=_proxies(answer),
    )


def _queues(answer: Answer) -> dict[int, tuple[int, ...]]:
    try:
        return http_owners(answer.output("http", "the owners of HTTP addresses"))
    except NotSeenError:
        return {}


def http_owners(output: str) -> dict[int, tuple[int, ...]]:
    """The ports with registered addresses, and the processes of their request queues."""
    ports: dict[int, tuple[int, ...]] = {}
    pids: list[int] = []
    depth = 0
    for line in output.splitlines():
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if pids and indent <= depth - _QUEUE_DEPTH:
            pids = []
        url = _URL.match(line)
        if url is not None:
            port = int(url[1])
            ports[port] = tuple(sorted({*ports.get(port, ()), *pids}))
            continue
        process = _PID.match(line)
        if process is not None:
            depth = len(process[1])
            pids.append(int(process[2] or process[3]))
    return ports


def _proxies(answer: Answer) -> dict[int, str]:
    """Where TCP port proxies (``netsh interface portproxy``) pass connections on to, by port."""
    found = {}
    for path in PROXIES:
        values = answer.key(path)
        if values is None or isinstance(values, Failure):
            continue
        for name, value in values:
            port = name.rpartition("/")[2]  # "address/port" = "address/port"
            if re.fullmatch("[0-9]{1,5}", port) and isinstance(value, str):
                found[int(port)] = printable(value)
    return found


def read_excluded_ports(answer: Answer) -> Fact[Intervals]:
    """TCP ports that no program can bind, as Hyper-V and others have reserved them."""
    output = answer.output("excluded", "reserved TCP ports")
    rows = [_RANGE.match(line) for line in output.splitlines()]
    pairs = [(int(row[1]), int(row[2])) for row in rows if row is not None]
    if any(low > high or high > 65535 for low, high in pairs):
        raise ValueError("netsh shows a range of ports which is none")
    return Known(normalize(pairs), "netsh int ipv4 show excludedportrange")
