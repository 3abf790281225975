"""The end of a run: settle the findings, write the reports, set the exit code."""

from __future__ import annotations

import getpass
import gzip
import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_wfo import __version__
from pytest_wfo.core.acceptance import uses
from pytest_wfo.core.gate import settle
from pytest_wfo.plugin.canary import canary_notes
from pytest_wfo.plugin.run import RUN, Run, is_worker
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
from pytest_wfo.report.page import checksum_file, write_page
from pytest_wfo.report.results import write_results
from pytest_wfo.report.summary import write_summary
from pytest_wfo.report.terminal import closing

REPORT = pytest.StashKey[SiteReport]()
_UNWRITTEN = pytest.StashKey[OSError]()
_FIXES = pytest.StashKey[tuple[Path, ...]]()
_NO_FIXES = pytest.StashKey[OSError]()

_GZIP = b"\x1f\x8b"
_CRASHES = 5  # told one by one
PYTEST_HTML, JUNIT = "pytest.html", "junit.xml"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have pytest-html and JUnit write into the report folder unless told otherwise."""
    if is_worker(config) or config.option.collectonly:
        return
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
    if is_worker(config) or config.option.collectonly or RUN not in config.stash:
        return
    run = config.stash[RUN]
    if not run.selected and not suites_were_added(config):
        return  # the user ran only tests of their own, which ask for no verdict
    report = _report(run)
    config.stash[REPORT] = report
    write_results(report, run.settings.folder / RESULTS)
    try:
        write_page(report, run.settings.report)
        write_summary(report, run.settings.folder / SUMMARY)
        write_ctrf(report, run.settings.folder / CTRF)
    except OSError as error:  # pytest's own reports must still be written
        config.stash[_UNWRITTEN] = error
    try:
        if run.settings.fixes:
            config.stash[_FIXES] = write_pack(
                pack(report, run.plan.cells, run.facts), run.settings.fixes
            )
    except OSError as error:
        config.stash[_NO_FIXES] = error
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = (
            pytest.ExitCode.OK
            if report.gate.go
            and not run.other_failures
            and _UNWRITTEN not in config.stash
            and _NO_FIXES not in config.stash
            else pytest.ExitCode.TESTS_FAILED
        )


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
    """Print the closing section, after looking through what was written for secrets."""
    report = config.stash.get(REPORT, None)
    if report is None:
        return
    run = config.stash[RUN]
    terminalreporter.section("WFO environmental requirements")
    written = list(_written(config))
    shown = [file for file in written if file.parent != run.settings.fixes]
    if run.settings.fixes and _FIXES in config.stash:
        shown.append(run.settings.fixes)
    for line in closing(report, [_shown(file, config) for file in shown]):
        terminalreporter.write_line(line)
    if _UNWRITTEN in config.stash:
        terminalreporter.write_line(
            f"NOT WRITTEN: the site report {_shown(run.settings.report, config)}: "
            f"{config.stash[_UNWRITTEN]}. Results are in {RESULTS}; name another place by --wfo-report.",
            red=True,
        )
    if _NO_FIXES in config.stash:
        terminalreporter.write_line(f"NOT WRITTEN: the fixes: {config.stash[_NO_FIXES]}", red=True)
    # What was found is packed in the page, escaped or cut in all of these; plain it stands in
    # results.json.
    rendered = (
        run.settings.report,
        run.settings.folder / SUMMARY,
        run.settings.folder / CTRF,
        *config.stash.get(_FIXES, ()),
    )
    found = run.vault.leaks_in(_content(run.settings.folder / RESULTS))
    for file in written:
        leaked = run.vault.leaks_in(_content(file))
        if file in rendered:
            leaked = tuple(sorted({*leaked, *found}))
        if leaked:
            file.unlink()
            checksum_file(file).unlink(missing_ok=True)
            terminalreporter.write_line(
                f"SECRET FOUND in {_shown(file, config)} ({', '.join(leaked)}): the file was deleted. "
                "A host sent it back, or a test printed it; change the secret and report this.",
                red=True,
            )
            session = config.pluginmanager.getplugin("session")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _written(config: pytest.Config) -> Iterator[Path]:
    run = config.stash[RUN]
    base = config.invocation_params.dir
    candidates = [
        *(
            []
            if _UNWRITTEN in config.stash
            else [run.settings.report, run.settings.folder / SUMMARY]
        ),
        run.settings.folder / RESULTS,
        None if _UNWRITTEN in config.stash else run.settings.folder / CTRF,
        base / config.option.htmlpath if config.getoption("htmlpath", None) else None,
        base / config.option.xmlpath if config.getoption("xmlpath", None) else None,
        run.settings.save_facts,
        *config.stash.get(_FIXES, ()),
    ]
    return (file for file in candidates if file is not None and file.is_file())


def _content(file: Path) -> bytes:
    data = file.read_bytes()
    return gzip.decompress(data) if data.startswith(_GZIP) else data


def _shown(file: Path, config: pytest.Config) -> str:
    base = config.invocation_params.dir
    return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)
