"""Whatever hosts say, pytest's own reports of it stay well-formed, and it stays text in them."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.plugin.test_junit import SCHEMA, cases
from tests.plugin.test_pytest_html import blob, page
from tests.report.test_block import HOSTILE
from tests.support.runs import Run, results, verdicts

TEXT = " ".join([*HOSTILE, "]]></failure>", "\x00\x08\x0b\ufffe", "&lt;b&gt;", "\U0001f600"])
PLUGIN = f"""
from dataclasses import replace
import pytest_wfo.plugin.run as run
from pytest_wfo.core.verdicts import Evidence

TEXT = {TEXT!r}
judged = run.judge

def judge(cells, facts):
    return {{
        key: replace(
            each,
            judgement=replace(
                each.judgement, summary=TEXT, remedy=TEXT, evidence=(Evidence(TEXT, TEXT, TEXT),)
            ),
        )
        for key, each in judged(cells, facts).items()
    }}

run.judge = judge
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_hosts_say_stays_text(offline: Run, pytester: pytest.Pytester, workers: str) -> None:
    pytester.makepyfile(hostile=PLUGIN)
    result = offline("-n", workers, "-p", "hostile")
    folder = pytester.path / "wfo-report"

    assert result.ret == 1
    assert len(cases(pytester.path)) == len(verdicts(pytester.path)), "and the file is valid"
    assert "INTERNALERROR" not in result.stdout.str()
    assert not {letter for letter in result.stdout.str() if _moves_the_cursor(letter)}
    for case in ElementTree.parse(folder / "junit.xml").iter("testcase"):
        assert {each.tag for each in case} <= {"properties", "failure", "error", "skipped"}
        for each in (*case.iter("failure"), *case.iter("error")):
            message = each.attrib["message"]
            assert not {letter for letter in message if _moves_the_cursor(letter)}
    SCHEMA.validate(str(folder / "junit.xml"))
    html = page(pytester.path)
    shown = json.dumps(
        [
            [test["resultsTableRow"], test["log"]]
            for tests in blob(html)["tests"].values()
            for test in tests
        ]
    )
    for markup in ("<img", "<script>document", "<svg", "</style><", '"><a'):
        assert markup not in shown
    for markup in ("<img src=x", "<script>document", "<svg", "</style><svg", '"><a'):
        assert markup not in html
    assert "&lt;img src=x" in shown
    written = results(Path(pytester.path))["results"]
    assert {each["summary"] for each in written if each["verdict"] == "not met"} == {TEXT}


def _moves_the_cursor(letter: str) -> bool:
    return letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")
