"""Moments of a run in the time of the site."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from pytest_wfo.report.moments import site_time
from pytest_wfo.report.page import page
from pytest_wfo.report.summary import summary
from tests.support.reports import report
from tests.support.sites import site


@pytest.mark.parametrize(
    ("started", "finished", "zone", "told"),
    [
        (
            "2026-07-01T10:00:02Z",
            "2026-07-01T10:00:09Z",
            "America/New_York",
            "2026-07-01 06:00:02 to 06:00:09 (America/New_York)",
        ),
        (
            "2026-11-23T14:59:59Z",
            "2026-11-23T15:00:01Z",
            "Asia/Tokyo",
            "2026-11-23 23:59:59 to 2026-11-24 00:00:01 (Asia/Tokyo)",
        ),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z", "", ""),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z", "Mars/Olympus", ""),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z", "../../etc/passwd", ""),
        ("yesterday", "2026-11-23T10:00:01Z", "Asia/Tokyo", ""),
        ("0001-01-01T00:00:00Z", "2026-11-23T10:00:01Z", "America/New_York", ""),
    ],
)
def test_a_run_is_told_in_the_time_of_its_site(
    started: str, finished: str, zone: str, told: str
) -> None:
    assert site_time(started, finished, zone) == told


def test_the_reports_say_it_where_the_inventory_names_a_time_zone() -> None:
    here = report(site(timezone=ZoneInfo("America/New_York")))
    told = "2026-11-23 05:00:00 to 05:00:09 (America/New_York)"

    assert told in page(here)
    assert told in summary(here)
    assert "site time" not in page(report())
