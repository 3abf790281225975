"""Everything that can go wrong between us and a WinRM service, produced for real on loopback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pytest_wfo.connect import psrp_session
from pytest_wfo.connect.errors import Reason
from pytest_wfo.connect.http_wire import ANSWER_BYTES
from pytest_wfo.core.hosts import Timeouts
from tests.support.patience import PATIENT
from tests.winrm import soap
from tests.winrm.faults import Trouble
from tests.winrm.server import WinRmServer
from tests.winrm.shells import Answer
from tests.winrm.support import SCRIPT, failure, opened

# Where the host's silence is what is tested.
QUICK = Timeouts(connect=2.0, banner=1.0, login=2.0, script=5.0)
LONG = 60.0  # nobody waits for the end of it
FIRST, SESSION = 0, 2  # the first Receives open the session, the third is the script's

OPENING = [
    (Trouble("http", "Login", status=503, times=-1), Reason.WINRM_FAULT, "HTTP status 503"),
    (Trouble("http", "Login", status=404, times=-1), Reason.NOT_WINRM, "HTTP status 404"),
    (Trouble("http", "Login", status=400, times=-1), Reason.CONNECTION_LOST, "HTTP status 400"),
    (Trouble("html", "Login"), Reason.NOT_WINRM, "answered with a web page"),
    (Trouble("http", "Create", status=407, body="<html>Proxy</html>"), Reason.NOT_WINRM, "not WinRM"),
    (Trouble("redirect", "Login", body="http://127.0.0.1:9/"), Reason.NOT_WINRM, "redirect"),
    (Trouble("not-http", "Login"), Reason.NOT_WINRM, "not with HTTP"),
    (Trouble("reset", "Login"), Reason.CONNECTION_LOST, "without an answer"),
    (Trouble("close", "Login"), Reason.CONNECTION_LOST, "without an answer"),
    (Trouble("silent", "Login", seconds=LONG), Reason.HANGS_BEFORE_BANNER, "then said nothing"),
    (Trouble("fault", "Create", soap=soap.access_denied()), Reason.ACCESS_DENIED, "access is denied"),
    (Trouble("fault", "Create", soap=soap.too_many_shells(30)), Reason.QUOTA, "0x803381a5"),
    (Trouble("fault", "Create", soap=soap.too_many_operations()), Reason.QUOTA, "1500"),
    (Trouble("fault", "Create", soap=soap.too_many_operations(coded=False)), Reason.QUOTA, "1500"),
    (Trouble("fault", "Create", soap=soap.no_such_resource("x")), Reason.NO_SUCH_ENDPOINT, "catalog"),
    (Trouble("fault", "Create", soap=soap.timed_out()), Reason.DEADLINE, "cannot complete"),
    (Trouble("fault", "Create", soap=soap.Fault(1326, "w:AccessDenied", "no")),
     Reason.WINRM_LOGIN_REFUSED, "1326"),
    (Trouble("fault", "Create"), Reason.WINRM_FAULT, "something broke"),
    (Trouble("http", "Create", status=413), Reason.QUOTA, "MaxEnvelopeSizekb"),
    (Trouble("cut-xml", "Create"), Reason.ANSWER_UNREADABLE, "could not be read as WinRM"),
    (Trouble("wrong-relation", "Create"), Reason.ANSWER_UNREADABLE, "could not be read as WinRM"),
    (Trouble("short", "Create"), Reason.CONNECTION_LOST, "broke"),
    (Trouble("bad-base64", "Receive"), Reason.ANSWER_UNREADABLE, "could not be read as WinRM"),
    (Trouble("reset", "Receive"), Reason.CONNECTION_LOST, "broke"),
]  # fmt: skip
RUNNING = [
    (Trouble("reset", "Receive", skip=SESSION), Reason.CONNECTION_LOST, "broke"),
    (Trouble("reset-inside", "Receive", skip=SESSION), Reason.CONNECTION_LOST, "broke"),
    (Trouble("short", "Receive", skip=SESSION), Reason.CONNECTION_LOST, "broke"),
    (Trouble("close", "Receive", skip=SESSION), Reason.CONNECTION_LOST, "broke"),
    (Trouble("cut-xml", "Receive", skip=SESSION), Reason.ANSWER_UNREADABLE, "could not be read"),
    (Trouble("bad-base64", "Receive", skip=SESSION), Reason.ANSWER_UNREADABLE, "could not be read"),
    (Trouble("garbage", "Receive", skip=SESSION), Reason.ANSWER_UNREADABLE, "could not be read"),
    (Trouble("wrong-relation", "Receive", skip=SESSION), Reason.ANSWER_UNREADABLE, "not be read"),
    (Trouble("html", "Receive", skip=SESSION), Reason.NOT_WINRM, "a web page"),
    (Trouble("http", "Receive", skip=SESSION, status=500), Reason.WINRM_FAULT, "HTTP status 500"),
    (Trouble("fault", "Receive", skip=SESSION, soap=soap.no_such_shell()),
     Reason.CONNECTION_LOST, "the host ended the PowerShell session"),
    (Trouble("fault", "Receive", skip=SESSION, soap=soap.Fault(995, "w:InternalError", "aborted")),
     Reason.CONNECTION_LOST, "the host ended the PowerShell session"),
    (Trouble("fault", "Command", soap=soap.too_many_operations()), Reason.QUOTA, "1500"),
]  # fmt: skip


def named(case: tuple[Trouble, Reason, str]) -> str:
    trouble = case[0]
    what = trouble.soap.code if trouble.soap else trouble.status
    later = "-later" if trouble.skip else ""
    return f"{trouble.kind}-{what}-at-{trouble.verb}{later}"


def again(trouble: Trouble) -> Trouble:
    """A fresh one: servers count down in theirs."""
    return Trouble(**{name: getattr(trouble, name) for name in Trouble.__slots__})


@pytest.mark.parametrize("case", [*OPENING, *RUNNING], ids=named)
def test_each_fault_has_its_reason_and_leaves_no_shell(case: tuple[Trouble, Reason, str]) -> None:
    trouble, reason, words = case
    with WinRmServer(troubles=[again(trouble)]) as server:
        timeouts = QUICK if trouble.kind == "silent" else PATIENT
        error = failure(server.host(timeouts=timeouts), seconds=LONG)
        assert server.troubles.met
        assert not server.troubles.sat_out
        assert not server.shells
    assert error.reason is reason, error.message
    assert words in error.message
    assert error.endpoint == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("case", RUNNING, ids=named)
def test_the_same_over_https(
    case: tuple[Trouble, Reason, str], certificate: tuple[Path, Path]
) -> None:
    trouble, reason, words = case
    with WinRmServer(troubles=[again(trouble)], certificate=certificate) as server:
        error = failure(server.host(), seconds=LONG)
        assert not server.shells
    assert error.reason is reason
    assert words in error.message


def test_the_remedy_for_denied_access_explains_the_filtered_token() -> None:
    with WinRmServer(not_administrators=["alice"]) as server:
        error = failure(server.host())
    assert error.reason is Reason.ACCESS_DENIED
    assert "LocalAccountTokenFilterPolicy" in error.remedy


def test_a_session_configuration_that_does_not_exist_is_named() -> None:
    with WinRmServer(configurations=["Wfo"]) as server:
        error = failure(server.host(configuration_name="Wof"))
        assert error.reason is Reason.NO_SUCH_ENDPOINT
        assert "powershell/Wof" in error.message
        connection = opened(server.host(configuration_name="Wfo"))
        connection.connect()
        connection.close()


def test_the_last_free_shell_is_given_back() -> None:
    """A run after a run, with a quota of one."""
    with WinRmServer(shells_per_user=1) as server:
        for _ in range(3):
            connection = opened(server.host())
            connection.run_script(SCRIPT, LONG)
            connection.close()


def test_a_session_dropped_between_two_scripts_is_built_anew_once() -> None:
    """What was sealed for the old connection is refused with 400; the old shell is ended too."""
    drop = Trouble("close-after", "Receive", skip=SESSION)
    with WinRmServer(troubles=[drop]) as server:
        connection = opened(server.host())
        first = connection.run_script(SCRIPT, LONG)
        time.sleep(0.05)
        assert connection.run_script(SCRIPT, LONG) == first
        assert server.opened == 2
        connection.close()
        assert not server.shells


def test_a_session_that_keeps_breaking_is_given_up() -> None:
    with WinRmServer(troubles=[Trouble("reset", "Command", times=-1)]) as server:
        error = failure(server.host())
        assert server.verbs["Command"] <= 2
        assert not server.shells
    assert error.reason is Reason.CONNECTION_LOST


def test_a_script_that_hangs_ends_at_its_deadline_and_on_the_host() -> None:
    with WinRmServer(respond=lambda script: Answer(after=LONG)) as server:
        error = failure(server.host(), seconds=3)
        assert not server.shells
    assert error.reason is Reason.DEADLINE
    assert "no complete answer within 3 s" in error.message


@pytest.mark.parametrize("tls", [False, True])
def test_a_host_that_vanishes_in_the_middle_ends_at_its_deadline(
    tls: bool, certificate: tuple[Path, Path]
) -> None:
    gone = Trouble("silent", "Receive", skip=SESSION, seconds=LONG, times=-1)
    with WinRmServer(troubles=[gone], certificate=certificate if tls else None) as server:
        error = failure(server.host(), seconds=2)
        assert not server.troubles.sat_out
    assert error.reason is Reason.DEADLINE


def test_an_answer_that_comes_by_drops_ends_at_its_deadline() -> None:
    """Each byte is in time; all of them never are."""
    drops = Trouble("endless", "Receive", skip=SESSION, seconds=LONG)
    with WinRmServer(troubles=[drops]) as server:
        error = failure(server.host(), seconds=2)
        assert not server.troubles.sat_out
    assert error.reason is Reason.DEADLINE


def test_a_login_that_does_not_end_is_given_up() -> None:
    slow = Trouble("endless", "Create", seconds=LONG)
    with WinRmServer(troubles=[slow]) as server:
        error = failure(server.host(timeouts=QUICK))
        assert not server.troubles.sat_out
    assert error.reason is Reason.DEADLINE
    assert "no PowerShell session within 3 s" in error.message


def test_an_answer_of_50_mb_is_refused_at_the_limit() -> None:
    with WinRmServer(respond=lambda script: Answer(output=("x" * 50_000_000,))) as server:
        error = failure(server.host(), seconds=60)
        assert not server.shells
    assert error.reason is Reason.ANSWER_UNREADABLE
    assert f"longer than {ANSWER_BYTES} bytes" in error.message


def test_a_quarter_of_that_arrives_whole() -> None:
    with WinRmServer(respond=lambda script: Answer(output=("x" * 8_000_000,))) as server:
        connection = opened(server.host())
        assert connection.run_script(SCRIPT, 60).stdout == b"x" * 8_000_000
        connection.close()


def test_a_run_that_is_stopped_ends_at_once() -> None:
    import threading

    with WinRmServer(respond=lambda script: Answer(after=LONG)) as server:
        connection = opened(server.host())
        connection.connect()
        timer = threading.Timer(0.5, connection.abort)
        timer.start()
        with pytest.raises(Exception, match="the run was stopped"):
            connection.run_script(SCRIPT, 2 * LONG)
        timer.join()
        connection.close()


def test_a_slow_but_living_host_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers a Receive with "nothing yet" until there is something."""
    monkeypatch.setattr(psrp_session, "OPERATION_SECONDS", 1)
    with WinRmServer(respond=lambda script: Answer(output=("done",), after=2.5)) as server:
        connection = opened(server.host())
        assert connection.run_script(SCRIPT, LONG).stdout == b"done"
        assert server.verbs["Receive"] > SESSION + 1
        connection.close()
