"""What Microsoft Defender detected on a Windows host, and what it did.

Two places hold it: the operational event log, until it is full, and MSFT_MpThreatDetection, for
``ScanPurgeItemsAfterDelay`` days. What either has counts; the same detection in both is one removal.
Sources: Microsoft, "Review event logs and error codes" and the MSFT_MpThreatDetection class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import Removal
from pytest_wfo.core.antivirus.task import HISTORY_DAYS
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import NotSeenError, fact
from pytest_wfo.probes.windows_envelope import Answer, Row, integer, text, texts
from pytest_wfo.probes.windows_machine import TICKS, iso

MOST_EVENTS = 500  # of which the collector tells
_DAY = 86_400 * TICKS

_ACTIONS = {
    1: "cleaned", 2: "quarantined", 3: "removed", 6: "allowed", 9: "none", 10: "blocked",
}  # fmt: skip
_GRAVE = ("unknown", "none", "allowed", "failed", "blocked", "cleaned", "quarantined", "removed")
_DONE = {"blocked", "cleaned", "quarantined", "removed"}
_TAKEN, _FAILED = {1007, 1117}, {1008, 1118, 1119}
_RESOURCE = re.compile(r"(?:^|;)\s*([A-Za-z]+):_(.*?)(?=;\s*[A-Za-z]+:_|$)", re.DOTALL)
_FILES = {"file", "containerfile", "webfile"}


@dataclass(frozen=True, slots=True)
class History:
    """``removals`` newest first, of the last ``days`` days; ``warnings`` say what was not read."""

    removals: Fact[tuple[Removal, ...]]
    days: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """What one place tells of one detection; ``at`` in .NET's ticks."""

    key: str
    paths: tuple[str, ...]
    threat: str
    at: int
    action: str


def read_history(answer: Answer) -> History:
    """Everything both places tell. Unknown only where neither could be read."""
    clock = fact("the clock", lambda: Known(integer(answer.value("clock", "the clock"), "end"), ""))
    if isinstance(clock, Unknown):
        return History(clock, 0)
    now = clock.value
    events = fact("the event log of Microsoft Defender", lambda: _events(answer, now))
    listed = fact("the detections of Microsoft Defender", lambda: _detections(answer))
    told, days, warnings, sources = [], 0, [], []
    for place in (events, listed):
        if isinstance(place, Unknown):
            warnings.append(f"not read: {place.reason}")
            continue
        found, covered = place.value
        told += found
        days = max(days, covered)
        sources.append(place.source)
    if isinstance(events, Unknown) and isinstance(listed, Unknown):
        return History(events, 0, tuple(warnings[1:]))
    oldest = now - HISTORY_DAYS * _DAY
    recent = [each for each in told if each.at >= oldest]
    return History(Known(_merged(recent), " and ".join(sources)), days, tuple(warnings))


def _events(answer: Answer, now: int) -> Fact[tuple[list[_Told], int]]:
    value = answer.value("av_events", "the event log of Microsoft Defender")
    rows = answer.rows("av_events", "the event log of Microsoft Defender")
    if value["enabled"] != 1:
        return Unknown("the event log of Microsoft Defender is switched off")
    told = [_event(row) for row in rows]
    oldest = min((each.at for each in told), default=now)
    if len(rows) < MOST_EVENTS:
        oldest = now if value["oldest"] is None else integer(value, "oldest")
    days = max(0, min(HISTORY_DAYS, (now - oldest) // _DAY))
    return Known((told, days), "Defender's operational event log")


def _event(row: Row) -> _Told:
    number, action = integer(row, "id"), text(row, "action") or ""
    done = ""
    if number in _TAKEN:
        done = _ACTIONS.get(int(action), "unknown") if action.isdecimal() else "unknown"
    elif number in _FAILED:
        done = "failed"
    at = integer(row, "at")
    paths = tuple(_paths(text(row, "path") or ""))
    return _Told(text(row, "detection") or f"{paths}", paths, text(row, "threat") or "", at, done)


def _detections(answer: Answer) -> Fact[tuple[list[_Told], int]]:
    what = "the detections of Microsoft Defender"
    names: Mapping[int, str] = {}
    if answer.failure("av_threats") is None:
        rows = answer.rows("av_threats", what)
        names = {integer(row, "threat"): text(row, "name") or "" for row in rows}
    told = []
    for row in answer.rows("av_detections", what):
        threat = integer(row, "threat")
        done = _ACTIONS.get(integer(row, "action"), "unknown")
        if row["success"] == 0 and done in _DONE:
            done = "failed"
        paths = tuple(path for each in texts(row, "resources") for path in _paths(each))
        key = text(row, "detection") or f"{paths}"
        named = names.get(threat) or f"threat {threat}"
        told.append(_Told(key, paths, named, integer(row, "at"), done))
    kept = answer.value("av_preferences", what)["kept"]  # 0: for ever
    days = min(HISTORY_DAYS, kept or HISTORY_DAYS) if type(kept) is int and kept >= 0 else 0
    return Known((told, days), "MSFT_MpThreatDetection")


def _paths(resources: str) -> Iterator[str]:
    """The files among resources: ``file:_C:\\a; containerfile:_C:\\b.zip; file:_C:\\b.zip->c``."""
    if resources.endswith(" [cut]"):
        raise NotSeenError(
            Unknown("Defender names more files for one detection than were reported")
        )
    for kind, name in _RESOURCE.findall(resources):
        if kind.lower() in _FILES:
            yield name.partition("->")[0].partition("|")[0].strip()


def _merged(told: Iterable[_Told]) -> tuple[Removal, ...]:
    """One removal for each file of each detection: the last time, and the gravest action told."""
    found: dict[tuple[str, str], tuple[int, Removal]] = {}
    for each in told:
        for path in each.paths:
            key = (each.key.strip("{}").lower(), path.lower())
            at, threat, action = each.at, printable(each.threat), each.action or "unknown"
            if key in found:
                at = max(at, found[key][0])
                action = max(action, found[key][1].action, key=_GRAVE.index)
                threat = found[key][1].threat or threat
            found[key] = (at, Removal(printable(path), action, threat, iso(at)))
    newest = sorted(found.values(), key=lambda one: one[0], reverse=True)
    return tuple(removal for _, removal in newest)
