"""The script as PowerShell's own parser sees it: its grammar, its commands, its types."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.facts import Target, Transport
from pytest_wfo.probes.windows import windows_script
from tests.probes.windows.host import HERE, WindowsHost, load, needs_engine
from tests.probes.windows.test_hygiene import PARTS, TASK

if TYPE_CHECKING:
    from pathlib import Path

LISTED = json.loads((HERE / "commands.json").read_text("utf-8"))
TARGETS = (Target("192.0.2.1", 443, Transport.HTTPS, "premises"),)
TEXTS = {**PARTS, "whole": windows_script(TARGETS, ["C:\\temp\\it's \u2019 \u65e5.log"], TASK)}


@cache
def parsed(name: str, folder: Path) -> dict[str, Any]:
    """What the parser says."""
    script = folder / "looked-at.ps1"
    script.write_text(TEXTS[name], "ascii")
    state = load("base")
    state["environment"] = {"WFO_SCRIPT": str(script)}
    done = WindowsHost(state).run((HERE / "grammar.ps1").read_text("ascii"))
    assert done.stderr == b""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("grammar")


@needs_engine
@pytest.mark.parametrize("name", TEXTS)
def test_the_parser_finds_no_error_and_nothing_newer_than_powershell_3(
    name: str, folder: Path
) -> None:
    found = parsed(name, folder)
    assert found["errors"] == []
    assert found["newer"] == []
    assert found["commands"]


@needs_engine
def test_every_command_and_parameter_is_listed_with_its_version(folder: Path) -> None:
    found = parsed("whole", folder)
    listed, own = LISTED["commands"], set(found["functions"])
    used: set[str] = set()
    for command in found["commands"]:
        name = command["name"]
        if name is None:
            assert command["text"] in (
                "& $Block",
                "& $program -CheckExclusion -Path $bare 2>$null",
            ) or command["text"].startswith("& $Program -Scan ")
        elif name not in own:
            assert name in listed, name
            assert set(command["parameters"]) <= set(listed[name]["parameters"]), command["text"]
            used.add(name)
    assert used == set(listed)
    assert not own & set(listed)


@needs_engine
@pytest.mark.parametrize("name", PARTS)
def test_every_type_and_method_is_listed_and_dotnet_stays_in_its_part(
    name: str, folder: Path
) -> None:
    found = parsed(name, folder)
    kinds = {"reach.ps1": ["core", "FullLanguage"], "antivirus.ps1": ["core", "events"]}.get(
        name, ["core"]
    )
    for what, used in (("types", found["types"]), ("methods", found["members"])):
        assert set(used) <= {each for kind in kinds for each in LISTED[what].get(kind, [])}


NEWER = [
    "1 ? 2 : 3", "Get-Item a && Get-Item b", "$a ?? $b", "$a ??= $b", "${a}?.b", "class A { }",
    "using namespace System", "enum E { A }", "function f { clean { } }", "foreach ($a b) { }",
]  # fmt: skip


@needs_engine
def test_the_check_would_see_what_is_newer(folder: Path) -> None:
    for snippet in NEWER:
        TEXTS[snippet] = f"{snippet}\n"
        found = parsed(snippet, folder)
        assert found["newer"] or found["errors"], snippet
