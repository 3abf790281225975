"""Many hosts on loopback: one real sshd that answers on every address, an inventory, listeners."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from benchmarks.measuring import NotMeasuredError
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import Plan, plan, targets_of
from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.probes.posix import posix_script
from tests.lab.keys import write_certificate
from tests.lab.listeners import Listeners
from tests.lab.topology import CLIENT_PORTS, Protocol
from tests.support.sshd import MISSING, LoopbackSshd, loopback_sshd


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts by name and address, reached on ``server``; ``inventory`` describes them all."""

    server: LoopbackSshd
    addresses: Mapping[str, str]
    inventory: Path

    def sessions(self) -> int:
        """SSH sessions the server logged since it started."""
        return self.server.logins()

    def cells(self) -> int:
        """How many cells the plan of the inventory has."""
        return len(self._plan()[1].cells)

    def write_scripts(self, folder: Path) -> None:
        """Write for each host the script that the program would send: ``folder/NAME.sh``."""
        folder.mkdir()
        site, planned = self._plan()
        targets = targets_of(planned.cells, site, {})
        for name in site.hosts:
            script = posix_script(targets.get(name, ()), marker=f"wfo{secrets.token_hex(12)}")
            (folder / f"{name}.sh").write_bytes(script)

    def _plan(self) -> tuple[Site, Plan]:
        site = load_inventory(self.inventory)
        return site, plan(load_edition(site.edition), site)


def described(
    folder: Path,
    server: LoopbackSshd,
    addresses: Mapping[str, str],
    ports: Mapping[str, int] | None = None,
) -> Fleet:
    """A fleet with an inventory: the first host is the PREMISES server, the last the edge.

    ``ports``: by name, of hosts that are not reached on the server's port.
    """
    lines = [
        "site: {name: Benchmark, features: [screen_recording, desktop_analytics]}",
        "defaults:",
        f"  port: {server.port}",
        f"  user: {server.user}",
        f"  key: {server.key}",
        "  agent: false",
        f"  host_key: {server.host_key}",
        "hosts:",
    ]
    last = len(addresses) - 1
    for index, (name, address) in enumerate(addresses.items()):
        role = {0: "premises", last: "edge"}.get(index, "client")
        port = (ports or {}).get(name, server.port)
        lines.append(f"  {name}: {{role: {role}, address: {address}, port: {port}}}")
    inventory = folder / f"inventory-{len(addresses)}-{secrets.token_hex(4)}.yml"
    inventory.write_text("\n".join(lines) + "\n")
    return Fleet(server, addresses, inventory)


@contextmanager
def running_server(folder: Path) -> Iterator[LoopbackSshd]:
    """Run sshd and the site's services while the block runs. Raises ``NotMeasuredError``."""
    if MISSING:
        raise NotMeasuredError(MISSING)
    with loopback_sshd(folder / "sshd") as server, _listeners(folder / "services"):
        yield server


@contextmanager
def _listeners(folder: Path) -> Iterator[None]:
    """Every service of the client tables, where its port may be bound; elsewhere peers refuse."""
    folder.mkdir()
    write_certificate(folder, "benchmark", "127.0.0.2")
    listeners = Listeners({2010: Protocol.HTTP, **CLIENT_PORTS}, folder)
    loop = asyncio.new_event_loop()

    async def start() -> None:
        for port in tuple(listeners.modes):
            with suppress(OSError):
                await listeners.set_mode(port, "ok")

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def hosts_on_loopback(count: int) -> dict[str, str]:
    """Names and addresses of ``count`` hosts: 127.0.0.2 and on."""
    first = ip_address("127.0.0.2")
    return {f"host{number + 1:03d}": str(first + number) for number in range(count)}
