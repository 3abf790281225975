"""The canary is tried only within its window, and what watchers of alerts need is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pytest_wfo.core.antivirus.model import Canary, CanaryFile, CanaryOutcome, Scan
from pytest_wfo.core.facts import Access, HostFacts, Known
from pytest_wfo.core.hosts import CanaryWindow, Connection, Timeouts
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.plugin.canary import canary_notes, canary_refused
from tests.support.sites import site

ZONE = ZoneInfo("America/New_York")
OPENS = datetime(2026, 11, 28, 22, 0, tzinfo=ZONE)
CLOSES = datetime(2026, 11, 29, 2, 0, tzinfo=ZONE)
WINDOW = CanaryWindow("CHG7", OPENS, CLOSES)
SECOND = timedelta(seconds=1)

INVENTORY = """
site:
  name: Contoso
  timezone: Etc/UTC
  av_canary: {{ticket: CHG7, window: {window}}}
hosts:
  prem01: {{role: premises, connection: local, address: 127.0.0.1}}
"""


@pytest.mark.parametrize(
    "now", [OPENS, CLOSES - SECOND, datetime(2026, 11, 29, 6, 59, tzinfo=timezone.utc)]
)
def test_it_may_be_tried_within_the_window(now: datetime) -> None:
    assert canary_refused(site(av_canary=WINDOW), now.astimezone(timezone.utc)) == ""


@pytest.mark.parametrize("now", [OPENS - SECOND, CLOSES, OPENS + timedelta(days=365)])
def test_outside_the_window_it_is_refused_with_the_time_there(now: datetime) -> None:
    said = canary_refused(site(av_canary=WINDOW), now.astimezone(timezone.utc))
    assert "outside its window (ticket CHG7): 2026-11-28 22:00 to 2026-11-29 02:00" in said
    assert f"{now:%Y-%m-%d %H:%M} now" in said


def test_without_a_window_it_is_refused() -> None:
    assert "needs site.av_canary" in canary_refused(site(), OPENS)


def test_a_host_whose_script_would_be_cut_off_is_named() -> None:
    made = site(av_canary=WINDOW)
    host = made.hosts["client"]
    short = replace(host, connection=Connection("ssh", timeouts=Timeouts(script=60.0)))
    made = replace(made, hosts={**made.hosts, "client": short})
    assert "timeouts.script is shorter for client" in canary_refused(made, OPENS)


def test_watchers_are_told_what_when_where_and_what_is_left() -> None:
    files = tuple(
        CanaryFile(path, Scan.MEMORY_RESIDENT, False, CanaryOutcome.INTACT)
        for path in ("C:\\temp\\wfo-canary-ab.com", "C:\\t\\wfo-canary-ab\\wfo-canary-ab.vid")
    )
    run = Canary("ab", "2026-11-29T03:00:00Z", "2026-11-29T03:01:00Z", files, ("C:\\temp\\x",))
    facts = HostFacts(Access("", "", "", "", "", 0.0), canary=Known(run, "x"))
    (note,) = canary_notes(SiteFacts(site(av_canary=WINDOW), {"premises": facts}))
    for words in (
        "premises, ticket CHG7",
        "2026-11-29T03:00:00Z to 2026-11-29T03:01:00Z, run ab",
        "Virus:DOS/EICAR_Test_File",
        "wfo-canary-ab.* in C:\\temp, C:\\t\\wfo-canary-ab",
        "removed by hand: C:\\temp\\x",
    ):
        assert words in note


def test_a_run_outside_the_window_ends_with_exit_code_4(pytester: pytest.Pytester) -> None:
    text = INVENTORY.format(window="2020-01-01T00:00/2020-01-01T02:00")
    pytester.path.joinpath("inventory.yml").write_text(text, "utf-8")
    result = pytester.runpytest_subprocess("--wfo-hosts=inventory.yml", "--wfo-probe=canary")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*outside its window (ticket CHG7)*"])


def test_the_plan_may_be_listed_at_any_time(pytester: pytest.Pytester) -> None:
    text = INVENTORY.format(window="2020-01-01T00:00/2020-01-01T02:00")
    pytester.path.joinpath("inventory.yml").write_text(text, "utf-8")
    arguments: tuple[Any, ...] = ("--wfo-probe=canary", "--collect-only", "-q")
    assert pytester.runpytest_subprocess("--wfo-hosts=inventory.yml", *arguments).ret == 0
