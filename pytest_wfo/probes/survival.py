"""What the parts of the collectors that write have to say: what was asked, and what became of it.

Both platforms report each file in the same six words (``Written``), so that all is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.antivirus.model import Survival, SurvivalProbe, TestFile
from pytest_wfo.core.antivirus.task import SURVIVAL_SECONDS, AntivirusTask
from pytest_wfo.core.facts import NOT_ASKED, Fact, Known, Unknown
from pytest_wfo.probes.envelope import printable

NOT_TRIED = Unknown("not tried: --wfo-probe=none writes no file", "run again with --wfo-probe=safe")
CANARY_NAME = "wfo-canary-"
VIRUS = "virus"  # what Get-Reason of files.ps1 says where the system does
NOTHING = AntivirusTask()

_WORD = re.compile(r"\.?[A-Za-z0-9]{1,64}")

CANARY_SECONDS = 60.0
"""How long a control may take to be detected, and a file is left alone, at most; at least a third."""

PAYLOAD = ")d~P!Top!,c-!+)dcW!/XfrrXfNStxrp#\\$%p}sp#s\\p}%x'x#&$\\%t$%\\ux{tPSwZwY"
"""What every scanner must detect (the test file that eicar.org describes), turned by 47 places in the
alphabet of ``!`` to ``~``. Hosts turn it back; it stands in clear in no file of this project."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that test files are left alone, and what the canary test writes. Tests have their own:
    a shorter time, and a text that only their scanner detects."""

    survival: float = SURVIVAL_SECONDS
    canary: float = CANARY_SECONDS
    payload: str = PAYLOAD


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Written:
    """One line of a collector. ``kind`` is "survival", "control", "subject", "scan-control",
    "scan-subject", or another word of the canary test; ``seconds`` is the file's age."""

    kind: str
    extension: str
    state: str
    seconds: float
    detail: str
    path: str


def asked_in(task: AntivirusTask) -> dict[str, Any]:
    """A task as the collectors take it and repeat it in their answer."""
    return {
        "folders": list(task.folders),
        "extensions": list(task.extensions),
        "types": list(task.file_types),
        "run": task.run,
        "canary": task.canary,
        "concerns": task.concerns,
    }


def task_of(row: Mapping[str, Any]) -> AntivirusTask:
    """The task that an answer repeats. Raises TypeError, LookupError for anything else."""
    run, canary, concerns = row["run"], row["canary"], row["concerns"]
    if not (isinstance(run, str) and isinstance(canary, bool) and isinstance(concerns, bool)):
        raise TypeError("what was asked of antivirus is damaged")
    return AntivirusTask(
        folders=_words(row["folders"]),
        extensions=_words(row["extensions"]),
        file_types=_words(row["types"]),
        run=run,
        canary=canary,
        concerns=concerns,
    )


def check_words(task: AntivirusTask) -> None:
    """Raises ValueError for a file type, an extension or a run that is no word: they become names."""
    words = (*task.file_types, *task.extensions, *([task.run] if task.run else []))
    if not all(map(_WORD.fullmatch, words)):
        raise ValueError("a file type or the name of a run is no word of letters and digits")


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("what was asked of antivirus is damaged")
    return tuple(value)


def why_not_written(task: AntivirusTask | None) -> Unknown | None:
    """Why no test file can have been written; None if they were asked for."""
    if task is None:
        return NOT_ASKED
    if not task.file_types:
        return Unknown("not tried: no file type is asked of this host")
    return None if task.run else NOT_TRIED


def survival_of(
    task: AntivirusTask, written: Iterable[Written], leftovers: Sequence[str], source: str
) -> Fact[SurvivalProbe]:
    """The fate of every test file. A type of which there is none makes the whole unknown.

    Raises ValueError for a state that is none.
    """
    files = tuple(
        TestFile(
            extension=each.extension,
            path=printable(each.path),
            survival=_fate(each),
            detail=printable(each.detail),
            seconds=each.seconds,
        )
        for each in written
        if each.kind == "survival"
    )
    missing = [one for one in task.file_types if one not in {file.extension for file in files}]
    if missing:
        return Unknown(
            f"no test file could be written: no folder was found for {', '.join(missing)}",
            "let the account write into the folders of WFO or the folder for temporary files",
        )
    return Known(SurvivalProbe(files, split_leftovers(leftovers)[0]), source)


def _fate(file: Written) -> Survival:
    refused = file.state == "unwritten" and file.detail == VIRUS
    return Survival.BLOCKED if refused else Survival(file.state)


def split_leftovers(paths: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What could not be removed: of the survival probe, of the canary test."""
    shown = sorted({printable(path) for path in paths})
    canary = tuple(path for path in shown if CANARY_NAME in path)
    return tuple(path for path in shown if path not in canary), canary
