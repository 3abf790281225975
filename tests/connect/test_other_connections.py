"""Connections that are not SSH: this machine, and testinfra's own backends."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.script import ScriptOutput
from pytest_wfo.core.hosts import Connection, Host, Role
from tests.support.lifeline import Lifeline

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_wfo.connect.opening import Connector, OpenConnection


def connection_to(connector: Connector, kind: str, spec: str = "") -> OpenConnection:
    host = Host("me", frozenset({Role.CLIENT}), ("127.0.0.1",), Connection(kind, spec=spec))
    return connector.open(host)


@pytest.mark.parametrize(("kind", "spec"), [("local", ""), ("testinfra", "local://")])
def test_scripts_run_here(connector: Connector, kind: str, spec: str) -> None:
    connection = connection_to(connector, kind, spec)
    connection.connect()
    output = connection.run_script(b'echo "it\'s"; echo err >&2; exit 3\n', 30)
    assert output == ScriptOutput(b"it's\n", b"err\n", 3)
    assert connection.testinfra_host().run("echo hi").stdout == "hi\n"
    connection.close()


@pytest.mark.parametrize(("kind", "spec"), [("local", ""), ("testinfra", "local://")])
def test_the_deadline_holds_here(
    connector: Connector, kind: str, spec: str, tmp_path: Path
) -> None:
    go, gone = tmp_path / "go", tmp_path / "gone"
    os.mkfifo(go)
    with pytest.raises(ConnectError) as caught:
        connection_to(connector, kind, spec).run_script(
            f"timeout 60 cat {go}; >{gone}\n".encode(), 0.3
        )
    assert caught.value.reason is Reason.DEADLINE
    assert not gone.exists()
    with suppress(OSError):  # one that goes on alone (testinfra's) is let go
        os.close(os.open(go, os.O_WRONLY | os.O_NONBLOCK))


def test_what_the_script_started_ends_with_it(connector: Connector, tmp_path: Path) -> None:
    line = Lifeline(tmp_path / "line")
    script = f"{line.holding}sleep 600 & sleep 600\n".encode()
    with pytest.raises(ConnectError) as caught:
        connection_to(connector, "local").run_script(script, 1)
    assert caught.value.reason is Reason.DEADLINE
    assert line.was_let_go()
    line.close()


def test_large_answers_arrive_whole(connector: Connector) -> None:
    script = b"head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2\n"
    output = connection_to(connector, "local").run_script(script, 60)
    assert (len(output.stdout), len(output.stderr)) == (5_000_000, 5_000_000)


def test_a_script_too_long_for_a_command_line_is_said(connector: Connector) -> None:
    with pytest.raises(ConnectError) as caught:
        connection_to(connector, "testinfra", "local://").run_script(b"#" * 100_000, 5)
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("spec", ["nonsense://host", "nonsense://user:s3cret@host/x"])
def test_an_unknown_backend_is_said_without_its_password(connector: Connector, spec: str) -> None:
    connection = connection_to(connector, "testinfra", spec)
    with pytest.raises(ConnectError) as caught:
        connection.connect()
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "testinfra does not take nonsense://host" in caught.value.message
    assert "s3cret" not in caught.value.message
