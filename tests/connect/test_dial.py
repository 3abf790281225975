"""TCP connections to many endpoints at once."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect import dial as dialling
from pytest_wfo.connect.dial import Dialed, Dialer, Endpoint, dial, dial_all
from pytest_wfo.connect.errors import ConnectError, Reason
from tests.support.ports import closed_port, full_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def full() -> Iterator[int]:
    """A port of loopback that answers no SYN."""
    with full_port() as port:
        yield port


def test_a_connection_stands_blocking_and_without_delay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialed = dial(Endpoint("a", "127.0.0.1", server.getsockname()[1], 2.0))
        assert dialed.address == "127.0.0.1"
        assert dialed.sock.gettimeout() is None
        assert dialed.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        dialed.sock.close()


def test_dead_hosts_cost_one_timeout_in_all(full: int) -> None:
    """200 dead ones among 40 live ones and 10 that refuse: all are tried before anyone is given up."""
    refused, tried = closed_port(), []

    def endpoints(ports: list[int]) -> Iterator[Endpoint]:
        for number, port in enumerate(ports):
            tried.append(number)
            yield Endpoint(f"h{number}", "127.0.0.1", port, 1.0)

    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        live = server.getsockname()[1]
        ports = [full] * 200 + [live] * 40 + [refused] * 10
        decided = dial_all(endpoints(ports))
        outcomes = [next(decided)]
        assert len(tried) == len(ports)
        outcomes += decided
    counts: dict[object, int] = {}
    for outcome in outcomes:
        kind = "live" if isinstance(outcome, Dialed) else outcome.reason
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(outcome, Dialed):
            outcome.sock.close()
    assert counts == {"live": 40, Reason.FILTERED: 200, Reason.REFUSED: 10}
    for outcome in outcomes:
        if isinstance(outcome, ConnectError) and outcome.reason is Reason.FILTERED:
            assert "no answer within 1 s" in outcome.message


def answers(*addresses: str) -> object:
    def look_up(endpoint: Endpoint) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
        return [(socket.AF_INET, (address, endpoint.port)) for address in addresses]

    return look_up


def test_all_addresses_of_a_name_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round-robin name whose first addresses do not answer must not make the host dead."""
    with socket.create_server(("127.0.0.3", 0)) as server:
        monkeypatch.setattr(dialling, "_addresses", answers("127.0.0.1", "127.0.0.2", "127.0.0.3"))
        dialed = dial(Endpoint("a", "name", server.getsockname()[1], 2.0))
        assert dialed.address == "127.0.0.3"
        dialed.sock.close()


def test_the_message_names_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "_addresses", answers("127.0.0.1", "127.0.0.2"))
    port = closed_port()
    with pytest.raises(ConnectError) as caught:
        dial(Endpoint("a", "name", port, 2.0))
    assert caught.value.reason is Reason.REFUSED
    assert str(caught.value) == (
        f"a: no TCP connection to name:{port} "
        "(127.0.0.1: Connection refused; 127.0.0.2: Connection refused)"
    )


def test_names_are_looked_up_for_real() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialed = dial(Endpoint("a", "localhost", server.getsockname()[1], 2.0))
        assert dialed.address == "127.0.0.1"
        dialed.sock.close()


def test_name_servers_that_do_not_answer_cost_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "RESOLVE_SECONDS", 0.3)
    release, answered = threading.Event(), threading.Event()

    def stuck(endpoint: Endpoint) -> str:
        release.wait(60)
        answered.set()
        return "too late"

    monkeypatch.setattr(dialling, "_addresses", stuck)
    outcomes = list(dial_all(Endpoint(f"h{n}", f"n{n}", 22, 1.0) for n in range(200)))
    assert not answered.is_set()  # also names that had no turn yet were given up
    release.set()
    assert len(outcomes) == 200
    assert {o.reason for o in outcomes if isinstance(o, ConnectError)} == {Reason.NAME_NOT_RESOLVED}
    assert "no answer from DNS within 0.3 s" in str(outcomes[0])


def test_a_wake_from_another_thread_ends_the_wait() -> None:
    dialer = Dialer()
    rung = threading.Event()

    def ring() -> None:
        rung.set()
        dialer.wake()

    timer = threading.Timer(0.1, ring)
    timer.start()
    assert dialer.poll() == []  # which would wait for ever
    assert rung.is_set()
    for _ in range(100_000):  # however often it rings
        dialer.wake()
    dialer.poll()
    timer.join()
    dialer.close()
    dialer.wake()


def test_what_is_given_up_leaves_no_socket(full: int) -> None:
    """Unclosed sockets are errors in this test suite."""
    dialer = Dialer()
    for number in range(20):
        dialer.start(Endpoint(f"h{number}", "127.0.0.1", full, 5.0))
    assert dialer.poll(0.05) == []
    assert (len(dialer), dialer.younger_than(5)) == (20, 20)
    dialer.close()
    assert len(dialer) == 0


def test_what_this_machine_cannot_even_try_is_unreachable() -> None:
    """A TCP connection to a multicast address has no route; no packet is sent."""
    with pytest.raises(ConnectError) as caught:
        dial(Endpoint("a", "224.0.0.1", 22, 0.5))
    assert caught.value.reason is Reason.UNREACHABLE
    assert "Network is unreachable" in caught.value.message
