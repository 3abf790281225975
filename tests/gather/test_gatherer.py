"""All hosts at once, on real sshd's, with everything that can go wrong among them."""

from __future__ import annotations

import signal
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.hosts import Connection, Host, Role, SecretRef, Timeouts
from pytest_wfo.gather.gatherer import HostAnswer, Request, gather
from tests.support.dialling import in_flight
from tests.support.ports import closed_port, full_port
from tests.support.ssh_server import SshServer, echo_script, running
from tests.support.sshd import LoopbackSshd, loopback_sshd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import paramiko


def ask(
    hosts: list[Host],
    script: bytes = b"echo in\n",
    jump_hosts: Mapping[str, Connection] | None = None,
    vault: Vault | None = None,
) -> dict[str, HostAnswer]:
    """Run ``script`` on all ``hosts``."""
    requests = {host.name: Request(host, script) for host in hosts}
    return gather(requests, jump_hosts or {}, vault or Vault())


def reasons(answers: Mapping[str, HostAnswer]) -> dict[str, str]:
    return {name: answer.access.reason for name, answer in answers.items()}


def test_each_host_gets_one_session_and_one_answer(tmp_path: Path) -> None:
    with loopback_sshd(tmp_path / "sshd") as server:
        hosts = [server.host(f"h{n}", f"127.0.0.{n}") for n in range(2, 32)]
        before = time.time()
        answers = ask(hosts, b"echo $SSH_CONNECTION\n")
        after = time.time()
        assert server.logins() == 30
    assert list(answers) == [host.name for host in hosts]
    for host in hosts:
        answer = answers[host.name]
        assert answer.output.split()[2] == host.connection.address
        assert before < answer.asked < answer.answered < after
        access = answer.access
        assert (access.reason, access.remedy) == ("", "")
        assert access.endpoint == f"{host.connection.address}:{server.port}"
        assert access.host_key.startswith("SHA256:")
        assert 0 < access.seconds < after - before


def test_dead_hosts_cost_one_timeout_in_all(
    sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 dead among 20 live, the dead first: more than all windows and threads together. Their
    timeouts pass at the same time."""
    counts = in_flight(monkeypatch)
    with full_port() as port:
        dead = [sshd.host(f"dead{n}", port=port, timeouts=Timeouts(connect=3)) for n in range(100)]
        live = [sshd.host(f"live{n}", f"127.0.0.{n + 2}") for n in range(20)]
        answers = ask([*dead, *live])
    assert [answers[host.name].access.reason for host in dead] == ["filtered"] * 100
    assert all("within 3 s" in answers[host.name].access.message for host in dead)
    assert [answers[host.name].output for host in live] == ["in\n"] * 20
    assert max(counts) >= 100


def test_every_host_gets_its_own_reason(sshd: LoopbackSshd, tmp_path: Path) -> None:
    hosts = [
        sshd.host("fine"),
        sshd.host("refused", port=closed_port()),
        sshd.host("nameless", "no-such.invalid"),
        sshd.host("stranger", host_key="", known_hosts=str(tmp_path / "none"), port=sshd.port),
        sshd.host("keyless", key=str(tmp_path / "no_key")),
        replace(sshd.host("windows"), platform="windows"),
        Host("here", frozenset({Role.CLIENT}), ("127.0.0.1",), Connection("local")),
    ]
    answers = ask(hosts)
    assert reasons(answers) == {
        "fine": "",
        "refused": "refused",
        "nameless": "name-not-resolved",
        "stranger": "host-key-unknown",
        "keyless": "secret-missing",
        "windows": "script-failed",
        "here": "",
    }
    for answer in answers.values():
        assert bool(answer.access.reason) == bool(answer.access.remedy)
        assert answer.access.message
        assert answer.access.at.endswith("+00:00")


@pytest.mark.parametrize(
    ("script", "reason", "words"),
    [
        (b"echo part; echo why >&2; exit 3\n", "script-failed", "exit status 3; it said: why"),
        (b"kill -9 $$\n", "script-failed", "ended with a signal"),
        (b"true\n", "answer-unreadable", "the script printed nothing"),
        (b"echo noise >&2; echo in\n", "", "answered"),
    ],
)
def test_how_the_script_ends_is_judged(
    sshd: LoopbackSshd, script: bytes, reason: str, words: str
) -> None:
    answer = ask([sshd.host()], script)["srv"]
    assert answer.access.reason == reason
    assert words in answer.access.message


def test_a_lost_connection_is_tried_a_second_time() -> None:
    server = SshServer("pw")

    def once(channel: paramiko.Channel, command: bytes) -> None:
        if len(server.commands) == 1:
            channel.get_transport().close()
        else:
            echo_script(channel, command)

    server.behaviour = once
    with running(server):
        vault = Vault(environ={"PW": "pw"})
        answers = ask([server.host(password=SecretRef("env", "PW"))], vault=vault)
    assert (answers["srv"].access.reason, answers["srv"].output) == ("", "echo in\n")
    assert len(server.commands) == 2


def test_a_lost_connection_is_tried_no_third_time() -> None:
    server = SshServer("pw")
    server.behaviour = lambda channel, command: channel.get_transport().close()
    with running(server):
        vault = Vault(environ={"PW": "pw"})
        answers = ask([server.host(password=SecretRef("env", "PW"))], vault=vault)
    assert answers["srv"].access.reason == "connection-lost"
    assert len(server.commands) == 2


def test_hosts_behind_a_jump_host_share_its_one_session(tmp_path: Path) -> None:
    with (
        loopback_sshd(tmp_path / "jump") as bastion,
        loopback_sshd(tmp_path / "inner") as inner,
    ):
        behind = [inner.host(f"h{n}", f"127.0.0.{n + 2}", via="bastion") for n in range(10)]
        dead = inner.host("dead", "127.0.0.99", via="bastion", port=closed_port())
        answers = ask([*behind, dead], jump_hosts={"bastion": bastion.connection()})
        assert (bastion.logins(), inner.logins()) == (1, 10)
        assert reasons(answers) == {**{host.name: "" for host in behind}, "dead": "refused"}
        # the jump host is itself examined: still one session
        answers = ask([*behind, bastion.host("bastion")])
        assert (bastion.logins(), inner.logins()) == (2, 20)
        assert set(reasons(answers).values()) == {""}


def test_what_is_behind_a_jump_host_that_fails_says_so(sshd: LoopbackSshd) -> None:
    near = sshd.host("near", via="bastion")
    far = sshd.host("far", via="near")
    bastion = sshd.connection(port=closed_port())
    answers = ask([far, near, sshd.host("other")], jump_hosts={"bastion": bastion})
    assert reasons(answers) == {
        "far": "jump-host-failed",
        "near": "jump-host-failed",
        "other": "",
    }
    assert "Connection refused" in answers["far"].access.message


def test_jump_hosts_in_a_circle_or_unknown_are_unsupported(sshd: LoopbackSshd) -> None:
    hosts = [
        sshd.host("a", via="b"),
        sshd.host("b", via="a"),
        sshd.host("c", via="nowhere"),
        sshd.host("d", via="d"),
    ]
    answers = ask(hosts)
    assert set(reasons(answers).values()) == {"unsupported", "jump-host-failed"}
    assert "its jump host nowhere is not in the inventory" in answers["c"].access.message


def test_progress_is_told_in_the_calling_thread(sshd: LoopbackSshd) -> None:
    seen: list[tuple[str, str, int]] = []
    hosts = [sshd.host("fine"), sshd.host("refused", port=closed_port())]
    gather(
        {host.name: Request(host, b"echo in\n") for host in hosts},
        {},
        Vault(),
        lambda name, reason: seen.append((name, reason, threading.get_ident())),
    )
    me = threading.get_ident()
    assert sorted(seen) == [("fine", "", me), ("refused", "refused", me)]


def test_prompts_come_before_the_first_connection(sshd: LoopbackSshd) -> None:
    logins = sshd.logins()
    asked: list[int] = []

    def prompt(question: str) -> str:
        asked.append(sshd.logins() - logins)
        return "word"

    hosts = [sshd.host(f"h{n}", password=SecretRef("prompt")) for n in range(3)]
    assert set(reasons(ask(hosts, vault=Vault(prompt))).values()) == {""}
    assert asked == [0]


def test_an_interruption_closes_everything_at_once(sshd: LoopbackSshd, tmp_path: Path) -> None:
    """Ctrl-C while scripts run, hosts hang and others are being dialled: nobody is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hang = silent.getsockname()[1]
        hosts = [sshd.host(f"slow{n}") for n in range(4)]
        hosts += [sshd.host(f"hang{n}", port=hang, timeouts=Timeouts(banner=30)) for n in range(4)]
        hosts += [Host("here", frozenset({Role.CLIENT}), ("127.0.0.1",), Connection("local"))]
        main = threading.main_thread().ident or 0
        timer = threading.Timer(1.5, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ask(hosts, f"sleep 20; touch {tmp_path}/over\n".encode())
        assert not (tmp_path / "over").exists()
        timer.join()


def test_odd_bytes_in_an_answer_are_text(sshd: LoopbackSshd) -> None:
    answer = ask([sshd.host()], b"printf 'a\\377\\000b\\303\\251'\n")["srv"]
    assert answer.output == "a�\0bé"


def test_a_callback_that_fails_leaves_nothing_open(sshd: LoopbackSshd) -> None:
    def fail(name: str, reason: str) -> None:
        raise RuntimeError("from the callback")

    requests = {f"h{n}": Request(sshd.host(f"h{n}"), b"sleep 1; echo in\n") for n in range(3)}
    with pytest.raises(RuntimeError, match="from the callback"):
        gather(requests, {}, Vault(), fail)


def test_nothing_to_do_is_done() -> None:
    assert gather({}, {}, Vault()) == {}
