"""Microsoft Defender: whether it counts, what it leaves alone, and whence its entries come."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Reading, Scan
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.windows_envelope import Answer
from tests.probes.antivirus.windows_answers import DENIED, answered, key, listed, product

LOCAL = r"HKLM:\SOFTWARE\Microsoft\Windows Defender"
POLICY = r"HKLM:\SOFTWARE\Policies\Microsoft\Windows Defender"


def entries(**changed: Any) -> tuple[Exclusion, ...]:
    """The exclusions of the base host with ``changed`` lists or keys."""
    registry = changed.pop("registry", None)
    lists = {name: {"rows": rows, "total": len(rows)} for name, rows in changed.items()}
    found = product(answered("base", registry=registry, av_preferences=lists)).exclusions
    assert isinstance(found, Known), found
    return found.value


def replaced(mode: str, **status: int) -> Answer:
    """The base host with another product that runs beside Defender."""
    services = answered("base").sections["services"]["value"]["rows"]
    falcon = {**services[0], "name": "CSFalconService", "pid": 4242}
    return answered(
        "base", {"services": listed(*services, falcon)}, av_status={"mode": mode, **status}
    )


@pytest.mark.parametrize(
    ("mode", "active"),
    [
        ("Normal", True),
        ("normal", True),
        ("Normal Mode", True),
        ("Passive", False),
        ("Passive Mode", False),
        ("SxS Passive Mode", True),
        ("EDR Block Mode", False),
        ("EDR Blocked", False),
        ("Not running", False),
        ("Something new", None),
    ],
)
def test_its_mode_says_whether_it_counts(mode: str, active: bool | None) -> None:
    off = {"antivirus": 0, "realtime": 0} if mode == "Not running" else {}
    found = product(replaced(mode, **off)).active
    assert (found.value if isinstance(found, Known) else None) is active
    assert mode in (found.source if isinstance(found, Known) else found.reason)


def test_a_mode_that_its_service_contradicts_is_not_believed() -> None:
    found = product(answered("base", av_status={"mode": "Normal", "service": 0})).active
    assert isinstance(found, Unknown)
    assert "AMServiceEnabled is False" in found.reason


@pytest.mark.parametrize("on", ["antivirus", "realtime"])
def test_protection_that_is_on_contradicts_a_mode_that_says_it_does_not_run(on: str) -> None:
    status = {"antivirus": 0, "realtime": 0, on: 1}
    found = product(replaced("Not running", **status)).active
    assert isinstance(found, Unknown)
    assert "it says that its protection is on" in found.reason


@pytest.mark.parametrize("mode", ["Passive Mode", "EDR Block Mode"])
def test_a_passive_defender_without_another_product_may_become_active(mode: str) -> None:
    found = product(answered("base", av_status={"mode": mode})).active
    assert isinstance(found, Unknown)
    assert found.reason.endswith("as another product is the antivirus, and none is seen")
    assert "ForceDefenderPassiveMode" in found.remedy


def test_limited_periodic_scanning_is_scanning_on_demand() -> None:
    found = product(replaced("SxS Passive Mode"))
    resident, demand = found.scanning[Scan.MEMORY_RESIDENT], found.scanning[Scan.ON_DEMAND]
    assert isinstance(resident, Known)
    assert resident.value is False
    assert isinstance(demand, Known)
    assert demand.value is True
    assert any("removes what it finds" in each for each in found.warnings)


@pytest.mark.parametrize(("enabled", "active"), [(1, True), (0, False)])
def test_a_version_without_a_mode_is_judged_by_its_switch(enabled: int, active: bool) -> None:
    found = product(answered("base", av_status={"mode": None, "antivirus": enabled}))
    assert found.active == Known(active, "AntivirusEnabled")


def test_a_status_that_says_nothing_leaves_what_runs() -> None:
    found = product(answered("base", av_status={"mode": None, "antivirus": None})).active
    assert isinstance(found, Known)
    assert found.value is True
    assert "service WinDefend runs" in found.source


def test_edr_in_block_mode_and_passive_mode_are_warned_of() -> None:
    block = product(answered("base", av_status={"mode": "EDR Block Mode"})).warnings
    assert any("may remove files" in each for each in block)
    passive = product(answered("base", av_status={"mode": "Passive"})).warnings
    assert any("still scans" in each for each in passive)


def test_real_time_protection_that_is_off_may_be_on_again() -> None:
    found = product(answered("base", av_status={"realtime": 0}))
    off = found.scanning[Scan.MEMORY_RESIDENT]
    assert isinstance(off, Unknown)
    assert "off at the moment" in off.reason
    replaced = product(answered("base", av_status={"realtime": 0, "mode": "Passive"}))
    assert replaced.scanning[Scan.MEMORY_RESIDENT] == Known(
        False, "RealTimeProtectionEnabled of MSFT_MpComputerStatus"
    )
    assert found.scanning[Scan.ON_DEMAND] == Known(True, "a scan can be started at any time")
    assert "real-time protection is off" in found.warnings
    unsaid = product(answered("base", av_status={"realtime": None}))
    assert isinstance(unsaid.scanning[Scan.MEMORY_RESIDENT], Unknown)


@pytest.mark.parametrize("place", ["paths", "extensions", "processes"])
@pytest.mark.parametrize(
    ("placeholder", "remedy"),
    [
        ("N/A: Must be an administrator to view exclusions", "Administrators group"),
        ("N/A: Must be and administrator to view exclusions", "Administrators group"),
        ("n/a: must be someone else", "Administrators group"),
        ("N/A: Administrators are not allowed to view exclusions", "HideExclusionsFromLocalAdmins"),
    ],
)
def test_a_placeholder_is_no_entry(place: str, placeholder: str, remedy: str) -> None:
    lists = {place: {"rows": ["C:\\temp", placeholder], "total": 2}}
    found = product(answered("base", av_preferences=lists))
    assert isinstance(found.exclusions, Unknown)
    assert placeholder in found.exclusions.reason
    assert remedy in found.exclusions.remedy
    assert found.reading is Reading.NONE


def test_a_list_that_was_cut_is_unknown() -> None:
    lists = {"paths": {"rows": ["C:\\temp"], "total": 4000}}
    found = product(answered("base", av_preferences=lists)).exclusions
    assert found == Unknown("Defender's exclusions: 4000 paths, not all of which were reported")


def test_nothing_at_all_is_an_answer_to_an_administrator_only() -> None:
    none = {name: {"rows": [], "total": 0} for name in ("paths", "extensions", "processes")}
    keys = {rf"{POLICY}\Exclusions\{name}": key() for name in ("Paths", "Extensions", "Processes")}
    found = product(answered("base", registry=keys, av_preferences=none)).exclusions
    assert found == Known((), "MSFT_MpPreference (as administrator)")
    lesser = product(answered("uac-filtered", registry=keys, av_preferences=none)).exclusions
    assert isinstance(lesser, Unknown)


def test_every_entry_has_its_origins() -> None:
    registry = {
        rf"{LOCAL}\Exclusions\Paths": key("c:\\TEMP", 0, "D:\\gone", 0),
        rf"{POLICY}\Policy Manager": key("ExcludedPaths", " D:\\mdm |C:\\temp|", "X", 1),
    }
    found = {each.text: each for each in entries(paths=["C:\\temp", "D:\\mdm"], registry=registry)}
    assert found["C:\\temp"].origin == "local and Group Policy and MDM"
    assert found["D:\\mdm"].origin == "MDM"
    assert found["C:\\temp"].void == found["D:\\mdm"].void == ""
    assert found["D:\\gone"].void == "stored (local), but not in what Defender says is in force"


def test_what_cannot_be_read_is_named_as_the_origin() -> None:
    found = entries(paths=["D:\\x"], registry={rf"{LOCAL}\Exclusions\Paths": DENIED})
    assert found[0].origin == "unknown (local not readable)"


@pytest.mark.parametrize("place", [POLICY, rf"{POLICY}\Policy Manager"])
def test_without_local_merge_what_is_only_local_is_void(place: str) -> None:
    registry = {
        place: key("DisableLocalAdminMerge", 1),
        rf"{LOCAL}\Exclusions\Paths": key("D:\\local", 0, "C:\\temp", 0),
    }
    found = {
        each.text: each.void for each in entries(paths=["D:\\local", "C:\\temp"], registry=registry)
    }
    assert "DisableLocalAdminMerge" in found["D:\\local"]
    assert found["C:\\temp"] == "", "group policy has it too"
    assert "DisableLocalAdminMerge" in product(answered("base", registry=registry)).central


def test_an_entry_too_long_to_be_reported_whole_covers_nothing_for_sure() -> None:
    (found, *_) = entries(paths=["C:\\" + "x" * 1021 + " [cut]"])
    assert found.pattern.tree("C:\\temp") is Covered.MAYBE


def test_variables_stand_for_the_folders_of_this_windows() -> None:
    version = r"HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    (found, *_) = entries(
        paths=["%SystemDrive%\\temp"], registry={version: key("SystemRoot", "D:\\WINNT")}
    )
    assert found.pattern.tree("D:\\temp") is Covered.YES
    assert found.pattern.tree("C:\\temp") is Covered.NO


def test_only_the_exit_codes_that_are_documented_are_opinions() -> None:
    rows = [{"path": f"C:\\{code}", "code": code} for code in (0, 1, 2, -1, None)]
    said = {"av_opinions": {"ok": True, "value": {"rows": rows, "total": 5}}}
    assert product(answered("base", said)).opinions == {"C:\\0": True, "C:\\1": False}
    assert product(answered("base", {"av_opinions": DENIED})).opinions == {}
    assert product(answered("uac-filtered", said)).opinions == {}, "it needs an elevated token"


def test_what_manages_and_protects_it_is_told() -> None:
    registry = {
        LOCAL: key("ManagedDefenderProductType", 7),
        rf"{LOCAL}\Features": key("TPExclusions", 1),
        r"HKLM:\SOFTWARE\Microsoft\SenseCM": key("EnrollmentStatus", 3),
    }
    found = product(answered("base", registry=registry, av_status={"tamper": 1, "age": 30}))
    assert found.state[0] == (
        "mode Normal, real-time protection on, on-access protection on, engine 1.1.24090.11, "
        "signatures 30 days old"
    )
    assert "Defender for Endpoint gets its settings from Intune" in found.state
    assert "managed by Intune and ConfigMgr" in found.state
    assert "tamper protection is on" in found.state
    assert "tamper protection covers the exclusions too" in found.state
    assert "signatures are 30 days old" in found.warnings
