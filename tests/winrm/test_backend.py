"""``psrp://`` as a testinfra connection, on its own and in an inventory."""

from __future__ import annotations

from typing import cast

import pytest
import testinfra

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.psrp_backend import PsrpBackend, register
from pytest_wfo.core.hosts import SecretRef
from tests.winrm.faults import Trouble
from tests.winrm.server import PASSWORD, WinRmServer
from tests.winrm.shells import Answer
from tests.winrm.support import vault

IN_PW = SecretRef("env", "PW")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    import testinfra.backend

    monkeypatch.setattr(testinfra.backend, "BACKENDS", dict(testinfra.backend.BACKENDS))
    register()


def test_get_host_takes_psrp() -> None:
    with WinRmServer(respond=lambda script: Answer(output=("a", "b"))) as server:
        host = testinfra.get_host(
            f"psrp://alice@127.0.0.1:{server.port}?no_ssl=true",
            password=IN_PW,
            vault=vault(),
            options=(("auth", "ntlm"),),
        )
        assert host.run("Get-Something").stdout == "a\nb\n"
        assert host.backend.get_pytest_id() == "psrp://127.0.0.1"
        cast(PsrpBackend, host.backend).close()
        assert not server.shells


def test_the_password_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with WinRmServer() as server:
        monkeypatch.setenv("WFO_PASSWORD", PASSWORD)
        host = testinfra.get_host(f"psrp://alice@127.0.0.1:{server.port}", ssl=False)
        assert host.run("x").rc == 0
        cast(PsrpBackend, host.backend).close()
        monkeypatch.undo()


def test_no_password_in_the_address() -> None:
    with pytest.raises(ConnectError) as caught:
        testinfra.get_host("psrp://alice:hunter2@127.0.0.1", vault=vault(), password=IN_PW)
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "hunter2" not in str(caught.value)


def test_a_session_that_went_stale_is_built_anew_for_the_next_command() -> None:
    with WinRmServer(troubles=[Trouble("reset", "Command", skip=1)]) as server:
        backend = PsrpBackend(
            f"alice@127.0.0.1:{server.port}", no_ssl=True, password=IN_PW, vault=vault()
        )
        assert [backend.run("x").rc for _ in range(3)] == [0, 0, 0]
        assert server.opened == 2
        backend.close()
        assert not server.shells


@pytest.mark.parametrize(
    ("arguments", "quoted"),
    [
        (("it's",), "x 'it''s'"),
        (("$a `b",), "x '$a `b'"),
        (("’ ; rm",), "x '’’ ; rm'"),
        ((), "x %s"),
    ],
)
def test_arguments_are_quoted_for_powershell(arguments: tuple[str, ...], quoted: str) -> None:
    assert PsrpBackend.quote("x %s", *arguments) == quoted
