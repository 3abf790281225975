"""A whole audit of Windows hosts over PowerShell remoting: HTTP requests and client CPU a host.

    python benchmarks/winrm.py [--json] [--hosts N]

HTTP, NTLM, every message sealed, against the WinRM service of the tests in a process of its own,
which answers with a recorded report. Beside it testinfra's winrm backend, which runs one command for
each cell of the plan, if pywinrm is installed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import NotMeasuredError, machine, note, publish, table

REPORT = (
    Path(__file__).resolve().parent.parent
    / "tests"
    / "probes"
    / "data"
    / "windows"
    / "client-11.txt"
)
EDITION = "16.1"


class Service:
    """The WinRM service, in another process: its port and its counters."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._tell("")["port"])

    def counted(self) -> dict[str, int]:
        """Requests, shells opened and shells left, since the last time."""
        return self._tell("count\n")

    def _tell(self, words: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(words)
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@contextmanager
def service() -> Iterator[Service]:
    """Run the service while the block runs."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Service(process)
    finally:
        process.kill()
        process.communicate()


def serve() -> None:
    """The other process: one line of JSON for the port, one for each line of input."""
    from tests.winrm.server import WinRmServer
    from tests.winrm.shells import Answer

    answer = Answer(output=(REPORT.read_text("ascii").strip(),))
    with WinRmServer(respond=lambda script: answer, shells_per_user=1000) as server:
        print(json.dumps({"port": server.port}), flush=True)
        for _ in sys.stdin:
            found = {
                "requests": server.requests,
                "shells": server.opened,
                "left": len(server.shells),
            }
            server.requests = server.opened = 0
            print(json.dumps(found), flush=True)


def audit(folder: Path, port: int, hosts: int) -> tuple[float, int]:
    """Gather and read ``hosts`` hosts: CPU seconds, and how many cells their plan has."""
    from pytest_wfo.connect.secrets import Vault
    from pytest_wfo.core.plan import plan
    from pytest_wfo.documents.editions import load_edition
    from pytest_wfo.documents.inventory import load_inventory
    from pytest_wfo.gather.site import gather_site, read_snapshot
    from tests.winrm.server import PASSWORD

    inventory = folder / "inventory.yml"
    inventory.write_text(
        "site: {name: Benchmark}\n"
        "defaults: {connection: psrp, tls: false, auth: ntlm, user: alice, password: env:PW,"
        f" port: {port}}}\n"
        "hosts:\n"
        f"  'win-[1:{hosts}]': {{role: client, address: '127.0.0.[2:{hosts + 1}]'}}\n"
    )
    site = load_inventory(inventory)
    cells = plan(load_edition(EDITION), site).cells
    vault = Vault(environ={"PW": PASSWORD})
    begun = time.process_time()
    snapshot = gather_site(site, list(site.hosts), cells, vault, lambda name, reason: None)
    facts = read_snapshot(snapshot, site, cells)
    cpu = time.process_time() - begun
    unreached = [name for name, each in facts.hosts.items() if not each.access.reached]
    if unreached:
        access = facts.hosts[unreached[0]].access
        raise NotMeasuredError(f"{len(unreached)} hosts were not reached: {access.message}")
    return cpu, len(cells)


def commands(port: int, count: int) -> float:
    """Run ``count`` commands by testinfra's winrm backend: CPU seconds."""
    import testinfra

    from tests.winrm.server import PASSWORD

    host = testinfra.get_host(f"winrm://alice:{PASSWORD}@127.0.0.1:{port}?no_ssl=true")
    begun = time.process_time()
    for number in range(count):
        if host.run(f"echo {number}").rc:
            raise NotMeasuredError("testinfra's command failed")
    return time.process_time() - begun


def measure(hosts: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name, service() as server:
        folder = Path(name)
        audit(folder, server.port, 1)  # to warm up
        server.counted()
        note(f"{hosts} hosts over PowerShell remoting, {machine()}")
        cpu, cells = audit(folder, server.port, hosts)
        counted = server.counted()
        found: dict[str, Any] = {
            "requests": counted["requests"] / hosts,
            "cpu_ms": round(cpu / hosts * 1000, 1),
            "shells": counted["shells"] / hosts,
            "shells_left": counted["left"],
            "checks": cells // hosts,
            "hosts": hosts,
            "report_bytes": REPORT.stat().st_size,
            "machine": machine(),
        }
        if find_spec("winrm") is None:
            note("pywinrm is not installed: testinfra's winrm backend was not measured")
            return found
        note(f"one host by testinfra's winrm backend, {machine()}")
        commands(server.port, 1)
        server.counted()
        cpu = commands(server.port, found["checks"])
        found["testinfra_requests"] = server.counted()["requests"]
        found["testinfra_cpu_ms"] = round(cpu * 1000, 1)
    return found


def as_text(found: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [["one host, HTTP, NTLM, sealed", "requests", "CPU ms"]]
    rows.append(["ours, the whole host", f"{found['requests']:g}", str(found["cpu_ms"])])
    if "testinfra_requests" in found:
        row = [f"testinfra winrm, {found['checks']} commands"]
        rows.append([*row, str(found["testinfra_requests"]), str(found["testinfra_cpu_ms"])])
    last = f"{found['hosts']} hosts, {found['shells_left']} shells left, {found['machine']}"
    return f"{table(rows)}\n{last}"


def main() -> int:
    """Measure and print; 1 if it could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    # In this folder, this file would be taken for pywinrm's ``winrm``.
    here = Path(__file__).resolve().parent
    sys.path[:] = [each for each in sys.path if Path(each).resolve() != here]
    if options.serve:
        serve()
        return 0
    try:
        found = measure(options.hosts)
    except NotMeasuredError as error:
        note(f"not measured: {error}")
        return 1
    publish(found, as_text(found), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
