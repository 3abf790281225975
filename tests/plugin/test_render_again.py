"""Real runs, rendered again and merged from what they left, in processes that know no host."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import Run, verdicts


def again(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_wfo", "report", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_reports_of_a_run_come_back_byte_for_byte(
    workers: str, offline: Run, pytester: pytest.Pytester
) -> None:
    ran = offline("-n", workers)
    result = again(pytester.path, "wfo-report/results.json", "--output=again")

    assert (ran.ret, result.returncode) == (1, 1)
    for name in ("report.html", "report.html.sha256", "summary.md", "results.json", "ctrf.json"):
        live, rendered = pytester.path / "wfo-report" / name, pytester.path / "again" / name
        assert rendered.read_bytes() == live.read_bytes(), name


def test_runs_about_parts_are_together_what_one_run_finds(
    offline: Run, pytester: pytest.Pytester
) -> None:
    offline()
    whole = verdicts(pytester.path)
    for name, part in (("a", "desk"), ("b", "not desk")):
        offline("-k", part)
        shutil.move(pytester.path / "wfo-report" / "results.json", pytester.path / f"{name}.json")
    result = again(pytester.path, "a.json", "b.json")
    data = json.loads((pytester.path / "wfo-report" / "results.json").read_text())

    assert result.returncode == 1
    assert verdicts(pytester.path) == whole
    assert data["decision"] == "NO-GO"
    assert data["plan"]["selected"] == data["plan"]["cells"] == len(whole)
    assert len(data["runs"]) == 2


def test_a_run_that_ended_early_hides_nothing(offline: Run, pytester: pytest.Pytester) -> None:
    offline()
    whole = verdicts(pytester.path)
    shutil.move(pytester.path / "wfo-report" / "results.json", pytester.path / "whole.json")
    offline("-x")
    shutil.move(pytester.path / "wfo-report" / "results.json", pytester.path / "early.json")
    again(pytester.path, "early.json", "whole.json")

    assert verdicts(pytester.path) == whole
