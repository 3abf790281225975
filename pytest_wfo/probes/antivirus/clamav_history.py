"""What ClamAV found and took away: its logs, and the folders that clamonacc moves files to.

clamd writes "TIME -> PATH: NAME FOUND" for whoever asked it, and never touches a file; clamonacc and
clamdscan do, if told so, and write "PATH: moved to 'TARGET'" or "PATH: Removed." in logs of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from posixpath import basename

from pytest_wfo.core.antivirus.model import Removal
from pytest_wfo.core.antivirus.task import HISTORY_DAYS
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.envelope import Section, Sections

_TIME = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
_LINE = re.compile(
    rf"(?:({_TIME}) -> )?(.+?): (?:(\S+?)(?:\([0-9a-f]+:\d+\))? FOUND|moved to '(.*)'|(Removed)\.?)$"
)
_LOCK = ".clamav-quarantine-lock."  # clamonacc leaves such files in the folder
_LOG = "set LogFile and LogTime in clamd.conf, restart clamd, and let the audit user read the log"


@dataclass
class _Log:
    path: str
    first: str = ""
    lines: list[str] = field(default_factory=list)
    total: int = 0
    short: bool = False  # its beginning was too far from its end to be read

    @property
    def cut(self) -> bool:
        return self.short or self.total > len(self.lines)


@dataclass
class _Folder:
    items: list[tuple[int, str]] = field(default_factory=list)
    total: int = 0


@dataclass
class _Seen:
    logs: list[_Log] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)


def read_history(
    sections: Sections, log: str, now: float | None, zone: str
) -> tuple[Fact[tuple[Removal, ...]], int]:
    """What was found within the days that clamd's ``log`` and the quarantine reach back, and how many
    days that is. ``now`` is the host's time in epoch seconds, ``zone`` its distance from UTC."""
    section = sections.get("clamav_history")
    if section is None or not section.ok or now is None:
        return Unknown("what ClamAV removed: its logs were not read", _LOG), 0
    if not log:
        return Unknown("what ClamAV removed: clamd keeps no log with times", _LOG), 0
    seen = _read(section, {log, f"{log}.1"})
    if seen.unread:
        return Unknown(f"what ClamAV removed: {seen.unread[0]} may not be read", _LOG), 0
    own = [each for each in seen.logs if each.path in {log, f"{log}.1"}]
    if not own:
        return Unknown(f"what ClamAV removed: {log} is not there or not readable", _LOG), 0
    begin = _whole_since(own, seen.folders, zone)
    days = 0 if begin is None else int((now - begin) / 86400)
    entries = [entry for each in seen.logs for entry in _entries(each.lines, zone)]
    items = [item for folder in seen.folders for item in folder.items]
    removals = _merged(entries, items, now - HISTORY_DAYS * 86400)
    source = ", ".join(each.path for each in own)
    return Known(removals, source), max(0, min(days, HISTORY_DAYS))


def _read(section: Section, own: set[str]) -> _Seen:
    seen = _Seen()
    for line in section.output.split("\n"):
        word, _, rest = line.partition("|")
        if word == "log":
            seen.logs.append(_Log(rest))
        elif word == "unread-folder" or (word == "unread-log" and rest in own):
            seen.unread.append(rest)
        elif word == "folder":
            seen.folders.append(_Folder())
        elif seen.folders:  # all logs come before
            _read_folder(seen.folders[-1], word, rest)
        elif seen.logs:
            _read_log(seen.logs[-1], word, rest)
    return seen


def _read_log(log: _Log, word: str, rest: str) -> None:
    if word == "short":
        log.short = True
    elif word == "first":
        log.first = rest
    elif word == "line":
        log.lines.append(rest)
    elif word == "total" and rest.isdigit():
        log.total = int(rest)


def _read_folder(folder: _Folder, word: str, rest: str) -> None:
    if word == "item" and (found := re.match(r"(\d{1,12})\|(/.*)", rest)):
        folder.items.append((int(found[1]), found[2]))
    elif word == "total" and rest.isdigit():
        folder.total = int(rest)


def _epoch(text: str, zone: str) -> float | None:
    try:
        return datetime.strptime(f"{text} {zone or '+0000'}", "%a %b %d %H:%M:%S %Y %z").timestamp()
    except ValueError:
        return None


def _begin(log: _Log, zone: str) -> float | None:
    """How far back a log was read: to its beginning, or to the oldest line that was kept."""
    text = log.first
    if log.total > len(log.lines):
        text = log.lines[0].partition(" -> ")[0] if log.lines else ""
    return _epoch(text, zone)


def _whole_since(logs: Iterable[_Log], folders: Iterable[_Folder], zone: str) -> float | None:
    """Since when nothing is missing: the beginning of the oldest log, or later where something in
    between was left out, of a log or of a quarantine (of which the newest files are told)."""
    begins = [(log, _begin(log, zone)) for log in logs]
    gaps = [begin for log, begin in begins if log.cut]
    for folder in folders:
        if folder.total > len(folder.items):
            gaps.append(min((float(when) for when, _ in folder.items), default=None))
    known = [begin for _, begin in begins if begin is not None]
    after = [gap for gap in gaps if gap is not None]
    if not known or len(after) < len(gaps):
        return None
    return max([min(known), *after])


def _entries(lines: Iterable[str], zone: str) -> Iterator[tuple[float, Removal, str]]:
    """When (0: not said), what, and where a file was moved to."""
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        moved, removed = found[4] or "", bool(found[5])
        action = "quarantined" if moved else "removed" if removed else "unknown"
        when = _epoch(found[1], zone) if found[1] else None
        yield when or 0.0, Removal(found[2], action, found[3] or "", _iso(when)), moved


def _iso(when: float | None) -> str:
    if not when:
        return ""
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=int(when))).isoformat()


def _merged(
    entries: list[tuple[float, Removal, str]], items: list[tuple[int, str]], oldest: float
) -> tuple[Removal, ...]:
    """One for each path and action, the newest; a file in quarantine under the path where it was found."""
    told = {moved: removal.path for _, removal, moved in entries if moved}
    threats = {removal.path: removal.threat for _, removal, _ in entries if removal.threat}
    for born, path in items:
        name = re.sub(r"\.\d{3}$", "", basename(path))  # the second file of a name becomes NAME.001
        if not name.startswith(_LOCK):
            origin = [found for found in threats if basename(found) == name]
            where = told.get(path) or (
                origin[-1] if origin else f"{path.rpartition('/')[0]}/{name}"
            )
            removal = Removal(where, "quarantined", threats.get(where, ""), _iso(born))
            entries.append((float(born), removal, ""))
    newest: dict[tuple[str, str], tuple[float, Removal]] = {}
    for when, removal, _ in entries:
        key = (removal.path, removal.action)
        if (not when or when >= oldest) and (key not in newest or when >= newest[key][0]):
            newest[key] = (when, removal)
    ranked = sorted(newest.values(), key=lambda pair: -pair[0])
    return tuple(removal for _, removal in ranked)
