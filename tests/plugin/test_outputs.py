"""What a run cannot write is told, and the run is not passed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.runs import Run, results

EVERYTHING = 'waivers: [{requirement: "*", hosts: ["*"], reason: r, approver: A, ticket: T, permanent: true}]'
HOSTS = "--wfo-hosts=inventory.yml"


@pytest.fixture
def go(run: Run, facts: Path, pytester: pytest.Pytester) -> Run:
    """A run that is GO: the demo without the host that is down, and what is not met is waived."""
    text = re.sub(r"\n  desk-03:\n(    .*\n)+", "\n", (facts / "inventory.yml").read_text())
    (pytester.path / "inventory.yml").write_text(f"{text}\nwaivers: waivers.yml\n")
    (pytester.path / "waivers.yml").write_text(EVERYTHING)
    shutil.copy(facts / "facts.json.gz", pytester.path)

    def run_go(*options: str) -> pytest.RunResult:
        return run(HOSTS, "--wfo-facts=facts.json.gz", *options)

    return run_go


@pytest.fixture
def unreached(run: Run, pytester: pytest.Pytester) -> Run:
    """A run about one host, which refuses the connection."""
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  h: {role: cloud, address: 127.0.0.1, port: 9, user: qa, agent: false}\n"
    )

    def run_unreached(*options: str) -> pytest.RunResult:
        return run(HOSTS, *options)

    return run_unreached


def said(result: pytest.RunResult) -> str:
    return " ".join((result.stdout.str() + result.stderr.str()).split())


def blocking(pytester: pytest.Pytester, *files: str) -> tuple[str, str]:
    """A plugin with which folders come into the way once the run is under way."""
    pytester.makepyfile(
        blocking=f"""
        import pathlib
        def pytest_collection_finish():
            for file in {files!r}:
                pathlib.Path(file).mkdir(parents=True, exist_ok=True)
        """
    )
    return "-p", "blocking"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_facts_that_cannot_be_saved_are_judged_all_the_same(
    unreached: Run, pytester: pytest.Pytester, workers: str
) -> None:
    result = unreached(workers, "--wfo-save-facts=f.json.gz", *blocking(pytester, "f.json.gz"))

    assert result.ret == 1
    assert "NOT WRITTEN: f.json.gz: Is a directory" in said(result)
    assert "not examined: h: refused" in said(result)
    assert results(pytester.path)["decision"] == "NO-GO"


@pytest.mark.parametrize("name", ["results.json", "summary.md", "ctrf.json", "pytest.html"])
def test_a_report_that_cannot_be_written_takes_no_other_with_it_and_the_run_is_not_passed(
    go: Run, pytester: pytest.Pytester, name: str
) -> None:
    result = go(*blocking(pytester, f"wfo-report/{name}"))
    folder = pytester.path / "wfo-report"
    others = {"report.html", "results.json", "summary.md", "ctrf.json", "junit.xml"} - {name}

    assert result.ret == 1
    assert "GO - Contoso Columbus (demo)" in result.stdout.str()
    assert result.stdout.str().count("NOT WRITTEN") == 1
    assert name in result.stdout.str().partition("NOT WRITTEN")[2]
    assert {file.name for file in folder.iterdir() if file.is_file()} >= others
    assert f"wrote wfo-report/{name}" not in result.stdout.str()
    assert "wrote wfo-report/report.html" in result.stdout.str()
    assert not list(folder.glob("*.part")) + list(folder.glob(".*.part"))


def test_a_report_of_an_earlier_run_is_not_left_in_the_place_of_this_one(
    go: Run, pytester: pytest.Pytester
) -> None:
    assert go().ret == 0
    pytester.makepyfile(
        full="""
        import errno, os
        import pytest_wfo.plugin.reporting as reporting
        def write_page(report, file):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reporting.write_page = write_page
        """
    )
    result = go("-p", "full")

    assert result.ret == 1
    assert "NOT WRITTEN: wfo-report/report.html: No space left on device" in said(result)
    assert not (pytester.path / "wfo-report" / "report.html").exists()


def test_a_fix_pack_that_cannot_be_written_is_told_and_the_reports_are_there(
    go: Run, pytester: pytest.Pytester
) -> None:
    result = go("--wfo-fixes=fixes", *blocking(pytester, "fixes/mine"))

    assert "NOT WRITTEN: the fixes" in said(result)
    assert result.ret == 1
    assert (pytester.path / "wfo-report" / "report.html").exists()
