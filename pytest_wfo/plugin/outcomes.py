"""Verdict -> pytest outcome, and back: which finding a test's report stands for."""

from __future__ import annotations

import pytest

from pytest_wfo.core.gate import lost
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.plugin.run import RUN, Run, is_worker
from pytest_wfo.report.accepted import accepted_by
from pytest_wfo.report.text import explain, printable

_REQUIREMENT, _HOST, _VERDICT = "wfo_requirement", "wfo_host", "wfo_verdict"
_ACCEPTED = "wfo_accepted_by"


def properties(finding: Finding) -> list[tuple[str, object]]:
    """What a test's report carries: JUnit shows it, and the controller knows the cell by it."""
    return [
        (_REQUIREMENT, finding.requirement),
        (_HOST, finding.host),
        (_VERDICT, finding.verdict.value),
        *([(_ACCEPTED, printable(accepted_by(finding)))] if accepted_by(finding) else []),
    ]


def explain_if_not_verified(finding: Finding, cell: Cell) -> str:
    """The finding in words; an error of the set-up when it is not verified and not advisory."""
    text = explain(finding, cell.requirement)
    if finding.verdict is Verdict.NOT_VERIFIED and not finding.advisory:
        pytest.fail(text, pytrace=False)
    return text


def conclude(finding: Finding, text: str) -> None:
    """End a test as its finding's verdict says."""
    if finding.verdict in (Verdict.MET, Verdict.ATTESTED):
        return
    if finding.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(f"not applicable: {finding.judgement.summary}")
    if finding.verdict is Verdict.WAIVED:
        by, measured = printable(accepted_by(finding)), printable(finding.judgement.summary)
        pytest.xfail(f"waived by {by}; measured: {measured}")
    if finding.advisory:
        pytest.xfail(f"advisory, {finding.verdict.value}: {finding.judgement.summary}")
    pytest.fail(text, pytrace=False)


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """Name the verdict. Errors that only repeat that a host was not reached get no section each."""
    said = dict(getattr(report, "user_properties", ()))
    if report.when == "call" and said.get(_VERDICT) == Verdict.ATTESTED.value and report.passed:
        return "passed", "A", "ATTESTED"
    if report.when == "call" and said.get(_VERDICT) == Verdict.WAIVED.value and report.skipped:
        return "xfailed", "x", "WAIVED"
    if said.get(_VERDICT) != Verdict.NOT_VERIFIED.value or not report.failed:
        return None
    if report.when != "setup":
        return None
    finding = config.stash[RUN].findings.get((str(said[_REQUIREMENT]), str(said[_HOST])))
    if finding is not None and finding.depends_on_access:
        return "not verified", "E", "NOT VERIFIED"
    return "error", "E", "NOT VERIFIED"


class Recorder:
    """On the controller: notes for each reported test which finding stands.

    A finding counts only when its test was reported with the outcome its verdict demands; a test
    that ended otherwise (crash, time-out, a fixture of the user's) leaves the cell not verified.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._run = config.stash[RUN]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for every phase of every test."""
        said = dict(report.user_properties)
        if _REQUIREMENT not in said:
            if report.failed:
                self._run.other_failures += 1
            return
        key = (str(said[_REQUIREMENT]), str(said[_HOST]))
        if report.outcome not in ("passed", "failed", "skipped"):
            return  # a rerun: the last attempt is the one that counts
        if report.when == "setup" and report.passed:
            return
        if report.when == "teardown" and report.passed:
            return
        self._run.recorded[key] = self._stands(key, report)

    def _stands(self, key: tuple[str, str], report: pytest.TestReport) -> Finding:
        run: Run = self._run
        finding = run.findings[key]
        if report.when == "teardown" or _outcome(report) != _demanded(finding):
            return lost(
                run.cells[key],
                f"its test ended as {_outcome(report)} in {report.when}, which does not fit the "
                f"verdict {finding.verdict.value}: {_first_line(report)}",
                measured=True,
            )
        return finding


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed and report.when == "setup":
        return "error"
    return report.outcome


def _demanded(finding: Finding) -> str:
    if finding.verdict in (Verdict.MET, Verdict.ATTESTED):
        return "passed"
    if finding.verdict is Verdict.NOT_APPLICABLE:
        return "skipped"
    if finding.advisory or finding.verdict is Verdict.WAIVED:
        return "xfailed"
    return "error" if finding.verdict is Verdict.NOT_VERIFIED else "failed"


def _first_line(report: pytest.TestReport) -> str:
    lines = report.longreprtext.strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def pytest_configure(config: pytest.Config) -> None:
    """Record on the controller only; workers send their reports there."""
    if not is_worker(config):
        config.pluginmanager.register(Recorder(config), "wfo-recorder")
