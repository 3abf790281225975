"""Products that are managed elsewhere: that they run is all that the host says.

Names of services and programs: NetExec's enum_av and the vendors' documentation; of minifilters:
Microsoft, "Allocated filter altitudes".
"""

from __future__ import annotations

from functools import partial

from pytest_wfo.core.antivirus.model import Product
from pytest_wfo.probes.antivirus.detection import Signs, WindowsHost
from pytest_wfo.probes.antivirus.products import Reader, hidden, product_of

_TABLE: tuple[tuple[Signs, str], ...] = (
    (
        Signs.of(
            "CrowdStrike Falcon",
            "CSFalconService",
            "CSFalconService|CSFalconContainer",
            "csagent",
            "crowdstrike",
        ),
        "the Falcon console (sensor visibility and machine learning exclusions)",
    ),
    (
        Signs.of(
            "SentinelOne",
            "SentinelAgent|SentinelStaticEngine",
            "SentinelAgent|SentinelStaticEngine|SentinelServiceHost",
            "SentinelMonitor",
            "sentinel ?(one|agent)",
        ),
        "the SentinelOne console",
    ),
    (
        Signs.of("Cortex XDR", "cyserver|CortexXDR", "cyserver", "cyvrfsfd", "cortex xdr|^traps "),
        "the Cortex XDR console",
    ),
    (
        Signs.of("CylancePROTECT", "CylanceSvc", "CylanceSvc", "", "cylance"),
        "the Cylance console",
    ),
    (
        Signs.of(
            "Carbon Black",
            "CbDefense|CarbonBlack|Parity",
            "RepMgr|cb|Parity",
            "b9kernel",
            "carbon ?black|cb defense",
        ),
        "the Carbon Black console",
    ),
    (
        Signs.of(
            "Sophos Endpoint",
            "Sophos Endpoint Defense Service|Sophos File Scanner Service|SAVService",
            "SophosFileScanner|SEDService|SavService",
            "sophosed|savonaccess|sld",
            "sophos (endpoint|anti-virus|server|central|intercept)",
        ),
        "Sophos Central (the Exclusions tab of the server or computer)",
    ),
    (
        Signs.of(
            "Bitdefender GravityZone",
            "EPSecurityService|EPProtectedService|VSSERV",
            "EPSecurityService|EPProtectedService|EPConsole|vsserv",
            "hbflt|vlflt|bdsvm|gzflt|bddevflt|ignis|avckf|bdfsfltr|bdfm|gemma|atc|avc3|trufos",
            "bitdefender",
        ),
        "the GravityZone console",
    ),
    (
        Signs.of("ESET", "ekrn", "ekrn", "eamonm", r"\beset\b.*(security|antivirus)"),
        "the ESET management console, or the product's own window (advanced setup)",
    ),
    (
        Signs.of(
            "Kaspersky",
            "AVP*|KAVFS|KAVFSGT|kavfsslp",
            "avp|kavfs|kavfswp|kavfswh",
            "klif|klam|klbg|kldback|kldlinf|kldtool",
            "kaspersky (endpoint security|security|anti-virus|total|small)",
        ),
        "Kaspersky Security Center, or the product's own window (trusted zone)",
    ),
    (
        Signs.of(
            "Trend Micro Deep Security",
            "ds_agent|Amsp",
            "ds_agent|dsa|coreServiceShell",
            "",
            "deep security agent",
        ),
        "the Deep Security or Workload Security manager",
    ),
    (
        Signs.of(
            "Trend Micro Vision One",
            "Trend Micro Endpoint Basecamp",
            "EndpointBasecamp",
            "",
            "endpoint basecamp",
        ),
        "the Trend Vision One console",
    ),
    (
        Signs.of(
            "Webroot", "WRSVC|WRCoreService", "WRSA", "wrkrn|wrcore|wraekernel|ssfmonm", "webroot"
        ),
        "the Webroot console",
    ),
    (
        Signs.of(
            "Malwarebytes", "MBAMService", "MBAMService", "mbam|flightrecorder", "malwarebytes"
        ),
        "the Malwarebytes console, or the product's own window",
    ),
    (
        Signs.of(
            "FortiClient", "", "", "fortiaptfilter|fortimon2|fortirmon|fortishield", "forticlient"
        ),
        "FortiClient EMS, or the product's own window",
    ),
    (
        # Part of many an installation of VMware Tools; scans only for an appliance, if there is one.
        Signs.of("VMware guest introspection (NSX)", "", "", "vsepflt", ""),
        "the security appliance of the machine that hosts this virtual one",
    ),
    (
        Signs.of("ClamAV", "ClamD", "clamd", "", r"\bclam(av|win)\b"),
        "the file clamd.conf in its folder, which is not read on Windows",
    ),
)


def _read(signs: Signs, where: str, host: WindowsHost) -> Product | None:
    return product_of(host, signs, exclusions=hidden(signs.product, where))


MANAGED = tuple(Reader(signs, partial(_read, signs, where)) for signs, where in _TABLE)
