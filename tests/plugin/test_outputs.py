"""Where a run writes: over nothing that it reads, no file twice; what cannot be written is told."""

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


def contents(folder: Path) -> dict[Path, bytes]:
    return {
        file: file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("stdout", "stderr")
    }


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--html=wfo-report/report.html", "would be the same file"),
        ("--wfo-report=wfo-report/results.json", "results.json would be the same file"),
        (
            "--junitxml=wfo-report/report.html.sha256",
            "(--junitxml) and the site report's checksum would be",
        ),
        ("--wfo-report=inventory.yml", "would overwrite the inventory"),
        ("--wfo-report=link.yml", "would overwrite the inventory"),
        ("--junitxml=facts.json.gz", "(--junitxml) would overwrite the facts"),
        ("--html=$HERE/waivers.yml", "(--html) would overwrite the waivers"),
        ("--wfo-report=base.json", "would overwrite the baseline"),
        ("--wfo-fixes=wfo-report", "would lie where --wfo-fixes makes its folder"),
    ],
)
def test_no_output_takes_the_place_of_an_input_or_of_another_output(
    go: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: str, words: str
) -> None:
    monkeypatch.setenv("HERE", str(pytester.path))
    go("-k", "client-80")
    shutil.move(pytester.path / "wfo-report" / "results.json", pytester.path / "base.json")
    shutil.rmtree(pytester.path / "wfo-report")
    (pytester.path / "link.yml").symlink_to("inventory.yml")
    before = contents(pytester.path)
    result = go("--wfo-baseline=base.json", option)

    assert result.ret == 4
    assert words in said(result)
    assert contents(pytester.path) == before


def test_the_baseline_is_not_the_file_the_run_writes(go: Run, pytester: pytest.Pytester) -> None:
    go("-k", "client-80")
    result = go("--wfo-baseline=wfo-report/results.json")

    assert result.ret == 4
    assert "results.json would overwrite the baseline" in said(result)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--wfo-report=there", "there is a folder"),
        ("--wfo-report=file/report.html", "file is no folder"),
        ("--wfo-save-facts=.", "is a folder"),
        ("--wfo-save-facts=file/facts.json.gz", "file is no folder"),
        ("--wfo-fixes=file/fixes", "--wfo-fixes cannot be written"),
        ("--junitxml=file/junit.xml", "(--junitxml) cannot be written"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_any_host_is_asked(
    unreached: Run, pytester: pytest.Pytester, option: str, words: str
) -> None:
    pytester.mkdir("there")
    (pytester.path / "file").touch()
    result = unreached(option)

    assert result.ret == 4
    assert words in said(result)
    assert "gathered facts" not in said(result)


def test_a_file_in_the_place_of_the_report_folder_is_refused(
    unreached: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "wfo-report").touch()
    result = unreached()

    assert result.ret == 4
    assert said(result).count("wfo-report is no folder") == 1


def test_a_folder_in_which_this_user_may_not_write_is_refused(
    unreached: Run, pytester: pytest.Pytester
) -> None:
    pytester.mkdir("wfo-report")
    pytester.makepyfile(
        denied="""
        import os
        granted = os.access
        os.access = lambda path, mode: "wfo-report" not in str(path) and granted(path, mode)
        """
    )
    result = unreached("-p", "denied")

    assert result.ret == 4
    assert "this user may not write in" in said(result)


def test_a_plan_is_listed_wherever_reports_could_be_written(
    unreached: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "wfo-report").touch()

    assert unreached("--collect-only", "-q").ret == 0


def test_a_plan_that_is_listed_overwrites_nothing_either(
    unreached: Run, pytester: pytest.Pytester
) -> None:
    before = contents(pytester.path)

    assert unreached("--collect-only", "--junitxml=inventory.yml").ret == 4
    assert contents(pytester.path) == before


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


def test_the_folder_for_facts_is_made(unreached: Run, pytester: pytest.Pytester) -> None:
    unreached("--wfo-save-facts=new/facts.json.gz")

    assert (pytester.path / "new" / "facts.json.gz").is_file()


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
