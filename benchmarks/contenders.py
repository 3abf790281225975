"""The commands that are compared: the floor, ours, and other tools with about ten checks a host."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.fleet import Fleet

_FLOOR = Path(__file__).with_name("floor.py")
_GATHERING = Path(__file__).with_name("gathering.py")

_EMPTY_TESTS = """
import pytest

@pytest.fixture
def cell(request): return request.param

@pytest.mark.parametrize("cell", range({cells}), indirect=True, ids="client-2012-host{{}}".format)
def test_holds(cell): assert cell >= 0
"""

# Ten checks every POSIX host passes, as a user of testinfra would write them.
_TEN_CHECKS = """
def test_os_release(host): assert host.file("/etc/os-release").exists
def test_release_id(host): assert host.file("/etc/os-release").contains("^ID=")
def test_root(host): assert host.user("root").uid == 0
def test_group(host): assert host.group("root").exists
def test_shell(host): assert host.exists("sh")
def test_passwd(host): assert host.file("/etc/passwd").mode & 0o400
def test_tmp(host): assert host.file("/tmp").is_directory
def test_kernel(host): assert host.run("uname -s").stdout.strip() == "Linux"
def test_listens(host): assert host.run("ss -tln").rc == 0
def test_routes(host): assert host.run("ip route show table all").rc == 0
"""

_TEN_TASKS = """
- hosts: all
  gather_facts: false
  tasks:
    - raw: test -e /etc/os-release
    - raw: grep -q ^ID= /etc/os-release
    - raw: test "$(id -u root)" = 0
    - raw: grep -q ^root /etc/group
    - raw: command -v sh
    - raw: test -r /etc/passwd
    - raw: test -d /tmp
    - raw: test "$(uname -s)" = Linux
    - raw: ss -tln
    - raw: ip route show table all
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """A command to measure, and the exit codes with which it did its work."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    codes: tuple[int, ...] = (0,)


def floor(fleet: Fleet, scripts: Path, threads: int) -> Contender:
    """Bare paramiko with as many threads."""
    server = fleet.server
    hosts = [f"{name}={address}" for name, address in fleet.addresses.items()]
    command = [sys.executable, str(_FLOOR), str(server.port), server.user, str(server.key)]
    command += [str(scripts), str(threads), *hosts]
    return Contender(f"floor, {threads} threads", tuple(command), {})


def gathering(fleet: Fleet) -> Contender:
    """Our gathering without pytest."""
    command = (sys.executable, str(_GATHERING), str(fleet.inventory))
    return Contender("our gathering, no pytest", command, {})


def pytest_alone(folder: Path, cells: int) -> Contender:
    """pytest with as many empty tests and the same reports, as if nothing had to be asked."""
    tests = folder / "test_empty.py"
    tests.write_text(_EMPTY_TESTS.format(cells=cells))
    reports = (f"--html={folder}/empty.html", "--self-contained-html", f"--junitxml={folder}/e.xml")
    command = (sys.executable, "-m", "pytest", *reports, str(tests))
    return Contender("pytest alone, empty tests", command, {})


def ours(fleet: Fleet, name: str = "ours", *options: str) -> Contender:
    """The whole command. Code 1, NO-GO, is an answer too."""
    command = (sys.executable, "-m", "pytest", f"--wfo-hosts={fleet.inventory}", *options)
    return Contender(name, command, {}, codes=(0, 1))


def others(fleet: Fleet, folder: Path) -> tuple[list[Contender], list[str]]:
    """Other tools that are installed, and notes on those that are not."""
    found, notes = _testinfra(fleet, folder), []
    playbook = shutil.which("ansible-playbook")
    if playbook:
        found.append(_ansible(fleet, folder, playbook))
    else:
        notes.append("ansible is not installed: not measured")
    notes.append("serverspec is not compared by this program")
    return found, notes


def _testinfra(fleet: Fleet, folder: Path) -> list[Contender]:
    checks = folder / "test_ten.py"
    checks.write_text(_TEN_CHECKS)
    server = fleet.server
    hosts = ",".join(
        f"paramiko://{server.user}@{address}:{server.port}" for address in fleet.addresses.values()
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command += [f"--hosts={hosts}", f"--ssh-identity-file={server.key}", str(checks)]
    found = [Contender("testinfra, paramiko", tuple(command), {})]
    if find_spec("xdist") is not None:
        found.append(Contender("testinfra, paramiko, -n 2", (*command, "-n", "2"), {}))
    return found


def _ansible(fleet: Fleet, folder: Path, playbook: str) -> Contender:
    server = fleet.server
    hosts = "".join(
        f"{name} ansible_host={address} ansible_port={server.port} ansible_user={server.user}\n"
        for name, address in fleet.addresses.items()
    )
    (folder / "hosts.ini").write_text(hosts)
    (folder / "ten.yml").write_text(_TEN_TASKS)
    environment = {
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_FORKS": "20",
        "ANSIBLE_PRIVATE_KEY_FILE": str(server.key),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible" / "tmp"),
    }
    command = (playbook, "-i", str(folder / "hosts.ini"), str(folder / "ten.yml"))
    return Contender("ansible, raw, 20 forks", command, environment)
