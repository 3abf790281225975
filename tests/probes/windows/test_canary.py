"""The canary test. What plays Windows Defender is named in each test: another process for its real-time
protection, a function for MpCmdRun."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import (
    Canary,
    CanaryOutcome,
    Scan,
)
from pytest_wfo.core.facts import Known, Unknown
from tests.probes.windows.host import STUBS, needs_engine
from tests.probes.windows.played import DEFENDER, NORMAL, PAYLOAD, RUN, SHORT, TASK, Played, state

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
        played.racing(pattern, lambda path: path.unlink())
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
