"""The session configuration of the kit, in a real engine: its one command gives the facts, and
nothing else runs there.

Its session type, its role definitions and its virtual account exist on Windows only. Here it is a
session without a language, in which the role is laid over the configuration, and with the
Select-Object that Windows' restricted sessions have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.opening import OpenConnection
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Known, Reach, Target, Transport, Unknown
from pytest_wfo.probes.jea import kit
from pytest_wfo.probes.windows import collector_id, read_windows, windows_script
from tests.probes.windows.host import REACHED, STUBS, environment, load
from tests.winrm.server import WinRmServer
from tests.winrm.support import failure, opened, run
from tests.winrm.test_collector import SCRIPT, expect

pytestmark = pytest.mark.lab

# What the lab's engine cannot do, as it is no Windows.
WINDOWS_ONLY = ("SessionType", "ExecutionPolicy", "RunAsVirtualAccount", "RoleDefinitions")
DRIVE = "$null = New-PSDrive -Scope Global -Name C -PSProvider FileSystem -Root '{root}'\n"
RESTRICTED = """\
    SessionType = 'Default'
    FunctionDefinitions = @{ Name = 'Select-Object'; ScriptBlock = {
        [CmdletBinding()]
        param(
            [ValidateSet('Name', 'Count')] [string[]]$Property,
            [Parameter(Mandatory = $true, ValueFromPipeline = $true)] $InputObject
        )
        process { $InputObject }
    } }
"""


def entries(text: str, *, without: tuple[str, ...]) -> str:
    """The lines of a configuration file but those that begin with such a key."""
    inside = text.partition("@{\n")[2].rpartition("}")[0]
    return "".join(
        line
        for line in inside.splitlines(keepends=True)
        if not line.strip().startswith((*without, "#"))
    )


def played(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """The lab's base host with the session configuration of the kit ``files``, for the engine."""
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, "ascii")
    base = environment(load("base"), folder)
    modules = [STUBS, folder / "drive.psm1", folder / "WfoFact" / "WfoFact.psd1"]
    modules[1].write_text(DRIVE.format(root=folder / "drives" / "C"), "utf-8")
    configuration = entries(files["WfoFact.pssc"], without=WINDOWS_ONLY)
    role = entries(
        files["WfoFact/RoleCapabilities/WfoFact.psrc"], without=("GUID", "Description")
    ).replace("'WfoFact'", ", ".join(f"'{module}'" for module in modules))
    lab = folder / "lab.pssc"
    lab.write_text(f"@{{\n{configuration}{role}{RESTRICTED}}}\n", "utf-8")
    return {**base, "WINDOWSLAB_CONFIGURATIONFILE": str(lab)}


@pytest.fixture(scope="module")
def endpoint(pwsh: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinRmServer]:
    environment = played(tmp_path_factory.mktemp("jea"), kit())
    with WinRmServer(engine=[pwsh], environment=environment, configurations=["WfoFact"]) as server:
        yield server


@pytest.fixture(scope="module")
def connection(endpoint: WinRmServer) -> Iterator[OpenConnection]:
    """One session for many commands."""
    connection = opened(endpoint.host(configuration_name="WfoFact"))
    yield connection
    connection.close()


def test_the_command_gives_the_facts_that_the_script_gives(endpoint: WinRmServer) -> None:
    output = run(endpoint.host(configuration_name="WfoFact"), SCRIPT, 60)
    assert (output.stderr, output.exit_status) == (b"", 0)
    expect("base", output.stdout)


def test_connections_are_tried_there_too(endpoint: WinRmServer) -> None:
    target = Target("127.0.0.1", 9, Transport.TCP, "")
    output = run(endpoint.host(configuration_name="WfoFact"), windows_script([target]).encode(), 60)
    facts = read_windows(output.stdout.decode(), REACHED, [target], asked=0.0, answered=0.0)
    assert isinstance(facts.probes, Known)
    assert [(each.target, each.reach) for each in facts.probes.value] == [(target, Reach.REFUSED)]


@pytest.mark.parametrize("script", ["1 + 1", "Get-Process", "Get-WfoFact; Get-Process"])
def test_no_script_runs_there(connection: OpenConnection, script: str) -> None:
    with pytest.raises(ConnectError, match="ScriptsNotAllowed") as caught:
        connection.run_script(script.encode(), 60)
    assert caught.value.reason is Reason.CONSTRAINED_LANGUAGE


def test_another_collector_than_the_installed_one_is_said(pwsh: str, tmp_path: Path) -> None:
    older = {place: text.replace(collector_id(), "0123456789ab") for place, text in kit().items()}
    with WinRmServer(engine=[pwsh], environment=played(tmp_path, older)) as server:
        error = failure(server.host(), SCRIPT, 60)
        assert not server.shells
    assert error.reason is Reason.SCRIPT_FAILED
    assert "the collector installed here (0123456789ab) is not that" in error.message
    assert "Install the kit again: python -m pytest_wfo.probes.jea" in error.message


def test_an_endpoint_without_the_command_is_said(pwsh: str, tmp_path: Path) -> None:
    other = {place: text.replace("Get-WfoFact", "Get-Other") for place, text in kit().items()}
    with WinRmServer(engine=[pwsh], environment=played(tmp_path, other)) as server:
        error = failure(server.host(), SCRIPT, 60)
        assert not server.shells
    assert error.reason is Reason.CONSTRAINED_LANGUAGE
    assert "lets no script run and has no Get-WfoFact" in error.message
    assert "install the kit that has it: python -m pytest_wfo.probes.jea" in error.message


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("x", "["),
        ("{}", "is not that of the pytest-wfo that asks"),
        ("{}; Get-Process", "["),
        (json.dumps({"collector": collector_id().upper(), "files": []}), "is not that of"),
        *(
            (json.dumps({"collector": collector_id(), "files": files}), "without a drive letter")
            for files in (
                ["\\\\192.0.2.1\\share\\a"],
                ["HKLM:\\SOFTWARE"],
                ["C:\\temp", "//192.0.2.1/share"],
                [["C:\\temp", "\\\\192.0.2.1\\share"]],
                [[["C:\\temp"]]],
                "\\\\192.0.2.1\\share",
                {"0": "C:\\temp"},
            )
        ),
        (
            json.dumps(
                {"collector": collector_id(), "antivirus": {"folders": ["\\\\192.0.2.1\\share"]}}
            ),
            "without a drive letter",
        ),
    ],
)
def test_the_command_takes_nothing_but_a_request(
    connection: OpenConnection, request_text: str, said: str
) -> None:
    """Not even from a client that is none of ours."""
    with pytest.raises(ConnectError) as caught:
        connection.run_script(f"$WfoRequest = '{request_text}'\n".encode(), 60)
    assert caught.value.reason is Reason.SCRIPT_FAILED
    assert said in caught.value.message


def test_no_file_is_written_there_and_that_is_said(endpoint: WinRmServer) -> None:
    """The session runs as an administrator of the host, for somebody who may be none."""
    task = AntivirusTask(("C:\\temp\\",), file_types=(".vid",), run="r1", concerns=True)
    script = windows_script((), antivirus=task).encode()
    output = run(endpoint.host(configuration_name="WfoFact"), script, 60)
    facts = read_windows(output.stdout.decode(), REACHED, (), asked=0.0, answered=0.0)
    assert isinstance(facts.survival, Unknown)
    assert "writes no test files" in facts.survival.reason
    assert isinstance(facts.concerns, Known)
