"""A session configuration that lets no script run, with the module of ``examples/jea``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import pytest_wfo.probes
from pytest_wfo.connect.errors import Reason
from pytest_wfo.core.facts import Known, Reach, Target, Transport
from pytest_wfo.probes.windows import read_windows, windows_script
from tests.probes.windows.host import REACHED, load
from tests.winrm.server import WinRmServer
from tests.winrm.support import failure, run
from tests.winrm.test_collector import SCRIPT, environment

KIT = Path(__file__).parents[2] / "examples" / "jea"
FILES = sorted(file for file in KIT.rglob("*") if file.is_file())
PROBES = Path(pytest_wfo.probes.__file__).parent


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """The module as docs/jea.md puts it together."""
    folder = tmp_path / "WfoFact"
    shutil.copytree(KIT / "WfoFact", folder)
    for script in (PROBES / "windows.ps1", PROBES / "engines" / "reach.ps1"):
        shutil.copy(script, folder)
    return folder


def endpoint(folder: Path, module: Path | None) -> dict[str, str]:
    """The lab's base host with a session configuration like the kit's. Its session type, its role
    capabilities and its virtual account exist on Windows only."""
    played = folder / "lab"
    played.mkdir()
    uses = f"ModulesToImport = '{module / 'WfoFact.psm1'}'" if module else ""
    configuration = folder / "lab.pssc"
    configuration.write_text(
        "@{ SchemaVersion = '2.0.0.0'; GUID = 'd4f9bd50-5d5f-4f0f-9a4c-0c7b7c3f2f10'\n"
        "SessionType = 'Default'; LanguageMode = 'NoLanguage'\n"
        f"VisibleFunctions = 'Get-WfoFact'\n{uses} }}"
    )
    base = environment(load("base"), played)
    return {**base, "WINDOWSLAB_CONFIGURATIONFILE": str(configuration)}


def test_the_command_gives_the_facts_where_no_script_may_run(
    pwsh: str, module: Path, tmp_path: Path
) -> None:
    played = endpoint(tmp_path, module)
    with WinRmServer(engine=[pwsh], environment=played, configurations=["WfoFact"]) as server:
        output = run(server.host(configuration_name="WfoFact"), SCRIPT, 60)
        assert (server.opened, len(server.shells)) == (1, 0)
    assert output.exit_status == 0
    assert output.stdout.startswith(b'{"v":1,"platform":"windows"')
    assert output.stdout.endswith(b'"complete":true}')


def test_connections_are_tried_there_too(pwsh: str, module: Path, tmp_path: Path) -> None:
    target = Target("127.0.0.1", 9, Transport.TCP, "")
    script = windows_script([target]).encode()
    with WinRmServer(engine=[pwsh], environment=endpoint(tmp_path, module)) as server:
        output = run(server.host(), script, 60)
    facts = read_windows(output.stdout.decode(), REACHED, [target], asked=0.0, answered=0.0)
    assert isinstance(facts.probes, Known)
    assert [(each.target, each.reach) for each in facts.probes.value] == [(target, Reach.REFUSED)]


def test_a_session_configuration_without_the_command_is_said(pwsh: str, tmp_path: Path) -> None:
    with WinRmServer(engine=[pwsh], environment=endpoint(tmp_path, None)) as server:
        error = failure(server.host(), SCRIPT, 60)
        assert not server.shells
    assert error.reason is Reason.CONSTRAINED_LANGUAGE
    assert "lets no script run and has no Get-WfoFact" in error.message


@pytest.mark.parametrize("request_text", ["x", "{}; Get-Process", "$(1)", "{\n}"])
def test_the_command_takes_nothing_but_a_request(
    pwsh: str, module: Path, tmp_path: Path, request_text: str
) -> None:
    script = f"$WfoRequest = '{request_text}'\n".encode()
    with WinRmServer(engine=[pwsh], environment=endpoint(tmp_path, module)) as server:
        error = failure(server.host(), script, 60)
    assert error.reason in {Reason.SCRIPT_FAILED, Reason.CONSTRAINED_LANGUAGE}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_each_file_of_the_kit_is_powershell(file: Path, pwsh: str) -> None:
    text = f"[void][ScriptBlock]::Create([IO.File]::ReadAllText('{file}')); 'fine'"
    done = subprocess.run([pwsh, "-Command", text], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "fine", done.stderr


def test_the_kit_is_whole() -> None:
    assert {file.suffix for file in FILES} == {".psm1", ".psd1", ".psrc", ".pssc"}
