"""Files that the document advises to exclude: locked, large, temporary (General Considerations).

Only named roots are searched, for a bounded time, and lists are cut; what was left unseen is told for
each concern, since a list that is not whole shows nothing about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_wfo.core.antivirus.model import Concern, ConcernedFile, Concerns
from pytest_wfo.core.facts import Fact, Known, Process
from pytest_wfo.probes.envelope import NO_POWER, Section, Sections, printable
from pytest_wfo.probes.reading import NotSeenError
from pytest_wfo.probes.windows_envelope import Answer, Row, integer, text

LISTED = 50
"""Files of one kind that are named; the collectors know the number as well."""

_GIB = 1 << 30
_LS = re.compile(r"-\S+ +\d+ +\S+ +\S+ +(\d{1,18}) +\S+ +\S+ +\S+ (/.*)")
_ENDED = {"124", "143"}  # timeout's exit codes
_LS_CODES = {"0", "1", "2"}  # ls, also where a process ended meanwhile
_CAPPED = f"more than {LISTED} were found, of which {LISTED} are named"
_POSIX_METHODS = {
    Concern.TEMPORARY: "files that came and went between the two looks",
}
_WINDOWS_METHODS = {
    Concern.TEMPORARY: "files that came and went while the host was examined",
    Concern.LOCKED: (
        "files that others hold open: Windows shows them to a driver only, and trying to open one could "
        "make a recording fail; named are the page file and the databases of services that run"
    ),
}


def read_posix_concerns(sections: Sections, processes: Fact[tuple[Process, ...]]) -> Fact[Concerns]:
    """Large files by find, open files by /proc, new names by two looks into each folder.

    Raises ``NotSeenError`` where the search itself is missing.
    """
    large, opened, new = (sections.get(name) for name in ("large", "open", "new"))
    if large is None or opened is None or new is None:
        raise LookupError("no search for files was reported")
    limits: dict[Concern, list[str]] = {concern: [] for concern in Concern}
    names = {one.pid: one.name for one in processes.value} if isinstance(processes, Known) else {}
    files = [
        *_large(large, limits[Concern.LARGE]),
        *_opened(opened, names, limits[Concern.LOCKED]),
        *_new(new, _seconds(sections), limits[Concern.TEMPORARY]),
    ]
    roots = [words[2] for words in _lines(large, "searched", 3)] if large.ok else []
    return _known(files, roots, limits, _POSIX_METHODS, "find, ls, /proc/PID/fd")


def _large(section: Section, limits: list[str]) -> Iterable[ConcernedFile]:
    if not section.ok:
        limits.append(section.complaint)
        return
    found = [match for line in section.output.split("\n") if (match := _LS.fullmatch(line))]
    for match in found[:LISTED]:
        yield ConcernedFile(Concern.LARGE, printable(match[2]), _size(int(match[1])))
    if len(found) > LISTED:
        limits.append(_CAPPED)
    for _, code, folder in _lines(section, "searched", 3):
        if code in _ENDED:
            limits.append(f"{printable(folder)}: the search was ended after 8 s")
        elif code != "0":
            limits.append(f"{printable(folder)}: not every file could be looked at")


def _opened(
    section: Section, names: Mapping[int, str], limits: list[str]
) -> Iterable[ConcernedFile]:
    if section.code == NO_POWER:
        limits.append("which files processes hold open is seen by root alone")
        return
    if not section.ok:
        limits.append(f"which files processes hold open: {section.complaint}")
        return
    found = [words for words in _lines(section, "open", 3) if words[1].isdigit()]
    for _, pid, path in found[:LISTED]:
        who = printable(names.get(int(pid), "")) or f"process {pid}"
        why = f"held open for writing by {who}"
        yield ConcernedFile(Concern.LOCKED, printable(path.removesuffix(" (deleted)")), why)
    if len(found) > LISTED:
        limits.append(_CAPPED)
    code = next((code for _, code in _lines(section, "searched", 2)), "")
    if code in _ENDED:
        limits.append("the search for files that processes hold open was ended after 8 s")
    elif code not in _LS_CODES:
        limits.append("which files processes hold open: /proc could not be searched")
    if _lines(section, "closed", 2):
        limits.append("of some processes not even root is shown which files they hold open")


def _new(section: Section, seconds: int, limits: list[str]) -> Iterable[ConcernedFile]:
    if not section.ok:
        limits.append(f"new files: {section.complaint}")
        return
    for _, count, folder in _lines(section, "new", 3):
        if count == "-1":
            limits.append(f"{printable(folder)} holds too many files to compare them")
        elif int(count):
            yield _fresh(folder, int(count), seconds)


def _seconds(sections: Sections) -> int:
    begin, end = sections["looked"].output.split()
    return max(1, int(end) - int(begin))


def _lines(section: Section, kind: str, words: int) -> list[list[str]]:
    split = (line.split("\t", words - 1) for line in section.output.split("\n"))
    return [line for line in split if len(line) == words and line[0] == kind]


def read_windows_concerns(answer: Answer) -> Fact[Concerns]:
    """Large files by Get-ChildItem; the page file and the databases of services that run.

    Raises ``NotSeenError`` if nothing was searched.
    """
    what = "files that should be excluded"
    value = answer.value("concerns", what)
    limits: dict[Concern, list[str]] = {concern: [] for concern in Concern}
    files: list[ConcernedFile] = []
    for row in _rows(value, "large"):
        files.append(ConcernedFile(Concern.LARGE, _path(row), _size(integer(row, "size"))))
    if integer(value, "large_total") > len(_rows(value, "large")):
        limits[Concern.LARGE].append(_CAPPED)
    for row in _rows(value, "databases"):
        why = f"held open by the service {printable(text(row, 'service') or '')}"
        files.append(ConcernedFile(Concern.LOCKED, _path(row), why))
    if integer(value, "databases_total") > len(_rows(value, "databases")):
        limits[Concern.LOCKED].append(_CAPPED)
    try:
        for row in answer.rows("page_files", "the page file"):
            size = _size(integer(row, "megabytes") << 20)
            files.append(ConcernedFile(Concern.LOCKED, _path(row), "held open by Windows"))
            files.append(ConcernedFile(Concern.LARGE, _path(row), f"page file of {size}"))
    except NotSeenError as error:
        limits[Concern.LOCKED].append(error.fact.reason)
        limits[Concern.LARGE].append(error.fact.reason)
    roots = []
    for row in _rows(value, "roots"):
        root = printable(text(row, "path") or "")
        roots.append(root)
        if row["late"] is True:
            limits[Concern.LARGE].append(f"{root}: the search was ended for lack of time")
            limits[Concern.LOCKED].append(f"{root}: the search was ended for lack of time")
        if integer(row, "unread"):
            limits[Concern.LARGE].append(f"{root}: not every folder could be looked at")
    for row in _rows(value, "fresh"):
        if integer(row, "count"):
            seconds = max(1, integer(row, "seconds"))
            files.append(_fresh(text(row, "path") or "", integer(row, "count"), seconds))
        if row["late"] is True:
            words = f"{_path(row)} holds too many files to compare them"
            limits[Concern.TEMPORARY].append(words)
    source = "Get-ChildItem, services, Win32_PageFileUsage"
    return _known(files, roots, limits, _WINDOWS_METHODS, source)


def _rows(value: Row, name: str) -> list[Row]:
    rows = value[name]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError(f"{name} is no list of rows")
    return rows


def _path(row: Row) -> str:
    return printable(text(row, "path") or "")


def _fresh(folder: str, count: int, seconds: int) -> ConcernedFile:
    why = f"{count} new file{'s' * (count > 1)} in {seconds} s"
    return ConcernedFile(Concern.TEMPORARY, printable(folder), why, folder=True)


def _size(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / (1 << 20):.1f} MiB"


def _known(
    files: Iterable[ConcernedFile],
    roots: Iterable[str],
    limits: Mapping[Concern, list[str]],
    methods: Mapping[Concern, str],
    source: str,
) -> Known[Concerns]:
    said = {concern: "; ".join(dict.fromkeys(words)) for concern, words in limits.items() if words}
    found = tuple(dict.fromkeys(files))
    return Known(Concerns(found, tuple(map(printable, roots)), said, methods), source)
