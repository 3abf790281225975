"""The simulated hosts over their real SSH connections, and that nothing of them stays behind."""

from __future__ import annotations

import socket
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.opening import open_host
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.facts import NOT_ASKED, Heard, HostFacts, Known, Reach, Unknown
from pytest_wfo.core.hosts import Host, Role, Site
from pytest_wfo.core.plan import plan, targets_of
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.demo.site import ANSWERING, DEAD, DemoSite
from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.gather.gatherer import Request, gather
from pytest_wfo.gather.site import gather_site, read_snapshot
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.windows import windows_script
from tests.support.sshd import make_key

_FDS = Path("/proc/self/fd")
POSIX = posix_script((), marker="a1b2c3d4e5f6")
WINDOWS = windows_script(()).encode()


@pytest.fixture(scope="module")
def facts(site: Site) -> SiteFacts:
    """What the site's hosts answer to the whole plan."""
    cells = plan(load_edition(site.edition), site).cells
    snapshot = gather_site(site, tuple(site.hosts), cells, Vault(), lambda name, reason: None)
    return read_snapshot(snapshot, site, cells)


@pytest.mark.parametrize("name", ANSWERING)
def test_every_fact_of_a_simulated_host_is_read(name: str, facts: SiteFacts) -> None:
    """Unknown only where nothing was asked: the firewall is to try no connection, nobody the canary,
    and only the server is searched for files worth excluding."""
    known = facts.of(name)
    assert known.access.reached, known.access.message
    unknown = {
        field.name
        for field in fields(HostFacts)
        if isinstance(fact := getattr(known, field.name), Unknown) and fact is not NOT_ASKED
    }
    not_asked = {"prem01": {"canary"}, "fw01": {"probes"}}
    assert unknown == not_asked.get(name, {"canary", "concerns"})


@pytest.mark.parametrize("name", ANSWERING)
def test_nothing_of_a_fact_is_left_unread(name: str, facts: SiteFacts) -> None:
    known = facts.of(name)
    for fact in (known.identity, known.rights, known.listeners, known.firewall, known.clock):
        assert isinstance(fact, Known)
    assert known.identity.value.hostname == name  # type: ignore[union-attr]
    assert known.rights.value.elevated == ("sudo" if name == "fw01" else "root")  # type: ignore[union-attr]
    assert known.firewall.value.unread == ()  # type: ignore[union-attr]
    assert abs(known.clock.value.offset) < 5  # type: ignore[union-attr]
    owners = [listener.owner for listener in known.listeners.value]  # type: ignore[union-attr]
    assert owners
    assert all(isinstance(owner, Known) for owner in owners)


def test_the_host_that_is_down_refuses(facts: SiteFacts) -> None:
    (name,) = DEAD
    assert facts.of(name).access.reason == Reason.REFUSED.value


def test_every_connection_that_was_asked_for_is_answered(facts: SiteFacts) -> None:
    """Also TLS with a certificate; only the two faults of the demo keep a connection from standing."""
    site = facts.site
    wanted = targets_of(plan(load_edition(site.edition), site).cells, site, {})
    broken = set()
    for name in ("prem01", "desk-01", "desk-02"):
        probes = facts.of(name).probes
        assert isinstance(probes, Known)
        assert tuple(probe.target for probe in probes.value) == wanted[name]
        for probe in probes.value:
            if probe.reach is not Reach.OPEN:
                broken.add((name, probe.target.port, probe.reach))
                continue
            tcp = probe.target.transport.value == "tcp"
            assert probe.heard is (Heard.NOT_ASKED if tcp else Heard.EXPECTED)
            assert bool(probe.certificate) == (probe.target.port == 443)
    assert broken == {
        ("desk-01", 2015, Reach.REFUSED),
        ("desk-02", 2015, Reach.REFUSED),
        ("desk-02", 4510, Reach.UNREACHABLE),
    }


def test_only_the_connections_asked_for_are_answered(site: Site) -> None:
    """A run with -k asks for fewer."""
    cells = [
        cell
        for cell in plan(load_edition(site.edition), site).cells
        if cell.requirement.row == "client-2012"
    ]
    snapshot = gather_site(site, ("desk-01",), cells, Vault(), lambda name, reason: None)
    probes = read_snapshot(snapshot, site, cells).of("desk-01").probes
    assert isinstance(probes, Known)
    assert [probe.target.port for probe in probes.value] == [2012]


def test_the_inventory_has_a_host_of_each_role_on_premises(site: Site) -> None:
    counts = {role: len(site.having(role)) for role in Role}
    assert counts == {Role.PREMISES: 1, Role.CLIENT: 3, Role.EDGE: 1, Role.CLOUD: 0}
    assert tuple(site.hosts) == ("prem01", "desk-01", "desk-02", "desk-03", "fw01")
    assert site.warnings == ()
    platforms = {host.name: host.platform for host in site.hosts.values()}
    assert platforms.pop("fw01") == "posix"
    assert set(platforms.values()) == {"windows"}
    assert {host.connection.kind for host in site.hosts.values()} == {"ssh"}
    assert {host.connection.address for host in site.hosts.values()} == {"127.0.0.1"}


def test_the_private_key_is_for_the_user_alone(site: Site) -> None:
    file = Path(site.hosts["prem01"].connection.key)
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_host_has_a_key_of_its_own_and_is_checked_by_it(site: Site) -> None:
    keys = {host.connection.host_key for host in site.hosts.values()}
    assert len(keys) == len(site.hosts)
    one, other = site.hosts["desk-01"], site.hosts["desk-02"]
    swapped = replace(one, connection=replace(one.connection, host_key=other.connection.host_key))
    assert _reason(swapped) == Reason.HOST_KEY_CHANGED.value


def test_no_other_key_and_no_other_user_gets_in(site: Site, tmp_path: Path) -> None:
    host = site.hosts["desk-01"]
    key = make_key(tmp_path / "stranger")
    stranger = replace(host, connection=replace(host.connection, key=str(key)))
    assert _reason(stranger) == Reason.LOGIN_REFUSED.value
    other = replace(host, connection=replace(host.connection, user="root"))
    assert _reason(other) == Reason.LOGIN_REFUSED.value


def test_a_script_that_is_not_the_collector_is_not_answered(site: Site) -> None:
    scripts = {
        "fw01": POSIX.replace(b"ss -tlnpe", b"ss -tlnp"),
        "desk-01": WINDOWS.replace(b"Get-CimInstance", b"Get-WmiObject"),
    }
    requests = {name: Request(site.hosts[name], script) for name, script in scripts.items()}
    answers = gather(requests, {}, Vault())
    for answer in answers.values():
        assert answer.access.reason == Reason.SCRIPT_FAILED.value
        assert "knows no program but the collector" in answer.access.message
    assert "exit status 127" in answers["fw01"].access.message


def test_a_host_is_answered_only_in_the_way_of_its_platform(site: Site) -> None:
    """Behind the Windows hosts is no POSIX shell, and the other way round."""
    for name, platform, script in (("fw01", "windows", WINDOWS), ("desk-01", "posix", POSIX)):
        host = replace(site.hosts[name], platform=platform)
        answer = gather({name: Request(host, script)}, {}, Vault())[name]
        assert answer.access.reason == Reason.SCRIPT_FAILED.value


def test_any_other_command_is_not_found(site: Site) -> None:
    """A user's own test with a live testinfra host gets a shell's answer, not a hang."""
    for name, status, words in (
        ("fw01", 127, "sh: 1: uname: not found\n"),
        ("desk-01", 1, "'uname' is not recognized as an internal or external command,"),
    ):
        live = open_host(site.hosts[name], site, Vault())
        try:
            result = live.testinfra_host().run("uname -n")
            assert (result.rc, result.stdout) == (status, "")
            assert result.stderr.startswith(words)
        finally:
            live.close()
    with pytest.raises(ConnectError):
        open_host(site.hosts["desk-03"], site, Vault()).testinfra_host().run("true")


def test_two_demos_stand_side_by_side(site: Site, tmp_path: Path) -> None:
    second = DemoSite(tmp_path)
    second.start()
    try:
        other = load_inventory(second.inventory)
        assert not _ports(site) & _ports(other)
        assert _reason(other.hosts["desk-01"]) == ""
        assert _reason(site.hosts["desk-01"]) == ""
    finally:
        second.stop()


def test_stop_leaves_no_thread_and_no_socket(tmp_path: Path) -> None:
    """Not even with a peer that has just connected, and one in the middle of a session."""
    with _nothing_left():
        demo = DemoSite(tmp_path)
        demo.start()
        site = load_inventory(demo.inventory)
        host = site.hosts["desk-01"]
        live = open_host(host, site, Vault())
        live.testinfra_host().run("true")
        with socket.create_connection(("127.0.0.1", host.connection.port), 5) as silent:
            assert silent.recv(4) == b"SSH-"
            demo.stop()
            demo.stop()
        live.close()
        assert _reason(host) == Reason.REFUSED.value


def test_a_demo_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").mkdir()
    with _nothing_left(), pytest.raises(OSError, match="directory"):
        DemoSite(tmp_path).start()


class _nothing_left:
    """No more threads and file descriptors after the block than before it."""

    def __enter__(self) -> None:
        self.threads, self.fds = set(threading.enumerate()), _descriptors()

    def __exit__(self, *_: object) -> None:
        assert set(threading.enumerate()) <= self.threads
        assert _descriptors() <= self.fds


def _descriptors() -> int:
    return sum(1 for _ in _FDS.iterdir()) if _FDS.is_dir() else 0


def _reason(host: Host) -> str:
    script = WINDOWS if host.platform == "windows" else POSIX
    return gather({host.name: Request(host, script)}, {}, Vault())[host.name].access.reason


def _ports(site: Site) -> set[int]:
    return {host.connection.port for host in site.hosts.values()}
