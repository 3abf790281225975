"""From the recorded answer of a Windows host to the script that adds what is missing. No PowerShell."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.defender import DEFENDER
from pytest_wfo.core.hosts import Folder
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.probes.windows import read_windows
from pytest_wfo.report.fixes.pack import pack
from tests.probes.windows.host import REACHED, RECORDED
from tests.support.reports import report
from tests.support.sites import healthy_site, site, the_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_wfo.core.site_facts import SiteFacts

MOVED = "D:\\wfo\\temp\\"
OF = site()
OF = replace(
    OF,
    hosts={
        **OF.hosts,
        "premises": replace(OF.hosts["premises"], folders={Folder.SCREEN_RECORDING: MOVED}),
    },
)
CELLS = the_plan(OF).cells
LACKING = {
    "av-folder-temp.excluded-memory-resident",
    "av-folder-temp.excluded-on-demand",
    "av-process-screencapserver.excluded-on-demand",  # it writes there
}


def answering(text: str) -> SiteFacts:
    """The site whose PREMISES server gives this answer, with the folder of recordings moved."""
    facts = healthy_site(OF)
    premises = read_windows(text, REACHED, (), asked=1000.0, answered=1001.0)
    return replace(facts, hosts={**facts.hosts, "premises": premises})


def not_excluded(facts: SiteFacts) -> set[str]:
    found = judge(CELLS, facts)
    keys = [cell.key for cell in CELLS if "excluded" in cell.requirement.claim.value]
    assert {found[key].verdict for key in keys} <= {Verdict.MET, Verdict.NOT_MET}
    return {name for name, host in keys if found[name, host].verdict is Verdict.NOT_MET}


def exclusions(texts: Mapping[str, str]) -> list[str]:
    script = texts.get("premises.ps1", "")
    return re.findall(r"^Set-WfoExclusion .*", script, re.MULTILINE)


@pytest.mark.parametrize("name", ["base", "japanese", "av-mdm"])
def test_the_script_adds_exactly_the_missing_exclusion_with_which_all_is_met(name: str) -> None:
    text = (RECORDED / f"{name}.txt").read_text("ascii")
    facts = answering(text)
    assert not_excluded(facts) == LACKING

    texts = pack(report(OF, facts), CELLS, facts)

    assert set(exclusions(texts)) == {"Set-WfoExclusion ExclusionPath 'D:\\wfo\\temp'"}
    for requirement in LACKING:
        assert f"\n# {requirement}: " in texts["premises.ps1"]
    document = json.loads(text)
    paths = document["sections"]["av_preferences"]["value"]["paths"]
    paths["rows"].append("D:\\wfo\\temp")
    paths["total"] += 1
    assert not_excluded(answering(json.dumps(document))) == set()


def test_where_local_exclusions_do_not_count_the_script_adds_none() -> None:
    facts = answering((RECORDED / "av-merge-disabled.txt").read_text("ascii"))
    assert not_excluded(facts) == LACKING

    texts = pack(report(OF, facts), CELLS, facts)

    assert exclusions(texts) == []
    assert "in the policy that manages this host" in texts["README.md"]


def test_the_reader_calls_defender_by_the_name_that_the_fixes_know() -> None:
    antivirus = answering((RECORDED / "base.txt").read_text("ascii")).hosts["premises"].antivirus
    assert isinstance(antivirus, Known)
    assert [product.name for product in antivirus.value.products] == [DEFENDER]
