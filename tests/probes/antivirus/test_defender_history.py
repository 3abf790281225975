"""What Defender removed: from its log, from its own list, and from both as one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import Removal
from pytest_wfo.core.antivirus.task import HISTORY_DAYS
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.antivirus.defender_history import MOST_EVENTS, History, read_history
from pytest_wfo.probes.windows_envelope import Answer
from pytest_wfo.probes.windows_machine import TICKS
from tests.probes.antivirus.windows_answers import DENIED, answered, listed

DAY = 86_400 * TICKS
BASE = answered("base")
NOW = BASE.value("clock", "")["end"]


def event(number: int, ago: float, path: str, action: str | None, detection: str = "1") -> Any:
    at = NOW - int(ago * DAY)
    return {
        "id": number, "at": at, "path": path, "threat": "T", "action": action, "detection": detection,
    }  # fmt: skip


def row(ago: float, action: int, *resources: str, success: int = 1, detection: str = "9") -> Any:
    at = NOW - int(ago * DAY)
    return {
        "threat": 7, "detection": detection, "at": at, "action": action, "success": success,
        "resources": list(resources),
    }  # fmt: skip


def log(*events: Any, oldest: float | None = 200, enabled: int = 1) -> Any:
    section = listed(*events)
    first = None if oldest is None else NOW - int(oldest * DAY)
    section["value"] |= {"oldest": first, "enabled": enabled}
    return section


def history(events: Any, detections: Any = None, kept: int | None = 15) -> History:
    sections = {"av_events": events, "av_detections": detections or listed()}
    return read_history(answered("base", sections, av_preferences={"kept": kept}))


def told(found: History) -> list[tuple[str, str]]:
    assert isinstance(found.removals, Known), found
    return [(each.path, each.action) for each in found.removals.value]


@pytest.mark.parametrize(
    ("number", "action", "done"),
    [
        (1117, "1", "cleaned"),
        (1117, "2", "quarantined"),
        (1007, "3", "removed"),
        (1117, "6", "allowed"),
        (1117, "9", "none"),
        (1117, "10", "blocked"),
        (1117, "8", "unknown"),
        (1117, None, "unknown"),
        (1117, "Entfernen", "unknown"),
        (1116, "9", "unknown"),
        (1006, None, "unknown"),
        (1118, "2", "failed"),
        (1119, "3", "failed"),
        (1008, None, "failed"),
    ],
)
def test_an_event_says_what_was_done(number: int, action: str | None, done: str) -> None:
    found = history(log(event(number, 1, "file:_C:\\temp\\a.vid", action)))
    assert told(found) == [("C:\\temp\\a.vid", done)]


@pytest.mark.parametrize(
    ("resources", "files"),
    [
        ("file:_C:\\a; file:_c:\\b; x", ["C:\\a", "c:\\b; x"]),
        ("containerfile:_D:\\x.zip; file:_D:\\x.zip->in/a.exe", ["D:\\x.zip"]),
        ("webfile:_C:\\d\\a.log|https://example.com/a;b|pid:1", ["C:\\d\\a.log"]),
        ("process:_pid:1,ProcessStart:2; regkey:_HKLM\\x; behavior:_pid:3", []),
        ("", []),
    ],
)
def test_files_are_found_among_resources(resources: str, files: list[str]) -> None:
    assert [path for path, _ in told(history(log(event(1117, 1, resources, "2"))))] == files


def test_the_same_detection_in_both_places_is_one_removal_with_the_gravest_action() -> None:
    path = "file:_C:\\temp\\a.vid"
    found = history(
        log(
            event(1116, 2.1, path, "9", "{A1}"),
            event(1117, 2, path, "2", "{A1}"),
            event(1118, 1, path, "9", "{A1}"),
        ),
        listed(row(2.05, 9, "file:_c:\\TEMP\\a.vid", detection="{a1}")),
    )
    assert told(found) == [("c:\\TEMP\\a.vid", "quarantined")]


def test_two_detections_of_one_file_are_two_newest_first() -> None:
    found = history(log(event(1117, 5, "file:_C:\\a", "2", "x")), listed(row(1, 3, "file:_C:\\a")))
    assert told(found) == [("C:\\a", "removed"), ("C:\\a", "quarantined")]


def test_a_removal_has_its_threat_and_its_time_in_utc() -> None:
    names = {"av_threats": listed({"threat": 7, "name": "Trojan:Win32/X"})}
    sections = {"av_events": log(), "av_detections": listed(row(0, 10, "file:_C:\\a")), **names}
    found = read_history(answered("base", sections)).removals
    assert isinstance(found, Known)
    (only,) = found.value
    assert only == Removal("C:\\a", "blocked", "Trojan:Win32/X", only.at)
    assert only.at.endswith("Z")
    assert only.at.startswith("2026-")


@pytest.mark.parametrize(
    ("action", "done"),
    [(2, "failed"), (3, "failed"), (10, "failed"), (6, "allowed"), (9, "none"), (0, "unknown")],
)
def test_an_action_that_failed_was_tried(action: int, done: str) -> None:
    found = history(log(), listed(row(1, action, "file:_C:\\a", success=0)))
    assert told(found) == [("C:\\a", done)]


def test_a_failure_counts_for_more_than_what_was_allowed_later() -> None:
    path = "file:_C:\\temp\\a.vid"
    found = history(log(event(1118, 2, path, "2", "{A1}"), event(1117, 1, path, "6", "{A1}")))
    assert told(found) == [("C:\\temp\\a.vid", "failed")]


def test_what_is_older_than_the_history_does_not_count() -> None:
    found = history(log(), listed(row(HISTORY_DAYS + 1, 2, "file:_C:\\a")), kept=0)
    assert (told(found), found.days) == ([], HISTORY_DAYS)


def test_the_history_goes_back_as_far_as_the_place_that_remembers_longest() -> None:
    assert history(log(oldest=40.5)).days == 40
    assert history(log(oldest=3)).days == 15, "of Defender's own list"
    assert history(log(oldest=None), kept=7).days == 7, "an empty log proves nothing"
    assert history(log(oldest=3), kept=0).days == HISTORY_DAYS
    assert history(log(oldest=3), kept=None).days == 3
    assert history(log(oldest=3), DENIED).days == 3


def test_a_log_that_is_cut_goes_back_to_the_oldest_event_that_was_told() -> None:
    events = [event(1117, at / 100, "file:_C:\\a", "2", str(at)) for at in range(MOST_EVENTS)]
    found = history(log(*events), DENIED)
    assert found.days == 4
    assert len(told(found)) == MOST_EVENTS


def test_a_log_that_is_off_or_denied_is_said_and_the_list_left() -> None:
    for events in (log(enabled=0), DENIED):
        found = history(events, listed(row(1, 2, "file:_C:\\a")))
        assert told(found) == [("C:\\a", "quarantined")]
        assert found.days == 15
        (warning,) = found.warnings
        assert warning.startswith("not read: the event log of Microsoft Defender")


def test_without_both_nothing_is_known() -> None:
    found = history(DENIED, DENIED)
    assert isinstance(found.removals, Unknown)
    assert found.days == 0


def test_paths_that_were_cut_make_the_place_unread() -> None:
    found = history(log(event(1117, 1, "file:_C:\\a; file:_C:\\b [cut]", "2")), DENIED)
    assert isinstance(found.removals, Unknown)
    assert "more files" in found.removals.reason


def test_an_answer_without_a_clock_has_no_history() -> None:
    broken = Answer({**BASE.sections, "clock": DENIED}, BASE.registry)
    found = read_history(broken)
    assert isinstance(found.removals, Unknown)
    assert found.days == 0
