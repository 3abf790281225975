"""All antivirus products of a Linux host.

Products show by the names of their programs. One whose name is not known here still has to ask the
kernel for the files that are opened, by fanotify; who does can be seen as root alone. So that there is
none is said only where root, or sudo, has looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_wfo.core.antivirus.model import NO_LINKS, Antivirus, Product, Scan
from pytest_wfo.core.facts import Fact, Known, Process, Unknown
from pytest_wfo.probes.antivirus.clamav import read_clamav
from pytest_wfo.probes.envelope import ASIDE, Section, Sections, printable
from pytest_wfo.probes.machine import read_processes

# Daemon names on Linux as the products' own documentation gives them.
_ELSEWHERE = {
    "wdavdaemon": "Microsoft Defender for Endpoint",
    "mdatp": "Microsoft Defender for Endpoint",
    "falcon-sensor": "CrowdStrike Falcon",
    "falcon-sensor-bpf": "CrowdStrike Falcon",
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
    "ampdaemon": "Cisco Secure Endpoint",
}
_NO_SCANNER = {"fapolicyd"}  # watches files, and by a list of programs alone: fapolicyd(8)
_CLAMAV = {"clamd", "clamonacc", "freshclam"}
_KERNEL_NAME = 15  # letters that Linux keeps of a process's name
SCANNERS = tuple(sorted({name[:_KERNEL_NAME] for name in (*_ELSEWHERE, "clamd", "clamonacc")}))
"""Names of processes, as the kernel has them, that scan files."""

_BLOCKS = (
    0x0C  # FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT (linux/fanotify.h): may refuse an opening
)
_SHOWN = 100  # programs that watch files
_PASSED = 1000  # lines about them, complaints included, that posix.sh passes on

FANOTIFY = (
    "find /proc -maxdepth 3 -ignore_readdir_race -path /proc/*/fd/* -lname anon_inode:?fanotify?"
)
"""The command that shows who watches files by fanotify, for root."""

# What find says of a process that ends while it looks, also in spite of -ignore_readdir_race, and of one
# that has ended and waits for its parent: neither holds a file open any more.
_ENDED = re.compile(
    r"find: .?/proc/\d+(?:(?:/\S*)?.?: No such (?:file or directory|process)|/net.?: Invalid argument)"
)

_WHETHER = "whether a program that is not known here scans files"
_GRANT = f"grant sudo {FANOTIFY}, or log in as root (docs/rights.md)"
_ATTEST = (
    "have its owner export the exclusions for this host, and attest the cells with that export"
)


def read_antivirus(sections: Sections) -> Fact[Antivirus]:
    """The products; Unknown where none was found and not everything that shows one could be seen."""
    processes = read_processes(sections)
    if isinstance(processes, Unknown):
        return Unknown(f"whether an antivirus runs: {processes.reason}", processes.remedy)
    clamav = sections.get("clamav")
    if clamav is None or not clamav.ok:
        why = "not reported" if clamav is None else clamav.complaint
        return Unknown(f"whether ClamAV runs: {why}", "install grep and coreutils")
    fanotify = sections.get("fanotify")
    if fanotify is None:
        return Unknown(f"{_WHETHER}: not reported", _GRANT)
    watchers, unseen = _watchers(fanotify, sections.get("fanotify_flags"))
    products = (
        *read_clamav(sections, None if unseen else watchers),
        *_managed_elsewhere(processes.value),
        *_unknown(processes.value, watchers, rooted="fanotify_flags" in sections),
    )
    if unseen is not None and not products:
        return unseen
    if unseen is not None:  # beside those that were found, one that nobody knows may be active
        scanning = dict.fromkeys(Scan, unseen)
        other = Product(
            "any other product", "", unseen, scanning, exclusions=unseen, removals=unseen
        )
        products = (*products, other)
    names = ", ".join(dict.fromkeys(["ClamAV", *_ELSEWHERE.values()]))
    looked = f"{len(processes.value)} processes, for {names}"
    looked += f"; not seen: {unseen.reason}" if unseen else "; and who watches files by fanotify"
    return Known(Antivirus(products, looked, _links(sections)), processes.source)


def _links(sections: Sections) -> Fact[Mapping[str, str]]:
    if not {"asked_antivirus", "links"} & sections.keys():
        return NO_LINKS
    section = sections.get("links")
    if section is None or not section.ok:
        return Unknown("links: not reported" if section is None else section.complaint)
    rows = [line.split("\t", 1) for line in section.output.split("\n") if "\t" in line]
    closed = [folder for folder, link in rows if not link]
    if closed:
        return Unknown(
            f"a folder on the way to {closed[0]} may not be entered", "let it be entered"
        )
    return Known({folder: printable(link) for folder, link in rows}, "test -L")


def _managed_elsewhere(processes: tuple[Process, ...]) -> Iterator[Product]:
    running: dict[str, set[str]] = {}
    for process in processes:
        for name in (process.name, process.command):
            program = _program(name)
            if program in _NAMES:
                running.setdefault(_NAMES[program], set()).add(process.name)
    for product, programs in sorted(running.items()):
        why = Unknown(
            f"{product} is managed elsewhere; nothing on the host says its settings", _ATTEST
        )
        yield Product(
            product,
            active=Known(True, "/proc"),
            scanning=dict.fromkeys(Scan, why),
            exclusions=why,
            removals=why,
            state=(f"running: {', '.join(sorted(programs))}",),
        )


def _program(name: str) -> str:
    """The program's file name in the form in which names are compared."""
    return name.rpartition("/")[2].lower()[:_KERNEL_NAME]


_NAMES = {_program(name): product for name, product in _ELSEWHERE.items()}


def _watchers(section: Section, flags: Section | None) -> tuple[set[int], Unknown | None]:
    """The processes that watch files by fanotify and may refuse an opening, as far as that is known;
    and why they were not seen (None: they were)."""
    links = re.findall(r"^/proc/(\d+)/fd/(\d+)$", section.output, re.MULTILINE)[:_SHOWN]
    pids = {int(pid) for pid, _ in links}
    if not section.ok and not _only_ended(section):
        return pids, section.unknown(_WHETHER, _GRANT)
    if len(links) == _SHOWN or len(section.error.splitlines()) + len(links) >= _PASSED:
        return pids, Unknown(f"{_WHETHER}: the answer is too long to be seen whole")
    classes = _classes(flags)
    return {int(pid) for pid, fd in links if classes.get((pid, fd), _BLOCKS) & _BLOCKS}, None


def _only_ended(section: Section) -> bool:
    """Whether find looked at every process, but for those that ended meanwhile."""
    lines = [line for line in section.error.splitlines() if line.strip() and ASIDE not in line]
    return section.code == 1 and bool(lines) and all(map(_ENDED.fullmatch, lines))


def _classes(section: Section | None) -> dict[tuple[str, str], int]:
    if section is None:
        return {}
    shown = re.findall(
        r"^/proc/(\d+)/fdinfo/(\d+):fanotify flags:([0-9a-f]{1,8})\b", section.output, re.MULTILINE
    )
    return {(pid, fd): int(flags, 16) for pid, fd, flags in shown}


def _unknown(
    processes: tuple[Process, ...], watchers: set[int], *, rooted: bool
) -> Iterator[Product]:
    """Programs that watch files and are none of the products'. That one only listens is seen by root."""
    asked = "" if rooted else "log in as root, who sees whether it may block files; or "
    by_pid = {process.pid: process for process in processes}
    found: dict[str, list[int]] = {}
    for pid in sorted(watchers):
        process = by_pid.get(pid)
        names = {_program(process.name), _program(process.command)} if process else set()
        if not names & (_CLAMAV | _NAMES.keys() | _NO_SCANNER):
            name = (process.command or process.name) if process else f"process {pid}"
            found.setdefault(name, []).append(pid)
    for name, pids in found.items():
        shown = ", ".join(str(pid) for pid in pids)
        why = Unknown(
            f"{name} (process {shown}) watches files as an antivirus does; what it is is not known here",
            f"{asked}find out what it is: if it is an antivirus, attest the cells with an export of its "
            "exclusions; if not, set the requirement aside in the inventory's overlay, and say why",
        )
        yield Product(
            name, active=why, scanning=dict.fromkeys(Scan, why), exclusions=why, removals=why
        )
