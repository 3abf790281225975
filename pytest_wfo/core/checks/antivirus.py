"""Antivirus: exclusions, file types, general considerations.

What is judged today: whether any antivirus runs at all. Where one does, its settings are not read
yet, and the cells are not verified. Where none that is known here does, the cells do not apply on
Linux, and the finding says what was looked for. Windows comes with an antivirus, which only another
one replaces: there, finding none that is known means that an unknown one runs, or that something is
wrong, and the cells are not verified either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_wfo.core.checks.answers import not_applicable, not_verified, unseen
from pytest_wfo.core.facts import Fact, OperatingSystem, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

# Daemon names on Linux as the products' own documentation gives them.
_LINUX = {
    "clamd": "ClamAV",
    "clamonacc": "ClamAV on-access",
    "wdavdaemon": "Microsoft Defender for Endpoint",
    "mdatp": "Microsoft Defender for Endpoint",
    "falcon-sensor": "CrowdStrike Falcon",
    "falcond": "CrowdStrike Falcon",
    "savd": "Sophos Anti-Virus",
    "savscand": "Sophos Anti-Virus",
    "sophos_threat_detector": "Sophos Protection for Linux",
    "soapd": "Sophos Protection for Linux",
    "esets_daemon": "ESET",
    "oaeventd": "ESET Endpoint Antivirus",
    "ds_agent": "Trend Micro Deep Security",
    "mfetpd": "Trellix Endpoint Security",
    "nails": "McAfee VirusScan Enterprise for Linux",
    "rtvscand": "Symantec AntiVirus for Linux",
    "sisamddaemon": "Symantec Agent for Linux",
    "kesl": "Kaspersky Endpoint Security",
    "bdsecd": "Bitdefender GravityZone",
    "s1-agent": "SentinelOne",
    "sentinelone-agent": "SentinelOne",
    "cylancesvc": "CylancePROTECT",
    "cbagentd": "Carbon Black",
    "cbdaemon": "Carbon Black",
    "traps_pmd": "Cortex XDR",
}

# Programs on Windows, without ".exe". Sources: Microsoft's and Trend Micro's documentation of their
# agents; for the others the lists of enumeration tools (NetExec, enum_av). Products whose programs
# no such source names (ESET, Trellix, Webroot ...) are not here, and not claimed to be absent.
_WINDOWS = {
    "MsMpEng": "Microsoft Defender",
    "MpDefenderCoreService": "Microsoft Defender",
    "NisSrv": "Microsoft Defender",
    "MsSense": "Microsoft Defender for Endpoint",
    "ccSvcHst": "Symantec Endpoint Protection",
    "Rtvscan": "Symantec Endpoint Protection",
    "NTRtScan": "Trend Micro Apex One",
    "TmListen": "Trend Micro Apex One",
    "EndpointBasecamp": "Trend Micro Vision One",
    "SophosFileScanner": "Sophos Endpoint",
    "SEDService": "Sophos Endpoint",
    "kavfswp": "Kaspersky Security for Windows Server",
    "kavfswh": "Kaspersky Security for Windows Server",
    "EPSecurityService": "Bitdefender GravityZone",
    "EPProtectedService": "Bitdefender GravityZone",
    "EPConsole": "Bitdefender GravityZone",
    "CSFalconService": "CrowdStrike Falcon",
    "CSFalconContainer": "CrowdStrike Falcon",
    "SentinelAgent": "SentinelOne",
    "SentinelStaticEngine": "SentinelOne",
    "LogProcessorService": "SentinelOne",
    "Parity": "Carbon Black App Control",
}
_KERNEL_NAME = 15  # letters that Linux keeps of a process's name


def check_antivirus(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Not applicable where no antivirus runs (never so on Windows); not verified in all other cases."""
    facts = site_facts.of(cell.host)
    processes = facts.processes
    if isinstance(processes, Unknown):
        return unseen(processes, "whether an antivirus runs")
    products = _products(facts.system)
    running = {
        _program(name) for process in processes.value for name in (process.name, process.command)
    }
    found = sorted({product for name, product in products.items() if _program(name) in running})
    looked = ", ".join(dict.fromkeys(products.values()))
    if not found:
        seen = f"none of {len(processes.value)} processes belongs to {looked}"
        evidence = [Evidence(seen, processes.source)]
        if products is _LINUX:
            return not_applicable("no antivirus that is known here runs on this host", evidence)
        return not_verified(
            "no antivirus that is known here runs, but Windows is not without one unless it was removed",
            "find out which antivirus protects the host; have its owner show that "
            f"{cell.requirement.source.words!r} is configured, and set the requirement aside in the "
            "inventory's overlay with that proof",
            evidence,
        )
    return not_verified(
        f"{' and '.join(found)} runs here; this version does not read its settings",
        f"have the owner of {found[0]} show that {cell.requirement.source.words!r} is configured, and "
        "set the requirement aside in the inventory's overlay with that proof",
        [Evidence(f"running: {', '.join(found)}", processes.source)],
    )


def _products(system: Fact[OperatingSystem]) -> Mapping[str, str]:
    """What to look for: on a system that is not known, everything."""
    if isinstance(system, Unknown):
        return {**_LINUX, **_WINDOWS}
    return _WINDOWS if system.value.family == "windows" else _LINUX


def _program(name: str) -> str:
    """The program's file name in the form in which names are compared. Windows minds no case."""
    file = re.split(r"[/\\]", name)[-1].lower()
    return file.removesuffix(".exe")[:_KERNEL_NAME]
