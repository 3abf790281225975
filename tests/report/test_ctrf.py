"""ctrf.json keeps to the format's schema, and what was not seen is never "passed" in it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.ctrf import ctrf, write_ctrf
from pytest_wfo.report.model import SiteReport
from tests.report.test_block import HOSTILE
from tests.support.hostile import hostile
from tests.support.reports import finding, report

# The schema as the npm package "ctrf" 0.3.0 ships it (MIT, see LICENSE beside it).
VALIDATOR = jsonschema.Draft7Validator(
    json.loads((Path(__file__).parent.parent / "data" / "ctrf" / "schema.json").read_text())
)
HTTP = "client-80.connects"


def of_verdict(verdict: Verdict, *, advisory: bool = False) -> SiteReport:
    """A report with one changed finding, of client-80.connects."""
    changed: dict[tuple[str, str], Finding] = finding(HTTP, "client", verdict, "seen so")
    return report(changed={key: replace(each, advisory=advisory) for key, each in changed.items()})


@pytest.mark.parametrize(
    ("verdict", "advisory", "status"),
    [
        (Verdict.MET, False, "passed"),
        (Verdict.ATTESTED, False, "passed"),
        (Verdict.NOT_MET, False, "failed"),
        (Verdict.NOT_VERIFIED, False, "other"),
        (Verdict.NOT_APPLICABLE, False, "skipped"),
        (Verdict.WAIVED, False, "skipped"),
        (Verdict.NOT_MET, True, "skipped"),
        (Verdict.NOT_VERIFIED, True, "skipped"),
        (Verdict.MET, True, "passed"),
    ],
)
def test_verdicts_are_statuses(verdict: Verdict, advisory: bool, status: str) -> None:
    data = ctrf(of_verdict(verdict, advisory=advisory))
    (test,) = [each for each in data["results"]["tests"] if each["name"] == f"{HTTP} on client"]

    VALIDATOR.validate(data)
    assert test["status"] == status
    assert test["rawStatus"] == verdict.value
    assert test["extra"] == {
        "requirement": HTTP,
        "host": "client",
        "verdict": verdict.value,
        "advisory": advisory,
        "evidence": "a rule [nft]",
    }
    assert ("message" in test) is (verdict is not Verdict.MET)


def test_every_cell_is_counted_once_and_the_times_are_the_runs() -> None:
    made = of_verdict(Verdict.NOT_MET)
    results = ctrf(made)["results"]
    summary = results["summary"]
    counted = Counter(test["status"] for test in results["tests"])

    assert summary["tests"] == len(results["tests"]) == made.planned
    assert {name: summary[name] for name in counted} == counted
    assert sum(summary[name] for name in ("passed", "failed", "skipped", "pending", "other")) == (
        made.planned
    )
    assert (summary["start"], summary["stop"] - summary["start"]) == (1795428000000, 9000)
    assert summary["extra"] == {"decision": "NO-GO"}


def test_a_message_says_verdict_and_fix() -> None:
    results = ctrf(of_verdict(Verdict.NOT_MET))["results"]
    (test,) = [each for each in results["tests"] if each["status"] == "failed"]

    assert test["message"] == "client: not met: seen so; what to do: do this"


@pytest.mark.parametrize("text", [*HOSTILE, "x\ud800\0", "", "y" * 5000])
def test_hostile_text_in_every_field_is_printable_and_keeps_to_the_schema(
    text: str, tmp_path: Path
) -> None:
    write_ctrf(hostile(text), tmp_path / "ctrf.json")
    raw = (tmp_path / "ctrf.json").read_bytes()
    data = json.loads(raw)

    VALIDATOR.validate(data)
    assert raw.isascii()
    for test in data["results"]["tests"]:
        for said in (test.get("message", ""), test["extra"]["evidence"]):
            assert said.isprintable()
            assert len(said) < 700
