"""Files worth excluding are found below WFO's folders."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import (
    Concern,
    Concerns,
)
from pytest_wfo.core.facts import Known
from tests.probes.windows.host import State, WindowsHost, needs_engine
from tests.probes.windows.played import RACED, SHORT, TASK, Played, state


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
    fact = played.racing("C/temp", write).run().facts.concerns
    assert isinstance(fact, Known)
    (fresh,) = [file for file in fact.value.files if file.concern is Concern.TEMPORARY]
    assert (fresh.path, fresh.folder) == ("C:\\temp\\", True)
    assert fresh.why.startswith("7 new files in ")
