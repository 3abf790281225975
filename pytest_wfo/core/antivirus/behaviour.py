"""What the canary test shows about one subject: a file that every scanner must detect, left alone.

A file that was left alone shows an exclusion only where the same text was detected where nothing is
excluded (the control); without it, it may as well show that nothing scans. A file that was detected
shows that it is not excluded, whatever the settings say.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import Canary, CanaryFile, CanaryOutcome, Scan
from pytest_wfo.core.antivirus.paths import fold, name_of, split
from pytest_wfo.core.antivirus.subjects import Subject
from pytest_wfo.core.known import Fact, Unknown
from pytest_wfo.core.requirements import ItemKind


@dataclass(frozen=True, slots=True)
class Behaviour:
    """DETECTED and INTACT are proofs, UNKNOWN is none. ``files`` are those that say so, ``heard`` is
    true if a control was detected in such scanning, ``words`` is what a reader must know."""

    outcome: CanaryOutcome = CanaryOutcome.UNKNOWN
    files: tuple[CanaryFile, ...] = ()
    heard: bool = False
    words: tuple[str, ...] = ()


def behaviour_of(canary: Fact[Canary], subject: Subject, scan: Scan) -> Behaviour:
    """What the run shows of the subject; nothing of programs, which no test file can show."""
    if isinstance(canary, Unknown):
        return Behaviour()
    files = [file for file in canary.value.files if file.scan is scan]
    controls = [file for file in files if file.control]
    heard = any(file.outcome is CanaryOutcome.DETECTED for file in controls)
    own = tuple(file for file in files if not file.control and _shows(subject, file.path))
    words = tuple(_words(canary.value, file) for file in (*controls, *own) if own)
    detected = tuple(file for file in own if file.outcome is CanaryOutcome.DETECTED)
    if detected:
        return Behaviour(CanaryOutcome.DETECTED, detected, heard, words)
    intact = bool(own) and all(file.outcome is CanaryOutcome.INTACT for file in own)
    if intact and all(_controlled(file, controls) for file in own):
        return Behaviour(CanaryOutcome.INTACT, own, heard, words)
    if own:
        words = (*words, "the canary test is inconclusive here and counts for nothing")
    return Behaviour(CanaryOutcome.UNKNOWN, own, heard, words)


def _shows(subject: Subject, path: str) -> bool:
    if subject.kind is ItemKind.EXTENSION:
        return fold(name_of(path)).endswith(fold(subject.text))
    if subject.kind is ItemKind.FOLDER:
        folder = [fold(name) for name in split(subject.text)]
        return [fold(name) for name in split(path)][: len(folder)] == folder
    return False


def _controlled(file: CanaryFile, controls: list[CanaryFile]) -> bool:
    """A control of the same file (scanned without regard to exclusions) tells more than any other."""
    own = [control for control in controls if control.path == file.path] or controls
    return bool(own) and all(control.outcome is CanaryOutcome.DETECTED for control in own)


def _words(canary: Canary, file: CanaryFile) -> str:
    what = "control" if file.control else "test"
    said = f": {file.detail}" if file.detail else ""
    return (
        f"canary run {canary.run} ({canary.started} to {canary.ended}), {file.scan.value}, {what} file "
        f"{file.path}: {file.outcome.value}{said}"
    )
