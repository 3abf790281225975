"""Antivirus: exclusions, file types, general considerations.

What is judged today: whether any antivirus runs at all. Where none does, the cells do not apply,
and the finding says what was looked for; where one does, its settings are not read yet, and the
cells are not verified.
"""

from __future__ import annotations

from pytest_wfo.core.checks.answers import not_applicable, not_verified, unseen
from pytest_wfo.core.facts import Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement

# Daemon names on Linux as the products' own documentation gives them. Kernel names have 15 letters.
_PRODUCTS = {
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
_KERNEL_NAME = 15


def check_antivirus(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Not applicable where no antivirus runs; not verified where one does or it could not be seen."""
    processes = site_facts.of(cell.host).processes
    if isinstance(processes, Unknown):
        return unseen(processes, "whether an antivirus runs")
    running = {process.name[:_KERNEL_NAME] for process in processes.value} | {
        process.command.rpartition("/")[2] for process in processes.value
    }
    found = sorted(
        {
            product
            for name, product in _PRODUCTS.items()
            if name in running or name[:_KERNEL_NAME] in running
        }
    )
    looked = ", ".join(dict.fromkeys(_PRODUCTS.values()))
    if not found:
        return not_applicable(
            "no antivirus runs on this host",
            [
                Evidence(
                    f"none of {len(processes.value)} processes belongs to {looked}",
                    processes.source,
                )
            ],
        )
    return not_verified(
        f"{' and '.join(found)} runs here; this version does not read its settings",
        f"have the owner of {found[0]} show that {cell.requirement.source.words!r} is configured, and "
        "set the requirement aside in the inventory's overlay with that proof",
        [Evidence(f"running: {', '.join(found)}", processes.source)],
    )
