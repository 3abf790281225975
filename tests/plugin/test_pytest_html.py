"""pytest-html's page: our columns, bounded rows with right counts, and nothing of a host's as markup."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import Run, results, verdicts

BOUND = """
import pytest_wfo.plugin.html
pytest_wfo.plugin.html.ROWS = 4
"""


def page(folder: Path) -> str:
    return (folder / "wfo-report" / "pytest.html").read_text()


def blob(html: str) -> dict[str, Any]:
    """The data of the page's script."""
    found = re.search(r'data-jsonblob="([^"]*)"', html)
    assert found
    data: dict[str, Any] = json.loads(unescape(found[1]))
    return data


def rows(html: str) -> list[dict[str, str]]:
    """The table's rows as column -> HTML; each row has a cell for every heading."""
    headings = re.findall(r"<th[^>]*>(\w+)</th>", html[html.index('id="results-table-head"') :])
    found = []
    for tests in blob(html)["tests"].values():
        for test in tests:
            cells = [re.fullmatch(r"<td[^>]*>(.*)</td>", cell) for cell in test["resultsTableRow"]]
            values = [cell[1] for cell in cells if cell]
            found.append(dict(zip(headings, values, strict=True)))
    return found


def counts(html: str) -> dict[str, int]:
    """The numbers above the table."""
    return {name: int(n) for name, n in re.findall(r'<span class="(\w+)">(\d+) ', html)}


def test_rows_say_requirement_host_and_verdict(offline: Run, pytester: pytest.Pytester) -> None:
    offline()
    found = rows(page(pytester.path))

    assert list(found[0]) == [
        "Result", "Requirement", "Host", "Verdict", "Test", "Duration", "Links",
    ]  # fmt: skip
    assert {(row["Requirement"], row["Host"]): row["Verdict"] for row in found} == verdicts(
        pytester.path
    )
    assert len(found) == len(verdicts(pytester.path))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_large_run_shows_what_needs_attention_and_counts_everything(
    offline: Run, pytester: pytest.Pytester, workers: str
) -> None:
    pytester.makepyfile(bound=BOUND)
    offline("-n", workers, "-p", "bound")
    html = page(pytester.path)
    found, counted = rows(html), results(pytester.path)["counts"]

    assert len(found) == 4
    assert {row["Verdict"] for row in found} <= {"not met", "not verified"}
    assert counts(html)["passed"] == counted["met"]
    assert counts(html)["failed"] == counted["not met"]
    assert counts(html)["error"] == counted["not verified"]
    assert "The table shows 4 findings (at most 4)" in html
    assert f"Left out are {counted['met']} tests that passed and " in html


def test_users_own_tests_keep_their_rows_in_a_large_run(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    suite = Path(__file__).parents[2] / "suites" / "test_client_ports.py"
    pytester.makepyfile(bound=BOUND, test_mine="def test_mine(): print('said')")
    run(
        f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}",
        "-p", "bound", "test_mine.py", str(suite),
    )  # fmt: skip
    html = page(pytester.path)
    (mine,) = [row for row in rows(html) if row["Test"].endswith("::test_mine")]

    assert (mine["Result"], mine["Requirement"], mine["Host"]) == ("Passed", "", "")
    assert len(rows(html)) == 5
    assert "said" in html


def test_a_worker_that_crashed_is_told_as_the_table_has_no_row_for_it(
    offline: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        import os
        def pytest_runtest_call(item):
            if "test_connects[client-80-desk-01]" in item.nodeid:
                os._exit(3)
        """
    )
    result = offline("-n", "2", f"--confcutdir={pytester.path}", "-p", "conftest")
    html = page(pytester.path)
    test = "wfo/test_client_ports.py::test_connects[client-80-desk-01]"

    assert result.ret == 1
    assert f"a worker of pytest-xdist crashed in {test}: " in unescape(html)
    assert "pytest.html has no row for a test that crashed its worker" in html
    assert not [row for row in rows(html) if row["Test"] == test]
    (cell,) = [
        each
        for each in results(pytester.path)["results"]
        if (each["requirement"], each["host"]) == ("client-80.connects", "desk-01")
    ]
    assert cell["verdict"] == "not verified"
    assert "its test crashed a worker of pytest-xdist" in cell["summary"]


def test_ids_and_metadata_are_text(run: Run, facts: Path, pytester: pytest.Pytester) -> None:
    markup = "<img src=x onerror=document.title='XSS'>"
    pytester.makepyfile(
        test_mine=f"""
        import pytest

        @pytest.mark.wfo_requirement("host.access")
        def test_access(wfo_finding): pass

        @pytest.mark.parametrize("what", [1], ids=[{markup!r}])
        def test_it(what): pass
        """
    )
    run(
        f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}",
        "test_mine.py", "--metadata", "from", markup, "--metadata-from-json",
        json.dumps({"nested": {"a": [markup]}}),
    )  # fmt: skip
    html = page(pytester.path)
    shown = json.dumps([rows(html), blob(html)["environment"]])

    assert "<img src=x" not in html
    assert "<img src=x" not in shown
    assert shown.count("&lt;img src=x") == 3, "the id and both values are there as text"
