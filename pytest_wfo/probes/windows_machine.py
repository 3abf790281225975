"""Who the machine is, who we are there, its clock, processes and services, and requested files."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta, timezone

from pytest_wfo.core.facts import (
    Clock,
    Fact,
    FileStat,
    Identity,
    Known,
    OperatingSystem,
    Process,
    Rights,
    Service,
    Unknown,
)
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.windows_envelope import (
    ELEVATE,
    Answer,
    Failure,
    Row,
    integer,
    text,
)

CURRENT_VERSION = r"HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
TCPIP = r"HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"

TICKS = 10_000_000  # .NET counts 100 ns since year 1
_EPOCH = 621_355_968_000_000_000
_WINDOWS_11 = 22000  # the first build; its registry still says "Windows 10"

# Well-known SIDs (Microsoft, "Security identifiers"): the same in every language.
_LOCAL_SYSTEM = "S-1-5-18"
_ADMINISTRATORS = "S-1-5-32-544"
_ELEVATED = {"S-1-16-12288", "S-1-16-16384"}  # high and system integrity


def read_identity(answer: Answer) -> Fact[Identity]:
    """Host name; the time of the last start stands for a boot id."""
    names = []
    if answer.failure("computer") is None:
        computer = answer.value("computer", "the host's name")
        names += [text(computer, "dns"), text(computer, "name")]
    names.append(answer.setting(TCPIP, "Hostname"))
    if answer.failure("shell") is None:
        names.append(text(answer.value("shell", "the host's name"), "computer"))
    hostname = next((name for name in names if isinstance(name, str) and name), "")
    if not hostname:
        answer.value("computer", "the host's name")
        return Unknown("the host's name: Windows reports none")
    boot = ""
    if answer.failure("system") is None:
        ticks = answer.value("system", "the last start")["boot"]
        boot = iso(ticks) if type(ticks) is int else ""
    return Known(Identity(printable(hostname), boot), "Win32_ComputerSystem, Win32_OperatingSystem")


def iso(ticks: int) -> str:
    """.NET's count as UTC, ISO 8601. Raises OverflowError for a time that no calendar has."""
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(
        seconds=(ticks - _EPOCH) // TICKS
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_system(answer: Answer) -> Fact[OperatingSystem]:
    """Edition and build. The registry's name is the same in every language, the caption is not."""
    product = answer.setting(CURRENT_VERSION, "ProductName")
    build = answer.setting(CURRENT_VERSION, "CurrentBuildNumber")
    revision = answer.setting(CURRENT_VERSION, "UBR")
    if answer.failure("system") is None:
        system = answer.value("system", "the operating system")
        version, caption = text(system, "version") or "", text(system, "caption") or ""
    elif isinstance(build, str) and build:
        version, caption = f"build {build}", ""
    else:
        answer.value("system", "the operating system")
        raise LookupError
    name = product if isinstance(product, str) and product else caption
    number = int(build) if isinstance(build, str) and re.fullmatch("[0-9]{1,9}", build) else 0
    if number >= _WINDOWS_11 and name.startswith("Windows 10"):
        name = f"Windows 11{name[10:]}"
    marketing = answer.setting(CURRENT_VERSION, "DisplayVersion")
    if isinstance(marketing, str) and marketing:
        name = f"{name} {marketing}"
    kernel = f"{version}.{revision}" if type(revision) is int else version
    return Known(
        OperatingSystem("windows", printable(name) or "Windows", printable(kernel)),
        "Win32_OperatingSystem, registry",
    )


def read_rights(answer: Answer) -> Fact[Rights]:
    """ "root" for an administrator with an elevated token, by the SIDs that ``whoami`` lists."""
    output = answer.output("whoami", "the user's rights")
    rows = [row for row in csv.reader(output.splitlines()) if len(row) > 1]
    # /user prints "name","SID"; /groups prints "name","type","SID","attributes".
    users = [row for row in rows if len(row) == 2 and row[1].startswith("S-1-")]
    groups = {row[2] for row in rows if len(row) >= 4 and row[2].startswith("S-1-")}
    if not users or not groups:
        raise ValueError("whoami printed something else than a table")
    name, sid = users[0]
    user = printable(name)
    labelled = bool(groups & _ELEVATED)
    if labelled and (_ADMINISTRATORS in groups or sid == _LOCAL_SYSTEM):
        return Known(Rights(user, "root", "elevated administrator"), "whoami")
    detail = "not a member of the local Administrators group"
    if _ADMINISTRATORS in groups:
        detail = "an administrator, but the token is not elevated (UAC)"
    return Known(Rights(user, "none", detail), "whoami")


def read_clock(answer: Answer, asked: float, answered: float) -> Fact[Clock]:
    """Offset by two readings on the host, as in NTP: the time between them is not uncertainty."""
    clock = answer.value("clock", "the clock")
    start, end = ((integer(clock, name) - _EPOCH) / TICKS for name in ("start", "end"))
    spent = max(0.0, (answered - asked) - max(0.0, end - start))
    return Known(Clock((start - asked + end - answered) / 2, spent / 2), "UtcNow")


def read_processes(answer: Answer) -> Fact[tuple[Process, ...]]:
    """All processes, with the image's path where we may see it."""
    found = [
        Process(integer(row, "pid"), text(row, "name") or "", text(row, "path") or "")
        for row in answer.rows("processes", "processes")
    ]
    if not found:
        return Unknown("processes: Windows shows none", ELEVATE)
    return Known(tuple(sorted(found, key=lambda each: each.pid)), "Win32_Process")


def read_services(answer: Answer) -> Fact[tuple[Service, ...]]:
    """All services, running or not, with the program's path where we may see it."""
    found = [
        Service(text(row, "name") or "", text(row, "path") or "", integer(row, "pid"))
        for row in answer.rows("services", "services")
    ]
    if not found:
        return Unknown("services: Windows shows none", ELEVATE)
    return Known(tuple(sorted(found, key=lambda each: each.name.lower())), "Win32_Service")


def read_files(answer: Answer) -> dict[str, Fact[FileStat]]:
    """The requested files by path."""
    if "files" not in answer.sections:
        return {}
    rows = answer.rows("files", "requested files")
    return {path: _file(path, row) for row in rows if (path := text(row, "path"))}


def _file(path: str, row: Row) -> Fact[FileStat]:
    if "kind" not in row:
        failure = Failure(*(text(row, name) or "" for name in ("id", "category", "said")))
        return Unknown(f"{path}: {failure.words}", failure.remedy)
    kind = text(row, "kind")
    if kind == "absent":
        return Known(FileStat(path, kind), "Get-Item")
    if kind not in {"file", "directory"}:
        raise ValueError("a file of an unknown kind")
    modified = (integer(row, "modified") - _EPOCH) // TICKS
    return Known(FileStat(path, kind, integer(row, "size"), modified), "Get-Item")
