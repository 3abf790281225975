"""Settings of the project's own tests; in CI a skipped lab or PowerShell test is a failure."""

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
    """Note every test of the lab or the PowerShell engine that was skipped."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr)
        if "lab" in report.keywords or "pwsh" in reason or "needs root" in reason:
            _skipped_lab.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """CI must run them; elsewhere they may be skipped with their reason."""
    if "CI" in os.environ and _skipped_lab:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why CI failed."""
    if "CI" in os.environ and _skipped_lab:
        terminalreporter.write_line(f"CI skipped {len(_skipped_lab)} lab tests", red=True)
        for line in _skipped_lab[:20]:
            terminalreporter.write_line(f"  {line}")
