"""``python -m pytest_wfo report`` in a process of its own: what it writes, says and returns."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.page import page
from pytest_wfo.report.results import write_results
from pytest_wfo.report.summary import summary
from tests.support.reports import RUN, finding, report
from tests.support.sites import site, the_plan

KEYS = [cell.key for cell in the_plan(site()).cells]
HERE = [key for key in KEYS if key[1] in ("premises", "edge")]
LATER = replace(RUN, started="2026-11-23T11:00:00Z", finished="2026-11-23T11:00:09Z")
THERE = [key for key in KEYS if key not in HERE]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_wfo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_file_is_rendered_again_as_the_run_rendered_it(tmp_path: Path) -> None:
    made = report(changed=finding("client-80.connects", "client", Verdict.NOT_MET, "refused"))
    write_results(made, tmp_path / "in.json")
    result = command(tmp_path, "report", "in.json", "--output", "out")
    out = tmp_path / "out"

    assert result.returncode == 1
    assert result.stderr == ""
    assert "NO-GO - Contoso Columbus (CHG0012345)" in result.stdout
    assert "wrote out/report.html" in result.stdout
    assert (out / "report.html").read_text() == page(made)
    assert (out / "summary.md").read_text() == summary(made)
    assert (out / "results.json").read_bytes() == (tmp_path / "in.json").read_bytes()
    digest = hashlib.sha256((out / "report.html").read_bytes()).hexdigest()
    assert (out / "report.html.sha256").read_text() == f"{digest}  report.html\n"


def test_parts_that_cover_the_plan_are_go(tmp_path: Path) -> None:
    write_results(report(selected=HERE), tmp_path / "here.json")
    write_results(report(selected=THERE, run=LATER), tmp_path / "there.json")
    alone = command(tmp_path, "report", "here.json", "--output=alone")
    both = command(tmp_path, "report", "here.json", "there.json")
    data = json.loads((tmp_path / "wfo-report" / "results.json").read_text())

    assert (alone.returncode, both.returncode) == (1, 0)
    assert "INCOMPLETE" in alone.stdout
    assert "GO - Contoso" in both.stdout
    assert data["decision"] == "GO"
    assert [run["selected"] for run in data["runs"]] == [len(HERE), len(THERE)]


def changed(tmp_path: Path, name: str, *way: str, to: Any) -> str:
    """A results file of the same site in which one thing is another."""
    write_results(report(), tmp_path / name)
    data = json.loads((tmp_path / name).read_text())
    place = data
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = to
    (tmp_path / name).write_text(json.dumps(data))
    return name


@pytest.mark.parametrize(
    ("way", "to", "words"),
    [
        (("site", "name"), "Else", "of different sites"),
        (("edition", "id"), "17.0", "of different editions"),
        (("edition", "sha256"), "f" * 64, "of different editions"),
        (("site", "inventory", "sha256"), "f" * 64, "say --allow-different-inventories"),
        (("schema",), "pytest-wfo/results/9", "this program reads pytest-wfo/results/1"),
        (("decision",), "NO-GO", "a damaged results file"),
    ],
    ids=["site", "edition", "edition-bytes", "inventory", "schema", "damaged"],
)
def test_what_cannot_be_relied_on_is_refused_and_nothing_is_written(
    way: tuple[str, ...], to: str, words: str, tmp_path: Path
) -> None:
    write_results(report(), tmp_path / "one.json")
    other = changed(tmp_path, "two.json", *way, to=to)
    result = command(tmp_path, "report", "one.json", other)

    assert result.returncode == 4
    assert words in result.stderr
    assert "two.json" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "wfo-report").exists()


def test_different_inventories_are_merged_when_told_so(tmp_path: Path) -> None:
    write_results(report(selected=HERE), tmp_path / "one.json")
    other = report(site(sha256="2" * 64, source="b.yml"), selected=THERE, run=LATER)
    write_results(other, tmp_path / "two.json")
    result = command(tmp_path, "report", "one.json", "two.json", "--allow-different-inventories")

    assert result.returncode == 0
    assert "inventory.yml, b.yml" in (tmp_path / "wfo-report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required: COMMAND"),
        (("report",), "required: results"),
        (("report", "nowhere.json"), "nowhere.json: cannot be read"),
        (("report", "x.json", "--colour"), "unrecognized arguments: --colour"),
        (("rapport",), "invalid choice"),
    ],
    ids=["nothing", "no-file", "missing-file", "option", "word"],
)
def test_a_wrong_command_line_is_told(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    result = command(tmp_path, *arguments)

    assert result.returncode == 4
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_merged_file_never_takes_the_place_of_one_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "wfo-report").mkdir()
    part = tmp_path / "wfo-report" / "results.json"
    write_results(report(selected=HERE), part)
    write_results(report(selected=THERE), tmp_path / "two.json")
    before = part.read_bytes()
    result = command(tmp_path, "report", "wfo-report/results.json", "two.json")

    assert result.returncode == 4
    assert "name another folder by --output" in result.stderr
    assert part.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    write_results(report(), tmp_path / "one.json")
    result = command(tmp_path, "report", "one.json", "--output=one.json/x")

    assert result.returncode == 4
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.NOT_MET])
def test_a_reader_that_leaves_changes_neither_files_nor_status(
    verdict: Verdict, tmp_path: Path
) -> None:
    """As ``| head`` does."""
    made = report(changed=finding("client-80.connects", "client", verdict))
    write_results(made, tmp_path / "in.json")
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [sys.executable, "-m", "pytest_wfo", "report", "in.json", "--output=out"],
        cwd=tmp_path,
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write_end)

    assert result.returncode == (0 if verdict is Verdict.MET else 1)
    assert result.stderr == ""
    assert (tmp_path / "out" / "summary.md").read_text() == summary(made)


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    write_results(report(site(name="a\x1b[31m\u202e\n\r")), tmp_path / "one.json")
    write_results(report(site(name="b")), tmp_path / "two.json")
    refused = command(tmp_path, "report", "one.json", "two.json")
    told = command(tmp_path, "report", "one.json")

    for text in (refused.stderr, told.stdout):
        assert r"\x1b[31m" in text
        assert not {"\x1b", "\u202e", "\r"} & set(text)


def test_neither_pytest_nor_a_connection_library_is_loaded() -> None:
    code = (
        "import sys, pytest_wfo.__main__ as m; "
        "print([n for n in ('pytest', '_pytest', 'paramiko', 'pypsrp', 'testinfra') if n in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"
