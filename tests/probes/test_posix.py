"""The real script in real shells with real tools, and what is read from its answer."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.facts import (
    HostFacts,
    Known,
    OperatingSystem,
    Owner,
    Target,
    Transport,
    Unknown,
)
from pytest_wfo.core.packet_filter import PacketFilter
from pytest_wfo.probes.posix import posix_script
from tests.probes.posix_host import (
    AWKS,
    HIDE_SBIN,
    MARKER,
    NOBODY,
    SHELLS,
    TOOLS,
    PosixHost,
    is_root,
    tools,
)

if TYPE_CHECKING:
    from pathlib import Path

as_root = pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces")

NETWORK = """
ip link set lo up
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.10/24 dev veth0
ip link set veth0 up
ip link set veth1 up
ip route add default via 192.0.2.1 metric 5
ip route add unreachable 198.51.100.0/25
ip route add prohibit 198.51.100.128/25
ip route add blackhole 203.0.113.128/25 table 100
ip route add 203.0.113.0/25 nexthop via 192.0.2.2 nexthop via 192.0.2.3
hostname premises-1
"""

# Holds listening sockets "address port v6only" until its namespace ends.
LISTEN = """
ip link set lo up
/usr/bin/python3 -I -S -c '
import socket, sys, time
held = []
for word in sys.argv[1:]:
    address, port, only = word.split(",")
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if only:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only))
    s.bind((address, int(port)))
    s.listen()
    held.append(s)
time.sleep(60)
' {} </dev/null >/dev/null 2>&1 &
until [ "$(ss -Htln | wc -l)" = {} ]; do sleep 0.05; done
"""


def listening(*sockets: str) -> str:
    return LISTEN.replace("{}", " ".join(sockets), 1).replace("{}", str(len(sockets)), 1)


SIMPLE = listening("0.0.0.0,2010,")


def known(facts: HostFacts, name: str) -> Any:
    fact = getattr(facts, name)
    assert isinstance(fact, Known), (name, fact)
    return fact.value


def unknown(facts: HostFacts, name: str) -> Unknown:
    fact = getattr(facts, name)
    assert isinstance(fact, Unknown), (name, fact)
    return fact


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("awk", AWKS)
def test_every_shell_and_awk_says_the_same(
    shell: tuple[str, ...], awk: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *TOOLS, awk=awk)
    answer = PosixHost(shell, path).ask(files=["/etc/passwd", "/etc/no such 'file'", "/etc"])
    assert answer.complaints == ""
    assert answer.text.isascii()
    assert answer.text.count("\n") == 1
    facts = answer.facts
    assert facts.access.reached
    assert known(facts, "identity").hostname == socket.gethostname()
    system = known(facts, "system")
    assert isinstance(system, OperatingSystem)
    assert system.family == "linux"
    assert len(known(facts, "addresses")) >= 1
    assert len(known(facts, "routes")) >= 1
    assert known(facts, "forwarding") in {True, False}
    assert any(each.name == shell[0] for each in known(facts, "processes"))
    kinds = {path: fact.value.kind for path, fact in facts.files.items() if isinstance(fact, Known)}
    assert kinds == {"/etc/passwd": "file", "/etc/no such 'file'": "absent", "/etc": "directory"}
    clock = facts.clock
    assert isinstance(clock, Known)
    assert abs(clock.value.offset) <= clock.value.uncertainty + 0.001


@as_root
@pytest.mark.lab
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_a_host_is_described_as_it_is(shell: tuple[str, ...]) -> None:
    setup = NETWORK + listening(
        "0.0.0.0,2010,", "127.0.0.1,2012,", "::,443,0", "::,80,1", "::1,943,0"
    )
    facts = PosixHost(shell, isolated=True, setup=setup).ask().facts
    assert known(facts, "identity").hostname == "premises-1"
    assert facts.firewall == Known(
        PacketFilter(), "nft -j list ruleset (as root), /proc/net/ip_tables_names (empty)"
    )
    listeners = known(facts, "listeners")
    shown = {(each.port, each.address, each.ipv4) for each in listeners}
    assert shown == {
        (2010, "0.0.0.0", True),
        (2012, "127.0.0.1", True),
        (443, "::", True),
        (80, "::", False),
        (943, "::1", False),
    }
    for each in listeners:
        assert isinstance(each.owner, Known)
        assert isinstance(each.owner.value, Owner)
        assert each.owner.value.process == "python3"
    routes = known(facts, "routes")
    by = {(each.destination, each.kind): each for each in routes}
    assert by["0.0.0.0/0", "unicast"].gateway == "192.0.2.1"
    assert by["0.0.0.0/0", "unicast"].metric == 5
    assert by["192.0.2.10/32", "local"].table == "local"
    assert by["198.51.100.0/25", "unreachable"].table == "main"
    assert by["198.51.100.128/25", "prohibit"].table == "main"
    assert by["203.0.113.128/25", "blackhole"].table == "100"
    assert by["203.0.113.0/25", "unicast"].interface == "veth0"
    assert by["203.0.113.0/25", "unicast"].gateway == ""
    addresses = known(facts, "addresses")
    assert ("veth0", "192.0.2.10", 24) in [
        (each.interface, each.address, each.prefix) for each in addresses
    ]


@as_root
@pytest.mark.lab
def test_an_unprivileged_user_sees_what_is_open_to_all_and_says_what_is_not() -> None:
    facts = PosixHost(isolated=True, setup=SIMPLE, user=NOBODY).ask().facts
    rights = known(facts, "rights")
    assert rights.elevated == "none"
    assert rights.detail
    (listener,) = known(facts, "listeners")
    assert (listener.port, listener.ipv4) == (2010, True)
    assert isinstance(listener.owner, Unknown)
    assert "needs root" in listener.owner.reason
    gap = unknown(facts, "firewall")
    assert "nftables rules: sudo" in gap.reason
    assert "iptables-legacy rules: sudo" in gap.reason
    assert "nft -j list ruleset" in gap.remedy


LOST = [
    ("ip", "addresses", "ip and ifconfig are not installed|ifconfig is not installed"),
    ("ip", "routes", "ip is not installed"),
    ("nft", "firewall", "nft is not installed"),
    ("date", "clock", "date is not installed"),
    ("id", "rights", "id is not installed"),
    ("grep", "processes", "grep and tr are not both installed"),
    ("tr", "processes", "grep and tr are not both installed"),
]


@as_root
@pytest.mark.lab
@pytest.mark.parametrize(("tool", "fact", "reason"), LOST, ids=[f"{t}-{f}" for t, f, _ in LOST])
def test_a_lost_tool_is_named_and_never_read_as_nothing(
    tool: str, fact: str, reason: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *(name for name in TOOLS if name != tool))
    facts = PosixHost(path=path, isolated=True, setup=f"{HIDE_SBIN}\n").ask().facts
    assert facts.access.reached
    assert re.search(reason, unknown(facts, fact).reason)
    others = {"identity", "system", "rights", "clock", "listeners", "processes"} - {fact}
    assert all(isinstance(getattr(facts, name), Known) for name in others)


@as_root
@pytest.mark.lab
def test_without_ss_the_listeners_come_from_proc_without_owner(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *(name for name in TOOLS if name != "ss"))
    setup = SIMPLE + HIDE_SBIN
    facts = PosixHost(path=path, isolated=True, setup=setup).ask().facts
    (listener,) = known(facts, "listeners")
    assert (listener.address, listener.port, listener.ipv4) == ("0.0.0.0", 2010, True)
    assert isinstance(listener.owner, Unknown)
    assert "ss is not installed" in listener.owner.reason


@as_root
@pytest.mark.lab
def test_without_stat_a_requested_file_is_unknown(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *(name for name in TOOLS if name != "stat"))
    fact = PosixHost(path=path).ask(files=["/etc/passwd"]).facts.files["/etc/passwd"]
    assert isinstance(fact, Unknown)
    assert "stat is not installed" in fact.reason


def test_without_awk_nothing_is_claimed(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *TOOLS)
    (open_folder / "bin" / "awk").unlink()
    facts = PosixHost(path=path).ask().facts
    assert facts.access.reason == "answer-unreadable"
    assert "awk is not installed" in unknown(facts, "listeners").reason


@as_root
@pytest.mark.lab
def test_a_file_behind_a_closed_folder_is_unknown_and_not_absent() -> None:
    setup = "mkdir -m 700 -p /run/wfo-closed; touch /run/wfo-closed/file"
    setup = "mount -t tmpfs none /run\n" + setup
    host = PosixHost(isolated=True, setup=setup, user=NOBODY)
    fact = host.ask(files=["/run/wfo-closed/file"]).facts.files["/run/wfo-closed/file"]
    assert isinstance(fact, Unknown)
    assert "Permission denied" in fact.reason


@as_root
@pytest.mark.lab
def test_hidden_processes_are_unknown() -> None:
    host = PosixHost(isolated=True, setup="mount -t proc -o hidepid=2 proc /proc", user=NOBODY)
    assert "only the user's own" in unknown(host.ask().facts, "processes").reason


@as_root
@pytest.mark.lab
def test_policy_routing_makes_routes_unknown() -> None:
    setup = "ip link set lo up\nip rule add from 192.0.2.0/24 lookup 100"
    fact = unknown(PosixHost(isolated=True, setup=setup).ask().facts, "routes")
    assert "from 192.0.2.0/24 lookup 100" in fact.reason


@as_root
@pytest.mark.lab
@pytest.mark.parametrize("value", [False, True])
def test_forwarding_is_read(value: bool) -> None:
    setup = f"echo {value:d} > /proc/sys/net/ipv4/ip_forward"
    assert known(PosixHost(isolated=True, setup=setup).ask().facts, "forwarding") is value


@as_root
@pytest.mark.lab
def test_forwarding_that_differs_by_interface_is_unknown() -> None:
    setup = """
    ip link add veth0 type veth peer name veth1
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 0 > /proc/sys/net/ipv4/conf/veth0/forwarding
    """
    fact = unknown(PosixHost(isolated=True, setup=setup).ask().facts, "forwarding")
    assert "veth0" in fact.reason


@pytest.mark.parametrize("marker", ["", "short", "with space1", "quote'quote", "a" * 65])
def test_a_marker_that_could_be_forged_or_break_the_script_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="marker"):
        posix_script([], marker=marker)


def test_only_addresses_are_tried() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        posix_script([Target("$(reboot)", 80, Transport.TCP, "x")], marker=MARKER)


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        posix_script([], ["/etc\n/passwd"], marker=MARKER)


def test_a_cut_off_script_does_nothing() -> None:
    """The last lines start it: a connection lost while sending must not run half of it."""
    script = posix_script([], ["/etc/passwd"], marker=MARKER)
    for size in range(0, len(script) - len('main "$@"\nexit\n') - 1, 997):
        done = subprocess.run(["dash", "-s"], input=script[:size], capture_output=True)
        assert done.stdout == b""


def test_the_answer_is_json_of_version_one_that_says_it_is_complete() -> None:
    document = json.loads(PosixHost().ask().text)
    assert document["v"] == 1
    assert document["complete"] is True
