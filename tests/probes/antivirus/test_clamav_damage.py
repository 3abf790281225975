"""What is missing, damaged or odd in an answer about ClamAV never makes anything better."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Antivirus, Scan
from pytest_wfo.core.facts import Fact, Unknown
from pytest_wfo.probes.envelope import Section
from tests.probes.antivirus.test_clamav import FILES, RECORDED, read, sections, table
from tests.support.antivirus import FREE, MAYBE, SCANNED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable


QUALITY = {FREE: 1, MAYBE: 0, SCANNED: 0, UNKNOWN: 0}


def _good(antivirus: Fact[Antivirus]) -> set[tuple[Scan, str]]:
    """What would be counted as excluded; all of it, where no antivirus is said to run."""
    if isinstance(antivirus, Unknown):
        return set()
    tables = [table(each) for each in antivirus.value.products]
    keys = [(scan, file) for scan in Scan for file in FILES]
    return {key for key in keys if all(QUALITY[each[key]] for each in tables)}


@pytest.mark.parametrize("name", RECORDED)
def test_dropping_sections_never_makes_anything_better(name: str) -> None:
    whole = sections(name)
    best = _good(read(whole))
    own = [each for each in whole if each.startswith(("clamav", "fanotify", "processes"))]
    for count in (1, 2, 3):
        for lost in combinations(own, count):
            rest = {key: said for key, said in whole.items() if key not in lost}
            assert _good(read(rest)) <= best, lost


def _emptied(section: Section) -> Section:
    return replace(section, output="", code=1)


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("damage", [_emptied, lambda each: replace(each, output=each.output[:40])])
def test_damaged_sections_never_make_anything_better(
    name: str, damage: Callable[[Section], Section]
) -> None:
    whole = sections(name)
    best = _good(read(whole))
    for key in ("clamav_configs", "clamav_paths", "clamav_history", "fanotify", "processes"):
        assert _good(read({**whole, key: damage(whole[key])})) <= best, key


NASTY = [
    "\x1b[2J\x00\ufffd",
    'file|1|/run/av/clamd.conf"',
    "11|OnAccessIncludePath",
    "11|OnAccessIncludePath /\ufffd",
    "999999999999|ExcludePath (((",
    "1|ExcludePath \\",
    "item|99999999999999|/x",
    "now:1e9 x y",
    "/proc/1/comm:clamd",
    "|" * 1000,
]


@pytest.mark.parametrize("line", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("section", ["clamav", "clamav_configs", "clamav_paths", "clamav_history"])
def test_odd_lines_are_taken_and_prove_nothing(section: str, line: str) -> None:
    whole = sections("posix-clamav")
    best = _good(read(whole))
    lines = whole[section].output.split("\n")
    for place in (0, len(lines) // 2, len(lines)):
        text = "\n".join([*lines[:place], line, *lines[place:]])
        assert _good(read({**whole, section: replace(whole[section], output=text)})) <= best
