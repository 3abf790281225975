"""Which entry decides, what is not scanned at all, and which entries nearly do."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.coverage import Coverage, coverage
from pytest_wfo.core.antivirus.model import Covered, Exclusion, Scan
from pytest_wfo.core.antivirus.patterns import NOTHING, OpenedBy, PathGlob
from pytest_wfo.core.antivirus.regex import Regex
from pytest_wfo.core.antivirus.subjects import Subject
from pytest_wfo.core.requirements import ItemKind
from tests.support.products import (
    CAPTURE,
    DEMAND,
    MEMORY,
    TEMP,
    extension,
    file,
    folder,
    process,
    product,
)

YES, NO, MAYBE = Covered.YES, Covered.NO, Covered.MAYBE
FOLDER = Subject(ItemKind.FOLDER, TEMP)
POSIX = Subject(ItemKind.FOLDER, "/data/temp")
VID = Subject(ItemKind.EXTENSION, ".vid")
CAPTURES = Subject(ItemKind.PROCESS, "cc_screencapserver.exe", (CAPTURE,), (TEMP,))


def found(subject: Subject, scan: Scan, *entries: Exclusion, **more: Any) -> Coverage:
    return coverage(product(**more), entries, subject, scan)


def resident(subject: Subject, *entries: Exclusion, **more: Any) -> Coverage:
    return found(subject, Scan.MEMORY_RESIDENT, *entries, **more)


def near(covered: Coverage) -> list[tuple[str, str]]:
    return [(each.entry.text, each.why) for each in covered.near]


def test_the_first_entry_that_covers_for_sure_decides() -> None:
    perhaps = Exclusion("?", PathGlob.of(TEMP, certain=False))
    answer = resident(FOLDER, perhaps, folder("C:\\temp"), folder("C:\\")).answers[0]

    assert (answer.covered, answer.entry) == (YES, folder("C:\\temp"))


@pytest.mark.parametrize(
    ("subject", "entry", "why"),
    [
        (FOLDER, folder("C:\\temp", void="DisableLocalAdminMerge=1"),
         "it has no effect: DisableLocalAdminMerge=1"),
        (FOLDER, folder("C:\\temp", scans=DEMAND), "it is only for on-demand scanning"),
        (FOLDER, folder("C:\\temp", scans=DEMAND, note="only for on-demand scans"),
         "it is only for on-demand scans"),
        (FOLDER, folder("C:\\temp", scans=frozenset()), "it is only for no scanning"),
        (FOLDER, Exclusion("x", OpenedBy("a.exe", PathGlob.of("C:\\temp")), MEMORY,
                           note="only while a.exe opens it"), "it is only while a.exe opens it"),
        (FOLDER, folder("C:\\temp2"), "it does not cover it"),
        (FOLDER, folder("D:\\temp"), "it does not cover it"),
        (FOLDER, folder("C:\\temp\\sub"), "it covers only a part"),
        (FOLDER, file("C:\\temp\\*.vid"), "it covers only a part"),
        (POSIX, folder("/data/TEMP"), "upper and lower case count in it"),
        (POSIX, Exclusion("^/data/Temp/", Regex("^/data/Temp/")), "upper and lower case count in it"),
        (POSIX, Exclusion("OnAccessExcludePath /data/temp/", NOTHING, void="it ends in a slash"),
         "it has no effect: it ends in a slash"),
        (VID, extension("vids"), "it does not cover it"),
        (VID, Exclusion(".VID$", Regex("\\.VID$")), "upper and lower case count in it"),
        (CAPTURES, process("screencapserver.exe"), "it does not cover it"),
        (CAPTURES, file(CAPTURE), "it is for the program's own file, not for the files that it opens"),
    ],
)  # fmt: skip
def test_an_entry_that_nearly_covers_is_named_with_what_is_wrong(
    subject: Subject, entry: Exclusion, why: str
) -> None:
    covered = resident(subject, folder("D:\\other"), entry)

    assert covered.covered is NO
    assert near(covered) == [(entry.text, why)]


def test_on_demand_a_process_entry_is_named_as_the_wrong_kind() -> None:
    covered = found(CAPTURES, Scan.ON_DEMAND, process("cc_screencapserver.exe"), folder(TEMP))

    assert covered.covered is NO
    assert near(covered) == [
        (
            "cc_screencapserver.exe",
            "it is for the files that the program opens, and for memory-resident scanning alone",
        )
    ]


def test_what_has_nothing_to_do_with_it_is_no_near_miss() -> None:
    others = (folder("D:\\data"), extension("mdf"), process("sqlservr.exe"), folder("C:\\tools"))

    for subject in (FOLDER, VID, CAPTURES, POSIX):
        assert near(resident(subject, *others)) == []


def test_at_most_three_near_misses_are_named_the_worst_slips_first() -> None:
    entries = [folder(f"C:\\temp\\{number}") for number in range(5)]
    covered = resident(FOLDER, *entries, folder("C:\\temp", void="policy"))

    assert [why for _, why in near(covered)] == [
        "it has no effect: policy",
        "it covers only a part",
        "it covers only a part",
    ]


# -- places that are scanned at all -------------------------------------------------------------------

DATA = {Scan.MEMORY_RESIDENT: (PathGlob.of("/data"),)}


@pytest.mark.parametrize(
    ("path", "entries", "covered"),
    [
        ("/srv/temp", (), YES),
        ("/data/temp", (), NO),
        ("/data", (), NO),
        ("/", (), NO),
        ("/data2", (), YES),
        ("/data/temp", (folder("/data/temp"),), YES),
    ],
)
def test_a_folder_that_is_not_scanned_needs_no_entry(
    path: str, entries: tuple[Exclusion, ...], covered: Covered
) -> None:
    answer = resident(Subject(ItemKind.FOLDER, path), *entries, watched=DATA).answers[0]

    assert answer.covered is covered
    assert (answer.why == "it scans /data alone, in this way") is (not entries and covered is YES)
    other = found(Subject(ItemKind.FOLDER, path), Scan.ON_DEMAND, watched=DATA)
    assert other.covered is NO, "the other kind of scanning is not limited"


def test_an_extension_is_excluded_where_every_scanned_place_is() -> None:
    assert resident(VID, folder("/data"), watched=DATA).covered is YES
    assert resident(VID, folder("/data/temp"), watched=DATA).covered is NO
    assert resident(VID, watched=DATA).covered is NO
    assert resident(VID, folder("/data")).covered is NO
    assert resident(VID, watched={Scan.MEMORY_RESIDENT: ()}).covered is YES


def test_a_program_file_that_is_not_scanned_needs_no_entry() -> None:
    watched = {Scan.ON_DEMAND: (PathGlob.of(TEMP),)}

    assert found(CAPTURES, Scan.ON_DEMAND, folder(TEMP), watched=watched).covered is YES
    assert found(CAPTURES, Scan.ON_DEMAND, folder(TEMP)).covered is NO


# -- the product's own checker --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "opinions", "covered"),
    [
        ((folder(TEMP),), {"C:\\temp": True}, YES),
        ((folder(TEMP),), {"c:\\TEMP\\": False}, MAYBE),
        ((folder(TEMP),), {"C:\\temp\\wfo-1.vid": False}, MAYBE),
        ((folder(TEMP),), {"C:\\temp2": False, "C:\\": False}, YES),
        ((), {"C:\\temp": False}, NO),
        ((), {"C:\\temp": True}, MAYBE),
        ((folder(TEMP, scans=DEMAND),), {"C:\\temp": True}, NO),
        ((folder(TEMP, scans=MEMORY),), {"C:\\temp": False}, YES),
        ((folder(TEMP, void="policy"),), {"C:\\temp": True}, MAYBE),
    ],
)
def test_the_products_own_check_can_contradict(
    entries: tuple[Exclusion, ...], opinions: dict[str, bool], covered: Covered
) -> None:
    answer = resident(FOLDER, *entries, opinions=opinions).answers[0]

    assert answer.covered is covered
    assert ("the product's own check says that" in answer.why) is (covered is MAYBE)


def test_the_products_own_check_of_an_extension_is_one_of_a_file_with_it() -> None:
    assert resident(VID, extension("vid"), opinions={"C:\\x\\a.vid": False}).covered is MAYBE
    assert resident(VID, extension("vid"), opinions={"C:\\x\\a.log": False}).covered is YES
    assert resident(VID, opinions={"C:\\x\\a.VID": True}).covered is MAYBE
