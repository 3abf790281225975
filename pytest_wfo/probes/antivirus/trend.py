"""Trend Micro OfficeScan, Apex One and Worry-Free: lists in the registry, one set for each kind of scan.

Real-time, manual, scheduled and "scan now" have their own lists; the last three are on-demand scanning,
so an entry counts for it only if all of them have it. Values hold entries separated by bars. The key,
``Enable`` and ``ExcludedFile`` are known from scripts that read them, the names of the two other lists
are not confirmed: where one is missing, the list is unknown and not empty.
"""

from __future__ import annotations

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Pattern, Product, Reading, Scan
from pytest_wfo.core.antivirus.paths import has_wildcard
from pytest_wfo.core.antivirus.patterns import FileExtension, PathGlob
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.detection import Signs, WindowsHost
from pytest_wfo.probes.antivirus.products import ATTEST, Reader, product_of
from pytest_wfo.probes.windows_envelope import Answer, Failure

SIGNS = Signs.of(
    "Trend Micro Apex One",
    "ntrtscan|tmlisten",
    "ntrtscan|tmlisten",
    "tmpreflt|tmprefilter|tmevtmgr|tmeyes|tmesflt|fileflt|tmkmsnsr",
    "trend micro.*(officescan|apex one|worry-free|security agent)",
)
_ROOTS = tuple(
    rf"HKLM:\SOFTWARE{branch}\TrendMicro\PC-cillinNTCorp\CurrentVersion"
    for branch in (r"\WOW6432Node", "")
)
_REAL_TIME = "Real Time Scan Configuration"
_ON_DEMAND = (
    "Manual Scan Configuration",
    "Prescheduled Scan Configuration",
    "Scan Now Configuration",
)
_LISTS = ("ExcludedFolder", "ExcludedFile", "ExcludedExt")
_SOURCE = "registry, Trend Micro, PC-cillinNTCorp"


def _read(host: WindowsHost) -> Product | None:
    exclusions = _exclusions(host.answer)
    return product_of(
        host,
        SIGNS,
        exclusions=exclusions,
        reading=Reading.STORED if isinstance(exclusions, Known) else Reading.NONE,
        scanning={
            Scan.MEMORY_RESIDENT: _real_time(host.answer),
            Scan.ON_DEMAND: Known(True, "a scan can be started at any time"),
        },
    )


TREND = Reader(SIGNS, _read)


def _real_time(answer: Answer) -> Fact[bool]:
    for root in _ROOTS:
        enabled = answer.setting(rf"{root}\{_REAL_TIME}", "Enable")
        if enabled == 0:
            return Unknown(
                "Trend Micro's real-time scan is off at the moment, and may be on again at any time",
                "make the entries all the same, or turn the real-time scan on and run again",
            )
        if type(enabled) is int:
            return Known(True, f"{_SOURCE}, {_REAL_TIME}")
    return Unknown("whether Trend Micro's real-time scan is on: the registry does not say")


def _exclusions(answer: Answer) -> Fact[tuple[Exclusion, ...]]:
    lists: dict[tuple[str, str], tuple[str, ...]] = {}
    for scan in (_REAL_TIME, *_ON_DEMAND):
        for name in _LISTS:
            found = _list(answer, scan, name)
            if isinstance(found, Unknown):
                return found
            lists[scan, name] = found
    entries = []
    for name in _LISTS:
        texts = {
            text.lower(): text for scan in (_REAL_TIME, *_ON_DEMAND) for text in lists[scan, name]
        }
        for key, text in texts.items():
            holders = {
                scan
                for scan in (_REAL_TIME, *_ON_DEMAND)
                if key in {each.lower() for each in lists[scan, name]}
            }
            entries.append(_entry(name, text, holders))
    return Known(tuple(entries), _SOURCE)


def _list(answer: Answer, scan: str, name: str) -> tuple[str, ...] | Unknown:
    for root in _ROOTS:
        path = rf"{root}\{scan}"
        values = answer.key(path)
        if isinstance(values, Failure):
            return Unknown(f"{path}: {values.words}", values.remedy)
        value = answer.setting(path, name)
        if isinstance(value, str):
            return tuple(filter(None, map(str.strip, value.split("|"))))
    return Unknown(
        f"Trend Micro: the registry shows no {name} in {scan}, so its list is not known", ATTEST
    )


def _entry(name: str, text: str, holders: set[str]) -> Exclusion:
    scans = {Scan.MEMORY_RESIDENT} if _REAL_TIME in holders else set()
    if holders >= set(_ON_DEMAND):
        scans.add(Scan.ON_DEMAND)
    note = "" if len(holders) == 1 + len(_ON_DEMAND) else f"only in {', '.join(sorted(holders))}"
    return Exclusion(text, _pattern(name, text), frozenset(scans), "agent's settings", note=note)


def _pattern(name: str, text: str) -> Pattern:
    certain = not has_wildcard(text)  # what they mean differs between lists and versions
    if name == "ExcludedExt":
        return FileExtension.of(text, certain=certain)
    if name == "ExcludedFolder":
        return PathGlob.of(text, certain=certain)
    if "\\" in text:
        return PathGlob.of(text, Covered.NO, certain=certain)
    return PathGlob(("**", text), Covered.NO, certain=False)
