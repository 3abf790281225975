"""Until settings are read: absent means not applicable, present or unseen means not verified."""

import pytest

from pytest_wfo.core.checks.antivirus import check_antivirus
from pytest_wfo.core.facts import Fact, Known, OperatingSystem, Process, Unknown
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.sites import cell, healthy_site, site, with_facts

OF = site()
HEALTHY = healthy_site(OF)
CELL = cell("av-folder-temp.excluded-on-demand", "premises", OF)
WINDOWS: Fact[OperatingSystem] = Known(
    OperatingSystem("windows", "Windows Server 2019 Standard", "10.0.17763.5830"), "-"
)
LINUX: Fact[OperatingSystem] = Known(OperatingSystem("linux", "Debian GNU/Linux 12", "6.1"), "-")
SYSTEM32 = "C:\\Windows\\System32"
PLATFORM = "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24090.11-0"


def judged(system: Fact[OperatingSystem], *processes: Process) -> Judgement:
    """The cell's judgement where these run."""
    facts = with_facts(HEALTHY, "premises", system=system, processes=Known(processes, "-"))
    return check_antivirus(CELL, facts)


def test_no_antivirus_is_not_applicable_and_says_what_was_looked_for() -> None:
    judgement = check_antivirus(CELL, HEALTHY)

    assert judgement.verdict is Verdict.NOT_APPLICABLE
    assert "ClamAV" in judgement.evidence[0].statement


@pytest.mark.parametrize(
    "process",
    [
        Process(7, "clamd", "/usr/sbin/clamd"),
        Process(7, "sophos_threat_d", "/opt/sophos-spl/plugins/av/sbin/sophos_threat_detector"),
        Process(7, "wrapper", "/opt/Cortex XDR/traps/bin/traps_pmd"),
    ],
    ids=["name", "cut-name", "command"],
)
def test_an_active_antivirus_is_not_verified_and_named(process: Process) -> None:
    judgement = check_antivirus(
        CELL, with_facts(HEALTHY, "premises", processes=Known((process,), "ps"))
    )

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "runs here" in judgement.summary
    assert judgement.remedy


@pytest.mark.parametrize(
    ("name", "path", "product"),
    [
        ("MsMpEng.exe", f"{PLATFORM}\\MsMpEng.exe", "Microsoft Defender"),
        ("MsMpEng.exe", "", "Microsoft Defender"),  # as a lesser user sees it
        ("MSMPENG.EXE", "", "Microsoft Defender"),
        ("service.exe", f"{PLATFORM}\\MsMpEng.exe", "Microsoft Defender"),
        ("MsSense.exe", "", "Microsoft Defender for Endpoint"),
        ("ccSvcHst.exe", "", "Symantec Endpoint Protection"),
        ("Ntrtscan.exe", "", "Trend Micro Apex One"),
        ("SophosFileScanner.exe", "", "Sophos Endpoint"),
        ("EPSecurityService.exe", "", "Bitdefender GravityZone"),
        ("CSFalconService.exe", "", "CrowdStrike Falcon"),
        ("SentinelAgent.exe", "", "SentinelOne"),
        ("Parity.exe", "", "Carbon Black App Control"),
    ],
)
def test_an_antivirus_of_windows_is_not_verified_and_named(
    name: str, path: str, product: str
) -> None:
    judgement = judged(WINDOWS, Process(4, "System"), Process(2600, name, path))

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert judgement.summary.startswith(f"{product} runs here")


def test_on_windows_the_products_of_windows_are_looked_for_and_no_others() -> None:
    """What is said to be absent must have been looked for by the name it has there."""
    host = Process(900, "svchost.exe", f"{SYSTEM32}\\svchost.exe")
    judgement = judged(WINDOWS, Process(4, "System"), host)
    (evidence,) = judgement.evidence

    assert judgement.verdict is Verdict.NOT_VERIFIED, "Windows comes with an antivirus"
    assert "no antivirus that is known here runs" in judgement.summary
    assert "none of 2 processes belongs to Microsoft Defender, " in evidence.statement
    assert "ClamAV" not in evidence.statement
    assert "ESET" not in evidence.statement


@pytest.mark.parametrize("name", ["clamd", "MsMpEng.exe"])
def test_on_an_unknown_system_everything_is_looked_for(name: str) -> None:
    assert judged(Unknown("-"), Process(7, name)).verdict is Verdict.NOT_VERIFIED


@pytest.mark.parametrize("system", [LINUX, WINDOWS], ids=["linux", "windows"])
@pytest.mark.parametrize("name", ["clamd-wrapper", "MsMpEngine.exe", "svchost.exe", "", "a/", "\\"])
def test_a_program_of_another_name_is_no_antivirus(
    system: Fact[OperatingSystem], name: str
) -> None:
    assert judged(system, Process(7, name, name)).summary.startswith("no antivirus that is known")


def test_unread_processes_are_not_verified() -> None:
    judgement = check_antivirus(CELL, with_facts(HEALTHY, "premises", processes=Unknown("hidepid")))

    assert judgement.verdict is Verdict.NOT_VERIFIED
