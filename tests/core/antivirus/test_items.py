"""What a host is asked follows from its cells and its folders."""

from dataclasses import replace

import pytest

from pytest_wfo.core.antivirus.items import antivirus_task, item_of, items_of
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.hosts import Folder
from pytest_wfo.core.plan import Cell
from tests.support.sites import EDITION, cell, site, the_plan

OF = site()
CELLS = the_plan(OF).cells
LOGS = "C:\\Program Files\\CallCopy\\Logs\\"


def moved(requirement: str) -> Cell:
    """A cell of the PREMISES server, whose log folder lies elsewhere."""
    host = replace(OF.hosts["premises"], folders={Folder.LOGGING: "E:\\logs"})
    return Cell(EDITION.by_id[requirement], host)


def test_a_folder_is_the_documents_unless_the_inventory_says_otherwise() -> None:
    assert item_of(cell("av-folder-logs.excluded-on-demand", "premises", OF)).text == LOGS
    assert item_of(moved("av-folder-logs.excluded-on-demand")).text == "E:\\logs"
    assert item_of(moved("av-folder-temp.excluded-on-demand")).text == "C:\\temp\\"


def test_the_folder_a_program_writes_to_moves_as_well() -> None:
    process = moved("av-process-loggerservice.excluded-on-demand")

    assert item_of(process).text == "cc_loggerservice.exe"
    assert [item.text for item in items_of(process)] == ["E:\\logs"]


def test_a_row_without_an_item_has_none() -> None:
    with pytest.raises(ValueError, match=r"host\.access"):
        item_of(cell("host.access", "premises", OF))


def test_a_premises_server_is_asked_for_everything_the_document_lists() -> None:
    task = antivirus_task(CELLS, OF.hosts["premises"], run="ab12", canary=True)

    assert task == AntivirusTask(
        folders=("C:\\temp\\", LOGS),
        processes=("cc_screencapserver.exe", "cc_loggerservice.exe"),
        extensions=(".vid", ".log"),
        file_types=(".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml"),
        run="ab12",
        canary=True,
        concerns=True,
    )


def test_advice_alone_needs_the_folders_and_writes_nothing() -> None:
    advice = [cell for cell in CELLS if cell.requirement.id == "large-files.considered"]

    assert antivirus_task(advice, OF.hosts["premises"], run="ab12") == AntivirusTask(
        folders=("C:\\temp\\", LOGS), run="ab12", concerns=True
    )


def test_a_client_is_asked_for_file_types_in_the_folders_of_wfo() -> None:
    task = antivirus_task(CELLS, OF.hosts["client"])

    assert (task.processes, task.extensions) == ((), ())
    assert len(task.file_types) == 8
    assert not task.concerns
    assert task.folders == ("C:\\temp\\", LOGS)


def test_nothing_is_asked_of_a_host_without_antivirus_cells() -> None:
    assert antivirus_task(CELLS, OF.hosts["edge"], run="ab12", canary=True) == AntivirusTask()
    ports = [item for item in CELLS if item.requirement.chapter == "client_ports"]
    assert antivirus_task(ports, OF.hosts["premises"], run="ab12") == AntivirusTask()
