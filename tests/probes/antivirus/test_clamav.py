"""ClamAV as recorded from a real one (``tests.probes.record_posix``), and as it may be misread."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Antivirus, Covered, Product, Removal, Scan
from pytest_wfo.core.antivirus.regex import Regex
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.clamav import Walked
from pytest_wfo.probes.antivirus.posix import read_antivirus
from pytest_wfo.probes.envelope import Section, read_envelope
from pytest_wfo.probes.reading import fact
from tests.support.antivirus import FREE, MAYBE, SCANNED, UNKNOWN, predicted

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parents[1] / "data"
RESIDENT, DEMAND = Scan.MEMORY_RESIDENT, Scan.ON_DEMAND
SITE = "/home/site"
FILES = tuple(
    f"{SITE}/{folder}/a{extension}"
    for folder in ("temp", "temp/sub", "logs", "control", "temp2")
    for extension in (".vid", ".log", ".com", ".VID")
)
RECORDED = ("posix-clamav", "posix-clamav-nobody", "posix-clamav-paths")


def sections(name: str) -> dict[str, Section]:
    return dict(read_envelope((DATA / f"{name}.txt").read_text()))


def read(said: Mapping[str, Section]) -> Fact[Antivirus]:
    return fact("the antivirus", lambda: read_antivirus(said))


def product(said: Mapping[str, Section]) -> Product:
    antivirus = read(said)
    assert isinstance(antivirus, Known), antivirus
    found, *others = antivirus.value.products
    assert [each.name for each in others] in ([], ["any other product"])
    return found


def changed(name: str, section: str, pattern: str, new: str) -> dict[str, Section]:
    """A recorded answer in which one thing is different."""
    said = sections(name)
    text, count = re.subn(pattern, new, said[section].output, flags=re.MULTILINE)
    assert count, f"{pattern} is not in {section}"
    said[section] = replace(said[section], output=text)
    return said


def table(found: Product) -> dict[tuple[Scan, str], str]:
    return {(scan, file): predicted(found, scan, file) for scan in Scan for file in FILES}


def scans(found: Product, scan: Scan) -> dict[str, str]:
    """By folder and extension, as ".vid in temp"."""
    return {
        f"{file[-4:]} in {file.removeprefix(SITE)[1:-6]}": predicted(found, scan, file)
        for file in FILES
    }


def test_what_is_passed_on_opened_knows_no_path() -> None:
    found = product(sections("posix-clamav"))

    assert found.active == Known(True, "/proc")
    resident = scans(found, RESIDENT)
    assert {name for name, kind in resident.items() if kind == FREE} == {
        name for name in resident if name.endswith((" in temp", " in temp/sub", " in logs"))
    }
    demand = scans(found, DEMAND)
    assert {name for name, kind in demand.items() if kind == SCANNED} == {
        ".com in control",
        ".VID in control",
        ".com in temp2",
        ".VID in temp2",
    }
    assert any("passes opened files" in each for each in found.state)


def test_what_is_named_to_clamd_is_left_out_by_its_expressions() -> None:
    found = product(sections("posix-clamav-paths"))

    assert scans(found, RESIDENT) == scans(found, DEMAND)


def test_the_history_tells_what_was_quarantined_and_where_it_lay() -> None:
    found = product(sections("posix-clamav"))

    assert isinstance(found.removals, Known)
    taken = {(each.path, each.action) for each in found.removals.value}
    assert (f"{SITE}/control/a.vid", "quarantined") in taken
    recording = next(each for each in found.removals.value if each.action == "quarantined")
    assert recording.threat == "Lab.WfoCanary.UNOFFICIAL"
    assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", recording.at)
    assert found.history_days == 0  # the log began a moment ago


def test_a_user_who_may_not_read_the_log_knows_the_exclusions_and_not_the_history() -> None:
    found = product(sections("posix-clamav-nobody"))

    assert table(found) == table(product(sections("posix-clamav")))
    assert isinstance(found.removals, Unknown)
    assert "/run/av/log/clamd.log may not be read" in found.removals.reason


WRONG: list[tuple[str, str, str, str, set[Scan], str]] = [
    ("changed", "clamav_configs", r"^file\|\d+\|/run", "file|1999999999|/run", {*Scan}, "changed"),
    ("unread", "clamav_configs", r"^end\|20$", "", {*Scan}, "could not be read"),
    ("gone", "clamav_configs", r"^file\|(\d+)\|/run/av", r"file|\1|/run/ax", {*Scan}, "not there"),
    (
        "long-line",
        "clamav_configs",
        r"^18\|.*",
        "18|ExcludePath " + "x" * 1100,
        {*Scan},
        "too long",
    ),
    ("silent", "clamav_answers", r"^0\|(.*)\|PONG", r"21|\1|refused", {*Scan}, "does not answer"),
    ("ended", "clamav", r"^(/proc/\d+)/status:State:.*", r"\1/status:State: Z", {*Scan}, "ended"),
    ("nested", "clamav", r"NSpid:\t(\d+)", r"NSpid:\t\1\t7", {*Scan}, "container"),
    ("argument", "clamav", r"clamonacc\x01-F", "clamonacc\1--new", {RESIDENT}, "not understood"),
    ("relative", "clamav", r"-c\x01/run/av/", "-c\1", {*Scan}, "no full path"),
    ("no-clock", "clamav", r"^now:.*", "", {*Scan}, "not seen when"),
    ("alone", "clamav", r"^(/proc/59/.*\n)+", "", {*Scan}, "clamd does not run"),
    ("nothing-watched", "clamav_configs", r"^11\|.*\n", "", {RESIDENT}, "it scans nothing"),
    ("blind", "fanotify", r".*", "", {RESIDENT}, "holds no fanotify descriptor"),
]


@pytest.mark.parametrize(
    ("section", "pattern", "new", "unknown", "why"),
    [pytest.param(*case[1:], id=case[0]) for case in WRONG],
)
def test_what_is_doubtful_is_not_claimed(
    section: str, pattern: str, new: str, unknown: set[Scan], why: str
) -> None:
    found = product(changed("posix-clamav", section, pattern, new))

    doubted = {scan for scan, known in found.scanning.items() if isinstance(known, Unknown)}
    assert doubted == unknown
    assert any(why in str(found.scanning[scan]) for scan in unknown), found.scanning
    assert {kind for (scan, _), kind in table(found).items() if scan in unknown} == {UNKNOWN}


NO_CLAMONACC = ("clamav", r"^(/proc/62/.*\n)+", "")


def test_without_clamonacc_and_its_settings_nothing_is_scanned_when_it_is_opened() -> None:
    said = changed("posix-clamav", *NO_CLAMONACC)
    plain = re.sub(r"(?m)^11\|.*\n", "", said["clamav_configs"].output)

    found = product({**said, "clamav_configs": replace(said["clamav_configs"], output=plain)})

    seen = found.scanning[RESIDENT]
    assert isinstance(seen, Known)
    assert not seen.value
    assert "no clamonacc runs" in seen.source


@pytest.mark.parametrize("key", ["OnAccessIncludePath", "OnAccessMountPath"])
def test_a_clamonacc_that_is_set_up_is_not_trusted_to_stay_off(key: str) -> None:
    said = changed("posix-clamav", *NO_CLAMONACC)
    other = re.sub(r"(?m)^11\|\w+", f"11|{key}", said["clamav_configs"].output)

    found = product({**said, "clamav_configs": replace(said["clamav_configs"], output=other)})

    seen = found.scanning[RESIDENT]
    assert isinstance(seen, Unknown)
    assert "line 11 tells it to watch /home/site: it may be started at any time" in seen.reason
    assert key in seen.remedy


VOID = [
    ("slash", r"^13\|.*", "13|OnAccessExcludePath /home/site/temp/", "ends in a slash"),
    ("above", r"^13\|.*", "13|OnAccessExcludePath /home", "does not lie below"),
    ("dots", r"^13\|.*", "13|OnAccessExcludePath /home/site/./temp", "letter by letter"),
    ("mount", r"^11\|.*", "11|OnAccessMountPath /home", "OnAccessMountPath"),
    ("flat", r"^12\|.*", "12|OnAccessDisableDDD yes", "OnAccessDisableDDD"),
]


@pytest.mark.parametrize(
    ("pattern", "new", "why"), [pytest.param(*case[1:], id=case[0]) for case in VOID]
)
def test_an_entry_without_effect_says_why(pattern: str, new: str, why: str) -> None:
    found = product(changed("posix-clamav", "clamav_configs", pattern, new))

    assert isinstance(found.exclusions, Known)
    voids = [each for each in found.exclusions.value if each.void]
    assert any(why in each.void for each in voids)
    assert all(each.pattern.tree(f"{SITE}/temp") is Covered.NO for each in voids)


@pytest.mark.parametrize(
    ("section", "pattern", "new", "kind"),
    [
        ("clamav_paths", r"^directory\|\d+\|/home\|/home/site/temp$", "", MAYBE),
        (
            "clamav_paths",
            r"^directory\|\d+(.*/temp)$",
            r"directory|0\1",
            MAYBE,
        ),
        ("clamav_paths", r"^directory\|\d+(.*/temp)$", r"directory|1999999999\1", SCANNED),
        ("clamav_paths", r"^directory(.*/temp)$", r"symbolic link\1", SCANNED),
        ("clamav_paths", r"^directory(.*/temp)$", r"regular file\1", SCANNED),
    ],
)
def test_a_folder_counts_only_where_it_was_there_in_time(
    section: str, pattern: str, new: str, kind: str
) -> None:
    found = product(changed("posix-clamav", section, pattern, new))

    assert predicted(found, RESIDENT, f"{SITE}/temp/a.com") == kind
    assert predicted(found, RESIDENT, f"{SITE}/logs/a.com") == FREE


def test_a_client_that_goes_by_another_file_leaves_on_demand_scans_open() -> None:
    """The usual file asks the same clamd and lacks the exclusions."""
    said = changed(
        "posix-clamav", "clamav_configs", "/var/run/clamav/clamd.ctl", "/run/av/run/clamd.sock"
    )

    found = product(said)

    assert predicted(found, DEMAND, f"{SITE}/control/a.vid") == MAYBE
    assert predicted(found, RESIDENT, f"{SITE}/temp/a.com") == FREE


def test_a_clamonacc_that_asks_another_clamd_is_not_trusted() -> None:
    said = sections("posix-clamav")
    own = said["clamav_configs"].output.rpartition("file|")[0]
    other = own.replace("/run/av/clamd.conf", "/etc/clamd.conf").replace("clamd.sock", "gone.sock")
    said["clamav_configs"] = replace(said["clamav_configs"], output=own + other)
    text = said["clamav"].output.replace("clamonacc\1-F\1-v\1-c\1/run/av", "clamonacc\1-c\1/etc")
    said["clamav"] = replace(said["clamav"], output=text)

    scanning = product(said).scanning

    assert "asks at /run/av/run/gone.sock" in str(scanning[RESIDENT])
    assert isinstance(scanning[DEMAND], Known)


def test_the_temporary_folder_of_clamd_is_left_open() -> None:
    temporary = "9|TemporaryDirectory /home/site/temp2"
    found = product(changed("posix-clamav", "clamav_configs", r"^9\|.*", temporary))

    assert predicted(found, RESIDENT, f"{SITE}/temp2/a.com") == MAYBE
    assert predicted(found, RESIDENT, f"{SITE}/control/a.com") == SCANNED


def test_a_user_who_is_left_alone_is_no_program_that_is() -> None:
    said = changed("posix-clamav", "clamav_configs", r"^14\|.*", "14|OnAccessExcludeUname wfo")

    found = product(said)

    assert isinstance(found.exclusions, Known)
    (entry,) = [each for each in found.exclusions.value if "Uname" in each.text]
    assert entry.pattern.process("cc_loggerservice.exe") is Covered.MAYBE
    assert predicted(found, RESIDENT, f"{SITE}/logs/a.log") == SCANNED


def test_several_daemons_are_several_products() -> None:
    said = sections("posix-clamav")
    lines = said["clamav"].output.split("\n")
    more = [line.replace("/proc/59/", "/proc/70/") for line in lines if "/proc/59/" in line]
    said["clamav"] = replace(said["clamav"], output="\n".join([*more, *lines]))

    antivirus = read(said)

    assert isinstance(antivirus, Known)
    assert len(antivirus.value.products) == 2


def test_a_folder_that_matches_is_left_out_of_walks_alone() -> None:
    walked = Walked(Regex("^/home/site/temp$"))

    assert walked.tree("/home/site/temp") is Covered.MAYBE
    assert walked.file("/home/site/temp/a.vid") is Covered.MAYBE
    assert walked.file("/home/site/temp2/a.vid") is Covered.NO
    assert walked.extension(".vid") is Covered.NO


def test_removals_are_told_once_and_in_order() -> None:
    said = changed(
        "posix-clamav",
        "clamav_history",
        r"^(log\|/run/av/log/clamd.log)$",
        "\\1\nline|Mon Nov  2 10:00:00 2026 -> /x/a.vox: Sig.A FOUND"
        "\nline|Tue Nov  3 10:00:00 2026 -> /x/a.vox: Sig.A(0123456789abcdef:42) FOUND"
        "\nline|/x/b.wav: Removed."
        "\nline|Mon Jan  5 10:00:00 2026 -> /x/old.wav: Sig.A FOUND",
    )

    found = product(said)

    assert isinstance(found.removals, Known)
    told = [each for each in found.removals.value if each.path.startswith("/x/")]
    assert told == [
        Removal("/x/a.vox", "unknown", "Sig.A", "2026-11-03T10:00:00+00:00"),
        Removal("/x/b.wav", "removed"),
    ]


LOG, NOW = "/run/av/log/clamd.log", 1795645922  # 25 November 2026, 22:32
LONG_AGO, NOVEMBER_20 = "first|Mon Aug 17 10:00:00 2026", "Fri Nov 20 10:00:00 2026"
TEN_DAYS = f"item|{NOW - 10 * 86400}|/run/av/quar/b.vid"


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ([f"log|{LOG}", LONG_AGO, "total|0"], 90),
        ([f"log|{LOG}", f"first|{NOVEMBER_20}", "total|0"], 5),
        ([f"log|{LOG}", LONG_AGO, "total|0", "folder|/q", TEN_DAYS, TEN_DAYS, "total|2"], 90),
        ([f"log|{LOG}", LONG_AGO, "total|0", "folder|/q", TEN_DAYS, "total|301"], 10),
        ([f"log|{LOG}", LONG_AGO, "total|0", "folder|/q", "total|301"], 0),
        ([f"log|{LOG}", LONG_AGO, f"line|{NOVEMBER_20} -> /x/a.vox: S FOUND", "total|301"], 5),
        ([f"log|{LOG}", LONG_AGO, "line|/x/a.vox: S FOUND", "total|301"], 0),
        ([f"log|{LOG}.1", LONG_AGO, "total|0", f"log|{LOG}", "total|0"], 90),
        ([f"log|{LOG}.1", LONG_AGO, "total|0", f"log|{LOG}", "short|", f"first|{NOVEMBER_20}"], 5),
        ([f"log|{LOG}.1", LONG_AGO, "total|0", f"log|{LOG}", "short|", "total|0"], 0),
        ([f"log|{LOG}", "total|0"], 0),
    ],
)
def test_the_history_reaches_back_to_where_something_is_missing(
    lines: list[str], days: int
) -> None:
    """A quarantine that holds more files than the log names is no sign that the log was cut."""
    said = sections("posix-clamav")
    said["clamav_history"] = replace(said["clamav_history"], output="\n".join(lines))

    assert product(said).history_days == days


def test_the_recordings_hold_nothing_of_the_configuration_but_what_is_needed() -> None:
    for name in RECORDED:
        text = (DATA / f"{name}.txt").read_text()
        assert "DatabaseDirectory" not in text
        assert json.loads(text)["complete"] is True
