"""The lab itself: it is what the faults assume, leaks nothing, and leaves nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import network
from tests.lab.faults import REJECTIONS, address_missing, loss, on_the_wire, rule
from tests.lab.lab import Lab, running_lab, why_not
from tests.lab.rights import sudoers
from tests.lab.shell import run
from tests.lab.topology import CLIENT_PORTS, CLOUD_RANGES, MACHINES, PREMISES, PUBLIC, USER, Names

pytestmark = pytest.mark.lab

_CONNECT = """
import socket, sys
for pair in sys.argv[1:]:
    host, _, port = pair.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 0.5).close()
        print(pair, "open")
    except OSError as error:
        print(pair, error.strerror or "timeout")
"""


def _connects(lab: Lab, host: str, *targets: str) -> dict[str, str]:
    answer = lab.inside(host, "/usr/bin/python3", "-c", _CONNECT, *targets)
    return dict(line.split(" ", 1) for line in answer.splitlines())


def _ssh(lab: Lab, host: str, command: str, user: str = USER) -> subprocess.CompletedProcess[str]:
    known_hosts = lab.folder / "known_hosts"
    address = lab.names.management(host)
    known_hosts.write_text(f"{address} {lab.host_key(host)}\n")
    options = {
        "UserKnownHostsFile": known_hosts,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "ConnectTimeout": 30,
    }
    words = [f"-o{key}={value}" for key, value in options.items()]
    key = str(lab.folder / "client")
    return subprocess.run(
        ["ssh", "-F", "none", "-i", key, *words, f"{user}@{address}", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_machine_that_cannot_hold_the_lab_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "the lab needs ip, bridge, nft" in why_not()

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "the lab needs root" in why_not()


def test_every_flow_of_the_document_is_open(lab: Lab) -> None:
    cloud = [f"207.166.{net}.{last}:2010" for net in (94, 95) for last in (1, 10, 127, 128, 254)]
    served = [f"{PREMISES}:{port}" for port in CLIENT_PORTS]

    seen = {
        **_connects(lab, "premises", *cloud),
        **_connects(lab, "client1", *served),
        **_connects(lab, "client2", *served),
        **_connects(lab, "cloud", f"{PUBLIC}:2010"),
    }

    assert set(seen.values()) == {"open"}, seen


def test_nothing_else_is_open(lab: Lab) -> None:
    client2 = MACHINES["client2"].address

    seen = {
        **_connects(lab, "client1", f"{PREMISES}:2010", f"{client2}:80", "207.166.94.10:2010"),
        **_connects(lab, "premises", "207.166.94.11:443"),
        **_connects(lab, "cloud", f"{PUBLIC}:80"),
    }

    assert "open" not in seen.values(), seen


def test_no_host_reaches_another_over_the_management_network(lab: Lab) -> None:
    targets = [f"{lab.names.management(host)}:22" for host in ("premises", "edge")]

    assert "open" not in _connects(lab, "client1", *targets).values()


def test_the_root_namespace_cannot_reach_the_cloud_ranges(lab: Lab) -> None:
    """Asked of the routing table only: no packet is sent."""
    for cidr in CLOUD_RANGES:
        with pytest.raises(Exception, match=r"exit 2: .*(No route to host|unreachable)"):
            run("ip", "route", "get", cidr.replace(".0/24", ".9"))


@pytest.mark.parametrize("host", MACHINES)
def test_each_host_lets_its_user_in_and_shows_only_itself(lab: Lab, host: str) -> None:
    done = _ssh(
        lab, host, "uname -n; id -un; ps -e -o args=; sudo -n /usr/sbin/nft -j list ruleset"
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert lines[:2] == [host, USER]
    assert done.stdout.count("[listener]") == 1
    assert '"nftables"' in lines[-2]


def test_root_may_log_in_with_the_key(lab: Lab) -> None:
    assert _ssh(lab, "edge", "id -u", user="root").stdout == "0\n"


def test_sudo_grants_single_commands_only(lab: Lab) -> None:
    assert _ssh(lab, "premises", "sudo -n /usr/sbin/nft -j list ruleset").returncode == 0
    for refused in ("id", "/usr/sbin/nft flush ruleset", "/usr/sbin/iptables-save -f /x"):
        assert _ssh(lab, "premises", f"sudo -n {refused}").returncode != 0

    lab.hosts["premises"].tell("sudo", "off")

    assert _ssh(lab, "premises", "sudo -n /usr/sbin/nft -j list ruleset").returncode != 0


def test_a_stopped_sshd_accepts_and_says_nothing(lab: Lab) -> None:
    lab.hosts["client1"].tell("sshd", "hang")

    with socket.create_connection((lab.names.management("client1"), 22), 2) as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_another_host_key_is_really_another(lab: Lab) -> None:
    lab.hosts["client1"].tell("sshd", "wrongkey")

    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in _ssh(lab, "client1", "true").stderr


def test_a_refused_login_says_so(lab: Lab) -> None:
    lab.hosts["client1"].tell("login", "off")

    assert "Permission denied" in _ssh(lab, "client1", "true").stderr


_ASK = """
import socket, sys
host, port, words = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode() + b"\\r\\n\\r\\n"
try:
    with socket.create_connection((host, port), float(sys.argv[4])) as connection:
        connection.sendall(words)
        print("heard", connection.recv(4096))
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize(
    ("port", "mode", "heard"),
    [
        (2012, "ok", "HTTP/1.1 200 OK"),
        (2012, "off", "ConnectionRefusedError"),
        (2012, "silent", "TimeoutError"),
        (2012, "slow:0.2", "HTTP/1.1 200 OK"),
        (2012, "slow:60", "TimeoutError"),
        (2012, "close", "heard b''"),
        (2012, "rst", "ConnectionResetError"),
        (2012, "garbage", r"heard b'\x80\x81"),
        (2012, "http500", "HTTP/1.1 500"),
        (2012, "loopback", "ConnectionRefusedError"),
        (2012, "v6only", "ConnectionRefusedError"),
        (2012, "dual", "HTTP/1.1 200 OK"),
        (443, "ok", "heard b''"),  # TLS: plain words are no handshake
        (443, "plain", "HTTP/1.1 200 OK"),
        (4510, "ok", "heard b'heard <policy-file-request/>"),
        (943, "ok", 'port="4502-4534"'),
        (943, "grants:4502-4509", 'port="4502-4509"'),
    ],
)
def test_a_listener_is_what_its_mode_says(lab: Lab, port: int, mode: str, heard: str) -> None:
    lab.listener("premises", port, mode)

    words = "<policy-file-request/>" if port in {943, 4510} else "GET / HTTP/1.1"
    patience = "1" if heard == "TimeoutError" else "30"
    python = ("/usr/bin/python3", "-c", _ASK, PREMISES, str(port), words, patience)
    answer = lab.inside("client1", *python)

    assert heard in answer


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ("drop", "timeout"),
        ("rst", "Connection refused"),
        ("icmp-port", "Connection refused"),
        ("icmp-host", "No route to host"),
        ("icmp-admin", "No route to host"),
    ],
)
def test_each_rejection_looks_as_the_kernel_makes_it(lab: Lab, how: str, seen: str) -> None:
    rule("edge", "forward", f"tcp dport 2010 {REJECTIONS[how]}")(lab)

    assert set(_connects(lab, "premises", "207.166.95.10:2010").values()) == {seen}


def test_a_missing_address_is_the_only_one_missing(lab: Lab) -> None:
    address_missing("premises", "207.166.94.77")(lab)

    seen = _connects(lab, "premises", *(f"207.166.94.{last}:2010" for last in (76, 77, 78)))

    assert [*seen.values()] == ["open", "timeout", "open"]


def test_what_the_wire_drops_is_seen_by_no_host(lab: Lab) -> None:
    on_the_wire("lan-client1", "tcp dport 80")(lab)
    loss("lan-edge", 4)(lab)

    assert set(_connects(lab, "client1", f"{PREMISES}:80").values()) == {"timeout"}
    assert set(_connects(lab, "client2", f"{PREMISES}:80").values()) == {"open"}
    changed = {key for key, value in lab.state().items() if value != lab.healthy.get(key)}
    assert changed == {"wire nft"}


def test_healing_restores_every_part(lab: Lab) -> None:
    """Break one thing of each kind; healing compares the whole state with the healthy one."""
    lab.nft("premises", "add rule inet host input_faults tcp dport 2010 drop")
    lab.nft("wire", "add table netdev lost")
    lab.inside("client1", "iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "DROP")
    lab.inside("client2", "iptables-nft", "-A", "INPUT", "-p", "tcp", "-j", "DROP")
    lab.inside("edge", "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
    lab.ip("cloud", "link set wan down", "link set mgmt down")
    lab.ip("premises", "route del 207.166.94.0/24")
    lab.listener("premises", 2012, "off")
    lab.hosts["edge"].tell("sshd", "off")
    broken = lab.state()

    lab.heal()

    different = {key for key in broken if broken[key] != lab.healthy.get(key)}
    assert different == {
        "premises nft",
        "wire nft",
        "client1 legacy",
        "client2 nft",
        "edge forwarding",
        "cloud links",
        "cloud routes",
        "premises routes",
        "premises",
        "edge",
    }
    assert lab.state() == lab.healthy


def test_the_guard_stopped_nothing(lab: Lab) -> None:
    """No packet for the cloud ranges came near the way out of this machine."""
    counters = network.guard_counters(lab.names)

    assert {"inet forward", "inet output"} < counters.keys()
    assert not any(counters.values()), counters


def test_a_second_lab_stands_beside_the_first_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    with running_lab(tmp_path, sudoers()) as second:
        names = second.names
        assert names.tag != lab.names.tag
        assert len(network.leftovers(names)) >= 5 + 6 + 2 + 2 + 5
        assert _connects(second, "premises", "207.166.94.10:2010") == {"207.166.94.10:2010": "open"}

    assert network.leftovers(names) == ()
    assert lab.state() == lab.healthy


def test_an_error_while_the_lab_goes_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab_session: Lab
) -> None:
    seen = []

    def interrupted(lab: Lab) -> dict[str, object]:
        seen.append(lab.names)
        raise KeyboardInterrupt

    monkeypatch.setattr(Lab, "state", interrupted)

    with pytest.raises(KeyboardInterrupt), running_lab(tmp_path, sudoers()):
        pass

    assert network.leftovers(seen[0]) == ()


_KILLED_MAKER = """
import os, signal, sys
from pathlib import Path
from tests.lab.lab import running_lab

with running_lab(Path(sys.argv[1]), "") as lab:
    print(lab.names.pid, lab.names.letter, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_lab_whose_maker_was_killed_is_swept_away(lab: Lab, tmp_path: Path) -> None:
    """After SIGKILL the hosts end by themselves, and the next lab removes the network."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_MAKER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
    )
    pid, letter = done.stdout.split()
    names = Names(int(pid), letter)
    end = time.monotonic() + 30
    while any("process" in left for left in network.leftovers(names)) and time.monotonic() < end:
        time.sleep(0.05)
    left = network.leftovers(names)
    assert left
    assert not any("process" in thing for thing in left), left

    network.sweep()

    assert network.leftovers(names) == ()
    assert lab.state() == lab.healthy
