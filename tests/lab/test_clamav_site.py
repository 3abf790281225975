"""The real command line against a site whose PREMISES server runs ClamAV."""

from __future__ import annotations

import pytest

from tests.lab.clamav import DATA, HOME, ClamAv, why_not
from tests.lab.clamav_cases import EXTENSION_RULES, FDPASS, FILES, FOLDER_RULES, GOOD
from tests.lab.clamav_site import FOLDERS, MET, NOT_APPLICABLE, NOT_MET, NOT_VERIFIED, server
from tests.lab.lab import Lab
from tests.lab.verify import Outcome, verify

pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(why_not()), reason=why_not())]

RESIDENT, DEMAND = "excluded-memory-resident", "excluded-on-demand"
SETTINGS = f"{GOOD}ExcludePath ^{DATA}/bin/cc_loggerservice[.]exe$\n"
EXCLUSIONS = (
    "av-folder-temp",
    "av-folder-logs",
    "av-extension-vid",
    "av-extension-log",
    "av-process-loggerservice",
    "av-process-screencapserver",
)


@pytest.fixture
def clamav(lab: Lab) -> ClamAv:
    """A server with all the files of the cases."""
    return server(lab.hosts["premises"], FILES)


def run(lab: Lab, selected: str = "antivirus") -> Outcome:
    return verify(lab.inventory(premises={"folders": FOLDERS}), "-k", selected)


def verdicts(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """By row: memory-resident, on demand."""
    return {
        row: (
            outcome.findings[f"{row}.{RESIDENT}", "premises"]["verdict"],
            outcome.findings[f"{row}.{DEMAND}", "premises"]["verdict"],
        )
        for row in EXCLUSIONS
    }


def test_clamonacc_leaves_out_folders_and_no_extensions(lab: Lab, clamav: ClamAv) -> None:
    """The real "on-demand yes, memory-resident no"; and a recording lies in quarantine."""
    clamav.start_clamd(SETTINGS)
    clamav.start_clamonacc(*FDPASS, f"--move={HOME}/quar")
    assert clamav.blocks(f"{DATA}/control/a.vid")

    outcome = run(lab, "antivirus or file")

    assert verdicts(outcome) == {
        "av-folder-temp": (MET, MET),
        "av-folder-logs": (MET, MET),
        "av-extension-vid": (NOT_MET, MET),
        "av-extension-log": (NOT_MET, MET),
        "av-process-loggerservice": (NOT_MET, MET),
        "av-process-screencapserver": (NOT_MET, NOT_VERIFIED),
    }, outcome.output
    said = outcome.says(f"av-extension-vid.{RESIDENT}", "premises")
    assert r"ExcludePath \.vid$" in said
    assert "passes opened files" in said
    assert outcome.findings["file-type-vid.untouched", "premises"]["verdict"] == NOT_MET
    assert f"{DATA}/control/a.vid" in outcome.says("file-type-vid.untouched", "premises")
    assert outcome.findings["file-type-wav.untouched", "premises"]["verdict"] != NOT_MET


def test_where_clamonacc_names_files_clamds_expressions_count(lab: Lab, clamav: ClamAv) -> None:
    clamav.start_clamd(SETTINGS)
    clamav.start_clamonacc()
    assert clamav.blocks()

    outcome = run(lab)

    assert verdicts(outcome) == {
        "av-folder-temp": (MET, MET),
        "av-folder-logs": (MET, MET),
        "av-extension-vid": (MET, MET),
        "av-extension-log": (MET, MET),
        "av-process-loggerservice": (NOT_MET, MET),
        "av-process-screencapserver": (NOT_MET, NOT_VERIFIED),
    }, outcome.output


def test_while_clamd_is_dead_nothing_is_claimed(lab: Lab, clamav: ClamAv) -> None:
    clamav.start_clamd(SETTINGS)
    clamav.start_clamonacc(*FDPASS)
    assert clamav.blocks()
    clamav.stop("clamd")

    outcome = run(lab)

    assert set(verdicts(outcome).values()) == {(NOT_VERIFIED, NOT_VERIFIED)}, outcome.output
    said = outcome.says(f"av-folder-temp.{RESIDENT}", "premises")
    assert "clamd does not run" in said


@pytest.mark.parametrize(
    ("settings", "resident"),
    [(FOLDER_RULES + EXTENSION_RULES, NOT_APPLICABLE), (SETTINGS, NOT_VERIFIED)],
    ids=["on-demand-alone", "set-up"],
)
def test_without_clamonacc_only_scans_on_demand_count_unless_it_is_set_up(
    lab: Lab, clamav: ClamAv, settings: str, resident: str
) -> None:
    clamav.start_clamd(settings)
    assert set(clamav.scan([f"{DATA}/control/a.com"]).values()) == {"found"}

    outcome = run(lab)

    found = verdicts(outcome)
    assert {each for each, _ in found.values()} == {resident}, outcome.output
    assert found["av-extension-vid"] == (resident, MET)
