"""A page merged from two runs and compared with a third, in a real browser without scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.drift import drift_since
from pytest_wfo.report.merge import merge
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import write_page
from tests.browser.test_page import CHROMIUM, HOSTILE
from tests.browser.test_site_report import WIDE, Open, browser, opened
from tests.report.test_page import refused, with_clients
from tests.support.reports import RUN, finding, renamed, report

__all__ = ["browser", "opened"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

LATER = replace(
    RUN,
    started="2026-11-23T11:00:00Z",
    finished="2026-11-23T11:00:09Z",
    user="kim",
    controller="segment-b",
)


def merged() -> SiteReport:
    """Three clients were refused in the first run, and pc-020 was not verified in the second."""
    first = report(with_clients(40), changed=refused("pc-003", "pc-004", "pc-017"))
    unclear = finding("client-443.connects", "pc-020", Verdict.NOT_VERIFIED, "no means to try")
    later = {
        key: replace(each, collected_at="2026-11-23T11:00:00Z") for key, each in unclear.items()
    }
    second = report(with_clients(40), changed=later, run=LATER)
    both = merge({"a.json": first, "b.json": second})
    return replace(both, drift=drift_since(report(with_clients(38)), both))


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("merged") / "report.html"
    write_page(merged(), file)
    return file


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_runs_and_drift_are_there_and_told_on_the_first_screen(
    scripts: bool, opened: Open, page_file: Path
) -> None:
    page, noise = opened(page_file, java_script_enabled=scripts)

    for words in (
        "Since the run of 2026-11-23T10:00:09Z (GO): 3 newly not met",
        "2 runs",
        "In 4 checks",
    ):
        box = page.get_by_text(words).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= WIDE["height"], words
    page.get_by_role("link", name="What changed").click()
    expect(page.locator("#drift")).to_be_in_viewport()
    for words in (
        "met, now not met: pc-[003:004], pc-017",
        "met, now not verified: pc-020",
        "pc-[039:040]",
    ):
        expect(page.locator("#drift").get_by_text(words)).to_be_visible()
    runs = page.locator("#runs")
    for words in ("qa on ci-7", "kim on segment-b", "met, later not verified: pc-020"):
        expect(runs.get_by_text(words, exact=True)).to_be_visible()
    expect(
        runs.get_by_text("of different verdicts the worst, whenever it was seen")
    ).to_be_visible()
    assert noise == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Open, page_file: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, _ = opened(page_file, color_scheme=scheme)
    serious = [
        (item["id"], [node["target"] for node in item["nodes"]])
        for item in axe.run(page).response["violations"]
        if item["impact"] in ("serious", "critical")
    ]

    assert serious == []


def test_a_narrow_screen_needs_no_sideways_scrolling(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_runs_and_baselines_say_is_never_read_as_markup(opened: Open, tmp_path: Path) -> None:
    hostile = replace(RUN, user=HOSTILE, controller=HOSTILE, facts=HOSTILE, notes=(HOSTILE,))
    one = renamed(report(run=hostile), HOSTILE)
    two = renamed(report(run=replace(LATER, user=HOSTILE), changed=refused("client")), HOSTILE)
    both = merge({"a": one, "b": two})
    write_page(replace(both, drift=drift_since(one, both)), tmp_path / "report.html")
    page, noise = opened(tmp_path / "report.html")

    assert page.title() != "XSS"
    assert page.locator("svg, img").count() == 0
    assert page.locator("#drift, #runs").count() == 2
    assert noise == []
