"""What must be excluded so that a row of the document holds.

An exclusion of a folder or an extension is one of files, whoever opens them. One of a process is two
things: memory-resident scanning leaves out what the program opens; on-demand scanning knows no
programs, only files: the program's own and those it writes. (Microsoft, "Exclusions overview":
process exclusions do not apply to on-demand scans; Symantec, Trend Micro and ESET say the same.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_wfo.core.antivirus.items import item_of, items_of
from pytest_wfo.core.antivirus.model import Covered, Pattern, Scan
from pytest_wfo.core.antivirus.paths import fold, name_of, split
from pytest_wfo.core.facts import HostFacts, Known, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Item, ItemKind


@dataclass(frozen=True, slots=True)
class Subject:
    """What must be excluded.

    ``text`` is a folder, an extension or a program's file name. For a program, ``images`` are the full
    paths of its file, ``unknown`` says why there may be others ("" = there are none), ``writes`` are
    the folders it writes to. ``detours`` are folders of it whose name may not be their path, and why.
    """

    kind: ItemKind
    text: str
    images: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    unknown: str = ""
    detours: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must be excluded so that the subject is; ``kind`` is that of the entry it takes,
    ``place`` what such an entry names."""

    words: str
    kind: str  # "folder", "extension", "process", "file"
    place: str
    ask: Callable[[Pattern], Covered]


def subject_of(cell: Cell, facts: HostFacts) -> Subject:
    """The cell's item with what the host says of it."""
    return subject(item_of(cell), items_of(cell), facts)


def subject(item: Item, others: tuple[Item, ...], facts: HostFacts) -> Subject:
    """An item with what the host says of it; ``others`` are the folders that a program writes to."""
    if item.kind is ItemKind.FOLDER:
        return Subject(item.kind, item.text, detours=_detours((item.text,), facts))
    if item.kind is not ItemKind.PROCESS:
        return Subject(item.kind, item.text)
    images: dict[str, str] = {}
    for path in _programs(facts):
        if fold(name_of(path)) == fold(item.text) and len(split(path)) > 1:
            images.setdefault(fold(path), path)
    why = _unseen(facts)
    if not images and not why:
        why = _not_found(item.text, facts)
    writes = tuple(other.text for other in others)
    detours = _detours(writes, facts)
    return Subject(item.kind, item.text, tuple(images.values()), writes, why, detours)


def _detours(folders: tuple[str, ...], facts: HostFacts) -> tuple[tuple[str, str], ...]:
    """A scanner goes by where a file lies, not by the link through which it is reached (Microsoft,
    "Configure exclusions": folders behind reparse points must be excluded separately)."""
    if isinstance(facts.antivirus, Unknown):
        return ()
    links = facts.antivirus.value.links
    if isinstance(links, Unknown):
        why = f"whether it is reached through a link was not seen: {links.reason}"
        return tuple((folder, why) for folder in folders)
    return tuple(
        (
            folder,
            f"{links.value[folder]} is a link, a junction or a mount point: scanners go by "
            "the path behind it",
        )
        for folder in folders
        if folder in links.value
    )


def _programs(facts: HostFacts) -> Iterator[str]:
    if isinstance(facts.services, Known):
        yield from (service.path for service in facts.services.value)
    if isinstance(facts.processes, Known):
        yield from (process.command for process in facts.processes.value)


def _unseen(facts: HostFacts) -> str:
    """Why not every place from which a program may run was seen ("" = it was). Services are of
    Windows."""
    elsewhere = isinstance(facts.system, Known) and facts.system.value.family != "windows"
    for fact in (facts.processes,) if elsewhere else (facts.processes, facts.services):
        if isinstance(fact, Unknown):
            return fact.reason
    return ""


def _not_found(name: str, facts: HostFacts) -> str:
    processes = facts.processes.value if isinstance(facts.processes, Known) else ()
    if any(fold(name_of(process.name)) == fold(name) for process in processes):
        return "it runs, but its path is not shown to this account"
    return "it does not run, and no service of this name is registered"


def parts_of(subject: Subject, scan: Scan) -> tuple[Part, ...]:
    """Everything that must be excluded from such scanning so that the subject is."""
    if subject.kind is ItemKind.FOLDER:
        return (folder_part(subject.text),)
    if subject.kind is ItemKind.EXTENSION:
        extension = subject.text
        words = f"*{extension} files, wherever they lie"
        return (Part(words, "extension", extension, lambda pattern: pattern.extension(extension)),)
    images = (*subject.images, subject.text) if subject.unknown else subject.images
    if scan is Scan.MEMORY_RESIDENT:
        return tuple(_opened_by(image) for image in images)
    files = (file_part(image, f"the program file {image}") for image in images)
    return (*files, *(folder_part(folder) for folder in subject.writes))


def folder_part(folder: str) -> Part:
    """A folder and everything below it."""
    words = f"{folder} and everything below"
    return Part(words, "folder", folder, lambda pattern: pattern.tree(folder))


def _opened_by(image: str) -> Part:
    words = f"the files that {image} opens"
    return Part(words, "process", image, lambda pattern: pattern.process(image))


def file_part(path: str, words: str = "") -> Part:
    """One file."""
    return Part(words or path, "file", path, lambda pattern: pattern.file(path))
