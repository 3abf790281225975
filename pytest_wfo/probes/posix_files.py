"""What the parts of the POSIX collector about antivirus said: engines/files.sh, canary.sh, concerns.sh."""

from __future__ import annotations

import json

from pytest_wfo.core.antivirus.model import Canary, Concerns, SurvivalProbe
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import NOT_ASKED, Fact, Process, Unknown
from pytest_wfo.probes.canary import canary_of, why_no_canary
from pytest_wfo.probes.concerns import read_posix_concerns
from pytest_wfo.probes.envelope import Section, Sections
from pytest_wfo.probes.survival import Written, survival_of, task_of, why_not_written

_NONE_NEEDED = 3  # the code of files.sh for a host on which no antivirus was seen
_SOURCE = "test files, written and read again"
_REMEDY = "run the collector by hand on the host and look at what it prints"


def _task(sections: Sections) -> AntivirusTask | None:
    section = sections.get("asked_antivirus")
    return None if section is None else task_of(json.loads(section.output))


def read_survival(sections: Sections) -> Fact[SurvivalProbe]:
    """The test files, where any were asked for."""
    task = _task(sections)
    why = why_not_written(task)
    if why is not None or task is None:
        return why or NOT_ASKED
    written = _written(sections, "survival")
    if isinstance(written, Unknown):
        return written
    return survival_of(task, written, _leftovers(sections), _SOURCE)


def read_canary(sections: Sections) -> Fact[Canary]:
    """The canary files, where they were asked for."""
    task = _task(sections)
    why = why_no_canary(task)
    if why is not None or task is None:
        return why or NOT_ASKED
    written = _written(sections, "canary")
    if isinstance(written, Unknown):
        return written
    return canary_of(task, written, _leftovers(sections), f"{_SOURCE}; clamdscan")


def read_concerns(sections: Sections, processes: Fact[tuple[Process, ...]]) -> Fact[Concerns]:
    """Files worth excluding, where the host has folders of WFO."""
    task = _task(sections)
    if task is None:
        return NOT_ASKED
    if not task.concerns:
        return Unknown("not looked for: this host was not asked for files worth excluding")
    return read_posix_concerns(sections, processes)


def _written(sections: Sections, name: str) -> tuple[Written, ...] | Unknown:
    section = sections.get(name)
    if section is None:
        return Unknown("test files: not reported", _REMEDY)
    if section.code == _NONE_NEEDED:
        return Unknown(f"not tried: {section.complaint}")
    if not section.ok:
        return section.unknown("test files", _REMEDY)
    return tuple(_line(line) for line in section.output.split("\n") if line.strip())


def _line(line: str) -> Written:
    kind, extension, state, hundredths, detail, path = line.split("\t", 5)
    return Written(kind, extension, state, int(hundredths) / 100, detail, path)


def _leftovers(sections: Sections) -> tuple[str, ...]:
    """Raises LookupError if they were not told."""
    section: Section = sections["leftovers"]
    return tuple(path for path in section.output.split("\n") if path)
