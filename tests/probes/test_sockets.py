"""Listing formats of ss over the years, and of /proc."""

from __future__ import annotations

import pytest

from pytest_wfo.core.facts import Known, Listener, Owner, Unknown
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.sockets import read_listeners

HEAD = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"


def ss(*rows: str) -> tuple[Listener, ...]:
    fact = read_listeners({"ss": Section(HEAD + "\n".join(rows), "", 0, "root")})
    assert isinstance(fact, Known), fact
    return fact.value


def bound(*rows: str) -> list[tuple[str, int, bool | None]]:
    return [(each.address, each.port, each.ipv4) for each in ss(*rows)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("LISTEN 0 128 0.0.0.0:80 0.0.0.0:*", ("0.0.0.0", 80, True)),
        ("LISTEN 0 128 127.0.0.53%lo:53 0.0.0.0:*", ("127.0.0.53", 53, True)),
        ("LISTEN 0 128 *:80 *:* ino:1 sk:1 v6only:0 <->", ("::", 80, True)),
        ("LISTEN 0 128 [::]:80 [::]:* ino:1 sk:1 v6only:1 <->", ("::", 80, False)),
        ("LISTEN 0 128 [::1]:80 [::]:* v6only:1 <->", ("::1", 80, False)),
        ("LISTEN 0 128 [fe80::1]%eth0:80 [::]:* v6only:1 <->", ("fe80::1", 80, False)),
        ("LISTEN 0 128 [::ffff:192.0.2.1]:80 *:* v6only:0 <->", ("192.0.2.1", 80, True)),
        ("LISTEN 0 128 [::]:80 [::]:* ino:1 sk:1 <->", ("::", 80, None)),
        ("LISTEN 0 128 *:80 *:* ino:1 sk:1 <->", ("::", 80, None)),
    ],
)
def test_every_form_of_a_bound_address_is_read(
    row: str, expected: tuple[str, int, bool | None]
) -> None:
    assert bound(row) == [expected]


def test_old_versions_show_ipv4_with_a_star_and_do_not_tell_of_dual_stack() -> None:
    rows = ('LISTEN 0 128 *:80 *:* users:(("a",pid=1,fd=3))', "LISTEN 0 128 :::443 :::*")
    assert bound(*rows) == [("0.0.0.0", 80, True), ("::", 443, None)]


@pytest.mark.parametrize(
    ("users", "name", "pid"),
    [
        ('users:(("nginx",pid=12,fd=6))', "nginx", 12),
        ('users:(("nginx",pid=12,fd=6),("nginx",pid=7,fd=6))', "nginx", 7),
        ('users:(("a b",pid=12,fd=6))', "a b", 12),
        ('users:(("a",pid=1,fd=1)",pid=99,fd=3))', 'a",pid=1,fd=1)', 99),
        ('users:((" v6only:1 ",pid=12,fd=6))', " v6only:1 ", 12),
    ],
)
def test_the_owner_is_read_whatever_it_calls_itself(users: str, name: str, pid: int) -> None:
    (found,) = ss(f"LISTEN 0 128 *:80 *:* {users} uid:33 ino:1 v6only:0 <->")
    assert found.ipv4 is True
    assert found.owner == Known(Owner(name, pid, "uid 33"), "ss -tlnpe")


def test_a_socket_without_a_process_has_an_unknown_owner() -> None:
    (found,) = ss("LISTEN 0 128 0.0.0.0:80 0.0.0.0:* ino:1 sk:1 <->")
    assert isinstance(found.owner, Unknown)


def test_an_empty_list_is_known_to_be_empty() -> None:
    assert ss() == ()


@pytest.mark.parametrize("text", ["LISTEN 0 128 0.0.0.0:x 0.0.0.0:*", "LISTEN 1", "what?"])
def test_another_format_is_unknown_and_not_empty(text: str) -> None:
    fact = read_listeners({"ss": Section(text, "", 0, "root")})
    assert isinstance(fact, Unknown)


PROC = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0A0200C0:07DA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9715
   1: 0A0200C0:0016 0B0200C0:C001 01 00000000:00000000 00:00000000 00000000     0        0 9716
"""
PROC6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000
   2: 0000000000000000FFFF00000A0200C0:0051 00000000000000000000000000000000:0000 0A 00000000
"""


def test_proc_shows_listeners_only_and_cannot_tell_dual_stack() -> None:
    sections = {"tcp": Section(PROC, "", 0, "user"), "tcp6": Section(PROC6, "", 0, "user")}
    fact = read_listeners(sections)
    assert isinstance(fact, Known)
    assert [(each.address, each.port, each.ipv4) for each in fact.value] == [
        ("192.0.2.10", 2010, True),
        ("::", 443, None),
        ("::1", 80, False),
        ("192.0.2.10", 81, True),
    ]


def test_the_byte_order_of_the_machine_counts() -> None:
    text = PROC.replace("0A0200C0:07DA", "C000020A:07DA")
    machine = Section("s390x", "", 0, "user")
    fact = read_listeners({"tcp": Section(text, "", 0, "user"), "machine": machine})
    assert isinstance(fact, Known)
    assert fact.value[0].address == "192.0.2.10"
