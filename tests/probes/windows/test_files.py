"""Test files, canary files and files worth excluding: the real script in a real engine, real files.

What plays Windows Defender is named in each test: another process for its real-time protection, a
function for MpCmdRun.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.antivirus.model import (
    Canary,
    CanaryOutcome,
    Concern,
    Concerns,
    Scan,
    Survival,
    SurvivalProbe,
)
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.survival import NOTHING, Patience
from pytest_wfo.probes.windows import windows_script
from tests.probes.windows.host import STUBS, Answer, State, WindowsHost, load, needs_engine, over
from tests.support.racer import Racer

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = (".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml")
RUN = "r7k2m9q4"
LOGS = "C/Program Files/CallCopy/Logs"
TASK = AntivirusTask(
    folders=("C:\\temp\\", "C:\\Program Files\\CallCopy\\Logs\\", "C:\\nowhere\\"),
    extensions=(".vid", ".log"),
    file_types=TYPES,
    run=RUN,
)
# Not the text that scanners know, but one of the same kind.
PAYLOAD = "(u~\\{pq\\rp}pv*+"
SHORT = Patience(survival=0.2, canary=3.0, payload=PAYLOAD)
RACED = Patience(survival=3.0, canary=6.0, payload=PAYLOAD)
DEFENDER = "root/Microsoft/Windows/Defender:MSFT_MpComputerStatus"
NORMAL = {
    "AMRunningMode": "Normal",
    "RealTimeProtectionEnabled": True,
    "AntivirusSignatureAge": 0,
}


def state(name: str = "base", **more: Any) -> State:
    places = {
        "environment": {
            "TEMP": "C:\\Windows\\Temp",
            "ProgramData": "C:\\ProgramData",
            "ProgramFiles": "C:\\Program Files",
        },
        "files": {"C/temp/a.txt": "", f"{LOGS}/a.txt": "", "C/Windows/Temp/a.txt": ""},
    }
    return over(over(load(name), places), more)


class Played:
    """One run on a host, with other processes that race it."""

    def __init__(self, host: State, asked: AntivirusTask, patience: Patience) -> None:
        self.racers: list[Racer] = []
        self.remains: list[str] = []
        self._host, self._asked, self._patience = host, asked, patience
        self._races: list[tuple[str, Callable[[Path], object], float]] = []

    def racing(self, pattern: str, act: Callable[[Path], object], pause: float = 0.3) -> Played:
        self._races.append((pattern, act, pause))
        return self

    def run(self) -> Answer:
        with ExitStack() as stack:

            def began(drives: Path) -> None:
                for pattern, act, pause in self._races:
                    self.racers.append(stack.enter_context(Racer(drives, pattern, act, pause)))

            def ended(drives: Path) -> None:
                self.remains = sorted(
                    str(path.relative_to(drives)) for path in drives.rglob("*wfo-*")
                )

            host = WindowsHost(self._host, began=began, ended=ended)
            return host.ask(antivirus=self._asked, patience=self._patience)


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
    played = Played(state(), TASK, RACED).racing(f"C/temp/wfo-probe-{RUN}.vid", act, pause=1.5)
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
        f"C/Windows/Temp/wfo-probe-{RUN}", lambda path: (path / "other").touch()
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


MPCMDRUN = "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.26010.5-0\\MpCmdRun.exe"
SCANNER = """
# Excluded is what the test says; everything else that is scanned is found and removed.
function Show-Scan {
    param([switch]$Scan, [int]$ScanType, [string]$File, [switch]$DisableRemediation)
    $excluded = @($env:WFO_EXCLUDED -split ';' | Where-Object { $_ -and $File -like $_ }).Count -gt 0
    $global:LASTEXITCODE = 0
    if ($env:WFO_SCANNER_BROKEN) { $global:LASTEXITCODE = 1; return }
    if ($DisableRemediation) { $global:LASTEXITCODE = 2; return }
    if (-not $excluded) { Remove-Item -LiteralPath $File; $global:LASTEXITCODE = 2 }
}
Set-Alias -Name 'MPCMDRUN' -Value Show-Scan
Export-ModuleMember -Function Show-Scan -Alias *
""".replace("MPCMDRUN", MPCMDRUN)
EXCLUDED = "C:\\temp\\*;C:\\Program Files\\CallCopy\\Logs\\*;*.vid;*.log"


def canary(
    tmp_path: Path, *, realtime: bool = True, excluded: str = EXCLUDED, **more: Any
) -> tuple[Played, Canary | Unknown]:
    """A canary run. Real-time protection is a process that removes the control."""
    scanner = tmp_path / "scanner.psm1"
    scanner.write_text(SCANNER, "utf-8")
    defender = {**NORMAL, **more.pop("defender", {})}
    host = state(
        environment={
            "WINDOWSLAB_MODULES": f"{STUBS}:{scanner}",
            "WFO_EXCLUDED": excluded,
            **more.pop("environment", {}),
        },
        files={MPCMDRUN.replace(":", "").replace("\\", "/"): ""},
        cim={DEFENDER: {"rows": [defender]}},
    )
    played = Played(host, replace(TASK, canary=True, **more), SHORT)
    if realtime:
        pattern = f"C/Windows/Temp/wfo-canary-{RUN}/wfo-canary-{RUN}.com"
        played.racing(pattern, lambda path: path.unlink(), pause=0.2)
    answer = played.run()
    assert answer.complaints == ""
    assert PAYLOAD not in answer.text
    fact = answer.facts.canary
    return played, fact.value if isinstance(fact, Known) else fact


def outcomes(run: Canary | Unknown, scan: Scan, *, control: bool) -> dict[str, CanaryOutcome]:
    assert isinstance(run, Canary), run
    return {
        file.path: file.outcome
        for file in run.files
        if file.scan is scan and file.control is control
    }


SUBJECTS = {
    f"C:\\temp\\wfo-canary-{RUN}.com",
    f"C:\\Program Files\\CallCopy\\Logs\\wfo-canary-{RUN}.com",
    f"C:\\Windows\\Temp\\wfo-canary-{RUN}\\wfo-canary-{RUN}.vid",
    f"C:\\Windows\\Temp\\wfo-canary-{RUN}\\wfo-canary-{RUN}.log",
}


@needs_engine
def test_what_is_excluded_is_left_alone_while_the_control_is_detected(tmp_path: Path) -> None:
    played, run = canary(tmp_path)
    assert set(outcomes(run, Scan.MEMORY_RESIDENT, control=True).values()) == {
        CanaryOutcome.DETECTED
    }
    intact = dict.fromkeys(SUBJECTS, CanaryOutcome.INTACT)
    assert outcomes(run, Scan.MEMORY_RESIDENT, control=False) == intact
    assert outcomes(run, Scan.ON_DEMAND, control=False) == intact
    assert set(outcomes(run, Scan.ON_DEMAND, control=True).values()) == {CanaryOutcome.DETECTED}
    assert played.remains == []
    assert isinstance(run, Canary)
    assert (run.run, run.leftovers) == (RUN, ())
    assert run.started < run.ended


@needs_engine
def test_an_undetected_control_makes_everything_inconclusive(tmp_path: Path) -> None:
    _, run = canary(tmp_path, realtime=False)
    (control,) = outcomes(run, Scan.MEMORY_RESIDENT, control=True).values()
    assert control is CanaryOutcome.INTACT
    unknown = dict.fromkeys(SUBJECTS, CanaryOutcome.UNKNOWN)
    assert outcomes(run, Scan.MEMORY_RESIDENT, control=False) == unknown


@needs_engine
def test_a_scan_that_does_not_find_it_without_exclusions_proves_nothing(tmp_path: Path) -> None:
    _, run = canary(tmp_path, environment={"WFO_SCANNER_BROKEN": "1"})
    unknown = dict.fromkeys(SUBJECTS, CanaryOutcome.UNKNOWN)
    assert outcomes(run, Scan.ON_DEMAND, control=False) == unknown


@needs_engine
def test_what_an_on_demand_scan_removes_is_not_excluded_from_it(tmp_path: Path) -> None:
    _, run = canary(tmp_path, excluded="C:\\temp\\*;*.vid;*.log")
    found = outcomes(run, Scan.ON_DEMAND, control=False)
    assert {path for path, what in found.items() if what is CanaryOutcome.DETECTED} == {
        f"C:\\Program Files\\CallCopy\\Logs\\wfo-canary-{RUN}.com"
    }


@needs_engine
@pytest.mark.parametrize(
    ("defender", "said"),
    [
        ({"RealTimeProtectionEnabled": False}, "real-time protection of Microsoft Defender is off"),
        ({"AntivirusSignatureAge": 7}, "signatures of Microsoft Defender are a week old"),
    ],
)
def test_a_scanner_that_is_not_at_work_is_not_tested(
    defender: dict[str, Any], said: str, tmp_path: Path
) -> None:
    played, run = canary(tmp_path, defender=defender, realtime=False)
    assert isinstance(run, Unknown)
    assert said in run.reason
    assert "nothing was written" in run.reason
    assert played.remains == []


@needs_engine
def test_another_product_is_judged_by_the_control_and_not_asked_to_scan(tmp_path: Path) -> None:
    _, run = canary(tmp_path, defender={"AMRunningMode": "Passive"})
    assert outcomes(run, Scan.MEMORY_RESIDENT, control=False) == dict.fromkeys(
        SUBJECTS, CanaryOutcome.INTACT
    )
    assert outcomes(run, Scan.ON_DEMAND, control=False) == dict.fromkeys(
        SUBJECTS, CanaryOutcome.UNKNOWN
    )


def concerns(host: State, **more: Any) -> Concerns:
    asked = replace(TASK, run="", concerns=True, **more)
    fact = Played(host, asked, SHORT).run().facts.concerns
    assert isinstance(fact, Known), fact
    return fact.value


SQL = "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server"
SERVICE = {"StartMode": "Auto", "ProcessId": 4, "StartName": "x"}


@needs_engine
@pytest.mark.parametrize("name", ["base", "constrained", "powershell-3"])
def test_files_worth_excluding_are_named_with_what_was_left_unseen(name: str) -> None:
    host = state(
        name,
        files={
            "C/temp/deep/image.ISO": "x" * 2048,
            "C/temp/plain.txt": "x",
            "D/sql/DATA/wfo.mdf": "x",
            "D/sql/DATA/notes.txt": "x",
            "D/logs/wfo_log.ldf": "x",
            "C/Windows/System32/dhcp/dhcp.mdb": "x",
            "D/wfo/cc_x.exe": "x",
            "D/wfo/disk.vhdx": "x",
        },
        registry={
            f"{SQL}\\Instance Names\\SQL": {"WFO": "MSSQL15.WFO"},
            f"{SQL}\\MSSQL15.WFO\\Setup": {"SQLDataRoot": "D:\\sql"},
            f"{SQL}\\MSSQL15.WFO\\MSSQLServer": {"DefaultLog": "D:\\logs"},
            "HKLM\\SYSTEM\\CurrentControlSet\\Services\\DHCPServer\\Parameters": {
                "DatabasePath": {"expand": "C:\\Windows\\System32\\dhcp"}
            },
        },
        cim={
            "root/cimv2:Win32_PageFileUsage": {
                "rows": [{"Name": "C:\\pagefile.sys", "AllocatedBaseSize": 12288}]
            },
            "root/cimv2:Win32_Service": {
                "rows": [
                    {**SERVICE, "Name": "MSSQL$WFO", "State": "Running", "PathName": "D:\\s.exe"},
                    {**SERVICE, "Name": "DHCPServer", "State": "Running", "PathName": "C:\\svchost.exe"},
                    {**SERVICE, "Name": "cc", "State": "Running", "PathName": '"D:\\wfo\\cc_x.exe" -s'},
                ]
            },
        },
    )  # fmt: skip
    found = concerns(host)
    assert {(file.concern, file.path, file.why) for file in found.files} == {
        (Concern.LARGE, "C:\\temp\\deep\\image.ISO", "0.0 MiB"),
        (Concern.LARGE, "D:\\wfo\\disk.vhdx", "0.0 MiB"),
        (Concern.LARGE, "C:\\pagefile.sys", "page file of 12.0 GiB"),
        (Concern.LARGE, "D:\\sql\\DATA\\wfo.mdf", "0.0 MiB"),
        (Concern.LARGE, "D:\\logs\\wfo_log.ldf", "0.0 MiB"),
        (Concern.LOCKED, "C:\\pagefile.sys", "held open by Windows"),
        (Concern.LOCKED, "D:\\sql\\DATA\\wfo.mdf", "held open by the service MSSQL$WFO"),
        (Concern.LOCKED, "D:\\logs\\wfo_log.ldf", "held open by the service MSSQL$WFO"),
        (Concern.LOCKED, "C:\\Windows\\System32\\dhcp\\dhcp.mdb", "held open by the service DHCPServer"),
    }  # fmt: skip
    assert set(found.roots) >= {"C:\\temp\\", "D:\\wfo", "D:\\sql\\DATA", "D:\\logs"}
    assert "Windows shows them to a driver only" in found.methods[Concern.LOCKED]
    assert Concern.LOCKED not in found.limits
    assert Concern.LARGE not in found.limits


@needs_engine
def test_a_service_that_does_not_run_holds_nothing_open() -> None:
    host = state(
        files={"D/sql/DATA/wfo.mdf": "x"},
        registry={
            f"{SQL}\\Instance Names\\SQL": {"MSSQLSERVER": "M"},
            f"{SQL}\\M\\Setup": {"SQLDataRoot": "D:\\sql"},
        },
        cim={
            "root/cimv2:Win32_Service": {
                "rows": [
                    {**SERVICE, "Name": "MSSQLSERVER", "State": "Stopped", "PathName": "D:\\s.exe"}
                ]
            }
        },
    )
    assert all("mdf" not in file.path for file in concerns(host).files)


@needs_engine
def test_more_than_fifty_are_counted_and_fifty_named() -> None:
    host = state(files={f"C/temp/{number}.iso": "x" for number in range(60)})
    found = concerns(host)
    assert len([file for file in found.files if file.concern is Concern.LARGE]) == 50
    assert "more than 50 were found" in found.limits[Concern.LARGE]


@needs_engine
def test_a_link_is_not_followed() -> None:
    def link(drives: Path) -> None:
        (drives / "C" / "elsewhere").mkdir(parents=True)
        (drives / "C" / "elsewhere" / "a.iso").touch()
        (drives / "C" / "temp").mkdir(exist_ok=True)
        (drives / "C" / "temp" / "link").symlink_to(drives / "C" / "elsewhere")

    asked = replace(TASK, run="", concerns=True)
    fact = WindowsHost(state(), began=link).ask(antivirus=asked).facts.concerns
    assert isinstance(fact, Known)
    assert all("a.iso" not in file.path for file in fact.value.files)


@needs_engine
def test_new_files_in_a_folder_of_wfo_are_counted_without_ours() -> None:
    def write(folder: Path) -> None:
        until = time.monotonic() + 30
        while not list(folder.glob("wfo-probe-*")) and time.monotonic() < until:
            time.sleep(0.01)
        for number in range(7):
            (folder / f"new{number}.tmp").touch()

    played = Played(state(), replace(TASK, concerns=True), RACED)
    fact = played.racing("C/temp", write, pause=0.0).run().facts.concerns
    assert isinstance(fact, Known)
    (fresh,) = [file for file in fact.value.files if file.concern is Concern.TEMPORARY]
    assert (fresh.path, fresh.folder) == ("C:\\temp\\", True)
    assert fresh.why.startswith("7 new files in ")
