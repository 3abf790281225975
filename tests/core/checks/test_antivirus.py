"""Exclusions: what every product says, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import (
    Exclusion,
    Reading,
    Scan,
)
from pytest_wfo.core.antivirus.patterns import UNCLEAR, OpenedBy, PathGlob
from pytest_wfo.core.checks import judge, judge_cell
from pytest_wfo.core.facts import Known, Process, Service, Unknown
from pytest_wfo.core.hosts import Folder
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim
from tests.support.antivirus_cells import (
    CELLS,
    EXCLUDED,
    MET,
    NOT_APPLICABLE,
    NOT_MET,
    NOT_VERIFIED,
    OF,
    ON_DEMAND,
    PROTECTED,
    RESIDENT,
    judged,
    said,
)
from tests.support.products import (
    ALL,
    CAPTURE,
    LOGGER,
    LOGS,
    MEMORY,
    TEMP,
    antivirus,
    file,
    folder,
    process,
    product,
)
from tests.support.sites import cell, with_facts


def test_everything_that_is_excluded_is_met_with_the_entry_as_evidence() -> None:
    found = judge(CELLS, PROTECTED)

    assert {finding.verdict for finding in found.values()} == {MET}
    judgement = found["av-folder-temp.excluded-on-demand", "premises"].judgement
    assert (
        judgement.summary == "C:\\temp\\ is excluded from on-demand scanning by Example Antivirus"
    )
    assert said(judgement).splitlines() == [
        "Example Antivirus 5.1, on-demand: C:\\temp\\ and everything below: excluded by C:\\temp\\",
        "Example Antivirus 5.1, on-demand: 7 other entries, not shown",
    ]


@pytest.mark.parametrize("at", range(len(EXCLUDED)), ids=[item.requirement.id for item in EXCLUDED])
def test_without_its_entry_each_cell_is_not_met_and_the_remedy_names_it(at: int) -> None:
    item = EXCLUDED[at]
    rest = tuple(entry for entry in ALL if not _is_for(entry, item))
    judgement = judge_cell(
        item, with_facts(PROTECTED, "premises", antivirus=antivirus(product(*rest)))
    ).judgement

    assert judgement.verdict is NOT_MET
    assert judgement.remedy.startswith("in Example Antivirus, exclude the ")
    assert "scanning" in judgement.remedy


def _is_for(entry: Exclusion, item: Cell) -> bool:
    assert item.requirement.item is not None
    wanted = item.requirement.item.text.lower().strip(".\\")
    on_demand = item.requirement.claim is Claim.EXCLUDED_ON_DEMAND
    if wanted.endswith(".exe"):
        return entry.text.lower().endswith("\\" + wanted if on_demand else wanted)
    return entry.text.lower().strip(".\\") == wanted


def test_a_product_that_says_how_an_entry_is_added_is_quoted() -> None:
    own = {
        (Scan.MEMORY_RESIDENT, "folder"): "add ExclusionPath {}",
        (Scan.ON_DEMAND, "folder"): "write ExcludePath ^{regex}(/|$)",
    }
    bare = product(name="Other", advice=own)

    assert (
        judged(f"av-folder-temp.{RESIDENT}", bare).remedy == "in Other, add ExclusionPath C:\\temp"
    )
    assert judged(f"av-folder-temp.{ON_DEMAND}", bare).remedy == (
        "in Other, write ExcludePath ^C:\\\\temp(/|$)"
    )


def test_an_entry_without_effect_is_named_in_summary_and_remedy() -> None:
    void = folder("C:\\temp", origin="local", void="DisableLocalAdminMerge is 1")
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(void))

    assert judgement.summary == (
        "C:\\temp\\ is not excluded from memory-resident scanning: Example Antivirus 5.1 has no entry in "
        "force for C:\\temp\\ and everything below; nearly: C:\\temp (it has no effect: "
        "DisableLocalAdminMerge is 1)"
    )
    assert judgement.remedy.endswith("; C:\\temp (local) does not do: DisableLocalAdminMerge is 1")


def test_one_product_of_two_without_an_entry_is_not_met_and_named() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL), product(name="Second"))

    assert judgement.verdict is NOT_MET
    assert "Second" in judgement.summary
    assert "Example Antivirus 5.1, memory-resident: C:\\temp\\ and everything below: excluded" in (
        said(judgement)
    )


def test_one_product_of_two_that_hides_its_entries_is_not_verified() -> None:
    hidden = product(name="Hidden", exclusions=Unknown("only the console has them", "export them"))
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL), hidden)

    assert judgement.verdict is NOT_VERIFIED
    assert "the exclusions of Hidden 5.1: only the console has them" in judgement.summary
    assert judgement.remedy == "export them"


def test_a_missing_entry_counts_for_more_than_a_hidden_list() -> None:
    hidden = product(exclusions=Unknown("hidden"))

    assert judged(f"av-extension-vid.{RESIDENT}", hidden, product()).verdict is NOT_MET


def test_without_any_product_nothing_is_asked_and_what_was_looked_for_is_said() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}")

    assert judgement.verdict is NOT_APPLICABLE
    assert "looked for: 3 processes, for all that is known" in said(judgement)


def test_while_products_are_not_known_the_reason_is_told() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", antivirus=Unknown("hidepid", "be root"))

    assert judgement.verdict is NOT_VERIFIED
    assert judgement.summary.endswith("from memory-resident scanning: hidepid")
    assert judgement.remedy == "be root"


def test_a_passive_product_is_named_and_does_not_count() -> None:
    passive = product(name="Passive", active=Known(False, "AMRunningMode: Passive"))
    warned = product(*ALL, warnings=("it is old",))
    judgement = judged(f"av-folder-temp.{RESIDENT}", passive, warned)

    assert judgement.verdict is MET
    assert "Passive 5.1 is not active (AMRunningMode: Passive)" in said(judgement)
    assert "Example Antivirus 5.1: it is old" in said(judgement)
    assert judged(f"av-folder-temp.{RESIDENT}", passive).verdict is NOT_APPLICABLE


def test_whether_a_product_is_active_must_be_known() -> None:
    unclear = product(*ALL, active=Unknown("its service is hidden"))

    assert judged(f"av-folder-temp.{RESIDENT}", unclear).verdict is NOT_VERIFIED


def test_a_kind_of_scanning_that_is_not_done_needs_no_exclusion() -> None:
    scanning = {Scan.MEMORY_RESIDENT: Known(False, "off"), Scan.ON_DEMAND: Known(True, "on")}
    only = product(name="OnDemand", scanning=scanning)
    judgement = judged(f"av-folder-temp.{RESIDENT}", only)

    assert judgement.verdict is NOT_APPLICABLE
    assert "OnDemand 5.1 does no memory-resident scanning here" in judgement.summary
    assert judged(f"av-folder-temp.{RESIDENT}", only, product(*ALL)).verdict is MET
    assert judged(f"av-folder-temp.{ON_DEMAND}", only).verdict is NOT_MET


def test_whether_it_scans_at_all_matters_only_where_nothing_is_excluded() -> None:
    unclear: dict[Scan, Any] = dict.fromkeys(Scan, Unknown("no word of it"))

    assert judged(f"av-folder-temp.{RESIDENT}", product(*ALL, scanning=unclear)).verdict is MET
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(scanning={}))
    assert judgement.verdict is NOT_VERIFIED


def test_what_is_only_stored_passes_with_a_note() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL, reading=Reading.STORED))

    assert judgement.verdict is MET
    assert "whether it is in force, the product alone knows" in said(judgement)


def test_a_reading_of_nothing_is_no_reading() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL, reading=Reading.NONE))

    assert judgement.verdict is NOT_VERIFIED
    assert "managed elsewhere" in judgement.summary


def test_an_entry_that_is_not_understood_is_never_a_pass() -> None:
    unclear = product(Exclusion("C:\\te[m]p", UNCLEAR))

    judgement = judged(f"av-folder-temp.{RESIDENT}", unclear)
    assert judgement.verdict is NOT_VERIFIED
    assert "perhaps excluded by C:\\te[m]p" in said(judgement)


def test_entries_that_have_nothing_to_do_with_wfo_are_counted_and_not_shown() -> None:
    secret = folder("D:\\payroll\\secrets")
    for verdict, entries in ((MET, (*ALL, secret)), (NOT_MET, (secret,))):
        for item in EXCLUDED:
            facts = with_facts(PROTECTED, "premises", antivirus=antivirus(product(*entries)))
            judgement = judge_cell(item, facts).judgement
            assert judgement.verdict is verdict
            assert "payroll" not in str(judgement)
            assert "not shown" in said(judgement)


def test_a_folder_that_was_moved_is_asked_for_where_it_is() -> None:
    host = replace(OF.hosts["premises"], folders={Folder.SCREEN_RECORDING: "D:\\wfo\\temp\\"})
    moved = Cell(cell(f"av-folder-temp.{RESIDENT}", "premises", OF).requirement, host)

    judgement = judge_cell(moved, PROTECTED).judgement
    assert judgement.verdict is NOT_MET
    assert "D:\\wfo\\temp\\ is not excluded" in judgement.summary
    there = with_facts(PROTECTED, "premises", antivirus=antivirus(product(folder("D:\\wfo\\temp"))))
    assert judge_cell(moved, there).verdict is MET


# -- programs ---------------------------------------------------------------------------------------

CAPTURES = "av-process-screencapserver"
ITS_FILES = (file(CAPTURE), folder(TEMP))


def test_a_program_needs_its_own_kind_of_entry_for_each_kind_of_scanning() -> None:
    by_name, by_path = process("cc_screencapserver.exe"), product(*ITS_FILES)

    assert judged(f"{CAPTURES}.{RESIDENT}", product(by_name)).verdict is MET
    assert judged(f"{CAPTURES}.{ON_DEMAND}", product(by_name)).verdict is NOT_MET
    assert judged(f"{CAPTURES}.{RESIDENT}", by_path).verdict is NOT_MET
    assert judged(f"{CAPTURES}.{ON_DEMAND}", by_path).verdict is MET


def test_on_demand_a_program_needs_its_file_and_the_folder_it_writes_to() -> None:
    for entry, missing in ((file(CAPTURE), "the folder C:\\temp\\"), (folder(TEMP), CAPTURE)):
        judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(entry))
        assert judgement.verdict is NOT_MET
        assert missing in judgement.remedy


def test_a_program_whose_path_is_not_known_is_not_verified_on_demand() -> None:
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), processes=Known((), "ps"))

    assert judgement.verdict is NOT_VERIFIED
    assert "it does not run, and no service of this name is registered" in judgement.summary
    assert judgement.remedy.startswith("see that cc_screencapserver.exe runs")
    by_name = judged(f"{CAPTURES}.{RESIDENT}", product(*ALL), processes=Known((), "ps"))
    assert by_name.verdict is MET, "an entry by name is right wherever it lies"


def test_a_path_entry_for_a_program_that_was_not_found_is_open() -> None:
    entry = Exclusion(CAPTURE, OpenedBy(PathGlob.of(CAPTURE)), MEMORY)

    assert judged(f"{CAPTURES}.{RESIDENT}", product(entry)).verdict is MET
    unknown = judged(f"{CAPTURES}.{RESIDENT}", product(entry), processes=Known((), "ps"))
    assert unknown.verdict is NOT_VERIFIED


def test_the_path_of_a_service_that_does_not_run_counts_as_well() -> None:
    elsewhere = "D:\\old\\cc_screencapserver.exe"
    services = Known((Service("CcScreen", elsewhere, 0),), "services")
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), services=services)

    assert judgement.verdict is NOT_MET
    assert elsewhere in judgement.remedy


def test_a_program_whose_path_is_hidden_from_the_account_is_said_so() -> None:
    hidden = Known((Process(5, "CC_ScreenCapServer.exe"),), "ps")
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), processes=hidden)

    assert "it runs, but its path is not shown to this account" in judgement.summary


def test_the_logger_and_its_folder_are_the_ones_of_the_document() -> None:
    entries = product(file(LOGGER), folder(LOGS))

    assert judged(f"av-process-loggerservice.{ON_DEMAND}", entries).verdict is MET
