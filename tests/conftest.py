"""Settings of the project's own tests; in CI a skipped lab test is a failure."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.runs import facts, offline, run

__all__ = ["facts", "offline", "run"]

# Random examples find more on developers' machines; CI must not fail on a dice roll.
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("tests")

_skipped_lab: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note every lab test that was skipped."""
    if report.skipped and not hasattr(report, "wasxfail") and "lab" in report.keywords:
        _skipped_lab.append(report.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """CI must run the lab; elsewhere its tests may be skipped with their reason."""
    if "CI" in os.environ and _skipped_lab:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why CI failed."""
    if "CI" in os.environ and _skipped_lab:
        terminalreporter.write_line(f"CI skipped {len(_skipped_lab)} lab tests", red=True)
