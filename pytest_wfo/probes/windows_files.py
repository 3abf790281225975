"""What the parts of the Windows collector about test files said: engines/files.ps1, canary.ps1,
concerns.ps1."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from pytest_wfo.core.antivirus.model import Canary, Concerns, SurvivalProbe
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import NOT_ASKED, Fact, Unknown
from pytest_wfo.probes.canary import canary_of, why_no_canary
from pytest_wfo.probes.concerns import read_windows_concerns
from pytest_wfo.probes.survival import Written, survival_of, task_of, why_not_written
from pytest_wfo.probes.windows_envelope import Answer, Row, integer, text, texts

_SOURCE = "test files, written and read again"
_EPOCH = datetime(1, 1, 1, tzinfo=timezone.utc)  # of Windows' ticks


def _task(answer: Answer) -> AntivirusTask | None:
    if "asked_antivirus" not in answer.sections:
        return None
    return task_of(answer.value("asked_antivirus", "what was asked of antivirus"))


def read_survival(answer: Answer) -> Fact[SurvivalProbe]:
    """The test files, where any were asked for."""
    task = _task(answer)
    why = why_not_written(task)
    if why is not None or task is None:
        return why or NOT_ASKED
    written = _written(answer.rows("survival", "test files"))
    return survival_of(task, written, _leftovers(answer), _SOURCE)


def read_canary(answer: Answer) -> Fact[Canary]:
    """The canary files, where they were asked for."""
    task = _task(answer)
    why = why_no_canary(task)
    if why is not None or task is None:
        return why or NOT_ASKED
    answer.rows("survival", "test files")  # which are written first, by the same means
    value = answer.value("canary", "canary files")
    delay = 0.0 if value["detected"] is None else integer(value, "detected") / 1000
    written = (
        *_written(value["rows"]),
        Written("from", "", _instant(integer(value, "began")), delay, "", ""),
        Written("to", "", _instant(integer(value, "ended")), 0.0, "", ""),
    )
    return canary_of(task, written, _leftovers(answer), f"{_SOURCE}; MpCmdRun")


def read_concerns(answer: Answer) -> Fact[Concerns]:
    """Files worth excluding, where the host was asked for them."""
    task = _task(answer)
    if task is None:
        return NOT_ASKED
    if not task.concerns:
        return Unknown("not looked for: this host was not asked for files worth excluding")
    return read_windows_concerns(answer)


def _written(rows: Iterable[Row]) -> tuple[Written, ...]:
    return tuple(
        Written(
            kind=text(row, "kind") or "",
            extension=text(row, "extension") or "",
            state=text(row, "state") or "",
            seconds=integer(row, "milliseconds") / 1000,
            detail=" ".join((text(row, "detail") or "").split()),
            path=text(row, "path") or "",
        )
        for row in rows
    )


def _leftovers(answer: Answer) -> tuple[str, ...]:
    return texts(answer.value("leftovers", "what was left of the test files"), "paths")


def _instant(ticks: int) -> str:
    return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%dT%H:%M:%SZ")
