"""Every fault a host can have on the way, produced for real on loopback."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import paramiko
import pytest

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.hosts import Connection, Host, Role, SecretRef, Timeouts
from tests.support.patience import PATIENT
from tests.support.ports import closed_port, full_port
from tests.support.ssh_server import SshServer, running
from tests.support.sshd import MISSING, loopback_sshd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Where the host's silence is what is tested.
QUICK = Timeouts(connect=1.0, banner=0.5, login=2.0, script=5.0)
PASSWORD = "pässword-4711"


def host_at(port: int, address: str = "127.0.0.1", timeouts: Timeouts = PATIENT) -> Host:
    connection = Connection("ssh", address, port, "qa", agent=False, timeouts=timeouts)
    return Host("srv", frozenset({Role.CLIENT}), (address,), connection)


def failure(host: Host, password: str = PASSWORD) -> ConnectError:
    """What connecting and running a script ends in."""
    connection = Connector(Vault(environ={"PW": password})).open(host)
    with pytest.raises(ConnectError) as caught:
        connection.run_script(b"true\n", 30)
    connection.close()
    return caught.value


@contextmanager
def listener(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """A TCP server on loopback that does ``serve`` with its first connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            sock, _ = server.accept()
            with sock:
                serve(sock)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def test_a_closed_port_is_refused() -> None:
    port = closed_port()
    error = failure(host_at(port))
    assert error.reason is Reason.REFUSED
    assert str(error) == (
        f"srv: no TCP connection to 127.0.0.1:{port} (127.0.0.1: Connection refused)"
    )


def test_a_listener_whose_queue_is_full_answers_like_a_filter() -> None:
    """The kernel drops the SYN when the accept queue is full: nothing comes back."""
    with full_port() as port:
        error = failure(host_at(port, timeouts=QUICK))
    assert error.reason is Reason.FILTERED
    assert "no answer within 1 s" in error.message  # ours: the kernel would wait two minutes


def test_an_unknown_name_is_said() -> None:
    error = failure(host_at(22, "no-such-host.invalid"))
    assert error.reason is Reason.NAME_NOT_RESOLVED
    assert "the name no-such-host.invalid was not resolved: " in error.message


@pytest.mark.parametrize("name", ["a..b", "x" * 300, "bad name", "\udcff"])
def test_names_that_are_none_are_no_crash(name: str) -> None:
    assert failure(host_at(22, name)).reason is Reason.NAME_NOT_RESOLVED


def test_silence_after_the_connection_is_a_hang() -> None:
    with listener(lambda sock: sock.recv(100) and sock.recv(100)) as port:
        error = failure(host_at(port, timeouts=QUICK))
    assert error.reason is Reason.HANGS_BEFORE_BANNER
    assert f"127.0.0.1:{port} accepted the connection, then said nothing" in error.message


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_stopped_sshd_is_a_hang(tmp_path: Path) -> None:
    """The kernel accepts for it; this is what a machine out of memory looks like."""
    with loopback_sshd(tmp_path / "sshd") as server:
        os.kill(server.pid, signal.SIGSTOP)
        error = failure(server.host(timeouts=QUICK))
        os.kill(server.pid, signal.SIGCONT)
    assert error.reason is Reason.HANGS_BEFORE_BANNER


def test_another_protocol_is_named_by_its_first_words() -> None:
    def http(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: \x1b[31mnginx\r\n\r\n")

    with listener(http) as port:
        error = failure(host_at(port))
    assert error.reason is Reason.NOT_SSH
    assert 'answers, but not with SSH: "HTTP/1.1 400 Bad Request Server:' in error.message
    assert "\x1b" not in error.message


def test_a_peer_that_talks_on_without_ssh_is_given_up() -> None:
    lines = []

    def drip(sock: socket.socket) -> None:
        while True:  # until we hang up
            sock.sendall(b"please wait\r\n")
            lines.append(1)
            time.sleep(0.1)

    with listener(drip) as port:
        error = failure(host_at(port, timeouts=QUICK))
    assert error.reason is Reason.NOT_SSH
    assert len(lines) < 100  # so many paramiko would read


def test_lines_before_the_version_are_part_of_ssh(tmp_path: Path) -> None:
    """RFC 4253, section 4.2."""

    def chatty(sock: socket.socket) -> None:
        sock.sendall(b"Welcome to the gateway\r\nSSH-2.0-x\r\n")
        sock.recv(100)

    with listener(chatty) as port:
        error = failure(host_at(port))
    assert error.reason is Reason.CONNECTION_LOST
    assert "broke off the key exchange" in error.message


@pytest.mark.parametrize(
    "words", [b"", b"Exceeded MaxStartups\r\n", b"Not allowed at this time\r\n"]
)
def test_being_turned_away_is_a_lost_connection(words: bytes) -> None:
    with listener(lambda sock: sock.sendall(words)) as port:
        error = failure(host_at(port))
    assert error.reason is Reason.CONNECTION_LOST


def test_a_key_exchange_that_stops_runs_into_the_deadline() -> None:
    def mute(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-mute\r\n")
        with suppress(OSError):
            while sock.recv(1000):  # until we hang up
                pass

    with listener(mute) as port:
        begun = time.monotonic()
        error = failure(host_at(port, timeouts=QUICK))
    assert error.reason is Reason.DEADLINE
    assert time.monotonic() - begun > 1.5  # a banner alone would have to come sooner


@pytest.fixture(scope="module")
def key() -> paramiko.RSAKey:
    return paramiko.RSAKey.generate(2048)


PW = SecretRef("env", "PW")


@pytest.mark.parametrize("methods", [("password",), ("publickey", "keyboard-interactive")])
def test_a_password_logs_in_by_either_method(
    key: paramiko.RSAKey, methods: tuple[str, ...]
) -> None:
    with running(SshServer(PASSWORD, methods, key=key)) as server:
        connection = Connector(Vault(environ={"PW": PASSWORD})).open(server.host(password=PW))
        assert connection.run_script(b"said\n", 30).stdout == b"said\n"
        connection.close()


@pytest.mark.parametrize(
    "methods", [("password", "keyboard-interactive"), ("keyboard-interactive",)]
)
def test_a_wrong_password_is_tried_once(key: paramiko.RSAKey, methods: tuple[str, ...]) -> None:
    """Accounts lock after a few failures; and the wrong password stays out of the message."""
    with running(SshServer("another", methods, key=key)) as server:
        error = failure(server.host(password=PW))
    assert error.reason is Reason.LOGIN_REFUSED
    assert len([each for each in server.attempts if PASSWORD in each]) == 1
    assert PASSWORD not in repr(error) + str(error.__dict__)
    assert "refused the login as qa (tried: password" in error.message


def test_a_host_that_takes_keys_only_says_so(key: paramiko.RSAKey) -> None:
    with running(SshServer(PASSWORD, ("publickey",), key=key)) as server:
        error = failure(server.host(password=PW))
    assert error.reason is Reason.LOGIN_REFUSED
    assert "it permits only: publickey" in error.message


def test_a_one_time_code_is_not_answered_with_the_password(key: paramiko.RSAKey) -> None:
    questions = (("Password: ", False), ("Verification code: ", False))
    server = SshServer(PASSWORD, ("keyboard-interactive",), questions, key=key)
    with running(server):
        error = failure(server.host(password=PW))
    assert server.attempts == [("keyboard-interactive", f"{PASSWORD}|")]
    assert 'it also asked "Verification code:", which cannot be answered here' in error.message


def test_key_and_password_together_log_in(key: paramiko.RSAKey, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    user_key = paramiko.RSAKey.generate(2048)
    user_key.write_private_key_file(str(mine))
    server = SshServer(
        PASSWORD, ("publickey", "password"), authorized=user_key, second_factor=True, key=key
    )
    with running(server):
        host = server.host(password=PW, key=str(mine))
        connection = Connector(Vault(environ={"PW": PASSWORD})).open(host)
        assert connection.run_script(b"said\n", 30).stdout == b"said\n"
        connection.close()


def test_no_credential_is_sent_to_a_host_with_another_key(key: paramiko.RSAKey) -> None:
    with running(SshServer(PASSWORD, key=key)) as server:
        other = paramiko.RSAKey.generate(2048)
        known = f"ssh-rsa {other.get_base64()}"
        error = failure(server.host(password=PW, host_key=known))
    assert error.reason is Reason.HOST_KEY_CHANGED
    assert server.attempts == []


def test_a_connection_that_breaks_in_the_script_is_lost(key: paramiko.RSAKey) -> None:
    server = SshServer(PASSWORD, key=key)

    def die(channel: paramiko.Channel, command: bytes) -> None:
        channel.recv(10)
        channel.sendall(b"half an ans")
        channel.get_transport().close()

    server.behaviour = die
    with running(server):
        error = failure(server.host(password=PW))
    assert error.reason is Reason.CONNECTION_LOST
    assert "the connection broke while the command ran" in error.message


def test_a_host_that_refuses_commands_is_told(key: paramiko.RSAKey) -> None:
    server = SshServer(PASSWORD, key=key)
    server.behaviour = lambda channel, command: None  # closes at once, without a status
    with running(server):
        error = failure(server.host(password=PW))
    assert error.reason is Reason.SCRIPT_FAILED


def test_a_host_that_stops_reading_runs_into_the_deadline(key: paramiko.RSAKey) -> None:
    """More script than the channel's window holds, and nobody takes it."""
    server = SshServer(PASSWORD, key=key)
    over, gone = threading.Event(), threading.Event()

    def busy(channel: paramiko.Channel, command: bytes) -> None:
        over.wait(60)
        gone.set()

    server.behaviour = busy
    with running(server):
        connection = Connector(Vault(environ={"PW": PASSWORD})).open(server.host(password=PW))
        with pytest.raises(ConnectError) as caught:
            connection.run_script(b"x" * 5_000_000, 0.7)
        assert not gone.is_set()
        over.set()
        connection.close()
    assert caught.value.reason is Reason.DEADLINE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "carrier-pigeon"}, "no connection of kind 'carrier-pigeon'"),
        ({"via": "bastion"}, "its jump host bastion is not reached by SSH"),
        ({"host_key": "ssh-ed25519 nonsense"}, "its host_key is not a public host key"),
    ],
)
def test_what_the_inventory_cannot_mean_is_unsupported(changes: dict[str, str], words: str) -> None:
    fields = {"kind": "ssh", "address": "127.0.0.1", **changes}
    host = Host("srv", frozenset({Role.CLIENT}), ("127.0.0.1",), Connection(**fields))  # type: ignore[arg-type]
    with pytest.raises(ConnectError) as caught:
        Connector(Vault()).open(host)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert words in caught.value.message


def test_every_reason_has_a_remedy_of_its_own() -> None:
    remedies = [reason.remedy for reason in Reason]
    assert len(set(remedies)) == len(Reason)
    assert all(20 < len(remedy) < 260 and remedy.endswith(".") for remedy in remedies)
