"""The canary test against a real ClamAV: what it does with each file is what is told of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Canary, CanaryOutcome, Scan, Survival
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.survival import Patience
from tests.probes.posix_host import SHELLS, PosixHost
from tests.probes.scanner import TURNED, WORD, Scanner, clamav, missing

if TYPE_CHECKING:
    from tests.probes.posix_host import Answer

pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

TYPES = (".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml")
RUN = "c4n8r2y6"
PATIENCE = Patience(survival=0.5, canary=6.0, payload=TURNED)
DETECTED, INTACT, UNKNOWN = CanaryOutcome.DETECTED, CanaryOutcome.INTACT, CanaryOutcome.UNKNOWN


def ask(scanner: Scanner, shell: tuple[str, ...] = ("dash",)) -> Answer:
    folders = (f"{scanner.folder('temp')}/", str(scanner.folder("logs")), "/nowhere")
    task = AntivirusTask(folders, (), (".vid", ".log"), TYPES, RUN, canary=True)
    host = PosixHost(
        shell, user=scanner.inside, environment={"TMPDIR": str(scanner.folder("neutral"))}
    )
    answer = host.ask(antivirus=task, patience=PATIENCE)
    assert answer.complaints == ""
    assert WORD not in answer.text
    left = [path for path in scanner.home.rglob("*wfo-*") if "wfo-clamav" not in path.name]
    assert left == []
    return answer


def outcomes(answer: Answer) -> dict[tuple[str, Scan, bool], CanaryOutcome]:
    """By place, "temp" or "control" or an extension in the neutral folder."""
    fact = answer.facts.canary
    assert isinstance(fact, Known), fact
    assert isinstance(fact.value, Canary)
    assert fact.value.leftovers == ()
    found = {}
    for file in fact.value.files:
        folder, name = file.path.split("/")[-2:]
        place = folder if folder in {"temp", "logs"} else name.removeprefix(f"wfo-canary-{RUN}")
        found[place, file.scan, file.control] = file.outcome
    return found


def expected(
    resident: dict[str, CanaryOutcome], on_demand: dict[str, CanaryOutcome]
) -> dict[tuple[str, Scan, bool], CanaryOutcome]:
    return {
        (place, scan, place == ".com"): outcome
        for scan, of in ((Scan.MEMORY_RESIDENT, resident), (Scan.ON_DEMAND, on_demand))
        for place, outcome in of.items()
    }


ALL_EXCLUDED = {".com": DETECTED, ".vid": INTACT, ".log": INTACT, "temp": INTACT, "logs": INTACT}


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_what_is_excluded_is_left_alone_while_the_control_is_detected(
    shell: tuple[str, ...],
) -> None:
    """clamonacc names files to clamd, which applies its exclusions of extensions."""
    with clamav() as scanner:
        answer = ask(scanner, shell)
    assert outcomes(answer) == expected(ALL_EXCLUDED, ALL_EXCLUDED)
    fact = answer.facts.canary
    assert isinstance(fact, Known)
    details = {file.detail for file in fact.value.files if file.control}
    assert any(
        detail.startswith("opening it was refused (Operation not perm") for detail in details
    )
    assert "clamdscan: Lab.WfoCanary.UNOFFICIAL FOUND" in details
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", fact.value.started)


def test_a_clamd_in_a_container_is_not_asked_about_files_of_the_host() -> None:
    with clamav(container=True) as scanner:
        answer = ask(scanner)
    assert outcomes(answer) == expected(ALL_EXCLUDED, ALL_EXCLUDED)


def test_an_exclusion_for_one_kind_of_scan_is_not_taken_for_the_other() -> None:
    """With --fdpass clamd gets no names, so extensions are excluded on demand alone."""
    with clamav(onaccess=("--fdpass",)) as scanner:
        answer = ask(scanner)
    resident = {**ALL_EXCLUDED, ".vid": DETECTED, ".log": DETECTED}
    assert outcomes(answer) == expected(resident, ALL_EXCLUDED)


def test_a_folder_that_is_not_excluded_is_detected() -> None:
    with clamav(excluded=("temp",)) as scanner:
        answer = ask(scanner)
    both = {**ALL_EXCLUDED, "logs": DETECTED}
    assert outcomes(answer) == expected(both, both)


def test_without_an_on_access_scanner_the_control_fails_and_nothing_is_concluded() -> None:
    with clamav(onaccess=None) as scanner:
        answer = ask(scanner)
    resident = {**dict.fromkeys(ALL_EXCLUDED, UNKNOWN), ".com": INTACT}
    assert outcomes(answer) == expected(resident, ALL_EXCLUDED)


def test_a_scanner_that_died_proves_nothing() -> None:
    """clamonacc without clamd lets everything pass."""
    with clamav() as scanner:
        scanner.kill_clamd()
        answer = ask(scanner)
    resident = {**dict.fromkeys(ALL_EXCLUDED, UNKNOWN), ".com": INTACT}
    assert outcomes(answer) == expected(resident, dict.fromkeys(ALL_EXCLUDED, UNKNOWN))


def test_harmless_files_survive_a_real_scanner() -> None:
    with clamav() as scanner:
        fact = ask(scanner).facts.survival
    assert isinstance(fact, Known)
    assert {file.survival for file in fact.value.files} == {Survival.UNCHANGED}
    assert len(fact.value.files) == 3 * len(TYPES)


def test_harmless_files_that_a_scanner_blocks_are_refused() -> None:
    """It takes what all test files hold for a threat, and excludes the folder temp alone."""
    with clamav(excluded=("temp",), word=f"wfo-probe-{RUN}", extensions=False) as scanner:
        fact = ask(scanner).facts.survival
    assert isinstance(fact, Known)
    temp = {file.survival for file in fact.value.files if file.path.split("/")[-2] == "temp"}
    # A sound file holds the run's name alone.
    blocked = [file for file in fact.value.files if file.survival is Survival.REFUSED]
    assert {file.extension for file in blocked} == set(TYPES) - {".wav"}
    assert {file.detail for file in blocked} == {"Operation not permitted"}
    assert temp == {Survival.UNCHANGED}


def test_no_folder_for_the_control_means_no_canary() -> None:
    with clamav() as scanner:
        task = AntivirusTask((), (), (".vid",), TYPES, RUN, canary=True)
        host = PosixHost(user=scanner.inside, environment={"TMPDIR": f"{scanner.home}/nowhere"})
        fact = host.ask(antivirus=task, patience=PATIENCE).facts.canary
    assert isinstance(fact, Unknown)
    assert "nothing was written" in fact.reason
