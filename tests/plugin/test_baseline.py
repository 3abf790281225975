"""--wfo-baseline: what changed since an earlier run is told everywhere, and no verdict moves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.runs import Run, results, verdicts


@pytest.fixture
def signed_off(offline: Run, pytester: pytest.Pytester) -> Path:
    """The results of a run after which one check fails and one is fixed."""
    offline()
    file = pytester.path / "signed-off.json"
    shutil.move(pytester.path / "wfo-report" / "results.json", file)
    data = json.loads(file.read_text())
    by_cell = {(item["requirement"], item["host"]): item for item in data["results"]}
    by_cell["client-2015.listens", "prem01"]["verdict"] = "met"
    by_cell["client-80.connects", "desk-01"]["verdict"] = "not met"
    assert data["decision"] == "NO-GO"
    file.write_text(json.dumps(data))
    return file


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_changed_stands_in_every_report(
    workers: str, signed_off: Path, offline: Run, pytester: pytest.Pytester
) -> None:
    offline("-n", workers)
    alone = verdicts(pytester.path)
    result = offline("-n", workers, f"--wfo-baseline={signed_off.name}")
    drift = results(pytester.path)["drift"]

    assert result.ret == 1
    assert verdicts(pytester.path) == alone
    assert {(item["requirement"], item["host"], item["kind"]) for item in drift["changes"]} == {
        ("client-2015.listens", "prem01", "newly not met"),
        ("client-80.connects", "desk-01", "fixed or verified now"),
    }
    words = "(NO-GO): 1 newly not met, 1 fixed or verified now"
    folder = pytester.path / "wfo-report"
    assert words in " ".join(result.stdout.str().split())
    for name in ("report.html", "summary.md"):
        assert words in (folder / name).read_text()


def test_a_part_is_compared_as_far_as_it_goes(
    signed_off: Path, offline: Run, pytester: pytest.Pytester
) -> None:
    offline("-k", "test_listens and 2015", f"--wfo-baseline={signed_off.name}")
    data = results(pytester.path)

    assert [item["kind"] for item in data["drift"]["changes"]] == ["newly not met"]
    assert data["drift"]["uncompared"] == data["plan"]["cells"] - data["plan"]["selected"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data["site"].update(name="Else"), "these are results of the site 'Else'"),
        (lambda data: data.update(decision="GO"), "a damaged results file"),
        (lambda data: data.update(schema="facts"), "not a results file of pytest-wfo"),
    ],
    ids=["other-site", "damaged", "no-results"],
)
def test_what_cannot_be_compared_with_is_refused_before_anything_runs(
    change: object, words: str, signed_off: Path, offline: Run, pytester: pytest.Pytester
) -> None:
    data = json.loads(signed_off.read_text())
    change(data)  # type: ignore[operator]
    signed_off.write_text(json.dumps(data))
    result = offline(f"--wfo-baseline={signed_off.name}")

    assert result.ret == 4
    assert words in " ".join((result.stderr.str() + result.stdout.str()).split())
    assert not (pytester.path / "wfo-report" / "results.json").exists()


def test_it_needs_a_site(run: Run) -> None:
    result = run("--wfo-baseline=x.json")

    assert result.ret == 4
    assert "need --wfo-hosts" in result.stderr.str()
