"""pytest-html: our block, columns and bounds, through its documented hooks.

Its page draws all rows at once and again for each click, so that it is slow from some thousand rows
on. In a large run only findings that need someone's attention get a row, up to a bound; the numbers
above the table count every test, and the page says what is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from html import escape
from typing import Any

import pytest

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.plugin.node_ids import SUITES
from pytest_wfo.plugin.outcomes import Said, said_of
from pytest_wfo.plugin.reporting import REPORT
from pytest_wfo.plugin.run import RUN
from pytest_wfo.report.block import block
from pytest_wfo.report.text import printable

ROWS = 500
"""Rows of findings; the tests of a run with more get only those that say something new."""

_COLUMNS = ("requirement", "host", "verdict")
_HEADERS = tuple(
    f'<th class="sortable" data-column-type="{name}">{name.capitalize()}</th>' for name in _COLUMNS
)
_NO_CELL = tuple(f'<td class="col-{name}"></td>' for name in _COLUMNS)
_ATTENTION = (Verdict.NOT_MET, Verdict.NOT_VERIFIED)
_TEST_ID = '<td class="col-testId">'


class _Hooks:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._run = config.stash[RUN]
        self._page: Any = None  # pytest-html's data; its counts are mended at the end
        self._reports: dict[str, Any] = {}  # pytest-html's own
        self._rows = 0
        self._left_out: Counter[str] = Counter()  # by pytest-html's names of outcomes

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the page after the site (pytest-html escapes it), and escape what it does not."""
        report.title = f"WFO environmental requirements: {printable(self._run.site.name)}"
        report.set_data("environment", _escaped(report.data["environment"]))
        self._page = report
        for plugin in self._config.pluginmanager.get_plugins():
            if getattr(plugin, "_report", None) is report:
                self._reports = getattr(plugin, "_reports", {})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Have pytest-html forget the reports of a suite's test that it made rows of; it would keep
        them until the end, and make rows again of attempts that were repeated."""
        yield
        if report.when == "teardown" and report.nodeid.startswith(SUITES):
            self._reports.pop(report.nodeid, None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Put our columns behind the result."""
        cells[1:1] = _HEADERS

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Fill our columns; leave the row out where there are too many."""
        no_row = report.passed and report.when != "call"  # pytest-html only takes its output
        if no_row and not report.sections and report.nodeid.startswith(SUITES):
            cells.clear()
            return
        said = said_of(report)
        if said is None:
            cells[1:1] = _NO_CELL
        else:
            own = not report.nodeid.startswith(SUITES)
            finding = None if own else self._run.recorded.get(said.key)
            left_out = self._is_left_out(finding)
            if left_out and not no_row:
                self._left_out[_outcome(report)] += 1
            if left_out:
                cells.clear()
                return
            self._rows += not (no_row or own)
            cells[1:1] = _cells(said, finding)
        for index, cell in enumerate(cells):
            if cell.startswith(_TEST_ID):
                phase = "" if report.when == "call" else f"::{report.when}"
                cells[index] = f"{_TEST_ID}{escape(report.nodeid)}{phase}</td>"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], postfix: list[str]) -> None:
        """Put the decision, the blockers and the scope before everything else."""
        report = self._config.stash.get(REPORT, None)
        if report is not None:
            prefix.append(block(report))
        if self._left_out:
            for outcome, count in self._left_out.items():
                self._page.outcomes[outcome]["value"] += count
            postfix.append(_note(self._left_out, self._rows))

    def _is_left_out(self, finding: Finding | None) -> bool:
        """In a large run: what passed, what repeats that a host was not reached, and what is more
        than ``ROWS``."""
        if finding is None or len(self._run.selected or ()) <= ROWS:
            return False
        attention = finding.verdict in _ATTENTION and not finding.advisory
        return not attention or finding.depends_on_access or self._rows >= ROWS


def _cells(said: Said, finding: Finding | None) -> list[str]:
    verdict = finding.verdict.value if finding else said.verdict
    return [
        f'<td class="col-{name}">{escape(printable(text))}</td>'
        for name, text in zip(_COLUMNS, (*said.key, verdict), strict=True)
    ]


def _outcome(report: Any) -> str:
    """The name under which pytest-html counts a report."""
    if report.failed and report.when != "call":
        return "error"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return str(report.outcome)


def _note(left_out: Counter[str], rows: int) -> str:
    """What is not in the table, as HTML."""
    passed = left_out["passed"]
    others = left_out.total() - passed
    return (
        f'<p class="wfo-rows">The table shows {rows} findings (at most {ROWS}), what is not met or '
        f"not verified first come. Left out are {passed} tests that passed and {others} others. The "
        "numbers above count every test; every finding stands in report.html and results.json.</p>"
    )


def _escaped(value: Any) -> Any:
    """Metadata as text: pytest-html writes it into the page as markup."""
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    return escape(printable(str(value)))


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks with the run they speak of."""
    config.pluginmanager.register(_Hooks(config), "wfo-html-hooks")
