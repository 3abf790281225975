"""The kit of the session configuration: whole, plain, and with the collector of today."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_wfo.probes.jea import kit
from pytest_wfo.probes.jea.__main__ import main
from pytest_wfo.probes.windows import collector, collector_id, windows_script
from tests.probes.windows.host import HERE, WindowsHost, load, needs_engine
from tests.probes.windows.test_hygiene import SUSPECT

KIT = kit()
MODULE = KIT["WfoFact/WfoFact.psm1"]


def test_it_is_a_module_with_a_role_and_a_session_configuration() -> None:
    assert sorted(KIT) == [
        "WfoFact.pssc",
        "WfoFact/RoleCapabilities/WfoFact.psrc",
        "WfoFact/WfoFact.psd1",
        "WfoFact/WfoFact.psm1",
    ]


@pytest.mark.parametrize("place", KIT)
def test_each_file_is_plain_and_filled_in(place: str) -> None:
    assert re.fullmatch(r"[\n -~]+\n", KIT[place])
    assert "@COLLECTOR" not in KIT[place]


def test_the_module_holds_the_collector_as_it_is_sent() -> None:
    assert collector() in MODULE
    sent = windows_script(()).partition("\n\n")[2]
    assert sent in MODULE
    assert f"-cne '{collector_id()}'" in MODULE


def test_a_request_names_the_collector_that_is_meant() -> None:
    request = re.match(r"\$WfoRequest = '(.*)'\n", windows_script(()))
    assert request is not None
    assert json.loads(request[1])["collector"] == collector_id()


def test_the_role_shows_one_command_and_the_session_has_no_language() -> None:
    role, session = KIT["WfoFact/RoleCapabilities/WfoFact.psrc"], KIT["WfoFact.pssc"]
    assert re.findall(r"(Visible\w+) += (.*)", role) == [("VisibleFunctions", "@('Get-WfoFact')")]
    assert "Visible" not in session
    assert re.search(r"SessionType += 'RestrictedRemoteServer'", session)
    assert re.search(r"LanguageMode += 'NoLanguage'", session)


@pytest.mark.parametrize("pattern", SUSPECT)
def test_it_holds_nothing_that_scanners_take_for_an_attack(pattern: str) -> None:
    for text in KIT.values():
        assert re.search(pattern, text, re.IGNORECASE) is None


def test_the_collector_uses_no_command_that_restricted_sessions_replace() -> None:
    """They have their own of these, with fewer parameters; for Select-Object the module takes the
    right one (about JEA: RestrictedRemoteServer)."""
    replaced = r"(Clear-Host|Exit-PSSession|Get-Command|Get-FormatData|Get-Help|Measure-Object)\b"
    assert re.search(replaced, MODULE) is None
    assert "-Value Microsoft.PowerShell.Utility\\Select-Object" in MODULE


@needs_engine
@pytest.mark.parametrize("place", KIT)
def test_the_parser_finds_no_error(place: str, tmp_path: Path) -> None:
    file = tmp_path / "looked-at.ps1"
    file.write_text(KIT[place], "ascii")
    state = load("base")
    state["environment"] = {"WFO_SCRIPT": str(file)}
    done = WindowsHost(state).run((HERE / "grammar.ps1").read_text("ascii"))
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert (found["errors"], found["newer"]) == ([], [])
    assert ("Get-WfoFact" in found["functions"]) == place.endswith(".psm1")


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "kit"
    for _ in range(2):  # an update is the same
        assert main([str(folder)]) == 0
        said = capsys.readouterr()
        assert (said.out, said.err) == (
            f"{folder}: the kit with collector {collector_id()}; see docs/jea.md\n",
            "",
        )
    written = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    assert written == {
        place: text.replace("\n", "\r\n").encode("ascii") for place, text in KIT.items()
    }


def test_where_it_cannot_write_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith(str(tmp_path / "file"))
