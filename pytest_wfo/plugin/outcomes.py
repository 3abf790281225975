"""Verdict -> pytest outcome, and back: which finding a test's report stands for."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from pytest_wfo.core.gate import lost
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.plugin.node_ids import SUITES, is_suite_test, suite_test
from pytest_wfo.plugin.run import RUN, Key, Run, is_worker
from pytest_wfo.report.accepted import accepted_by
from pytest_wfo.report.text import explain, in_one_line, printable

_REQUIREMENT, _HOST, _VERDICT = "wfo_requirement", "wfo_host", "wfo_verdict"
_ACCEPTED = "wfo_accepted_by"
_CRASHED = "???"  # the phase pytest-xdist gives for a test during which its worker ended

# Findings that get a section of their own in the terminal; all of them are in the reports.
SECTIONS = 50
_OFTEN = 3000
_NONE: Mapping[str, Literal[1]] = {}
_SHOWN = pytest.StashKey[set[str]]()


if TYPE_CHECKING:
    _Failed = Exception
else:
    _Failed = pytest.fail.Exception


class Unmet(_Failed):
    """A finding that must not pass: ``msg`` explains it in full, ``line`` in one line."""

    def __init__(self, finding: Finding, cell: Cell) -> None:
        super().__init__(explain(finding, cell.requirement))
        self.pytrace = False
        self.line = in_one_line(finding)


def properties(finding: Finding) -> list[tuple[str, object]]:
    """What a test's report carries: JUnit shows it, and the controller knows the cell by it."""
    return [
        _property(_REQUIREMENT, finding.requirement),
        _property(_HOST, finding.host),
        _property(_VERDICT, finding.verdict.value),
        *([(_ACCEPTED, printable(accepted_by(finding)))] if accepted_by(finding) else []),
    ]


@cache
def _property(name: str, value: str) -> tuple[str, object]:
    """The same pair for all tests: pytest keeps those of every phase."""
    return name, value


def without_properties(report: pytest.TestReport) -> list[tuple[str, object]]:
    """The properties of a report that are not ours."""
    ours = (_REQUIREMENT, _HOST, _VERDICT, _ACCEPTED)
    return [item for item in report.user_properties if item[0] not in ours]


class Said(NamedTuple):
    """What a report says: which cell it is about, and the finding's verdict."""

    key: Key
    verdict: str


def said_of(report: pytest.CollectReport | pytest.TestReport) -> Said | None:
    """What a report says of a cell, None for any other test."""
    properties = getattr(report, "user_properties", None)
    if not properties:
        return None
    said = dict(properties)
    if _VERDICT not in said:
        return None
    return Said((str(said[_REQUIREMENT]), str(said[_HOST])), str(said[_VERDICT]))


def fail_if_not_verified(finding: Finding, cell: Cell) -> None:
    """Raise ``Unmet`` for a finding that is not verified and not advisory."""
    if finding.verdict is Verdict.NOT_VERIFIED and not finding.advisory:
        raise Unmet(finding, cell)


def conclude(finding: Finding, cell: Cell) -> None:
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
    raise Unmet(finding, cell)


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """Name the verdict. A section of its own get only the first findings, and none that merely
    repeats that a host was not reached."""
    said = said_of(report) if report.when in ("setup", "call") else None
    if said is None:
        return None
    if report.when == "call" and report.passed and said.verdict == Verdict.ATTESTED.value:
        return "passed", "A", "ATTESTED"
    if report.when == "call" and report.skipped and said.verdict == Verdict.WAIVED.value:
        return "xfailed", "x", "WAIVED"
    if not report.failed:
        return None
    if said.verdict == Verdict.NOT_VERIFIED.value and report.when == "setup":
        finding = config.stash[RUN].findings.get(said.key)
        repeats = finding is not None and finding.depends_on_access
        shown = not repeats and _gets_section(report, config)
        return ("error" if shown else Verdict.NOT_VERIFIED.value), "E", "NOT VERIFIED"
    if said.verdict == Verdict.NOT_MET.value and report.when == "call":
        return ("failed" if _gets_section(report, config) else "not met"), "F", "FAILED"
    return None


def _gets_section(report: pytest.CollectReport | pytest.TestReport, config: pytest.Config) -> bool:
    shown = config.stash.setdefault(_SHOWN, set())
    if len(shown) < SECTIONS:
        shown.add(report.nodeid)
    return report.nodeid in shown


class Recorder:
    """On the controller: notes for each reported test of the suites which finding stands.

    A finding counts only when its test was reported with the outcome its verdict demands; a test
    that ended otherwise (crash, time-out, a fixture of the user's) leaves the cell not verified.
    Users' own tests about a cell neither make its finding nor mend one that was lost.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._run = config, config.stash[RUN]
        self._passed = 0
        self._tests: Mapping[str, Cell] | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Called for every phase of every test."""
        if not report.passed or report.when == "call":
            self._record(report)
        yield
        # pytest keeps until the end what nobody asks for again.
        if report.passed and report.nodeid.startswith(SUITES):
            report.keywords = _NONE
            self._passed += 1
            if self._passed % _OFTEN == 0:
                _forget_the_quiet(self._config)

    def _record(self, report: pytest.TestReport) -> None:
        if report.when == _CRASHED:
            self._crashed(report)
            return
        said = said_of(report)
        if said is None or not is_suite_test(report.nodeid, self._run.cells.get(said.key)):
            self._run.other_failures += report.failed
            return
        if report.outcome not in ("passed", "failed", "skipped"):
            return  # a rerun: the last attempt is the one that counts
        self._run.recorded[said.key] = self._stands(said.key, report)

    def _stands(self, key: Key, report: pytest.TestReport) -> Finding:
        run: Run = self._run
        finding = run.findings[key]
        if report.when == "teardown" or _outcome(report) != _demanded(finding):
            return lost(
                run.cells[key],
                f"its test ended as {_outcome(report)} in {report.when}, which does not fit the "
                f"verdict {finding.verdict.value}: {_last_line(report)}",
                measured=True,
            )
        return finding

    def _crashed(self, report: pytest.TestReport) -> None:
        """A worker ended while it ran a test: nobody knows how that test would have ended."""
        run, why = self._run, _last_line(report)
        run.crashes.append(printable(f"{report.nodeid}: {why}"))
        if self._tests is None:
            self._tests = {suite_test(cell): cell for cell in run.plan.cells}
        file, separator, test = report.nodeid.partition("::")
        cell = self._tests.get(separator + test) if file.startswith(SUITES) else None
        if cell is None:
            run.other_failures += 1
        else:
            why = f"its test crashed a worker of pytest-xdist: {why}"
            run.recorded[cell.key] = lost(cell, why, measured=False)


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


def _last_line(report: pytest.TestReport) -> str:
    lines = report.longreprtext.strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def pytest_configure(config: pytest.Config) -> None:
    """Record on the controller only; workers send their reports there."""
    if not is_worker(config):
        config.pluginmanager.register(Recorder(config), "wfo-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """pytest looks through all set-ups and tear-downs for the sections of each failed test."""
    _forget_the_quiet(session.config)


def _forget_the_quiet(config: pytest.Config) -> None:
    """Have the terminal forget set-ups and tear-downs that passed and printed nothing."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and "" in reporter.stats:
        reporter.stats[""] = [each for each in reporter.stats[""] if each.sections]
