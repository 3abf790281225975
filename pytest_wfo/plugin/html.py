"""pytest-html: our title and our block on top of its page, through its documented hooks."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.plugin.reporting import REPORT
from pytest_wfo.plugin.run import RUN
from pytest_wfo.report.block import block
from pytest_wfo.report.text import printable


class _Hooks:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the page after the site; pytest-html escapes it."""
        site = self._config.stash[RUN].site
        report.title = f"WFO environmental requirements: {printable(site.name)}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the decision, the blockers and the scope before everything else."""
        report = self._config.stash.get(REPORT, None)
        if report is not None:
            prefix.append(block(report))


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks with the run they speak of."""
    config.pluginmanager.register(_Hooks(config), "wfo-html-hooks")
