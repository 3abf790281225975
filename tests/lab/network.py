"""Namespaces, links, routes and the guard of the lab: put up, mended, taken down completely."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.firewalls import HEALTHY, guard
from tests.lab.shell import LabError, inside, ip, run
from tests.lab.topology import CLOUD_RANGES, MACHINES, WIRE, Machine, Names

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACES = (*MACHINES, WIRE)


def put_up(names: Names) -> None:
    """Build the network of the lab, its guard first."""
    _put_up_guard(names)
    ip(f"netns add {names.namespace(space)}" for space in SPACES)
    _plug_management(names)
    _plug_wire(names)
    for machine in MACHINES.values():
        _configure(names, machine)
    inside(names.namespace("edge"), "sysctl", "-q", "-w", *_EDGE_SYSCTLS)
    load_firewalls(names)


_EDGE_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
)


def _put_up_guard(names: Names) -> None:
    ip(f"route add unreachable {cidr} metric {names.metric}" for cidr in CLOUD_RANGES)
    run("nft", "-f", "-", stdin=guard(names, _outward()))


def _outward() -> tuple[str, ...]:
    """The interfaces that lead off this machine: hardware, and whatever has a default route."""
    hardware = {device.parent.name for device in Path("/sys/class/net").glob("*/device")}
    routes = json.loads(run("ip", "-j", "route", "show", "default") or "[]")
    return tuple(sorted(hardware | {route["dev"] for route in routes if "dev" in route}))


def _plug_management(names: Names) -> None:
    lines = [
        f"link add {names.tag} type bridge",
        f"addr add {names.management()}/24 dev {names.tag}",
        f"link set {names.tag} up",
    ]
    for host in MACHINES:
        port, space = names.port(host), names.namespace(host)
        lines.append(f"link add {port} type veth peer name mgmt netns {space}")
        lines.append(f"link set {port} master {names.tag} up")
    ip(lines)
    # Isolated ports: the machines must not reach each other past their firewalls.
    isolate = "".join(f"link set dev {names.port(host)} isolated on\n" for host in MACHINES)
    run("bridge", "-batch", "-", stdin=isolate)


def _plug_wire(names: Names) -> None:
    lines = []
    for bridge in ("lan", "wan"):
        lines += [f"link add {bridge} type bridge", f"link set {bridge} up"]
    for machine in MACHINES.values():
        for link in machine.links:
            port, space = f"{link.name}-{machine.name}", names.namespace(machine.name)
            lines.append(f"link add {port} type veth peer name {link.name} netns {space}")
            lines.append(f"link set {port} master {link.name} up")
    ip(lines, names.namespace(WIRE))


def _configure(names: Names, machine: Machine) -> None:
    lines = [
        "link set lo up",
        f"addr add {names.management(machine.name)}/24 dev mgmt",
        "link set mgmt up",
        "route add unreachable default metric 4278198272",
    ]
    for link in machine.links:
        lines += [f"addr add {link.address} dev {link.name}", f"link set {link.name} up"]
    lines += [f"route add {words}" for words in machine.routes]
    if machine.name == "cloud":
        lines.append(f"addr add {machine.address}/32 dev lo")
        lines.append(f"route replace 203.0.113.0/30 dev wan src {machine.address}")
    ip(lines, names.namespace(machine.name))


def load_firewalls(names: Names) -> None:
    """Replace every ruleset by the healthy one, iptables of both kinds included."""
    for host, rules in HEALTHY.items():
        space = names.namespace(host)
        inside(space, "nft", "-f", "-", stdin=f"flush ruleset\n{rules}")
        if inside(space, "cat", "/proc/net/ip_tables_names", check=False):
            inside(space, "iptables-legacy", "-F")
    inside(names.namespace(WIRE), "nft", "flush", "ruleset")


def mend(names: Names) -> None:
    """Bring links, routes, forwarding and rulesets back to the healthy state."""
    for machine in MACHINES.values():
        lines = ["link set mgmt up", *(f"link set {link.name} up" for link in machine.links)]
        lines += [f"route replace {words}" for words in machine.routes]
        if machine.name == "cloud":  # a route goes when its link goes down
            lines.append(f"route replace 203.0.113.0/30 dev wan src {machine.address}")
        ip(lines, names.namespace(machine.name))
    inside(names.namespace("edge"), "sysctl", "-q", "-w", *_EDGE_SYSCTLS)
    load_firewalls(names)


def state(names: Names) -> dict[str, str]:
    """All that a fault may change in the network, as text; no counters, no handles."""
    seen: dict[str, str] = {}
    for host in SPACES:
        space = names.namespace(host)
        seen[f"{host} nft"] = inside(space, "nft", "-s", "list", "ruleset")
        seen[f"{host} routes"] = run("ip", "-4", "-n", space, "route", "show", "table", "all")
        links = json.loads(run("ip", "-n", space, "-j", "addr"))
        seen[f"{host} links"] = "\n".join(sorted(_link(link) for link in links))
        if inside(space, "cat", "/proc/net/ip_tables_names", check=False):
            rules = inside(space, "iptables-legacy", "-S").splitlines()
            seen[f"{host} legacy"] = "\n".join(rule for rule in rules if not rule.startswith("-P"))
    forwarding = inside(names.namespace("edge"), "sysctl", "-n", "net.ipv4.ip_forward")
    return {key: value for key, value in seen.items() if value} | {"edge forwarding": forwarding}


def _link(link: dict[str, object]) -> str:
    flags, addresses = link["flags"], link["addr_info"]
    assert isinstance(flags, list)
    assert isinstance(addresses, list)
    ipv4 = sorted(entry["local"] for entry in addresses if entry["family"] == "inet")
    return f"{link['ifname']} {'UP' in flags} {ipv4}"


def guard_counters(names: Names) -> dict[str, int]:
    """Packets for or from the cloud ranges that the guard stopped, by chain. All must be 0."""
    counters: dict[str, int] = {}
    for family in ("netdev", "inet"):
        listing = json.loads(run("nft", "-j", "list", "table", family, names.table))
        for entry in listing["nftables"]:
            rule = entry.get("rule", {})
            for expression in rule.get("expr", ()):
                if "counter" in expression:
                    chain = f"{family} {rule['chain']}"
                    packets = expression["counter"]["packets"]
                    counters[chain] = counters.get(chain, 0) + packets
    return counters


def take_down(names: Names) -> None:
    """Remove all that ``put_up`` made, whatever of it exists. The guard goes last."""
    for space in SPACES:
        for process in run("ip", "netns", "pids", names.namespace(space), check=False).split():
            _kill(int(process))
    for host in MACHINES:
        run("ip", "link", "del", names.port(host), check=False)
    run("ip", "link", "del", names.tag, check=False)
    for space in SPACES:
        run("ip", "netns", "del", names.namespace(space), check=False)
    for family in ("netdev", "inet"):
        run("nft", "delete", "table", family, names.table, check=False)
    for cidr in CLOUD_RANGES:
        metric = str(names.metric)
        run("ip", "route", "del", "unreachable", cidr, "metric", metric, check=False)
    _wait_until_gone(names)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _wait_until_gone(names: Names) -> None:
    end = time.monotonic() + 30
    while (left := leftovers(names)) and time.monotonic() < end:
        time.sleep(0.02)
    if left:
        raise LabError(f"the lab left behind: {', '.join(left)}")


def leftovers(names: Names) -> tuple[str, ...]:
    """What of the lab exists in this machine's root namespace: nothing after ``take_down``."""
    left = [f"namespace {name}" for name in _namespaces() if name.startswith(names.tag)]
    links = [device.name for device in Path("/sys/class/net").iterdir()]
    left += [f"link {link}" for link in links if re.fullmatch(rf"{names.tag}(-\d+)?", link)]
    left += [
        f"nft table {line}"
        for line in run("nft", "list", "tables").splitlines()
        if line.endswith(f" {names.table}")
    ]
    left += [
        f"route {line.strip()}"
        for line in run("ip", "route", "show", "type", "unreachable").splitlines()
        if f"metric {names.metric}" in line
    ]
    return (*left, *(f"process {process}" for process in _processes(names)))


def _namespaces() -> list[str]:
    folder = Path("/run/netns")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _processes(names: Names) -> Iterator[int]:
    """Processes started for this lab, found by the mark in their environment."""
    mark = f"WFO_LAB={names.tag}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes() + b"\0":
                yield int(environment.parent.name)
        except OSError:  # ended meanwhile
            continue


def sweep() -> None:
    """Remove what labs of processes that no longer exist (SIGKILL) left in the root namespace."""
    for name in _namespaces():
        found = re.fullmatch(rf"wfo(\d+)([a-z])-(?:{'|'.join(SPACES)})", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            take_down(Names(int(found[1]), found[2]))
