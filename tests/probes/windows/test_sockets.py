"""Listening sockets, the tables of netsh in any language, and what a connection attempt means."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pytest_wfo.core.facts import Heard, Known, Probe, Reach, Target, Transport, Unknown
from pytest_wfo.probes.windows_envelope import Answer
from pytest_wfo.probes.windows_reach import read_probes
from pytest_wfo.probes.windows_sockets import (
    http_owners,
    read_excluded_ports,
    read_listeners,
)
from tests.probes.windows.host import load

OLD = """
Request queue name: One
    Version: 2.0
    Process IDs:
        3100
        3200
    URL groups:
    URL group ID: FD00000040000001
            Registered URLs:
                HTTP://*:80/
                HTTPS://[2001:DB8::1]:443/

Request queue name: Nobody's
    Max requests: 1000
    URL groups:
        Registered URLs:
            HTTP://+:8080/
Request queue name: Another
    Process IDs:
        3300
    URL groups:
            Registered URLs:
                http://+:8080/x/
                HTTP://127.0.0.1:8081:127.0.0.1/
"""
NEW = """
Server session ID: FF00000020000001
    URL groups:
        Registered URLs:
            HTTP://+:5985/WSMAN/

Request queues:
    Request queue name: Request queue is unnamed.
        Version: 2.0
        Number of active processes attached: 1
        Processes:
            ID: 1300, image: C:\\Windows\\System32\\svchost.exe
            Services: WinRM
            Tagged Service: WinRM
        Registered URLs:
            HTTP://+:5985/WSMAN/
    Request queue name: Request queue is unnamed.
        Registered URLs:
            HTTP://+:7000/
"""


@pytest.mark.parametrize("between", ["\n", "\r\n"])
def test_http_owners_are_read_by_the_shape_of_the_table(between: str) -> None:
    assert http_owners(OLD.replace("\n", between)) == {
        80: (3100, 3200),
        443: (3100, 3200),
        8080: (3300,),
        8081: (3300,),
    }
    assert http_owners(NEW.replace("\n", between)) == {5985: (1300,), 7000: ()}


@pytest.mark.parametrize(
    "text", ["", "The requested operation requires elevation.", "        12345\n", "\x00\xff{}"]
)
def test_a_table_without_addresses_has_no_owners(text: str) -> None:
    assert http_owners(text) == {}


def answer(sections: dict[str, Any]) -> Answer:
    return Answer({name: {"ok": True, "value": value} for name, value in sections.items()}, {})


def rows(*found: dict[str, Any]) -> dict[str, Any]:
    return {"rows": list(found), "total": len(found)}


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (
            "\nA  B\n----- ----\n  80    80\n 5357 5357\n50000 50059  *\n\n* - C.\n",
            "80 5357 50000-50059",
        ),
        ("   1025        1124      \n      1125        1224      \n", "1025-1224"),
        ("no ranges", ""),
    ],
)
def test_reserved_ports_are_read_in_any_language(text: str, ranges: str) -> None:
    fact = read_excluded_ports(answer({"excluded": {"code": 0, "text": text}}))
    assert isinstance(fact, Known)
    shown = [f"{low}-{high}" if low != high else str(low) for low, high in fact.value]
    assert " ".join(shown) == ranges


LISTENERS = rows(
    {"address": "::", "port": 443, "pid": 7},
    {"address": "::", "port": 80, "pid": 7},
    {"address": "0.0.0.0", "port": 80, "pid": 7},
    {"address": "fe80::1%12", "port": 81, "pid": 9},
    {"address": "0.0.0.0", "port": 82, "pid": 4},
)
PROCESSES = rows(
    {"pid": 7, "name": "x.exe", "path": "C:\\x.exe"}, {"pid": 4, "name": "System", "path": None}
)
SERVICES = rows({"name": "X", "pid": 7, "account": None}, {"name": "Off", "pid": 0, "account": ""})


def test_an_ipv6_socket_takes_ipv4_only_if_windows_shows_so() -> None:
    fact = read_listeners(answer({"listeners": LISTENERS, "processes": PROCESSES}))
    assert isinstance(fact, Known)
    assert [(each.address, each.port, each.ipv4) for each in fact.value] == [
        ("::", 443, None),
        ("::", 80, False),
        ("0.0.0.0", 80, True),
        ("fe80::1", 81, False),
        ("0.0.0.0", 82, True),
    ]


def test_a_process_that_is_gone_or_not_shown_is_unknown_and_not_guessed() -> None:
    fact = read_listeners(answer({"listeners": LISTENERS, "processes": PROCESSES}))
    assert isinstance(fact, Known)
    assert isinstance(fact.value[3].owner, Unknown)
    fact = read_listeners(answer({"listeners": LISTENERS}))
    assert isinstance(fact, Known)
    assert all(isinstance(each.owner, Unknown) for each in fact.value)


def test_owners_have_the_path_and_services_that_firewall_rules_name() -> None:
    def owners(*names: str) -> dict[int, tuple[str, frozenset[str] | None]]:
        sections = {"listeners": LISTENERS, "processes": PROCESSES, "services": SERVICES}
        fact = read_listeners(answer({name: sections[name] for name in names}))
        assert isinstance(fact, Known)
        known = {each.port: each.owner for each in fact.value}
        return {
            port: (owner.value.path, owner.value.services)
            for port, owner in known.items()
            if isinstance(owner, Known)
        }

    assert owners("listeners", "processes", "services") == {
        443: ("C:\\x.exe", frozenset({"X"})),
        80: ("C:\\x.exe", frozenset({"X"})),
        82: ("System", frozenset()),
    }
    assert owners("listeners", "processes")[80] == ("C:\\x.exe", None)


def attempt(code: int, end: str | None = None, **more: Any) -> dict[str, Any]:
    words = base64.b64encode(more.pop("said", b"")).decode()
    certificate = base64.b64encode(more.pop("certificate", b"")).decode()
    numbers = {"took": 3, "number": 0, "protocol": 0} | more
    return {
        "index": 0,
        "code": code,
        "end": end,
        "words": words,
        "certificate": certificate,
        **numbers,
    }


def probe(*tries: dict[str, Any], transport: Transport = Transport.HTTP) -> Probe:
    target = Target("192.0.2.1", 2010, transport, "premises")
    question = {"index": 0, "address": "192.0.2.1", "port": 2010, "transport": transport.value}
    fact = read_probes(answer({"asked": rows(question), "probes": rows(*tries)}), [target])
    assert isinstance(fact, Known)
    (only,) = fact.value
    assert only.target == target
    return only


ONCE = " once, and no time was left for a second attempt"
SAID = {"said": b"HTTP/1.1 200 OK\r\n"}
CASES = [
    ([attempt(0, "said", **SAID)], Reach.OPEN, Heard.EXPECTED, ""),
    ([attempt(0, "said", said=b"SSH-2.0-x\r\n")], Reach.OPEN, Heard.OTHER, ""),
    ([attempt(10061)], Reach.REFUSED, Heard.NOT_ASKED, "WSAECONNREFUSED"),
    ([attempt(10060), attempt(-1)], Reach.FILTERED, Heard.NOT_ASKED, "timeout"),
    ([attempt(-1)], Reach.UNMEASURED, Heard.UNMEASURED, "timeout" + ONCE),
    ([attempt(-1), attempt(0, "said", **SAID)], Reach.OPEN, Heard.EXPECTED, ""),
    ([attempt(10054), attempt(10054)], Reach.RESET, Heard.NOT_ASKED, "WSAECONNRESET"),
    ([attempt(0, "silent"), attempt(0, "silent")], Reach.OPEN, Heard.SILENCE, ""),
    ([attempt(0, "silent")], Reach.OPEN, Heard.UNMEASURED, "silent" + ONCE),
    ([attempt(0, "reset", number=10054)] * 2, Reach.RESET, Heard.RESET, "error 0x2746"),
    ([attempt(0, "closed")], Reach.OPEN, Heard.CLOSED, ""),
    ([attempt(10051)], Reach.UNREACHABLE, Heard.NOT_ASKED, "WSAENETUNREACH"),
    ([attempt(10065)], Reach.UNREACHABLE, Heard.NOT_ASKED, "WSAEHOSTUNREACH"),
    ([attempt(10013)], Reach.UNREACHABLE, Heard.NOT_ASKED,
     "WSAEACCES: refused by this host's own firewall or filters"),
    ([attempt(10055, number=10055)], Reach.UNMEASURED, Heard.UNMEASURED,
     "Windows Sockets error 10055 (10055)"),
    ([attempt(-2, number=-5)], Reach.UNMEASURED, Heard.UNMEASURED,
     "the socket could not be made (error -5)"),
]  # fmt: skip


@pytest.mark.parametrize(("tries", "reach", "heard", "detail"), CASES)
def test_numbers_of_windows_sockets_mean(
    tries: list[dict[str, Any]], reach: Reach, heard: Heard, detail: str
) -> None:
    found = probe(*tries)
    assert (found.reach, found.heard, found.detail) == (reach, heard, detail)
    assert found.attempts == len(tries)


def test_tls_tells_its_version_and_its_certificate() -> None:
    found = probe(
        attempt(0, "said", protocol=3072, certificate=b"DER", **SAID), transport=Transport.HTTPS
    )
    assert (found.reach, found.heard) == (Reach.OPEN, Heard.EXPECTED)
    assert (found.detail, found.certificate) == ("TLSv1.2", b"DER")
    failed = probe(attempt(0, "tls", number=-2146893018), transport=Transport.HTTPS)
    assert (failed.heard, failed.detail) == (
        Heard.OTHER,
        "the TLS handshake failed (error 0x80090326)",
    )
    late = probe(attempt(0, "late"), transport=Transport.HTTPS)
    assert (late.reach, late.heard) == (Reach.OPEN, Heard.UNMEASURED)
    assert late.detail.startswith("not tried")


def test_a_run_without_connections_says_so() -> None:
    assert isinstance(read_probes(answer({}), ()), Unknown)


def test_every_state_file_says_what_it_is_about() -> None:
    for name in ("base", "popup-block"):
        assert load(name)["about"]
