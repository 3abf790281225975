"""A whole WFO site on one Linux machine: hosts with real sshd, packet filters, listeners."""

from __future__ import annotations

import difflib
import itertools
import json
import os
import shutil
import socket
import time
from contextlib import contextmanager
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from tests.lab import network
from tests.lab.keys import write_certificate, write_ssh_key
from tests.lab.machines import RunningHost
from tests.lab.shell import LabError, inside, ip, run
from tests.lab.topology import CLOUD_ENDPOINTS, MACHINES, PUBLIC, USER, Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TOOLS = ("ip", "bridge", "nft", "unshare", "mount", "sysctl", "/usr/sbin/sshd", "/usr/bin/python3")
_LETTERS = itertools.cycle(ascii_lowercase)


def why_not() -> str:
    """Why this machine cannot hold the lab; "" if it can."""
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces)"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"the lab needs {', '.join(missing)}"
    try:
        run("unshare", "--net", "--mount", "--pid", "--fork", "true")
    except LabError as error:
        return f"the lab may not make namespaces here: {error}"
    return ""


class Lab:
    """The lab while it is up. ``folder`` holds its keys and logs."""

    def __init__(self, folder: Path, names: Names, sudoers: str) -> None:
        self.folder = folder
        self.names = names
        self.hosts: dict[str, RunningHost] = {}
        self._sudoers = sudoers
        self._inventories = itertools.count(1)
        self.healthy: dict[str, object] = {}

    def put_up(self) -> None:
        """Build everything; returns when every sshd and every listener answers."""
        write_ssh_key(self.folder / "client")
        (self.folder / "sudoers").write_text(self._sudoers)
        for name, machine in MACHINES.items():
            folder = self.folder / name
            folder.mkdir()
            for key in ("hostkey", "otherkey"):
                write_ssh_key(folder / key)
            write_certificate(folder, name, machine.address)
        network.sweep()
        network.put_up(self.names)
        for name in MACHINES:
            space, folder = self.names.namespace(name), self.folder / name
            self.hosts[name] = RunningHost(name, space, self.names.tag, folder)
        for host in self.hosts.values():
            host.tell("heal")
        self.healthy = self.state()

    def take_down(self) -> None:
        """End every process by its id and remove the network.

        Raises:
            LabError: something is left.
        """
        for host in self.hosts.values():
            host.end()
        network.take_down(self.names)

    def heal(self) -> None:
        """Bring everything back to the healthy state.

        Raises:
            LabError: something still differs, with the difference.
        """
        network.mend(self.names)
        for host in self.hosts.values():
            host.tell("heal")
        end = time.monotonic() + 30
        while (now := self.state()) != self.healthy:
            if time.monotonic() > end:
                raise LabError(f"not healed:\n{_difference(self.healthy, now)}")
            time.sleep(0.05)  # a link takes a moment to come up, and its routes with it

    def state(self) -> dict[str, object]:
        """All that a fault may change: rulesets, routes, links, modes, rights."""
        return {**network.state(self.names), **{name: h.state() for name, h in self.hosts.items()}}

    def nft(self, host: str, commands: str) -> None:
        """Feed ``commands`` to ``nft -f -`` on a host, or on the wire."""
        self.inside(host, "nft", "-f", "-", stdin=f"{commands}\n")

    def inside(self, host: str, *command: str, stdin: str = "") -> str:
        """Run a command in a host's network namespace (not as one of its processes)."""
        return inside(self.names.namespace(host), *command, stdin=stdin)

    def ip(self, host: str, *lines: str) -> None:
        """Run ``ip`` commands on a host."""
        ip(lines, self.names.namespace(host))

    def listener(self, host: str, port: int, mode: str) -> None:
        """Make a listener misbehave; see ``tests.lab.listeners`` for the modes."""
        self.hosts[host].tell("listener", port, mode)

    def host_key(self, host: str) -> str:
        """The public key of a host, as "ssh-ed25519 AAAA..."."""
        return (self.folder / host / "hostkey.pub").read_text().strip()

    def inventory(self, **changes: Mapping[str, Any] | None) -> Path:
        """Write the site's inventory to a folder of its own and return its path.

        ``changes`` are keys to set by host (``client1={"sudo": True}``; ``client1=None`` leaves
        the host out), or in the blocks ``site`` and ``defaults``. A key set to None goes.
        """
        hosts: dict[str, dict[str, Any]] = {
            name: {
                "role": machine.role,
                "address": machine.address,
                "management_address": self.names.management(name),
                "host_key": self.host_key(name),
            }
            for name, machine in MACHINES.items()
        }
        hosts["premises"]["public_address"] = PUBLIC
        site: dict[str, Any] = {
            "name": "Lab",
            "edition": "16.1",
            "features": ["screen_recording", "desktop_analytics"],
            "cloud_endpoints": list(CLOUD_ENDPOINTS),
        }
        defaults: dict[str, Any] = {
            "connection": "ssh",
            "user": USER,
            "key": str(self.folder / "client"),
            "agent": False,
            "timeouts": {"connect": 2, "banner": 30, "login": 30, "script": 120},
        }
        blocks = {"site": site, "defaults": defaults, **hosts}
        for name, change in changes.items():
            if change is None:
                del hosts[name]
                continue
            blocks[name].update(change)
            for key in [key for key, value in blocks[name].items() if value is None]:
                del blocks[name][key]
        folder = self.folder / f"run{next(self._inventories)}"
        folder.mkdir()
        path = folder / "inventory.yml"
        text = json.dumps({"site": site, "defaults": defaults, "hosts": hosts}, indent=1)
        path.write_text(f"{text}\n")  # JSON is YAML
        return path


def _difference(wanted: Mapping[str, object], got: Mapping[str, object]) -> str:
    before, after = (
        [f"{key}: {line}" for key in sorted(state) for line in str(state[key]).splitlines()]
        for state in (wanted, got)
    )
    return "\n".join(difflib.unified_diff(before, after, "healthy", "now", lineterm="", n=0))


@contextmanager
def running_lab(folder: Path, sudoers: str) -> Iterator[Lab]:
    """Hold a lab; it is taken down completely whatever happens.

    Raises:
        LabError: it could not be built, left something behind, or a packet for the cloud ranges
            reached the guard of the root namespace.
    """
    with _management_subnet() as subnet:
        lab = Lab(folder, Names(os.getpid(), next(_LETTERS), subnet), sudoers)
        try:
            lab.put_up()
            yield lab
            if any((counters := network.guard_counters(lab.names)).values()):
                raise LabError(f"packets for the cloud ranges left the lab: {counters}")
        finally:
            lab.take_down()


@contextmanager
def _management_subnet() -> Iterator[int]:
    """Claim one of 10.99.61.0/24 to 10.99.99.0/24 among all labs on this machine.

    The claim is an abstract Unix socket, so it ends with the process at the latest.
    """
    for subnet in range(61, 100):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0pytest-wfo-lab-{subnet}")
            except OSError:
                continue
            yield subnet
            return
    raise LabError("39 labs are up on this machine already")
