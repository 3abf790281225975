"""Shared by the tests of WinRM: opening a connection, and what a failure says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect.errors import ConnectError
from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.secrets import Vault
from tests.winrm.server import PASSWORD

if TYPE_CHECKING:
    from pytest_wfo.connect.opening import OpenConnection
    from pytest_wfo.connect.script import ScriptOutput
    from pytest_wfo.core.hosts import Host

SCRIPT = b"Get-Something\n"


def vault(password: str = PASSWORD) -> Vault:
    """Secrets that are kept in $PW."""
    return Vault(environ={"PW": password})


def opened(host: Host, password: str = PASSWORD) -> OpenConnection:
    """The way to ``host``; nothing is sent yet."""
    return Connector(vault(password)).open(host)


def run(host: Host, script: bytes = SCRIPT, seconds: float = 60) -> ScriptOutput:
    """One script on a connection of its own."""
    connection = opened(host)
    try:
        return connection.run_script(script, seconds)
    finally:
        connection.close()


def failure(
    host: Host, script: bytes = SCRIPT, seconds: float = 60, password: str = PASSWORD
) -> ConnectError:
    """What connecting to ``host`` and running ``script`` ends in."""

    def attempt() -> None:
        connection = opened(host, password)
        try:
            connection.run_script(script, seconds)
        finally:
            connection.close()

    with pytest.raises(ConnectError) as caught:
        attempt()
    assert caught.value.host == host.name
    assert caught.value.message.startswith(f"{host.name}: ")
    return caught.value
