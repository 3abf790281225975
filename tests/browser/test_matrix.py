"""The matrix of the site report in a real browser: hosts by requirement, filtered, walked, explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_page import CHROMIUM
from tests.browser.test_site_report import Open, browser, opened, page_file

__all__ = ["browser", "opened", "page_file"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def test_hosts_alike_share_a_row_until_they_are_told_apart(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)

    assert page.locator("#count").inner_text().startswith("63 of 63 hosts in 6 rows")
    assert page.locator("#grid .name", has_text="pc-001 + 56 alike").count() == 1
    page.get_by_label("one row for hosts alike").uncheck()
    assert page.locator("#count").inner_text().startswith("63 of 63 hosts, ")


@pytest.mark.parametrize(
    ("label", "value", "count"),
    [
        ("Text", "pc-03", "10 of 63 hosts in 2 rows"),
        ("Text", "10.61.1.7", "1 of 63 hosts, "),
        ("Text", "WAS REFUSED", "2 of 63 hosts in 1 row, 1 requirement"),
        ("Text", "nosuch", "0 of 63 hosts, 0 requirements"),
        ("Role", "client", "60 of 63 hosts in 3 rows"),
        ("Requirement", "client-80.connects", "60 of 63 hosts in 3 rows, 1 requirement"),
        ("Verdict", "not met", "2 of 63 hosts in 1 row, 1 requirement"),
        ("Verdict", "not verified", "1 of 63 hosts, "),
    ],
    ids=range(8),
)
def test_filters(opened: Open, page_file: Path, label: str, value: str, count: str) -> None:
    page, noise = opened(page_file)
    field = page.get_by_label(label, exact=True)
    if label == "Text":
        field.fill(value)
    else:
        field.select_option(label=value)

    assert page.locator("#count").inner_text().startswith(count)
    page.get_by_role("button", name="Reset").click()
    page.locator("#count", has_text="63 of 63 hosts in 6 rows").wait_for()
    assert noise == []


def test_rows_in_view_stand_in_order_wherever_one_scrolls(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.get_by_label("one row for hosts alike").uncheck()
    seen = page.evaluate(
        """async () => {
          const grid = document.getElementById("grid");
          const next = () => new Promise((drawn) => requestAnimationFrame(drawn));
          const seen = [];
          for (const top of [0, 600, 480, 100000, 900, 0, 300]) {
            grid.scrollTop = top;
            await next();
            await next();
            const rows = [...grid.querySelectorAll(".rows > .row")];
            const shown = Math.floor(grid.scrollTop / 24) + 2;
            seen.push([shown, rows.map((row) => Number(row.getAttribute("aria-rowindex")))]);
          }
          return seen;
        }"""
    )

    for shown, numbers in seen:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert shown in numbers
        assert len(numbers) < 63


def test_a_cell_opens_although_the_grid_is_drawn_again_during_the_click(
    opened: Open, page_file: Path
) -> None:
    """As after a scroll that is just ending."""
    page, _ = opened(page_file)
    cell = page.locator("#grid .c.F").first
    cell.hover()
    page.mouse.down()
    page.evaluate(
        """() => new Promise((drawn) => {
          document.getElementById("grid").dispatchEvent(new Event("scroll"));
          requestAnimationFrame(() => requestAnimationFrame(drawn));
        })"""
    )
    page.mouse.up()
    detail = page.get_by_label("How do we know", exact=True)

    expect(detail).to_contain_text("pc-007 was refused")


def test_a_cell_opens_to_how_we_know(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.locator("#grid .c.F").first.click()
    detail = page.get_by_label("How do we know", exact=True)

    for words in (
        "not met", "pc-007 (client, 10.61.1.7)", "pc-007 was refused", "What to do: do this",
        "RST from the server", "curl: (7) Connection refused\nsecond line", "80 HTTP Standard HTTP port",
        "How we read it", "client-80.connects",
    ):  # fmt: skip
        expect(detail).to_contain_text(words)


def test_the_matrix_is_walked_by_keyboard_alone(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.get_by_label("one row for hosts alike").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")  # Reset
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "grid"
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+End")
    last = page.locator("#here")
    assert last.evaluate("cell => cell.closest('[role=row]').getAttribute('aria-rowindex')") == "64"
    assert page.locator("#grid").get_attribute("aria-activedescendant") == "here"
    assert in_view(page), "the current cell is scrolled into view"
    page.keyboard.press("Control+Home")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "detail"
    assert "host.access" in page.locator("#detail").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "grid"
    assert "pc-031" in page.locator("#detail").inner_text(), "the details follow"


def in_view(page: Page) -> bool:
    seen: bool = page.evaluate(
        """() => {
            const cell = document.getElementById("here").getBoundingClientRect();
            const grid = document.getElementById("grid").getBoundingClientRect();
            return cell.right <= grid.right && cell.bottom <= grid.bottom && cell.top >= grid.top;
        }"""
    )
    return seen


def test_only_rows_in_view_are_built(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.get_by_label("one row for hosts alike").uncheck()
    before = page.locator("#grid .rows .row").count()
    page.locator("#grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    page.locator("#grid .name", has_text="pc-060").wait_for()

    assert before < 50
    assert page.locator("#grid .rows .row").count() < 50
