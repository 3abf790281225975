"""sudo against a real sudo, and what must never happen to its password."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.hosts import Host, SecretRef
from tests.support.sshd import MISSING, LoopbackSshd, loopback_sshd
from tests.support.sudo_host import USER, missing, wrapper

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(bool(MISSING or missing()), reason=MISSING or missing())

PASSWORD = "corréct horse; touch /tmp/x"
ASKS = f"{USER} ALL=(ALL) ALL"
NEVER_ASKS = f"{USER} ALL=(ALL) NOPASSWD: ALL"


@contextmanager
def sudo_host(tmp_path: Path, rule: str) -> Iterator[LoopbackSshd]:
    with loopback_sshd(
        tmp_path / "sshd", user=USER, wrapper=wrapper(tmp_path / "etc", rule, PASSWORD)
    ) as server:
        for path in (tmp_path, *tmp_path.parents):  # sshd reads authorized_keys as the user
            if path.is_relative_to(tmp_path.parent.parent) and path != Path("/tmp"):
                path.chmod(0o755)
        (tmp_path / "sshd").chmod(0o755)
        yield server


def rooted(server: LoopbackSshd, password: str | None) -> tuple[Connector, Host]:
    """A connector and the server as a host that is examined as root by sudo."""
    ref = SecretRef("env", "SUDO") if password is not None else None
    vault = Vault(environ={"SUDO": password or ""})
    return Connector(vault), server.host(sudo=True, sudo_password=ref)


SCRIPT = b"id -u; echo err >&2; cat <<'E'\ntext\nE\n"


@pytest.mark.parametrize(
    ("rule", "password"), [(ASKS, PASSWORD), (NEVER_ASKS, PASSWORD), (NEVER_ASKS, None)]
)
def test_the_script_runs_as_root(tmp_path: Path, rule: str, password: str | None) -> None:
    with sudo_host(tmp_path, rule) as server:
        connector, host = rooted(server, password)
        connection = connector.open(host)
        output = connection.run_script(SCRIPT, 10)
        assert (output.stdout, output.exit_status) == (b"0\ntext\n", 0)
        assert output.stderr.endswith(b"err\n")
        live = connection.testinfra_host()
        assert live.run("id -u; echo %s", "it's").stdout == "0\nit's\n"
        connection.close()


def test_testinfras_own_sudo_gets_the_password_too(tmp_path: Path) -> None:
    with sudo_host(tmp_path, ASKS) as server:
        connector, host = rooted(server, PASSWORD)
        connection = connector.open(replace(host, connection=replace(host.connection, sudo=False)))
        live = connection.testinfra_host()
        assert live.run("id -un").stdout == f"{USER}\n"
        with live.sudo("nobody"):  # type: ignore[call-arg, attr-defined]
            done = live.run("id -un")
        connection.close()
    assert (done.stdout, done.stderr) == ("nobody\n", "")


def test_a_password_is_not_given_when_sudo_does_not_ask(tmp_path: Path) -> None:
    """It would be read, and worse: run, as the first line of the script."""
    with sudo_host(tmp_path, NEVER_ASKS) as server:
        connector, host = rooted(server, PASSWORD)
        connection = connector.open(host)
        output = connection.run_script(b"echo all:; cat\n", 10)
        connection.close()
    assert output.stdout == b"all:\n"


def test_a_wrong_password_is_tried_once_and_told(tmp_path: Path) -> None:
    with sudo_host(tmp_path, ASKS) as server:
        connector, host = rooted(server, "wrong-one")
        connection = connector.open(host)
        host_object = connection.testinfra_host()
        for run in (partial(connection.run_script, SCRIPT, 10), partial(host_object.run, "id")):
            with pytest.raises(ConnectError) as caught:
                run()
            assert caught.value.reason is Reason.SUDO_REFUSED
            assert "sudo did not accept the password" in caught.value.message
            assert "wrong-one" not in caught.value.message
        connection.close()


@pytest.mark.parametrize(
    ("rule", "password", "words"),
    [
        (ASKS, None, "password is required"),
        ("root ALL=(ALL) ALL", PASSWORD, "not in the sudoers file"),
        (f"{USER} ALL=(ALL) NOPASSWD: /bin/true", None, "sudo did not start a shell as root"),
    ],
)
def test_what_sudo_says_is_passed_on(
    tmp_path: Path, rule: str, password: str | None, words: str
) -> None:
    with sudo_host(tmp_path, rule) as server:
        connector, host = rooted(server, password)
        connection = connector.open(host)
        with pytest.raises(ConnectError) as caught:
            connection.run_script(SCRIPT, 10)
        connection.close()
    assert caught.value.reason is Reason.SUDO_REFUSED
    assert words in caught.value.message


def test_the_password_is_in_no_process_list(tmp_path: Path) -> None:
    with sudo_host(tmp_path, ASKS) as server:
        connector, host = rooted(server, PASSWORD)
        connection = connector.open(host)
        script = b"for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do tr '\\0' ' ' <$f; done\n"
        output = connection.run_script(script + b"true\n", 20)
        connection.close()
    assert b"sudo" in output.stdout
    assert PASSWORD.encode() not in output.stdout
