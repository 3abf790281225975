"""A snapshot gives the same findings every time, and never better ones for what it lost."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known, Reach
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import Cell, plan
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.demo.site import DemoSite
from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.gather.site import gather_site, read_snapshot
from pytest_wfo.gather.snapshot import Snapshot, load_snapshot, save_snapshot

PASSING = {Verdict.MET, Verdict.NOT_APPLICABLE}


class Gathered:
    """The demo site, gathered once."""

    def __init__(self, folder: Path) -> None:
        demo = DemoSite(folder)
        demo.start()
        try:
            self.site: Site = load_inventory(demo.inventory)
            self.cells: tuple[Cell, ...] = plan(load_edition("16.1"), self.site).cells
            self.snapshot = self.gather(self.cells)
            self.partial = self.gather(
                [cell for cell in self.cells if cell.requirement.id == "client-80.connects"]
            )
        finally:
            demo.stop()

    def gather(self, cells: Any) -> Snapshot:
        return gather_site(self.site, tuple(self.site.hosts), cells, Vault(), lambda *_: None)

    def judge(self, snapshot: Snapshot) -> Mapping[tuple[str, str], Finding]:
        return judge(self.cells, read_snapshot(snapshot, self.site, self.cells))


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    return Gathered(tmp_path_factory.mktemp("demo"))


def test_a_saved_snapshot_gives_the_same_findings(gathered: Gathered, tmp_path: Path) -> None:
    save_snapshot(gathered.snapshot, tmp_path / "facts.json.gz")

    assert gathered.judge(load_snapshot(tmp_path / "facts.json.gz")) == gathered.judge(
        gathered.snapshot
    )


def test_facts_of_a_partial_run_say_what_was_not_tried(gathered: Gathered) -> None:
    """Judged for the whole plan, a connection that was not asked for is never taken for another."""
    found = gathered.judge(gathered.partial)
    whole = gathered.judge(gathered.snapshot)

    assert found["client-80.connects", "desk-01"].verdict is Verdict.MET
    for key, finding in found.items():
        if key[0].endswith((".connects", ".connects-in")) and key[0] != "client-80.connects":
            assert finding.verdict is Verdict.NOT_VERIFIED, key
            if not finding.depends_on_access:
                assert "was not asked to try" in finding.judgement.summary or (
                    "tried no connections" in finding.judgement.summary
                )
        elif finding.verdict in PASSING:
            assert whole[key].verdict in PASSING, key


def test_every_demo_host_that_answers_reports_on_all_its_targets(gathered: Gathered) -> None:
    facts = read_snapshot(gathered.snapshot, gathered.site, gathered.cells)
    for name in ("prem01", "desk-01", "desk-02"):
        probes = facts.of(name).probes
        assert isinstance(probes, Known)
        assert probes.value
        assert all(probe.reach is not Reach.UNMEASURED for probe in probes.value)


@settings(max_examples=40)
@given(st.data())
def test_losing_any_part_of_an_answer_never_makes_a_pass(
    gathered: Gathered, data: st.DataObject
) -> None:
    """Sections and registry keys dropped, emptied, failed or cut off: nothing that blocked becomes
    met."""
    before = gathered.judge(gathered.snapshot)
    name = data.draw(st.sampled_from(["prem01", "desk-01", "desk-02", "fw01"]))
    answer = gathered.snapshot.answers[name]
    envelope = json.loads(answer.output)
    windows = gathered.site.hosts[name].platform == "windows"
    for part in ("sections", "registry") if windows else ("sections",):
        inside = envelope[part]
        least = 1 if part == "sections" else 0
        drawn = st.lists(st.sampled_from(sorted(inside)), min_size=least, unique=True)
        for key in data.draw(drawn):
            how = data.draw(st.sampled_from(["drop", "empty", "fail", "cut"]))
            if how == "drop":
                del inside[key]
            elif windows:
                _lose_windows(inside[key], how, data)
            else:
                _lose_posix(inside[key], how, data)
    answers = {**gathered.snapshot.answers, name: replace(answer, output=json.dumps(envelope))}
    after = gathered.judge(replace(gathered.snapshot, answers=answers))

    for key, finding in after.items():
        if before[key].verdict not in PASSING:
            assert finding.verdict not in PASSING, (key, name)


def _lose_posix(section: dict[str, Any], how: str, data: st.DataObject) -> None:
    if how == "empty":
        section["out"] = ""
    elif how == "fail":
        section |= {"rc": 1, "err": "failed", "out": ""}
    else:
        section["out"] = _some(section["out"], data)


def _lose_windows(body: dict[str, Any], how: str, data: st.DataObject) -> None:
    """A key whose values are all gone is what a host without them says, so they are cut in two."""
    value = body.get("value")
    if how == "fail":
        body.pop("value", None)
        body |= {"ok": False, "id": "failed", "category": "NotSpecified", "said": "failed"}
    elif "values" in body:
        body["values"] = body["values"][:1]
    elif value and "rows" in value:
        value["rows"] = [] if how == "empty" else _some(value["rows"], data)
    elif value and "text" in value:
        value["text"] = "" if how == "empty" else _some(value["text"], data)
    else:
        body["value"] = {}


def _some(whole: Any, data: st.DataObject) -> Any:
    return whole[: data.draw(st.integers(0, max(len(whole) - 1, 0)))]


@settings(max_examples=25)
@given(st.data())
def test_a_stream_that_is_cut_off_is_no_answer_at_all(
    gathered: Gathered, data: st.DataObject
) -> None:
    answer = gathered.snapshot.answers["prem01"]
    end = data.draw(st.integers(0, len(answer.output.rstrip()) - 1))
    answers = {**gathered.snapshot.answers, "prem01": replace(answer, output=answer.output[:end])}
    found = gathered.judge(replace(gathered.snapshot, answers=answers))

    of_server = [finding for key, finding in found.items() if key[1] == "prem01"]
    assert {finding.verdict for finding in of_server} == {Verdict.NOT_VERIFIED}
