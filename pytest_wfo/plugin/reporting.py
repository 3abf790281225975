"""The end of a run: settle the findings, write the reports, set the exit code."""

from __future__ import annotations

import getpass
import platform
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from pytest_wfo import __version__
from pytest_wfo.core.acceptance import uses
from pytest_wfo.core.gate import settle
from pytest_wfo.plugin.canary import canary_notes
from pytest_wfo.plugin.outputs import not_written, refuse_outputs, shown
from pytest_wfo.plugin.run import RUN, Run, is_worker, runs_no_test
from pytest_wfo.plugin.suites import suites_were_added
from pytest_wfo.report import CTRF, RESULTS, SUMMARY
from pytest_wfo.report.accepted import notes_of
from pytest_wfo.report.ctrf import write_ctrf
from pytest_wfo.report.drift import drift_since
from pytest_wfo.report.fixes.pack import pack, write_pack
from pytest_wfo.report.model import (
    GATHERED,
    UNFINISHED,
    RunInfo,
    SiteReport,
    edition_info,
    site_info,
    site_report,
    with_counts,
)
from pytest_wfo.report.page import write_page
from pytest_wfo.report.results import write_results
from pytest_wfo.report.summary import write_summary
from pytest_wfo.report.terminal import closing

REPORT = pytest.StashKey[SiteReport]()
_CRASHES = 5  # told one by one
PYTEST_HTML, JUNIT = "pytest.html", "junit.xml"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-html and JUnit write into the report folder unless told otherwise.

    Raises:
        pytest.UsageError: what this run is to write has no place.
    """
    if is_worker(config):
        return
    if not runs_no_test(config):
        _place_pytests_reports(config)
    refuse_outputs(config)


def _place_pytests_reports(config: pytest.Config) -> None:
    folder = config.stash[RUN].settings.folder
    if config.pluginmanager.hasplugin("html"):
        if not config.option.htmlpath:
            config.option.htmlpath = str(folder / PYTEST_HTML)
        config.option.self_contained_html = True
    if config.pluginmanager.hasplugin("junitxml") and not config.option.xmlpath:
        config.option.xmlpath = str(folder / JUNIT)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Settle plan minus findings, write our reports, and let the gate decide the exit code."""
    config = session.config
    if is_worker(config) or runs_no_test(config):
        return
    run = config.stash[RUN]
    if not run.selected and not suites_were_added(config):
        return  # the user ran only tests of their own, which ask for no verdict
    report = _report(run)
    config.stash[REPORT] = report
    _write(report, config)
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        go = report.gate.go and not run.other_failures
        session.exitstatus = pytest.ExitCode.OK if go else pytest.ExitCode.TESTS_FAILED


def _write(report: SiteReport, config: pytest.Config) -> None:
    """Write what can be written: a report that cannot be takes no other with it."""
    run = config.stash[RUN]
    folder, fixes = run.settings.folder, run.settings.fixes
    for file, write in (
        (folder / RESULTS, write_results),
        (run.settings.report, write_page),
        (folder / SUMMARY, write_summary),
        (folder / CTRF, write_ctrf),
    ):
        try:
            write(report, file)
            run.written.append(file)
        except OSError as error:
            with suppress(OSError):  # a report of an earlier run would be taken for this one's
                file.unlink()
            run.problems.append(not_written(file, error, config))
    try:
        if fixes:
            run.written.extend(write_pack(pack(report, run.plan.cells, run.facts), fixes))
    except OSError as error:
        run.problems.append(f"NOT WRITTEN: the fixes: {error}")


def _report(run: Run) -> SiteReport:
    findings = settle(run.plan, run.recorded)
    accepted_notes = notes_of(uses(findings, run.accepted, run.today), partial=run.partial)
    facts = GATHERED if run.snapshot else UNFINISHED
    if run.settings.facts and run.snapshot:
        facts = f"taken {run.snapshot.taken_at}, read from {run.settings.facts.name}"
    info = RunInfo(
        started=_utc(run.started),
        finished=_utc(datetime.now(timezone.utc)),
        user=_user(),
        controller=platform.node(),
        tool_version=__version__,
        probe=run.snapshot.probe if run.snapshot else run.settings.probe,
        facts=facts,
        notes=(*_notes(run), *accepted_notes),
        inventory=run.site.source,
        inventory_sha256=run.site.sha256,
        gate=run.settings.gate,
        accepted=run.accepted.files,
    )
    report = with_counts(
        site_report(
            site_info(run.site),
            edition_info(run.edition),
            findings,
            run.plan.not_planned,
            {name: facts.access for name, facts in run.facts.hosts.items()},
            (info,),
            unselected=run.cells.keys() - {cell.key for cell in run.selected_cells},
        )
    )
    return replace(report, drift=drift_since(run.baseline, report)) if run.baseline else report


def _notes(run: Run) -> tuple[str, ...]:
    """What a reader of the report must know besides the findings."""
    unscannable = [
        f"the secret {name} is too short to be looked for in what this run wrote"
        for name in run.vault.unscannable
    ]
    stale = run.snapshot.mismatches(run.site) if run.settings.facts and run.snapshot else ()
    canary = canary_notes(run.facts)
    return (*run.site.warnings, *run.vault.warnings, *unscannable, *stale, *canary, *_crashes(run))


def _crashes(run: Run) -> tuple[str, ...]:
    """pytest-html waits for the end of a test that crashed its worker, and so leaves it out."""
    told = [f"a worker of pytest-xdist crashed in {each}" for each in run.crashes[:_CRASHES]]
    if len(run.crashes) > _CRASHES:
        told.append(f"and in {len(run.crashes) - _CRASHES} more tests")
    if told:
        told.append(f"{PYTEST_HTML} has no row for a test that crashed its worker")
    return tuple(told)


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the closing section."""
    run, report = config.stash[RUN], config.stash.get(REPORT, None)
    if report is not None:
        terminalreporter.section("WFO environmental requirements")
        for line in closing(report, _named(config)):
            terminalreporter.write_line(line)
    elif not config.option.collectonly:
        why = "no test ran" if runs_no_test(config) else "no requirement was selected"
        terminalreporter.section("WFO environmental requirements")
        terminalreporter.write_line(f"{why}: this run gives no verdict")
    while run.problems:
        terminalreporter.write_line(run.problems.pop(0), red=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Tell what the terminal's summary, which pytest may have left out, has not."""
    run = config.stash[RUN]
    while run.problems:
        sys.stderr.write(f"{run.problems.pop(0)}\n")


def _named(config: pytest.Config) -> list[str]:
    """What the run wrote, the file for the ticket first; a fix pack by its folder."""
    run = config.stash[RUN]
    files = [file for file in run.written if file.is_file()]
    files = [run.settings.fixes if file.parent == run.settings.fixes else file for file in files]
    files.sort(key=lambda file: file != run.settings.report)
    return [shown(file, config) for file in dict.fromkeys(files)]
