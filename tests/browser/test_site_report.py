"""What an approver sees: the site report in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.hosts import Role
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import write_page
from tests.browser.test_page import CHROMIUM, FLAGS, HOSTILE
from tests.support.hostile import hostile
from tests.support.reports import accepted, finding, report
from tests.support.sites import access, healthy_site, host, site

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

WIDE = {"width": 1280, "height": 900}
# Jenkins serves what a build archived with these words.
STRICT = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def faulty() -> SiteReport:
    """60 clients: one was not examined, two were refused, the others are alike."""
    of = site()
    clients = {
        f"pc-{index:03}": host(f"pc-{index:03}", Role.CLIENT, f"10.61.1.{index}")
        for index in range(1, 61)
    }
    of = site(hosts={**{k: v for k, v in of.hosts.items() if k != "client"}, **clients})
    lost = {"pc-050": HostFacts(access("pc-050", "filtered"))}
    changed: dict[tuple[str, str], Finding] = {}
    for name in ("pc-007", "pc-031"):
        changed |= finding(
            "client-80.connects", name, Verdict.NOT_MET, f"{name} was refused", "RST from the server",
            "curl: (7) Connection refused\nsecond line",
        )  # fmt: skip
    return report(of, SiteFacts(of, {**healthy_site(of).hosts, **lost}), changed)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    write_page(faulty(), file)
    return file


Open = Callable[..., tuple[Page, list[str]]]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a file; gives the page and all noise: errors, dialogs, requests for anything else."""
    contexts = []

    def open_file(file: Path, **context: Any) -> tuple[Page, list[str]]:
        contexts.append(browser.new_context(viewport=WIDE, **context))  # type: ignore[arg-type]
        contexts[-1].set_default_timeout(30_000)
        page = contexts[-1].new_page()
        noise: list[str] = []
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: noise.append(dialog.message))
        page.on(
            "request",
            lambda request: noise.append(request.url) if request.url != file.as_uri() else None,
        )
        page.goto(file.as_uri())
        if context.get("java_script_enabled", True):
            page.locator("#digest-checked", has_text="(").wait_for()
        return page, noise

    yield open_file
    for each in contexts:
        each.close()


def test_the_first_screen_has_the_verdict_the_counts_and_the_first_blocker(
    opened: Open, page_file: Path, tmp_path: Path
) -> None:
    page, noise = opened(page_file)
    below = WIDE["height"]

    assert page.locator("header .word").inner_text() == "NO-GO"
    for words in ("Contoso Columbus", "2 of 60 hosts not met", "What to do:", "By whom"):
        box = page.get_by_text(words).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= below, words
    assert page.locator("#digest-checked").inner_text() == "(checked: matches)"
    assert noise == []
    assert page.screenshot(path=tmp_path / "first-screen.png")


def accepted_page(folder: Path) -> Path:
    changed = (
        accepted("client-80.connects", "client", Verdict.WAIVED)
        | accepted("client-443.connects", "client", Verdict.ATTESTED)
        | accepted("client-2012.connects", "client", Verdict.NOT_MET, attested=True)
    )
    write_page(report(changed=changed), folder / "report.html")
    return folder / "report.html"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_waivers_and_attestations_stand_complete_on_the_first_screen(
    opened: Open, tmp_path: Path, scripts: bool, scheme: str
) -> None:
    file = accepted_page(tmp_path)
    page, noise = opened(file, java_script_enabled=scripts, color_scheme=scheme)
    for heading, words in (
        ("Waived", ["R. Ortiz", "2026-12-31", "CHG0099", "moves in March", "measured so"]),
        ("Attested", ["K. Lee", "2026-11-02", "2027-05-01", "DOC-7", "proof.pdf", "measured so"]),
    ):
        section = page.locator("section", has=page.locator("h2", has_text=heading))
        for text in words:
            found = section.get_by_text(text).first
            box = found.bounding_box()
            assert found.is_visible(), text
            assert box is not None
            assert box["y"] + box["height"] <= WIDE["height"], text
    assert page.get_by_text("The measurement says otherwise").first.is_visible()
    assert noise == []


def test_the_matrix_tells_who_accepts_a_cell(opened: Open, tmp_path: Path) -> None:
    page, _ = opened(accepted_page(tmp_path))
    page.get_by_label("Verdict").select_option(label="waived")
    page.locator("#grid .c.W").click()

    assert "Waived by R. Ortiz, until 2026-12-31, CHG0099" in page.locator("#detail").inner_text()


def test_dark_is_dark_and_can_be_read(opened: Open, page_file: Path, tmp_path: Path) -> None:
    page, _ = opened(page_file, color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert page.screenshot(path=tmp_path / "dark.png", full_page=True)


def test_a_narrow_screen_needs_no_sideways_scrolling(opened: Open, page_file: Path) -> None:
    page, _ = opened(page_file)
    page.set_viewport_size({"width": 390, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


STATIC = (
    "NO-GO", "CHG0012345", "2 of 60 hosts not met", "pc-007, pc-031", "pc-007 was refused", "do this",
    "Hosts not examined", "pc-050 did not answer", "look at the network", "Advisory remarks",
    "57 alike", "What was asked", "Not planned", "How we read the document", "Method and limits",
    "The matrix needs JavaScript",
)  # fmt: skip


def test_everything_that_decides_is_there_without_scripts(opened: Open, page_file: Path) -> None:
    page, noise = opened(page_file, java_script_enabled=False)
    text = page.locator("body").inner_text()

    for words in STATIC:
        assert words in text, words
    assert page.locator("#grid").is_hidden()
    page.locator("details.evidence summary").first.click()
    assert "Connection refused" in page.locator("body").inner_text()
    assert noise == []


def test_everything_that_decides_is_there_under_a_policy_without_scripts_and_styles(
    browser: Browser, page_file: Path
) -> None:
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    page = context.new_page()

    def answer(route: Route) -> None:
        route.fulfill(
            body=page_file.read_bytes(),
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": STRICT},
        )

    page.route("https://ci.example/report.html", answer)
    page.goto("https://ci.example/report.html")
    text = page.locator("body").inner_text()
    positions = [
        text.index(words) for words in ("NO-GO", "planned", "What blocks", "Not verified\n")
    ]

    assert page.locator("header").evaluate("e => getComputedStyle(e).display") == "block", (
        "no style"
    )
    for words in STATIC:
        assert words in text, words
    assert positions == sorted(positions), "the order tells what matters first"
    context.close()


def test_it_prints_with_all_evidence_and_without_the_matrix(
    opened: Open, page_file: Path, tmp_path: Path
) -> None:
    page, _ = opened(page_file)
    page.emulate_media(media="print")
    closed = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert closed > 0
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#matrix").is_hidden()
    assert page.get_by_text("curl: (7) Connection refused").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed
    pdf = page.pdf(path=tmp_path / "report.pdf")
    assert pdf.startswith(b"%PDF")


def test_nothing_a_host_sends_is_read_as_markup(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_page(hostile(HOSTILE), file)
    page, noise = opened(file)
    page.locator("#grid .c:not([class='c '])").first.click()
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.locator("#filters [name=text]").fill("XSS")

    assert "XSS" not in page.title().replace("document.title='XSS'", "")
    assert page.locator("img, svg, iframe, object").count() == 0
    assert page.locator("script").count() == 2
    assert "<script>" in page.locator("#detail").inner_text()
    assert noise == []


def test_damaged_data_is_said_and_the_rest_stays(
    opened: Open, tmp_path: Path, page_file: Path
) -> None:
    html = page_file.read_text()
    file = tmp_path / "report.html"
    file.write_text(re.sub(r'(id="data">)[^<]*', r"\1H4sIAAAA", html))
    context = opened(file, java_script_enabled=False)[0].context.browser
    assert context is not None
    page = context.new_page()
    page.goto(file.as_uri())
    page.get_by_text("is damaged and cannot be shown").wait_for()

    assert "pc-007 was refused" in page.locator("body").inner_text()
    page.close()


def test_a_browser_that_cannot_unpack_says_so(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(page_file.as_uri())
    page.get_by_text("This browser is too old to unpack the matrix").wait_for()

    assert page.locator("#explorer").is_hidden()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Open, page_file: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page, _ = opened(page_file, color_scheme=scheme)
    page.locator("#grid .c.F").first.click()
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = [
        (item["id"], item["impact"], [node["html"][:200] for node in item["nodes"][:3]])
        for item in axe.run(page).response["violations"]
    ]

    assert found == []
