"""JUnit XML: requirement and host where Jenkins, GitLab and Azure show a test's class and name.

pytest writes the file. On the controller, before it sees a report of a suite's test, its test case
gets ``classname="wfo.<requirement>"`` and ``name="<host>"``; users' own tests keep theirs.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.plugin.node_ids import is_suite_test
from pytest_wfo.plugin.outcomes import said_of, without_properties
from pytest_wfo.plugin.run import RUN, is_worker


class _Names:
    def __init__(self, config: pytest.Config, xml: Any) -> None:
        self._run = config.stash[RUN]
        self._xml = xml
        self._prefix = f"{xml.prefix}.wfo" if xml.prefix else "wfo"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for every phase of every test, before pytest's own writer."""
        said = said_of(report)
        if said is None:
            return
        if report.passed and report.when != "call":
            # What is met needs no properties: consumers limit how much XML they read. The tear-down
            # is where pytest takes them from.
            if said.verdict == Verdict.MET.value:
                report.user_properties = without_properties(report)
            return
        if is_suite_test(report.nodeid, self._run.cells.get(said.key)):
            case = self._xml.node_reporter(report)
            case.add_attribute("classname", f"{self._prefix}.{said.key[0]}")
            case.add_attribute("name", said.key[1])
            if str(report.outcome) == "rerun":
                self._run_again(case, report, said.key[1])

    def _run_again(self, case: Any, report: Any, host: str) -> None:
        """An attempt that pytest-rerunfailures repeats is a case of its own to pytest, without an
        outcome: it must not be taken for the host's, and not for passed."""
        case.add_attribute("name", f"{host} (attempt {report.rerun + 1})")
        case.append(ElementTree.Element("skipped", type="pytest.rerun", message="run again"))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find pytest's writer, and put the names before it."""
    config = session.config
    if is_worker(config):
        return
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "node_reporter"):
            config.pluginmanager.register(_Names(config, plugin), "wfo-junit-names")
            return
