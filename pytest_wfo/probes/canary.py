"""The canary test: did a scanner detect the text that every scanner must detect?

Rules (Microsoft's own guidance for testing exclusions, and what its omissions taught): a file that was
left alone says something only where the same text, at the same time and where nothing is excluded, was
detected; and only after at least three times as long as that took.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_wfo.core.antivirus.model import Canary, CanaryFile, CanaryOutcome, Scan
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.survival import VIRUS, Written, split_leftovers, why_not_written

_ACTED = {"gone", "refused", "changed"}
_UNHEARD = "the control was not detected, so that a file which is left alone shows nothing"


def why_no_canary(task: AntivirusTask | None) -> Unknown | None:
    """Why there was no canary test; None if it was asked for."""
    why = why_not_written(task)
    if why is None and task is not None and not task.canary:
        return Unknown(
            "not tried: the canary test is made with --wfo-probe=canary alone",
            "agree on a window with those who watch the alerts, and see docs/antivirus.md",
        )
    return why


def canary_of(
    task: AntivirusTask, written: Sequence[Written], leftovers: Sequence[str], source: str
) -> Fact[Canary]:
    """Every file of the run with its outcome. Raises LookupError if the times are missing."""
    words = {each.kind: each for each in written}
    (control,) = (each for each in written if each.kind == "control")
    seen = control.state in _ACTED or control.detail == VIRUS
    delay = words["from"].seconds
    files = [_control(control, seen, delay)]
    files += [_resident(each, seen, delay) for each in written if each.kind == "subject"]
    files += _on_demand(written)
    return Known(
        Canary(
            run=task.run,
            started=words["from"].state,
            ended=words["to"].state,
            files=tuple(files),
            leftovers=split_leftovers(leftovers)[1],
        ),
        source,
    )


def _control(control: Written, seen: bool, delay: float) -> CanaryFile:
    if seen:
        detail = f"{_said(control)}, {delay:.1f} s after it was written"
    else:
        detail = f"{_said(control)} after {control.seconds:.0f} s"
    outcome = CanaryOutcome.DETECTED if seen else CanaryOutcome.INTACT
    return CanaryFile(printable(control.path), Scan.MEMORY_RESIDENT, True, outcome, detail)


def _resident(file: Written, seen: bool, delay: float) -> CanaryFile:
    outcome, detail = CanaryOutcome.UNKNOWN, f"{_said(file)} after {file.seconds:.0f} s"
    if file.state == "unwritten" and file.detail != VIRUS:
        pass
    elif not seen:
        detail = f"{detail}; {_UNHEARD}"
    elif file.state in _ACTED or file.detail == VIRUS:
        outcome = CanaryOutcome.DETECTED
    elif file.seconds >= 3 * delay:
        outcome = CanaryOutcome.INTACT
    else:
        detail = f"{detail}, which is less than three times the {delay:.0f} s the control took"
    return CanaryFile(printable(file.path), Scan.MEMORY_RESIDENT, False, outcome, detail)


def _on_demand(written: Sequence[Written]) -> list[CanaryFile]:
    controls = [each for each in written if each.kind == "scan-control"]
    scans = {each.path: each for each in written if each.kind == "scan-subject"}
    files = [
        CanaryFile(
            printable(each.path),
            Scan.ON_DEMAND,
            True,
            {"found": CanaryOutcome.DETECTED, "clean": CanaryOutcome.INTACT}.get(
                each.state, CanaryOutcome.UNKNOWN
            ),
            printable(each.detail),
        )
        for each in controls
    ]
    for subject in (each for each in written if each.kind == "subject"):
        scan = scans.get(subject.path)
        # A scanner that can be told to pass over its own exclusions has a control of the same file.
        own = [each for each in controls if each.path == subject.path] or controls
        outcome = CanaryOutcome.UNKNOWN
        if scan is None:
            detail = "not scanned: it was not there any more, or no scanner is known here"
        else:
            detail = printable(scan.detail)
            if not own or any(each.state != "found" for each in own):
                detail = f"{detail}; {_UNHEARD}"
            elif scan.state == "found":
                outcome = CanaryOutcome.DETECTED
            elif scan.state == "clean":
                outcome = CanaryOutcome.INTACT
        path = printable(subject.path)
        files.append(CanaryFile(path, Scan.ON_DEMAND, False, outcome, detail))
    return files


def _said(file: Written) -> str:
    words = {
        "unchanged": "left alone",
        "gone": "removed",
        "refused": "opening it was refused",
        "changed": "changed",
        "unwritten": "it could not be written",
    }[file.state]
    return f"{words} ({printable(file.detail)})" if file.detail else words
