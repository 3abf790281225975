"""A site -> a snapshot of what its hosts answered -> facts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from pytest_wfo import __version__
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.antivirus.items import antivirus_task
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import HostFacts, Target
from pytest_wfo.core.hosts import Host, Site
from pytest_wfo.core.plan import Cell, targets_of
from pytest_wfo.core.site_facts import SiteFacts, is_ip
from pytest_wfo.gather.answers import HostAnswer, Request
from pytest_wfo.gather.names import resolve_names
from pytest_wfo.gather.snapshot import Snapshot
from pytest_wfo.probes.posix import posix_script, read_posix
from pytest_wfo.probes.windows import read_windows, windows_script

WINDOWS = "windows"


def gather_site(
    site: Site,
    names: Sequence[str],
    cells: Iterable[Cell],
    vault: Vault,
    on_progress: Callable[[str, str], None],
    probe: str = "safe",
) -> Snapshot:
    """Ask the hosts ``names`` what ``cells`` need, all at once; never raises for a host.

    ``cells`` decide which connections hosts try and which test files they write. With ``probe`` "none"
    hosts are only read; with "canary" they write canary files as well.
    ``on_progress(name, reason)`` is called for each host when it is done ("" = it answered).
    """
    # With it comes paramiko, which judging saved facts, listing a plan and workers do without.
    from pytest_wfo.gather.gatherer import gather

    taken_at = datetime.now(timezone.utc)
    resolved = resolve_names(address for host in site.hosts.values() for address in host.addresses)
    asked = tuple(cells)
    targets = targets_of(asked if probe != "none" else (), site, resolved)
    tasks = _antivirus_tasks(asked, site, probe)
    requests = {
        name: Request(host, _script(host, targets.get(name, ()), tasks.get(name, AntivirusTask())))
        for name, host in ((name, site.hosts[name]) for name in names)
    }
    of_hosts = {name: host.connection for name, host in site.hosts.items()}
    passed_through = {**of_hosts, **site.jump_hosts}
    answers = gather(requests, passed_through, vault, on_progress)
    return Snapshot(
        tool_version=__version__,
        site=site.name,
        inventory_sha256=site.sha256,
        edition=site.edition,
        taken_at=taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        probe=probe,
        resolved=resolved,
        answers={name: _scrubbed(answer, vault) for name, answer in answers.items()},
    )


def _scrubbed(answer: HostAnswer, vault: Vault) -> HostAnswer:
    access = replace(answer.access, message=vault.scrub(answer.access.message))
    return replace(answer, access=access, output=vault.scrub(answer.output))


def _antivirus_tasks(cells: Sequence[Cell], site: Site, probe: str) -> dict[str, AntivirusTask]:
    """What each host is asked about antivirus. The word for the run is in the names of its files."""
    run = secrets.token_hex(6) if probe != "none" else ""
    of_hosts: dict[str, list[Cell]] = {}
    for cell in cells:
        of_hosts.setdefault(cell.host.name, []).append(cell)
    return {
        name: antivirus_task(own, site.hosts[name], run=run, canary=probe == "canary")
        for name, own in of_hosts.items()
    }


def _script(host: Host, targets: Iterable[Target], antivirus: AntivirusTask) -> bytes:
    tried = [target for target in targets if is_ip(target.address)]
    if host.platform == WINDOWS:
        return windows_script(tried, antivirus=antivirus).encode("ascii")
    return posix_script(tried, antivirus=antivirus, marker=f"wfo{secrets.token_hex(12)}")


def read_snapshot(snapshot: Snapshot, site: Site, cells: Iterable[Cell]) -> SiteFacts:
    """Read the answers of a snapshot. Pure: the same snapshot gives the same facts."""
    targets = targets_of(cells, site, snapshot.resolved)
    facts: dict[str, HostFacts] = {}
    for name, answer in snapshot.answers.items():
        if name not in site.hosts:
            continue  # the inventory has changed since; the report says so
        if not answer.access.reached:
            facts[name] = HostFacts(access=answer.access)
            continue
        read = read_windows if site.hosts[name].platform == WINDOWS else read_posix
        facts[name] = read(
            answer.output,
            answer.access,
            targets.get(name, ()),
            asked=answer.asked,
            answered=answer.answered,
        )
    return SiteFacts(site, facts, snapshot.resolved)
