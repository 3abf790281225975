"""The files a report is written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_wfo.report import CTRF, PAGE, RESULTS, SUMMARY
from pytest_wfo.report.ctrf import write_ctrf
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import write_page
from pytest_wfo.report.results import write_results
from pytest_wfo.report.summary import write_summary


def write_files(report: SiteReport, folder: Path) -> Iterator[Path]:
    """Write every format into ``folder``, and name each file that stands. Raises ``OSError``."""
    for name, write in (
        (RESULTS, write_results),
        (PAGE, write_page),
        (SUMMARY, write_summary),
        (CTRF, write_ctrf),
    ):
        write(report, folder / name)
        yield folder / name
