"""A real PowerShell behind the WinRM service: its own remoting server, over our connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_wfo.connect.errors import Reason
from tests.winrm.server import WinRmServer
from tests.winrm.support import failure, opened, run

REPORT = """\
$ErrorActionPreference = 'Stop'
$facts = @{ version = [string]$PSVersionTable.PSVersion; text = "h\u00e4\u00df \u6f22 $([char]7) 'q'" }
ConvertTo-Json -InputObject $facts -Compress
"""


@pytest.fixture(scope="module")
def server(pwsh: str) -> Iterator[WinRmServer]:
    with WinRmServer(engine=[pwsh]) as server:
        yield server


def test_one_script_one_json_text(server: WinRmServer) -> None:
    before = server.requests
    output = run(server.host(), REPORT.encode(), 30)
    assert server.requests - before <= 10
    assert not server.shells
    facts = json.loads(output.stdout)
    assert facts["text"] == "häß 漢 \x07 'q'"
    assert facts["version"].startswith("7.")


def test_a_report_of_a_megabyte_arrives_whole(server: WinRmServer) -> None:
    before = server.requests
    assert run(server.host(), b"'abc%' * 250000", 60).stdout == b"abc%" * 250000
    assert server.requests - before <= 16


def test_a_long_script_arrives_whole(server: WinRmServer) -> None:
    script = b"# " + b"x" * 900_000 + b"\n'end'\n"
    assert run(server.host(), script, 60).stdout == b"end"


@pytest.mark.parametrize(
    ("script", "reason", "words"),
    [
        ("throw 'kaputt'", Reason.SCRIPT_FAILED, "kaputt"),
        ("if (", Reason.SCRIPT_FAILED, "["),
        ("$ErrorActionPreference = 'Stop'; Get-Nothing", Reason.SCRIPT_FAILED, "CommandNotFound"),
    ],
)
def test_how_a_script_ends_is_told(
    server: WinRmServer, script: str, reason: Reason, words: str
) -> None:
    error = failure(server.host(), script.encode(), 30)
    assert error.reason is reason
    assert words in error.message
    assert not server.shells


def test_errors_that_end_nothing_are_on_stderr(server: WinRmServer) -> None:
    output = run(server.host(), b"'before'; Write-Error 'oh'; 'after'", 30)
    assert output.stdout == b"before\nafter"
    assert b"oh" in output.stderr


def test_a_script_that_hangs_is_ended_at_its_deadline(server: WinRmServer) -> None:
    error = failure(server.host(), b"while ($true) { }", 4)
    assert error.reason is Reason.DEADLINE
    assert not server.shells


def test_a_constrained_language_runs_what_needs_no_more(pwsh: str) -> None:
    constrained = {"WINDOWSLAB_LANGUAGE": "ConstrainedLanguage"}
    with WinRmServer(engine=[pwsh], environment=constrained) as server:
        host = server.host()
        assert run(host, b"ConvertTo-Json @{ a = 1 } -Compress", 30).stdout == b'{"a":1}'
        error = failure(host, b"$ErrorActionPreference = 'Stop'; [math]::Sqrt(4)", 30)
    assert error.reason is Reason.CONSTRAINED_LANGUAGE


def test_an_endpoint_without_a_language_is_said(pwsh: str, tmp_path: Path) -> None:
    """A session configuration as JEA uses them refuses every script."""
    pssc = tmp_path / "jea.pssc"
    pssc.write_text(
        "@{ SchemaVersion = '2.0.0.0'; GUID = 'd4f9bd50-5d5f-4f0f-9a4c-0c7b7c3f2f10';"
        " SessionType = 'Default'; LanguageMode = 'NoLanguage' }"
    )
    environment = {"WINDOWSLAB_CONFIGURATIONFILE": str(pssc)}
    with WinRmServer(engine=[pwsh], environment=environment, configurations=["Jea"]) as server:
        error = failure(server.host(configuration_name="Jea"), b"1 + 1", 30)
        assert not server.shells
    assert error.reason is Reason.CONSTRAINED_LANGUAGE


def test_testinfra_runs_powershell(server: WinRmServer) -> None:
    connection = opened(server.host())
    host = connection.testinfra_host()
    done = host.run("Write-Output %s; Write-Error oh; 'häß'", "it's a ‘quote’ $x")
    assert (done.rc, done.stdout) == (0, "it's a ‘quote’ $x\nhäß\n")
    assert "oh" in done.stderr
    assert host.run("exit 3").rc == 3
    assert host.run("throw 'x'").rc == 1
    assert host.check_output("1 + 1") == "2"
    assert server.verbs["Create"] - server.verbs["Delete"] == 1, "all of them in one session"
    connection.close()
    assert not server.shells
