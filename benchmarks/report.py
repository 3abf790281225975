"""Reports at scale: how large they are, how soon they can be read, and what pytest takes for them.

    python benchmarks/report.py [--json] [--rounds N]

First the site report of two sites of about 25,000 and 100,000 cells, judged from made facts. One client
of 20 fails a check, one of 90 was not examined, and in every cell of the first site something was seen
that was seen nowhere else, which is the worst case for the size. Times are taken by a headless Chromium
from the start of the navigation; the median of five pages or filters.

Then the whole command about sites of 25,000 and 100,000 cells from saved facts (reading and judging
them included), beside pytest with as many empty parametrised tests, pytest-html and JUnit XML. Both run in
turn; CPU seconds of whole processes.

Figures: report_mb (25,000 cells, worst case), report_alike_mb (25,000 cells, the usual case), ready_s
(first screen and data ready), filter_s (the slowest of five filters, without folding), page_s (to write
the page); pytest_ratio (ours to pytest alone, median of the pairs), pytest_cpu_s, alone_cpu_s; html_mb and
html_s (pytest-html's page of ours: rows there), html_alone_mb and html_alone_s (of the empty tests; null:
not within three minutes); gb_100k (the most memory of the whole command for 100,000 cells),
ready_100k_s, filter_100k_s.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, TimeoutError, sync_playwright

from benchmarks.measuring import NotMeasuredError, machine, median, note, publish, table
from benchmarks.pytest_runs import beside, once
from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.gate import decide_gate
from pytest_wfo.core.hosts import Role, Site
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Finding, Verdict
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.page import write_page
from tests.support.reports import finding, report
from tests.support.sites import access, healthy_site, host, site

ROUNDS = 5
SMALL, LARGE = 695, 2780  # clients; about 36 cells each
SMALL_SITE, LARGE_SITE = 892, 3571  # clients of sites without antivirus cells; 28 cells each
MB = 1e6
_PATIENCE = 180_000.0  # milliseconds
# What a person types or chooses, in turn; none is a field's empty value before it.
FILTERS = (
    ("text", "desk-01"),
    ("text", "refused"),
    ("verdict", "F"),
    ("role", "client"),
    ("requirement", "3"),
)
_FILTER = """async ([name, value]) => {
    const form = document.getElementById("filters");
    form.elements.fold.checked = false;
    for (const each of ["text", "verdict", "role", "requirement"]) form.elements[each].value = "";
    form.elements[name].value = value;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const begun = performance.now();
    form.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - begun;
}"""


def a_site(clients: int) -> Site:
    """A site with one server, one edge, one vantage host and so many clients."""
    small = site()
    hosts = {name: each for name, each in small.hosts.items() if name != "client"}
    for number in range(1, clients + 1):
        name = f"desk-{number:04}"
        hosts[name] = host(name, Role.CLIENT, f"10.62.{number // 200}.{number % 200 + 1}")
    return site(hosts=hosts)


def a_report(clients: int, *, different: bool) -> SiteReport:
    """The report of a site; ``different``: no two cells have evidence in common."""
    of = a_site(clients)
    desks = [name for name in of.hosts if name.startswith("desk")]
    lost = {name: HostFacts(access(name, "filtered")) for name in desks[7::90]}
    changed: dict[tuple[str, str], Finding] = {}
    for name in desks[1::20]:
        changed |= finding(
            "client-80.connects", name, Verdict.NOT_MET, f"{name} was refused", "RST", "refused"
        )
    made = report(of, SiteFacts(of, {**healthy_site(of).hosts, **lost}), changed)
    return _all_different(made) if different else made


def _all_different(made: SiteReport) -> SiteReport:
    findings = []
    for number, each in enumerate(made.findings):
        judgement = each.judgement
        process = f"pid {number * 7919 % 99991}, rule handle {number * 104729 % 65521}"
        evidence = (*judgement.evidence, Evidence(f"seen by {process}", "ss -tlnpe"))
        summary = f"{judgement.summary} ({process})"
        findings.append(
            replace(each, judgement=replace(judgement, summary=summary, evidence=evidence))
        )
    return replace(made, findings=tuple(findings), gate=decide_gate(findings, selected=None))


def ready(browser: Browser, file: Path) -> float:
    """Seconds until the first screen is painted and the matrix is shown."""
    taken = []
    for _ in range(ROUNDS):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(file.as_uri())
        page.locator("#explorer").wait_for(state="visible")
        painted = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
        )
        taken.append(
            max(float(painted), float(page.evaluate("document.documentElement.dataset.ready")))
        )
        page.close()
    return median(taken) / 1000


def slowest_filter(browser: Browser, file: Path) -> float:
    """Seconds of the slowest filter, each the median of several tries."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.locator("#explorer").wait_for(state="visible")
    slowest = max(
        median([float(page.evaluate(_FILTER, list(each))) for _ in range(ROUNDS)])
        for each in FILTERS
    )
    page.close()
    return slowest / 1000


def rows_there(browser: Browser, file: Path) -> float | None:
    """Seconds until pytest-html's page shows its rows; None if that takes more than three minutes."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        page.goto(file.as_uri(), timeout=_PATIENCE)
        page.locator("#results-table td.col-result").first.wait_for(timeout=_PATIENCE)
        return round(float(page.evaluate("performance.now()")) / 1000, 2)
    except TimeoutError:
        return None
    finally:
        page.close()


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """All figures."""
    note(f"{machine()}: writing pages")
    worst, alike, large = folder / "worst.html", folder / "alike.html", folder / "large.html"
    made = a_report(SMALL, different=True)
    begun = time.monotonic()
    write_page(made, worst)
    page_s = time.monotonic() - begun
    write_page(a_report(SMALL, different=False), alike)
    write_page(a_report(LARGE, different=False), large)
    pair = beside(folder / "small", SMALL_SITE, rounds)
    cells_100k, ran = once(folder / "large", LARGE_SITE)
    note(f"{machine()}: opening pages")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        figures = {
            "cells": len(made.findings),
            "report_mb": round(worst.stat().st_size / MB, 3),
            "report_alike_mb": round(alike.stat().st_size / MB, 3),
            "page_s": round(page_s, 2),
            "ready_s": round(ready(browser, worst), 3),
            "filter_s": round(slowest_filter(browser, worst), 3),
            "pytest_cells": pair.cells,
            "pytest_ratio": round(pair.ratio, 2),
            "pytest_cpu_s": round(pair.ours, 1),
            "alone_cpu_s": round(pair.alone, 1),
            "html_mb": round(pair.page.stat().st_size / MB, 2),
            "html_s": rows_there(browser, pair.page),
            "html_alone_mb": round(pair.page_alone.stat().st_size / MB, 2),
            "html_alone_s": rows_there(browser, pair.page_alone),
            "cells_100k": cells_100k,
            "cpu_100k_s": round(ran.cpu, 1),
            "gb_100k": round(ran.gb, 2),
            "ready_100k_s": round(ready(browser, large), 3),
            "filter_100k_s": round(slowest_filter(browser, large), 3),
            "machine": machine(),
        }
        browser.close()
    return figures


def main() -> int:
    """Measure and print; 1 if it could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of ours and pytest alone")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder), options.rounds)
    except NotMeasuredError as error:
        note(f"not measured: {error}")
        return 1
    rows = [("figure", "value"), *((name, str(value)) for name, value in figures.items())]
    publish(figures, table(rows), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
