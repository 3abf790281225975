"""Who the machine is, who we are there, its clock, its processes, and requested files."""

from __future__ import annotations

import re
import shlex

from pytest_wfo.core.facts import (
    Clock,
    Fact,
    FileStat,
    Identity,
    Known,
    OperatingSystem,
    Process,
    Rights,
    Unknown,
)
from pytest_wfo.probes.envelope import Section, Sections, printable

_NO_FILE = ("No such file or directory", "Not a directory")
_PROC = re.compile(r"/proc/(\d{1,10})/(comm|cmdline):(.*)")
_COMMAND = 1024  # characters of a program's path that are kept


def _said(section: Section | None) -> str:
    return section.output.strip() if section is not None and section.ok else ""


def _why(section: Section | None) -> str:
    return section.complaint if section is not None else "not reported"


def read_identity(sections: Sections) -> Fact[Identity]:
    """Host name and boot id (empty where the kernel has none)."""
    hostname = printable(_said(sections.get("hostname")))
    if not hostname:
        return Unknown(f"the host's name: {_why(sections.get('hostname'))}")
    boot = _said(sections.get("boot"))
    return Known(Identity(hostname, boot if re.fullmatch(r"[0-9a-f-]{36}", boot) else ""), "kernel")


def read_system(sections: Sections) -> Fact[OperatingSystem]:
    """Kernel and distribution; the name for people comes from os-release."""
    family = printable(_said(sections.get("ostype")))
    if not family:
        return Unknown(f"the operating system: {_why(sections.get('ostype'))}")
    release = printable(_said(sections.get("osrelease")))
    text = _said(sections.get("os"))
    pretty = next((line[12:] for line in text.splitlines() if line.startswith("PRETTY_NAME=")), "")
    try:
        name = printable(" ".join(shlex.split(pretty)))
    except ValueError:
        name = printable(pretty)
    return Known(
        OperatingSystem(family.lower(), name or f"{family} {release}".strip(), release),
        "uname, os-release",
    )


def read_rights(sections: Sections) -> Fact[Rights]:
    """Whether the root-only commands could run; "sudo" only if sudo let every one of them pass. The one
    that only the antivirus rests on is left to that fact, which says so itself."""
    section = sections.get("id")
    who = re.match(r"uid=(\d+)(?:\(([^)]*)\))?", _said(section))
    if who is None:
        return Unknown(f"the user's rights: id: {_why(section)}", "install coreutils")
    user = printable(who[2] or who[1])
    if who[1] == "0":
        return Known(Rights(user, "root"), "id")
    by_sudo = {
        name: part for name, part in sections.items() if part.power == "sudo" and name != "fanotify"
    }
    refused = [f"{name}: {part.complaint}" for name, part in by_sudo.items() if not part.ok]
    if not by_sudo:
        return Known(Rights(user, "none", "sudo is not installed"), "id")
    detail = "; ".join(refused)
    return Known(Rights(user, "none" if refused else "sudo", detail), "id, sudo -n")


def read_clock(sections: Sections, asked: float, answered: float) -> Fact[Clock]:
    """Offset by the two readings on the host, as in NTP: the time between them is not uncertainty."""
    first = _instant(sections.get("clock"))
    last = _instant(sections.get("clock_end")) or first
    if first is None or last is None:
        return Unknown(f"the clock: date: {_why(sections.get('clock'))}", "install coreutils")
    (start, grain), (end, _) = first, last
    offset = (start - asked + end - answered) / 2 + grain / 2
    spent = max(0.0, (answered - asked) - max(0.0, end - start))
    return Known(Clock(offset, spent / 2 + grain / 2), "date +%s")


def _instant(section: Section | None) -> tuple[float, float] | None:
    """Epoch seconds and their grain (1 s where ``date`` knows no fraction)."""
    found = re.match(r"(\d{1,12})(\.\d{1,9})?", _said(section))
    if found is None:
        return None
    return float(found[0]), 0.0 if found[2] else 1.0


def read_processes(sections: Sections) -> Fact[tuple[Process, ...]]:
    """All processes: names, and the programs as they were started. A kernel thread has no program."""
    section = sections.get("processes")
    if section is None:
        return Unknown("processes: not reported")
    if not section.ok:
        return section.unknown("processes", "log in as root, or mount /proc without hidepid")
    names: dict[int, list[str]] = {}
    programs: dict[int, str] = {}
    for line in section.output.split("\n"):
        found = _PROC.match(line)
        if found is None:
            continue
        pid, text = int(found[1]), line[found.start(3) :]
        if found[2] == "comm":
            names.setdefault(pid, []).append(text)
        else:
            programs.setdefault(pid, text[:_COMMAND])
    if not names:
        return Unknown("processes: /proc shows none", "mount /proc")
    return Known(
        tuple(
            Process(pid, "\n".join(lines), programs.get(pid, ""))
            for pid, lines in sorted(names.items())
        ),
        "/proc",
    )


def read_files(sections: Sections) -> dict[str, Fact[FileStat]]:
    """The requested files by path; ``stat`` says what is there and, on stderr, what is not."""
    section = sections.get("files")
    asked = _said(sections.get("asked")).splitlines()
    if section is None:
        return {path: Unknown(f"{path}: not reported") for path in asked}
    found: dict[str, Fact[FileStat]] = {}
    for line in section.output.splitlines():
        kind, size, modified, path = [*line.split("|", 3), "", "", ""][:4]
        if path and re.fullmatch(r"\d{1,18} \d{1,18}", f"{size} {modified}"):
            name = "file" if kind.startswith("regular") else kind
            known = name if name in {"file", "directory"} else "other"
            found[path] = Known(FileStat(path, known, int(size), int(modified)), "stat")
    for path in asked:
        if path not in found:
            found[path] = _missing(path, section)
    return found


def _missing(path: str, section: Section) -> Fact[FileStat]:
    for line in section.error.splitlines():
        if f"'{path}': " in line or f'"{path}": ' in line:  # the second: paths with an apostrophe
            why = line.rpartition(": ")[2].strip()
            if why in _NO_FILE:
                return Known(FileStat(path, "absent"), "stat")
            return Unknown(f"{path}: {why}", "log in as a user who may read it")
    return Unknown(f"{path}: not seen by stat: {section.complaint}", "install coreutils")
