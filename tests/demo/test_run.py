"""``pytest --wfo-demo`` as a user types it: in an empty folder, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.computing import computed_by_children

NOT_MET, NOT_VERIFIED = "not met", "not verified"
OK = {"met", "not applicable"}
LIMIT = 15.0  # seconds of computing for a whole run, which a busy machine does not change; about 2

BLOCKS_4510 = "{B86F3D17-0C45-4A9E-91D2-7E5A6F4B8C22}"

# The faults of the demo: each cell that is not met, and what its summary must name.
BROKEN = {
    ("cloud-range-95.forwards-out", "fw01"): "ip daddr 207.166.95.128/25 drop",
    ("client-4510.permits-out", "desk-02"): f"local rule {BLOCKS_4510}",
    (
        "client-4510.connects",
        "desk-02",
    ): f"the firewall of desk-02 stops it: local rule {BLOCKS_4510}",
    ("client-80.permits-in", "desk-01"): "default inbound block of the Domain profile",
    ("client-2015.connects", "desk-01"): "on prem01 TCP 2015 is bound to loopback only",
    ("client-2015.connects", "desk-02"): "on prem01 TCP 2015 is bound to loopback only",
    ("client-2015.listens", "prem01"): "bound to 127.0.0.1 only",
    ("av-extension-log.excluded-memory-resident", "prem01"): "DisableLocalAdminMerge is 1",
    ("av-extension-log.excluded-on-demand", "prem01"): "DisableLocalAdminMerge is 1",
    ("file-type-cav.untouched", "prem01"): "D:\\Exports\\call-20417.cav was quarantined",
}
# What their evidence must say.
EVIDENCE = {
    ("client-4510.permits-out", "desk-02"): (
        'it goes before GPO rule {1F2B6A64-0D1B-4E0A-9C36-6D0B6C1F7A20} "WFO: to the PREMISES server"'
    ),
    ("client-4510.connects", "desk-02"): "WSAEACCES: refused by this host's own firewall",
    ("client-80.permits-in", "desk-01"): (
        'local rule {93C9A5E2-4D7B-4E6C-8F0A-52B1C7D3E421} "WFO web" would permit it, but is for the '
        "Private profile only"
    ),
    ("client-2015.listens", "prem01"): "owned by cc_livemon.exe (CC_LiveMon)",
    ("av-extension-log.excluded-on-demand", "prem01"): "mode Normal, real-time protection on",
    ("file-type-cav.untouched", "prem01"): ".cav: unchanged after 10 s",
}
CLIENT_ROWS = (
    "client-2012", "client-4510", "client-443", "client-943", "client-80", "client-2015",
    "client-5638", "client-recording-5638", "client-analytics-5634",
)  # fmt: skip

# desk-03 is down, so nothing is known of it.
UNSEEN = {
    ("host.access", "desk-03"),
    *(
        (f"{row}.{claim}", "desk-03")
        for row in CLIENT_ROWS
        for claim in ("permits-out", "permits-in", "connects")
    ),
    *(
        (f"file-type-{name}.untouched", "desk-03")
        for name in ("cav", "ccp", "log", "vid", "vox", "vox8", "wav", "xml")
    ),
}
EXPECTED = dict.fromkeys(BROKEN, NOT_MET) | dict.fromkeys(UNSEEN, NOT_VERIFIED)

Results = dict[str, Any]


def _start(folder: Path, *options: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "--wfo-demo", "-p", "no:cacheprovider", *options]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finish(run: subprocess.Popen[str], folder: Path) -> tuple[int, str, Results]:
    output, _ = run.communicate(timeout=300)
    file = folder / "wfo-report" / "results.json"
    assert file.exists(), output
    return run.returncode, output, json.loads(file.read_text(encoding="utf-8"))


def _demo(folder: Path, *options: str) -> tuple[int, str, Results]:
    return _finish(_start(folder, *options), folder)


def _failing(results: Results, advisory: bool = False) -> dict[tuple[str, str], str]:
    return {
        (item["requirement"], item["host"]): item["verdict"]
        for item in results["results"]
        if item["verdict"] not in OK and item["advisory"] is advisory
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Results, Path, float]:
    """One plain run that also saves its facts; warnings are errors in it."""
    folder = tmp_path_factory.mktemp("whole")
    begun = computed_by_children()
    done = _demo(folder, "-W", "error", "--wfo-save-facts=facts.json.gz")
    return *done, folder, computed_by_children() - begun


def test_exactly_the_demos_faults_are_found(
    whole: tuple[int, str, Results, Path, float],
) -> None:
    code, output, results, _, seconds = whole
    assert (code, results["decision"]) == (1, "NO-GO"), output
    assert _failing(results) == EXPECTED
    cells = {(item["requirement"], item["host"]): item for item in results["results"]}
    for cell, words in BROKEN.items():
        assert words in cells[cell]["summary"]
        assert cells[cell]["remedy"]
    for cell, words in EVIDENCE.items():
        assert any(words in item["statement"] for item in cells[cell]["evidence"]), cells[cell]
    assert "Connection refused" in cells["host.access", "desk-03"]["summary"]
    assert seconds < LIMIT


def test_advice_names_what_is_not_excluded_and_nothing_else(
    whole: tuple[int, str, Results, Path, float],
) -> None:
    results = whole[2]
    advised = {("locked-files.considered", "prem01"), ("large-files.considered", "prem01")}
    assert _failing(results, advisory=True) == dict.fromkeys(advised, NOT_MET)
    for item in results["results"]:
        if (item["requirement"], item["host"]) in advised:
            said = " ".join(each["statement"] for each in item["evidence"])
            assert "callcopy.mdf" in said
            assert "pagefile.sys" in said


def test_the_terminal_and_the_reports_name_decision_and_causes(
    whole: tuple[int, str, Results, Path, float],
) -> None:
    output, folder = whole[1], whole[3]
    closing = output.partition(" WFO environmental requirements ")[2]
    assert "NO-GO - Contoso Columbus (demo)" in closing
    assert "not examined: desk-03: refused" in closing
    assert "gathered facts of 4 of 5 hosts" in output
    assert max(map(len, closing.partition("wrote ")[0].splitlines())) <= 80
    page = (folder / "wfo-report" / "pytest.html").read_text(encoding="utf-8")
    assert "NO-GO" in page
    assert "207.166.95.128/25" in page


def test_saved_facts_give_the_same_findings_offline(
    whole: tuple[int, str, Results, Path, float], tmp_path: Path
) -> None:
    """The demo of the second run has other ports; the findings still speak of the first run's."""
    facts = whole[3] / "facts.json.gz"
    code, output, results = _demo(tmp_path, f"--wfo-facts={facts}")
    assert code == 1
    assert "gathered facts" not in output
    assert results["results"] == whole[2]["results"]
    assert results["hosts"] == whole[2]["hosts"]


def test_two_demos_run_at_once(tmp_path: Path) -> None:
    folders = (tmp_path / "one", tmp_path / "other")
    runs = [(_start(folder, "-q"), folder) for folder in folders]
    for run, folder in runs:
        code, output, results = _finish(run, folder)
        assert (code, _failing(results)) == (1, EXPECTED), output


def test_workers_of_xdist_judge_the_same(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    code, output, results = _demo(tmp_path, "-n", "2")
    assert (code, results["decision"], _failing(results)) == (1, "NO-GO", EXPECTED), output


@pytest.mark.parametrize(
    ("selection", "cells", "decision"),
    [("2012", 10, "NO-GO"), ("2012 and not desk-03", 7, "INCOMPLETE")],
)
def test_a_selection_runs_only_its_cells_and_is_never_go(
    tmp_path: Path, selection: Sequence[str], cells: int, decision: str
) -> None:
    """1 listens, and for each client PC permits-out, permits-in and connects; fw01 is not asked."""
    code, output, results = _demo(tmp_path, "-k", str(selection))
    assert (code, results["decision"]) == (1, decision), output
    assert results["plan"]["selected"] == cells
    assert f"Only {cells} of" in output
    met = {
        (item["requirement"], item["host"]) for item in results["results"] if item["verdict"] in OK
    }
    assert met == {
        ("client-2012.listens", "prem01"),
        *(
            (f"client-2012.{claim}", host)
            for claim in ("permits-out", "permits-in", "connects")
            for host in ("desk-01", "desk-02")
        ),
    }
    asked = {host["name"] for host in results["hosts"] if host["access"]}
    assert "fw01" not in asked
