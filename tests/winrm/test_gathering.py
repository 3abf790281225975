"""Windows hosts among all others: one gathering, one session and one script a host."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_wfo.connect.errors import ConnectError
from pytest_wfo.core.hosts import Host, Timeouts
from pytest_wfo.gather.gatherer import HostAnswer, Request, gather
from tests.support.dialling import in_flight
from tests.support.patience import PATIENT
from tests.support.ports import closed_port, full_port
from tests.winrm import soap
from tests.winrm.faults import Trouble
from tests.winrm.server import PASSWORD, WinRmServer
from tests.winrm.shells import Answer
from tests.winrm.support import SCRIPT, failure, opened, run, vault


def ask(hosts: list[Host], script: str = "script of {}") -> dict[str, HostAnswer]:
    """Run on each host a script of its own."""
    requests = {host.name: Request(host, script.format(host.name).encode()) for host in hosts}
    return gather(requests, {}, vault())


def test_32_hosts_at_once_do_not_meet() -> None:
    """Sealed with NTLM: one message in another's session would break both."""
    together = threading.Event()
    inside = 0
    lock = threading.Lock()

    def respond(script: str) -> Answer:
        nonlocal inside
        with lock:
            inside += 1
            if inside > 8:
                together.set()
        together.wait(30)  # so that many run at the same time
        with lock:
            inside -= 1
        return Answer(output=(json.dumps({"script": script, "fill": script * 5000}),))

    with WinRmServer(respond=respond, shells_per_user=100) as server:
        hosts = [server.host(f"win{n}", f"127.0.0.{n}") for n in range(2, 34)]
        answers = ask(hosts)
        assert (server.opened, len(server.shells), server.handshakes) == (32, 0, 32)
        assert server.requests <= 32 * 10
    assert together.is_set()
    for host in hosts:
        answer = answers[host.name]
        assert answer.access.reason == ""
        assert answer.access.endpoint == f"{host.connection.address}:{server.port}"
        said = json.loads(answer.output)
        assert said == {"script": f"script of {host.name}", "fill": said["script"] * 5000}


def test_32_sessions_at_the_same_moment_do_not_meet() -> None:
    """None is answered before all 32 have asked."""
    together = threading.Barrier(32, timeout=30)

    def respond(script: str) -> Answer:
        together.wait()
        return Answer(output=(script * 1000,))

    def one(number: int) -> bytes:
        return run(server.host(f"win{number}"), f"script {number}\n".encode(), 40).stdout

    with (
        WinRmServer(respond=respond, shells_per_user=100) as server,
        ThreadPoolExecutor(32) as pool,
    ):
        answers = list(pool.map(one, range(32)))
        assert (server.opened, len(server.shells)) == (32, 0)
    assert answers == [f"script {number}\n".encode() * 1000 for number in range(32)]


def test_dead_hosts_cost_one_timeout_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeouts of all pass at the same time."""
    counts = in_flight(monkeypatch)
    quick = Timeouts(connect=3)
    with WinRmServer() as server, full_port() as port:
        dead = [server.host(f"dead{n}", port=port, timeouts=quick) for n in range(60)]
        live = [server.host(f"live{n}") for n in range(4)]
        answers = ask([*dead, *live])
    assert max(counts) >= 60
    assert {answers[host.name].access.reason for host in dead} == {"filtered"}
    assert {answers[host.name].access.reason for host in live} == {""}


def test_the_connection_that_was_dialled_is_used() -> None:
    with WinRmServer() as server:
        assert ask([server.host()])["win"].access.reason == ""
        assert server.connections == 1


@pytest.mark.parametrize("verb", ["Login", "Create", "Command", "Receive"])
@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_connection_that_breaks_once_costs_nothing_but_time(kind: str, verb: str) -> None:
    trouble = Trouble(kind, verb, skip=2 if verb == "Receive" else 0)
    with WinRmServer(troubles=[trouble]) as server:
        answer = ask([server.host()])["win"]
        assert server.troubles.met
        assert not server.shells
    assert (answer.access.reason, answer.output) == ("", '{"length": 13}')


def test_each_host_gets_its_own_reason() -> None:
    with WinRmServer(not_administrators=["alice"]) as denied, WinRmServer() as server:
        answers = ask(
            [
                server.host("fine"),
                server.host("refused", port=closed_port()),
                server.host("nameless", "no-such.invalid"),
                server.host("secret", password=None),
                server.host("basic", auth="basic"),
                denied.host("denied"),
            ]
        )
    assert {name: answer.access.reason for name, answer in answers.items()} == {
        "fine": "",
        "refused": "refused",
        "nameless": "name-not-resolved",
        "secret": "secret-missing",
        "basic": "unsupported",
        "denied": "access-denied",
    }
    for answer in answers.values():
        assert bool(answer.access.reason) == bool(answer.access.remedy)


def test_a_host_that_hangs_holds_up_no_other() -> None:
    quick, done = replace(PATIENT, script=2.0), []
    gone = Trouble("silent", "Receive", skip=2, seconds=60, times=-1)
    with WinRmServer(troubles=[gone]) as vanished, WinRmServer() as server:
        hosts = [vanished.host("gone", timeouts=quick), *(server.host(f"h{n}") for n in range(9))]
        requests = {host.name: Request(host, b"script") for host in hosts}
        answers = gather(requests, {}, vault(), lambda name, reason: done.append(name))
        assert not vanished.troubles.sat_out
    assert done[0] != "gone"
    assert answers.pop("gone").access.reason == "deadline"
    assert {answer.access.reason for answer in answers.values()} == {""}


@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_the_password_is_nowhere(
    auth: str, certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A host that repeats the password in its refusal, with every logger at its loudest."""
    caplog.set_level(logging.DEBUG)
    echo = soap.Fault(2150858770, "w:InternalError", f"user alice, password {PASSWORD}")
    troubles = [Trouble("fault", "Create", soap=echo, times=-1)]
    with WinRmServer(certificate=certificate, troubles=troubles) as server:
        error = failure(server.host(auth=auth))
        connection = opened(server.host(auth=auth))
        try:
            connection.run_script(SCRIPT, 5)
        except ConnectError as caught:
            text = "".join(traceback.format_exception(caught))
        said = [str(error), repr(error), text, repr(vars(connection)), caplog.text]
        said.append(json.dumps([vars(record) for record in caplog.records], default=str))
    assert "***" in error.message
    for each in said:
        assert PASSWORD not in each
        assert "password pä" not in each


def test_pypsrp_and_urllib3_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with WinRmServer(troubles=[Trouble("http", "Receive", skip=2, body="no xml")]) as server:
        failure(server.host())
    names = {record.name.partition(".")[0] for record in caplog.records}
    assert not names & {"pypsrp", "spnego", "urllib3", "requests"}
