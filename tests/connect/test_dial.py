"""TCP connections to many endpoints at once."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from pytest_wfo.connect import dial as dialling
from pytest_wfo.connect.dial import Dialed, Dialer, Endpoint, dial, dial_all
from pytest_wfo.connect.errors import ConnectError, Reason
from tests.support.sshd import free_port


@pytest.fixture
def full() -> object:
    """A port of loopback that answers no SYN: its accept queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        time.sleep(0.05)
        yield server.getsockname()[1]
        for filler in fillers:
            filler.close()


def test_a_connection_stands_blocking_and_without_delay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialed = dial(Endpoint("a", "127.0.0.1", server.getsockname()[1], 2.0))
        assert dialed.address == "127.0.0.1"
        assert dialed.sock.gettimeout() is None
        assert dialed.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        dialed.sock.close()


def test_dead_hosts_cost_one_timeout_in_all(full: int) -> None:
    """200 dead ones among 40 live ones and 10 that refuse."""
    refused = free_port()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        live = server.getsockname()[1]
        ports = [full] * 200 + [live] * 40 + [refused] * 10
        begun = time.monotonic()
        outcomes = list(
            dial_all(Endpoint(f"h{n}", "127.0.0.1", port, 1.0) for n, port in enumerate(ports))
        )
        seconds = time.monotonic() - begun
    counts: dict[object, int] = {}
    for outcome in outcomes:
        kind = "live" if isinstance(outcome, Dialed) else outcome.reason
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(outcome, Dialed):
            outcome.sock.close()
    assert counts == {"live": 40, Reason.FILTERED: 200, Reason.REFUSED: 10}
    assert seconds < 2.0


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
    port = free_port()
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
    release = threading.Event()

    def stuck(endpoint: Endpoint) -> str:
        release.wait(5)
        return "too late"

    monkeypatch.setattr(dialling, "_addresses", stuck)
    begun = time.monotonic()
    outcomes = list(dial_all(Endpoint(f"h{n}", f"n{n}", 22, 1.0) for n in range(200)))
    assert time.monotonic() - begun < 1.0
    release.set()
    assert len(outcomes) == 200
    assert {o.reason for o in outcomes if isinstance(o, ConnectError)} == {Reason.NAME_NOT_RESOLVED}
    assert "no answer from DNS within 0.3 s" in str(outcomes[0])


def test_a_wake_from_another_thread_ends_the_wait() -> None:
    dialer = Dialer()
    timer = threading.Timer(0.1, dialer.wake)
    timer.start()
    begun = time.monotonic()
    assert dialer.poll() == []
    assert 0.05 < time.monotonic() - begun < 1
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
