"""An antivirus product of no maker, which leaves out everything that the document asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_wfo.core.antivirus.model import (
    Antivirus,
    Canary,
    CanaryFile,
    CanaryOutcome,
    Concern,
    Concerns,
    Covered,
    Exclusion,
    Product,
    Reading,
    Scan,
    Survival,
    SurvivalProbe,
    TestFile,
)
from pytest_wfo.core.antivirus.patterns import FileExtension, OpenedBy, PathGlob
from pytest_wfo.core.facts import Fact, Known, Process

TEMP, LOGS = "C:\\temp\\", "C:\\Program Files\\CallCopy\\Logs\\"
PROGRAMS = "C:\\Program Files\\CallCopy\\bin"
CAPTURE, LOGGER = f"{PROGRAMS}\\cc_screencapserver.exe", f"{PROGRAMS}\\cc_loggerservice.exe"
TYPES = (".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml")
RUNNING = (
    Process(10, "cc_screencapserver.exe", CAPTURE),
    Process(11, "cc_loggerservice.exe", LOGGER),
)
BOTH = frozenset(Scan)
MEMORY, DEMAND = frozenset({Scan.MEMORY_RESIDENT}), frozenset({Scan.ON_DEMAND})
NONE: Fact[Antivirus] = Known(Antivirus((), "3 processes, for all that is known"), "ps")


def folder(path: str, **more: Any) -> Exclusion:
    return Exclusion(path, PathGlob.of(path), **more)


def file(path: str, **more: Any) -> Exclusion:
    return Exclusion(path, PathGlob.of(path, Covered.NO), **more)


def extension(text: str, **more: Any) -> Exclusion:
    return Exclusion(text, FileExtension.of(text), **more)


def process(name: str, **more: Any) -> Exclusion:
    return Exclusion(name, OpenedBy(name), MEMORY, **more)


ALL = (
    folder(TEMP),
    folder(LOGS),
    extension("vid"),
    extension("log"),
    process("cc_screencapserver.exe"),
    process("cc_loggerservice.exe"),
    file(CAPTURE),
    file(LOGGER),
)


def product(*exclusions: Exclusion, **more: Any) -> Product:
    values: dict[str, Any] = {
        "name": "Example Antivirus",
        "version": "5.1",
        "active": Known(True, "its service"),
        "scanning": {scan: Known(True, "its settings") for scan in Scan},
        "reading": Reading.EFFECTIVE,
        "exclusions": Known(exclusions, "its settings"),
        "removals": Known((), "its log"),
        "history_days": 90,
    }
    return Product(**(values | more))


def antivirus(*products: Product) -> Fact[Antivirus]:
    return Known(Antivirus(products, "3 processes, for all that is known"), "ps")


def survival(**changed: Survival) -> Fact[SurvivalProbe]:
    """A test file of every type, unchanged unless said otherwise (``vid=Survival.GONE``)."""
    files = tuple(
        TestFile(name, f"{TEMP}wfo-1{name}", changed.get(name[1:], Survival.UNCHANGED), "", 12.0)
        for name in TYPES
    )
    return Known(SurvivalProbe(files), "test files")


def concerns(*files: Any, limits: dict[Concern, str] | None = None) -> Fact[Concerns]:
    return Known(Concerns(files, (TEMP, LOGS), limits or {}), "find")


def protected(facts: Any) -> Any:
    """The host's facts with the product, and with the programs of WFO running."""
    return replace(
        facts,
        processes=Known((*facts.processes.value, *RUNNING), "ps"),
        antivirus=antivirus(product(*ALL)),
        survival=survival(),
        concerns=concerns(),
    )


def canary_file(
    path: str, outcome: CanaryOutcome, scan: Scan, *, control: bool = False
) -> CanaryFile:
    return CanaryFile(path, scan, control, outcome, "after 2.0 s")


def canary(*files: CanaryFile) -> Fact[Canary]:
    return Known(Canary("ab12", "2026-11-25T22:00:00Z", "2026-11-25T22:03:00Z", files), "canary")
