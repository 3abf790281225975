"""What covers what in Defender: the kinds of entries against the kinds of scanning."""

from __future__ import annotations

import pytest

from pytest_wfo.core.antivirus.coverage import coverage
from pytest_wfo.core.antivirus.model import Covered, Exclusion, Scan
from pytest_wfo.core.antivirus.subjects import Subject
from pytest_wfo.core.requirements import ItemKind
from pytest_wfo.probes.antivirus.defender_entries import (
    defender_extension,
    defender_path,
    defender_process,
)
from tests.support.products import CAPTURE, TEMP, product

YES, NO, MAYBE = Covered.YES, Covered.NO, Covered.MAYBE
FOLDER = Subject(ItemKind.FOLDER, TEMP)
VID = Subject(ItemKind.EXTENSION, ".vid")
PROCESS = Subject(ItemKind.PROCESS, "cc_screencapserver.exe", (CAPTURE,), (TEMP,))


@pytest.mark.parametrize(
    ("subject", "entries", "resident", "on_demand"),
    [
        (FOLDER, [defender_path("C:\\temp\\")], YES, YES),
        (FOLDER, [defender_path("C:\\temp\\:{PathType:folder}")], YES, YES),
        (FOLDER, [defender_path("C:\\temp\\:{PathType:file}")], NO, NO),
        (FOLDER, [defender_path("C:\\temp\\:{ScanTrigger:OnAccess}")], YES, NO),
        (FOLDER, [defender_path("C:\\temp\\:{ScanTrigger:OnDemand}")], NO, YES),
        (FOLDER, [defender_path("C:\\temp\\:{ScanTrigger:OnAccess}"),
                  defender_path("C:\\temp\\:{ScanTrigger:OnDemand}")], YES, YES),
        (FOLDER, [defender_path("C:\\temp\\:{ScanType:full}")], NO, NO),
        (FOLDER, [defender_path('C:\\temp\\:{Process:"cc_screencapserver.exe"}')], NO, NO),
        (FOLDER, [defender_process("cc_screencapserver.exe")], NO, NO),
        (FOLDER, [defender_extension("vid")], NO, NO),
        (FOLDER, [defender_path("C:\\temp\\*")], MAYBE, MAYBE),
        (FOLDER, [defender_path("C:\\temp2")], NO, NO),
        (FOLDER, [defender_path("%TEMP%")], NO, NO),
        (FOLDER, [defender_path("C:\\temp", "local", "DisableLocalAdminMerge=1")], NO, NO),
        (VID, [defender_extension("vid")], YES, YES),
        (VID, [defender_extension("*.vid")], MAYBE, MAYBE),
        (VID, [defender_path("*.vid")], MAYBE, MAYBE),
        (VID, [defender_path("C:\\temp\\*.vid")], NO, NO),
        (PROCESS, [defender_process("cc_screencapserver.exe")], YES, NO),
        (PROCESS, [defender_process(CAPTURE)], YES, NO),
        (PROCESS, [defender_path(CAPTURE), defender_path("C:\\temp")], NO, YES),
        (PROCESS, [defender_path(CAPTURE)], NO, NO),
        (PROCESS, [defender_process(CAPTURE), defender_path(CAPTURE), defender_path(TEMP)], YES, YES),
        (PROCESS, [defender_path(f'C:\\temp\\:{{Process:"{CAPTURE}"}}')], MAYBE, NO),
    ],
)  # fmt: skip
def test_what_an_entry_covers_in_each_kind_of_scanning(
    subject: Subject, entries: list[Exclusion], resident: Covered, on_demand: Covered
) -> None:
    answers = [coverage(product(), tuple(entries), subject, scan).covered for scan in Scan]

    assert answers == [resident, on_demand]
