"""Products whose lists lie in the registry: Symantec up to 14.3, Trend Micro."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Reading, Scan
from pytest_wfo.core.facts import Fact, Known, Unknown
from tests.probes.antivirus.windows_answers import DENIED, answered, key, listed, product

SEP, TREND = "Symantec Endpoint Protection", "Trend Micro Apex One"
ENGINES = r"HKLM:\SOFTWARE\WOW6432Node\Symantec\Symantec Endpoint Protection\AV\Exclusions\ScanningEngines"
SCANS = r"HKLM:\SOFTWARE\WOW6432Node\TrendMicro\PC-cillinNTCorp\CurrentVersion"


def entries(name: str, product_name: str, registry: Any = None) -> dict[str, Exclusion]:
    found = product(answered(name, registry=registry), product_name)
    assert isinstance(found.exclusions, Known), found.exclusions
    assert found.reading is Reading.STORED
    return {each.text: each for each in found.exclusions.value}


def test_symantec_folders_count_with_or_without_what_is_below() -> None:
    found = entries("av-sep-14-0", SEP)
    assert found["C:\\temp\\"].pattern.tree("C:\\temp") is Covered.YES
    logs = found["C:\\Program Files\\CallCopy\\Logs\\"].pattern
    assert logs.tree("C:\\Program Files\\CallCopy\\Logs") is Covered.NO
    assert logs.file("C:\\Program Files\\CallCopy\\Logs\\a.log") is Covered.YES
    assert logs.file("C:\\Program Files\\CallCopy\\Logs\\old\\a.log") is Covered.NO


def test_symantec_entries_that_are_not_understood_are_never_sure() -> None:
    found = entries("av-sep-14-0", SEP)
    assert found["E:\\scheduled\\"].pattern.tree("E:\\scheduled") is Covered.MAYBE
    prefix = found["[PROGRAM_FILES]\\CallCopy\\"]
    assert prefix.pattern.tree("C:\\temp") is Covered.MAYBE
    literal = found["D:\\Rec*\\"]
    assert literal.void
    assert literal.pattern.tree("D:\\Recordings") is Covered.NO


def test_symantec_files_and_extensions_count() -> None:
    found = entries("av-sep-14-0", SEP)
    program = "C:\\Program Files\\CallCopy\\cc_loggerservice.exe"
    assert found[program].pattern.file(program) is Covered.YES
    assert found["log"].pattern.extension(".log") is Covered.YES
    assert {each.origin for each in found.values()} == {"policy of the SEP manager", "local"}


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("12.1.7004.6500", True),
        ("14.3.558.0000", True),
        ("14.3.3383.1", True),
        ("14.3.3384.1000", False),
        ("14.3.11216.9000", False),
        ("15.0", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_symantec_shows_its_list_before_14_3_ru1_only(version: str, shown: bool) -> None:
    installed = listed(
        {"name": "Symantec Endpoint Protection", "publisher": "", "version": version}
    )
    found = product(answered("av-sep-14-0", {"av_installed": installed}), SEP)
    assert isinstance(found.exclusions, Known) is shown
    assert found.reading is (Reading.STORED if shown else Reading.NONE)


def test_symantec_keys_that_are_denied_or_missing_are_no_empty_list() -> None:
    for registry in (
        {rf"{ENGINES}\Directory\Admin": DENIED},
        {ENGINES: {"ok": True, "present": False, "values": []}},
    ):
        found = product(answered("av-sep-14-0", registry=registry), SEP).exclusions
        assert isinstance(found, Unknown), registry


def test_trend_entries_count_for_on_demand_scans_if_all_three_have_them() -> None:
    found = entries("av-trend", TREND)
    assert found["C:\\temp"].scans == frozenset(Scan)
    assert found["C:\\Program Files\\CallCopy\\Logs"].scans == {Scan.MEMORY_RESIDENT}
    assert "Prescheduled" not in found["C:\\Program Files\\CallCopy\\Logs"].note
    assert found["lo?"].scans == frozenset()


def test_trend_entries_are_folders_files_and_extensions() -> None:
    found = entries("av-trend", TREND)
    assert found["C:\\temp"].pattern.tree("c:\\TEMP\\") is Covered.YES
    assert found["vid"].pattern.extension(".vid") is Covered.YES
    assert found["lo?"].pattern.extension(".log") is Covered.MAYBE
    assert found["pagefile.sys"].pattern.file("C:\\pagefile.sys") is Covered.MAYBE
    program = "C:\\Program Files\\CallCopy\\cc_loggerservice.exe"
    assert found[program].pattern.file(program) is Covered.YES


@pytest.mark.parametrize("missing", ["ExcludedFolder", "ExcludedFile", "ExcludedExt"])
@pytest.mark.parametrize("scan", ["Real Time Scan", "Prescheduled Scan", "Scan Now"])
def test_a_list_of_trend_that_is_missing_is_not_empty(scan: str, missing: str) -> None:
    values = [
        each
        for name in ("ExcludedFolder", "ExcludedFile", "ExcludedExt")
        if name != missing
        for each in (name, "x")
    ]
    registry = {rf"{SCANS}\{scan} Configuration": key("Enable", 1, *values)}
    found = product(answered("av-trend", registry=registry), TREND).exclusions
    assert isinstance(found, Unknown)
    assert missing in found.reason
    assert scan in found.reason


def test_trend_says_whether_its_real_time_scan_is_on() -> None:
    path = rf"{SCANS}\Real Time Scan Configuration"

    def state(values: Any) -> Fact[bool]:
        found = product(answered("av-trend", registry={path: values}), TREND)
        return found.scanning[Scan.MEMORY_RESIDENT]

    on, off = state(key("Enable", 1)), state(key("Enable", 0))
    assert isinstance(on, Known)
    assert on.value
    assert isinstance(off, Unknown)
    assert "off at the moment, and may be on again at any time" in off.reason
    denied = product(answered("av-trend", registry={path: DENIED}), TREND)
    assert isinstance(denied.scanning[Scan.MEMORY_RESIDENT], Unknown)
    assert isinstance(denied.exclusions, Unknown)
