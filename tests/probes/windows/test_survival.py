"""Harmless test files: what became of each is told, and nothing stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import (
    Survival,
    SurvivalProbe,
)
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.survival import NOTHING, Written, survival_of
from pytest_wfo.probes.windows import read_windows, windows_script
from tests.probes.windows.host import REACHED, Answer, WindowsHost, needs_engine

if TYPE_CHECKING:
    from collections.abc import Callable
from tests.probes.windows.played import LAST, RACED, RUN, SHORT, TASK, TYPES, Played, state


def survived(answer: Answer) -> SurvivalProbe:
    assert answer.complaints == ""
    fact = answer.facts.survival
    assert isinstance(fact, Known), fact
    return fact.value


@needs_engine
@pytest.mark.parametrize(
    "name", ["base", "constrained", "powershell-3", "powershell-7", "japanese"]
)
def test_each_type_is_written_beside_wfo_and_elsewhere_and_nothing_stays(name: str) -> None:
    played = Played(state(name), TASK, SHORT)
    probe = survived(played.run())
    assert {(file.survival, file.detail) for file in probe.files} == {(Survival.UNCHANGED, "")}
    folders = (
        "C:\\temp",
        "C:\\Program Files\\CallCopy\\Logs",
        f"C:\\Windows\\Temp\\wfo-probe-{RUN}",
    )
    assert sorted(file.path for file in probe.files) == sorted(
        f"{folder}\\wfo-probe-{RUN}{extension}" for folder in folders for extension in TYPES
    )
    assert all(file.seconds >= 0.2 for file in probe.files)
    assert probe.leftovers == ()
    assert played.remains == []


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\xef")


def _prefix(path: Path) -> None:
    """A mark that readers of text pass over."""
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


@needs_engine
@pytest.mark.parametrize(
    ("act", "survival", "detail"),
    [
        (_append, Survival.CHANGED, "content"),
        (_prefix, Survival.CHANGED, "content"),
        (lambda path: path.chmod(0o600), Survival.CHANGED, "rights were"),
        (lambda path: path.chmod(0o444), Survival.CHANGED, "attributes were"),
        (lambda path: path.unlink(), Survival.GONE, ""),
    ],
)
def test_what_another_process_did_to_one_file_is_told_of_that_file(
    act: Callable[[Path], object], survival: Survival, detail: str
) -> None:
    played = Played(state(), TASK, RACED).racing(f"C/temp/wfo-probe-{RUN}.vid", act, LAST)
    fates = {file.path: file for file in survived(played.run()).files}
    told = fates.pop(f"C:\\temp\\wfo-probe-{RUN}.vid")
    assert (told.survival, detail in told.detail) == (survival, True), told
    assert {file.survival for file in fates.values()} == {Survival.UNCHANGED}
    assert played.remains == []


@needs_engine
def test_a_name_that_is_taken_is_neither_written_to_nor_removed() -> None:
    name = f"C/temp/wfo-probe-{RUN}.log"
    played = Played(state(files={name: "kept"}), replace(TASK, file_types=(".log",)), SHORT)
    probe = survived(played.run())
    fates = {file.path: (file.survival, file.detail) for file in probe.files}
    assert fates[f"C:\\temp\\wfo-probe-{RUN}.log"] == (Survival.UNWRITTEN, "the name is taken")
    assert probe.leftovers == (f"C:\\temp\\wfo-probe-{RUN}.log",)
    assert played.remains == [name]


@needs_engine
def test_what_an_earlier_run_left_is_named_and_not_touched() -> None:
    played = Played(state(files={"C/temp/wfo-probe-old1.vid": "old"}), TASK, SHORT)
    assert survived(played.run()).leftovers == ("C:\\temp\\wfo-probe-old1.vid",)
    assert played.remains == ["C/temp/wfo-probe-old1.vid"]


@needs_engine
def test_what_somebody_lays_into_our_folder_stays_and_is_told() -> None:
    played = Played(state(), TASK, RACED).racing(
        f"C/Windows/Temp/wfo-probe-{RUN}", lambda path: (path / "other").touch(), LAST
    )
    assert survived(played.run()).leftovers == (f"C:\\Windows\\Temp\\wfo-probe-{RUN}",)
    assert played.remains == [f"C/Windows/Temp/wfo-probe-{RUN}"]


@needs_engine
def test_without_a_folder_for_temporary_files_those_of_wfo_are_tried() -> None:
    probe = survived(Played(state(environment={"TEMP": "C:\\gone"}), TASK, SHORT).run())
    assert {file.path.rpartition("\\")[0] for file in probe.files} == {
        "C:\\temp",
        "C:\\Program Files\\CallCopy\\Logs",
    }


@needs_engine
def test_with_no_place_at_all_nothing_is_known() -> None:
    nowhere = replace(TASK, folders=())
    fact = Played(state(environment={"TEMP": "C:\\gone"}), nowhere, SHORT).run().facts.survival
    assert isinstance(fact, Unknown)
    assert fact.reason.startswith("no test file could be written")


@needs_engine
def test_at_level_none_nothing_is_written() -> None:
    played = Played(state(), replace(TASK, run="", concerns=True), SHORT)
    facts = played.run().facts
    assert isinstance(facts.survival, Unknown)
    assert facts.survival.reason.startswith("not tried: --wfo-probe=none")
    assert isinstance(facts.concerns, Known)


@needs_engine
def test_a_host_of_which_nothing_is_asked_says_nothing_of_it() -> None:
    answer = WindowsHost(state()).ask(antivirus=NOTHING)
    assert "asked_antivirus" not in json.loads(answer.text)["sections"]


@needs_engine
def test_a_script_that_is_stopped_removes_what_it_wrote(tmp_path: Path) -> None:
    """As PowerShell remoting stops a pipeline: here by its own job."""
    script = windows_script((), antivirus=TASK, patience=replace(SHORT, survival=60.0))
    (tmp_path / "inner.ps1").write_text(script, "ascii")
    stopping = f"""
$outer = [PowerShell]::Create()
$null = $outer.AddScript("param(`$drive) " +
    "`$null = New-PSDrive -Name C -PSProvider FileSystem -Root `$drive; " +
    "`$env:TEMP = 'C:\\Windows\\Temp'; . '{tmp_path}/inner.ps1'").AddArgument((Get-PSDrive C).Root)
$running = $outer.BeginInvoke()
$root = (Get-PSDrive C).Root
for ($i = 0; $i -lt 300; $i++) {{
    if (Test-Path "$root/Windows/Temp/wfo-probe-{RUN}/wfo-probe-{RUN}.xml") {{ break }}
    Start-Sleep -Milliseconds 100
}}
$before = @(Get-ChildItem -Recurse $root | Where-Object {{ $_.Name -like 'wfo-*' }}).Count
$outer.Stop()
$after = @(Get-ChildItem -Recurse $root | Where-Object {{ $_.Name -like 'wfo-*' }}).Count
"$before $after"
"""
    done = WindowsHost(state()).run(stopping)
    assert done.stderr.decode() == ""
    before, after = map(int, done.stdout.split())
    assert before == 3 * len(TYPES) + 1
    assert after == 0


@needs_engine
@pytest.mark.parametrize("name", ["base", "constrained", "powershell-3"])
def test_a_junction_on_the_way_to_a_folder_is_told(name: str) -> None:
    def link(drives: Path) -> None:
        real = drives / "D" / "CallCopy"
        real.parent.mkdir()
        (drives / "C" / "Program Files" / "CallCopy").rename(real)
        (drives / "C" / "Program Files" / "CallCopy").symlink_to(real)

    asked = replace(TASK, run="", file_types=())
    fact = WindowsHost(state(name), began=link).ask(antivirus=asked).facts.antivirus
    assert isinstance(fact, Known), fact
    assert fact.value.links == Known(
        {"C:\\Program Files\\CallCopy\\Logs\\": "C:\\Program Files\\CallCopy"}, "Get-Item"
    )


FAILS_ONCE = """
$Global:WfoAsked = @{}
function Get-Acl($LiteralPath) {
    if (-not $WfoAsked[$LiteralPath]) { $WfoAsked[$LiteralPath] = 1; throw 'denied' }
    @{ Sddl = 'O:BAG:SYD:(A;ID;FA;;;BA)' }
}
"""


@needs_engine
def test_an_access_list_that_was_not_read_before_has_not_changed() -> None:
    script = FAILS_ONCE + windows_script((), (), TASK, SHORT)
    done = WindowsHost(state()).run(script)
    assert b"Get-Acl" not in done.stderr
    facts = read_windows(done.stdout.decode(), REACHED, (), asked=0.0, answered=1.0)
    assert isinstance(facts.survival, Known), facts.survival
    fates = {(file.survival, file.detail) for file in facts.survival.value.files}
    assert fates == {(Survival.UNCHANGED, "rights not seen")}


def test_a_file_that_was_refused_as_a_virus_when_it_was_written_is_told_apart() -> None:
    """ERROR_VIRUS_INFECTED is 225 (winerror.h); the collector says "virus"."""
    asked = replace(TASK, file_types=(".vid",))
    said = [
        Written("survival", ".vid", "unwritten", 3.0, why, f"C:\\{number}.vid")
        for number, why in enumerate(("virus", "the name is taken"))
    ]
    fact = survival_of(asked, said, (), "test files")
    assert isinstance(fact, Known)
    assert [file.survival for file in fact.value.files] == [Survival.BLOCKED, Survival.UNWRITTEN]
