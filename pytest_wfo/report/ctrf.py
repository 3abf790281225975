"""ctrf.json: the findings in the Common Test Report Format, for tools that read no JUnit XML.

Its statuses are those of tests. What was not verified is "other", never "passed"; what was waived or
does not apply is "skipped", and so is an advisory remark, which blocks nothing (JUnit XML has it so).
``rawStatus`` and ``extra`` hold the verdict itself.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.accepted import accepted_by
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.results import lines_of, write_whole
from pytest_wfo.report.text import cut, in_one_line, printable

_STATUSES = {
    Verdict.MET: "passed",
    Verdict.ATTESTED: "passed",
    Verdict.NOT_MET: "failed",
    Verdict.NOT_VERIFIED: "other",
    Verdict.NOT_APPLICABLE: "skipped",
    Verdict.WAIVED: "skipped",
}
_ALL = ("passed", "failed", "skipped", "pending", "other")


def write_ctrf(report: SiteReport, file: Path) -> None:
    """Write ctrf.json, whole or not at all."""
    head = json.dumps(_without_tests(report), indent=1).removesuffix("\n }\n}")
    tests = lines_of(map(_test, report.findings))
    write_whole(file, chain([f'{head},\n  "tests": ['], tests, ["\n  ]\n }\n}\n"]))


def ctrf(report: SiteReport) -> dict[str, Any]:
    """The report as JSON-ready data in version 1.0.0 of the format."""
    data = _without_tests(report)
    data["results"]["tests"] = list(map(_test, report.findings))
    return data


def _without_tests(report: SiteReport) -> dict[str, Any]:
    run = report.run
    statuses = Counter(map(_status, report.findings))
    start, stop = _milliseconds(run.started), _milliseconds(run.finished)
    return {
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "timestamp": run.finished,
        "generatedBy": f"pytest-wfo {run.tool_version}",
        "results": {
            "tool": {"name": "pytest-wfo", "version": run.tool_version},
            "summary": {
                "tests": len(report.findings),
                **{status: statuses[status] for status in _ALL},
                "start": start,
                "stop": max(start, stop),
                "extra": {"decision": report.gate.decision.value},
            },
            "environment": {
                "reportName": f"WFO environmental requirements: {printable(report.site.name)}",
                "extra": {
                    "site": printable(report.site.name),
                    "ticket": printable(report.site.ticket),
                    "edition": report.edition.id,
                },
            },
        },
    }


def _status(finding: Finding) -> str:
    blocking = _STATUSES[finding.verdict]
    return "skipped" if finding.advisory and blocking in ("failed", "other") else blocking


def _test(finding: Finding) -> dict[str, Any]:
    """One cell. Nothing is executed for it alone, so that its duration is 0."""
    status, verdict = _status(finding), finding.verdict
    requirement, host = printable(finding.requirement), printable(finding.host)
    test: dict[str, Any] = {
        "name": f"{requirement} on {host}",
        "status": status,
        "duration": 0,
        "suite": [requirement],
        "rawStatus": verdict.value,
    }
    if status != "passed" or verdict is Verdict.ATTESTED:
        test["message"] = _message(finding)
    test["extra"] = {
        "requirement": requirement,
        "host": host,
        "verdict": verdict.value,
        "advisory": finding.advisory,
        "evidence": _evidence(finding),
    }
    return test


def _message(finding: Finding) -> str:
    line = in_one_line(finding)
    by = accepted_by(finding)
    return f"{line}; accepted by {cut(by)}" if by else line


def _evidence(finding: Finding) -> str:
    """The first piece of evidence in words, and how many more results.json has."""
    found = finding.judgement.evidence
    if not found:
        return ""
    source = f" [{cut(found[0].source)}]" if found[0].source else ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{cut(found[0].statement)}{source}{more}"


def _milliseconds(moment: str) -> int:
    """Milliseconds since the epoch of a time in ISO 8601, UTC; 0 if it is none."""
    try:
        return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
