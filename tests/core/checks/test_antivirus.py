"""Until settings are read: absent means not applicable, present or unseen means not verified."""

import pytest

from pytest_wfo.core.checks.antivirus import check_antivirus
from pytest_wfo.core.facts import Known, Process, Unknown
from pytest_wfo.core.verdicts import Verdict
from tests.support.sites import cell, healthy_site, site, with_facts

OF = site()
HEALTHY = healthy_site(OF)
CELL = cell("av-folder-temp.excluded-on-demand", "premises", OF)


def test_no_antivirus_is_not_applicable_and_says_what_was_looked_for() -> None:
    judgement = check_antivirus(CELL, HEALTHY)

    assert judgement.verdict is Verdict.NOT_APPLICABLE
    assert "ClamAV" in judgement.evidence[0].statement


@pytest.mark.parametrize(
    "process",
    [
        Process(7, "clamd", "/usr/sbin/clamd"),
        Process(7, "sophos_threat_d", "/opt/sophos-spl/plugins/av/sbin/sophos_threat_detector"),
        Process(7, "wrapper", "/opt/Cortex XDR/traps/bin/traps_pmd"),
    ],
    ids=["name", "cut-name", "command"],
)
def test_an_active_antivirus_is_not_verified_and_named(process: Process) -> None:
    judgement = check_antivirus(
        CELL, with_facts(HEALTHY, "premises", processes=Known((process,), "ps"))
    )

    assert judgement.verdict is Verdict.NOT_VERIFIED
    assert "runs here" in judgement.summary
    assert judgement.remedy


def test_unread_processes_are_not_verified() -> None:
    judgement = check_antivirus(CELL, with_facts(HEALTHY, "premises", processes=Unknown("hidepid")))

    assert judgement.verdict is Verdict.NOT_VERIFIED
