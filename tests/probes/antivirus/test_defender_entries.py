r"""Defender's entries, as its documentation describes them: what matches, and for which scans."""

from __future__ import annotations

import pytest

from pytest_wfo.core.antivirus.model import BOTH, Covered, Scan
from pytest_wfo.probes.antivirus.defender_entries import (
    defender_extension,
    defender_path,
    defender_process,
)

YES, NO, MAYBE = Covered.YES, Covered.NO, Covered.MAYBE
MEMORY, DEMAND = frozenset({Scan.MEMORY_RESIDENT}), frozenset({Scan.ON_DEMAND})
NONE: frozenset[Scan] = frozenset()


@pytest.mark.parametrize(
    ("entry", "target", "covered"),
    [
        ("C:\\somepath\\*\\Data", "C:\\somepath\\Archives\\Data\\x\\y.bin", YES),
        ("C:\\somepath\\*\\Data", "C:\\somepath\\a\\b\\Data\\y.bin", NO),
        ("C:\\somepath\\*\\Data", "C:\\somepath\\Data\\y.bin", NO),
        ("C:\\Serv\\*\\*\\Backup", "C:\\Serv\\Primary\\Denied\\Backup\\z", YES),
        ("C:\\Serv\\*\\*\\Backup", "C:\\Serv\\Primary\\Backup\\z", NO),
        ("C:\\MyData\\*.txt", "C:\\MyData\\notes.txt", YES),
        ("C:\\MyData\\*.txt", "C:\\MyData\\sub\\n.txt", NO),
        ("C:\\MyData\\my?.zip", "C:\\MyData\\my1.zip", YES),
        ("C:\\MyData\\my?.zip", "C:\\MyData\\my12.zip", NO),
        ("C:\\somepath\\?\\Data", "C:\\somepath\\P\\Data\\x", YES),
        ("C:\\somepath\\test0?\\Data", "C:\\somepath\\test01\\Data\\x", YES),
        ("c:\\*\\sample.test", "c:\\a\\sample.test", YES),
        ("c:\\*\\sample.test", "c:\\sample.test", NO),
        ("%PROGRAMFILES%\\Contoso*\\v?\\bin\\contoso.exe",
         "C:\\Program Files\\Contoso Labs\\v1\\bin\\contoso.exe", YES),
        ("C:\\temp", "C:\\temp\\a.vid", YES),
        ("C:\\temp\\", "C:\\TEMP\\sub\\a.vid", YES),
        ("C:\\temp", "C:\\temp2\\a", NO),
        ("C:\\temp\\*", "C:\\temp\\a.vid", YES),
        ("C:\\temp\\*", "C:\\temp\\sub\\a.vid", MAYBE),
        ("%TEMP%", "C:\\temp\\a.vid", NO),
        ("%TEMP%", "C:\\Windows\\TEMP\\a.vid", YES),
        ("%ProgramData%\\Docker", "C:\\ProgramData\\Docker\\x", YES),
        ("%WFO%\\Logs", "C:\\x\\Logs\\a.log", MAYBE),
        ("C:", "C:\\anything\\at\\all", YES),
        ("\\\\srv\\rec", "\\\\srv\\rec\\a.vid", YES),
        ("\\\\srv\\rec", "R:\\a.vid", NO),
        ("C:\\**\\Logs", "C:\\a\\b\\Logs\\x", NO),
        ("sample.test", "C:\\a\\sample.test", MAYBE),
        ("*.vid", "C:\\a\\b.vid", MAYBE),
        ("C:\\temp\\:{PathType:folder}", "C:\\temp\\a.vid", YES),
        ("C:\\temp\\:{PathType:file}", "C:\\temp\\a.vid", NO),
        ("C:\\temp\\:{Pathtype:file}", "C:\\temp\\a.vid", MAYBE),
        ("C:\\temp\\:{}", "C:\\temp\\a.vid", MAYBE),
        ("C:\\temp\\*.*", "C:\\temp\\a.vid", YES),
        ("C:\\temp\\*.*", "C:\\temp\\sub\\a.vid", MAYBE),
        ('"C:\\temp"', "C:\\temp\\a.vid", MAYBE),
        ("'C:\\temp'", "C:\\temp\\a.vid", MAYBE),
        ("C:\\temp ", "C:\\temp\\a.vid", MAYBE),
        ("C:\\\\temp", "C:\\temp\\a.vid", MAYBE),
        ("C:/temp", "C:\\temp\\a.vid", MAYBE),
        ('"C:\\temp"', "C:\\temp2\\a.vid", NO),
        ("C:\\John's\\Data", "C:\\John's\\Data\\a", YES),
        ("\\\\srv\\rec\\", "\\\\srv\\rec\\a.vid", YES),
        ("C:\\temp:{PathType:folder}", "C:\\temp\\a.vid", MAYBE),
        ('C:\\temp\\*.vid\\:{Process:"cc_screencapserver.exe"}', "C:\\temp\\a.vid", NO),
    ],
)  # fmt: skip
def test_a_path_entry_covers_a_file(entry: str, target: str, covered: Covered) -> None:
    exclusion = defender_path(entry)

    assert exclusion.void == ""
    assert exclusion.pattern.file(target) is covered


@pytest.mark.parametrize(
    ("entry", "void"),
    [
        ("C:\\*\\*\\*\\*\\*\\*\\*", "more than 6 wildcards"),
        ("?:\\temp", "no wildcard may stand for a drive"),
        ("", "it is empty"),
        ("C:\\a\\:{ScanTrigger:OnAccess,ScanTrigger:OnDemand}",
         "two values of one condition never hold together"),
    ],
)  # fmt: skip
def test_an_entry_without_effect_says_why(entry: str, void: str) -> None:
    assert defender_path(entry).void == void


def test_six_wildcards_are_allowed() -> None:
    assert defender_path("C:\\*\\*\\*\\*\\*\\*\\x").void == ""


@pytest.mark.parametrize(
    ("entry", "scans", "note"),
    [
        ("C:\\temp", BOTH, ""),
        ("C:\\temp\\:{ScanTrigger:OnAccess}", MEMORY, "only for real-time protection"),
        ("C:\\temp\\:{ScanTrigger:OnDemand}", DEMAND, "only for on-demand scans"),
        ("C:\\temp\\:{ScanTrigger:BM}", NONE, "only for behaviour monitoring"),
        ("C:\\temp\\:{ScanType:full}", NONE, "only for full scans, not for quick and custom ones"),
        ('C:\\temp\\:{PathType:folder,Process:"C:\\a\\cc_screencapserver.exe"}', MEMORY,
         "only if it is a folder; only while C:\\a\\cc_screencapserver.exe opens it"),
        ('C:\\temp\\:{Process:"a.exe",Process:"b.exe"}', MEMORY,
         "only while a.exe or b.exe opens it"),
        ("C:\\temp\\:{ScanTrigger:onaccess}", BOTH,
         "the condition ScanTrigger:onaccess is not known"),
    ],
)  # fmt: skip
def test_a_path_entry_is_for_some_scans(entry: str, scans: frozenset[Scan], note: str) -> None:
    exclusion = defender_path(entry)

    assert (exclusion.scans, exclusion.note) == (scans, note)


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        ("vid", YES),
        (".vid", YES),
        ("VID", YES),
        ("*.vid", MAYBE),
        ("v?d", MAYBE),
        ("log", NO),
        ('"vid"', MAYBE),
        ("vid ", MAYBE),
        ("'.vid'", MAYBE),
    ],
)
def test_an_extension_entry_covers_an_extension(entry: str, covered: Covered) -> None:
    exclusion = defender_extension(entry)

    assert exclusion.pattern.extension(".vid") is covered
    assert exclusion.scans == BOTH
    assert bool(exclusion.note) is (covered is MAYBE)


def test_an_extension_entry_without_an_extension_has_no_effect() -> None:
    assert defender_extension("*.").void == "it names no extension"


LOGGER = "C:\\Program Files\\CallCopy\\cc_loggerservice.exe"


@pytest.mark.parametrize(
    ("entry", "covered", "void"),
    [
        ("cc_loggerservice.exe", YES, ""),
        (LOGGER, YES, ""),
        ("%ProgramFiles%\\CallCopy\\*", YES, ""),
        ("C:\\Program Files\\CallCopy", NO, ""),
        ("%WFO%\\cc_loggerservice.exe", MAYBE, ""),
        ("D:\\cc_loggerservice.exe", NO, ""),
        ('"cc_loggerservice.exe"', MAYBE, ""),
        (f'"{LOGGER}"', MAYBE, ""),
        ("cc_*.exe", YES, "a program's name may have no wildcard"),
        (" ", NO, "it is empty"),
    ],
)
def test_a_process_entry_covers_what_a_program_opens_in_real_time_protection(
    entry: str, covered: Covered, void: str
) -> None:
    exclusion = defender_process(entry, "local")

    assert exclusion.pattern.process(LOGGER) is covered
    assert exclusion.pattern.file(LOGGER) is NO, "the program's own file is scanned"
    assert (exclusion.scans, exclusion.void, exclusion.origin) == (MEMORY, void, "local")


def test_what_voids_a_whole_list_voids_every_entry_and_keeps_what_it_says() -> None:
    void = "DisableLocalAdminMerge=1"

    assert defender_path("C:\\temp", "local", void).void == void
    assert defender_path("C:\\temp", "local", void).pattern.tree("C:\\temp") is YES
    assert defender_extension("vid", "local", void).void == void
    assert defender_process("a.exe", "local", void).void == void


def test_the_hosts_own_variables_are_used() -> None:
    entry = defender_path("%SystemDrive%\\temp", variables={"SYSTEMDRIVE": "E:"})

    assert entry.pattern.tree("E:\\temp") is YES
    assert entry.pattern.tree("C:\\temp") is NO
