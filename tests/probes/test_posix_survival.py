"""Test files in real folders under real shells: what became of each is told, and all are gone after."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.antivirus.model import Survival, SurvivalProbe
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.survival import Patience
from tests.probes.posix_host import AWKS, MARKER, NOBODY, SHELLS, TOOLS, PosixHost, is_root, tools
from tests.support.racer import Racer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.probes.posix_host import Answer

as_root = pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces")

TYPES = (".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml")
RUN = "r7k2m9q4"
WRITERS = ("ls", "mkdir", "rm", "rmdir", "sed")
SHORT = Patience(survival=0.3)
# Long enough for a racing process to be quicker on a busy machine.
RACED = Patience(survival=2.0)
# The file that is written after all others.
LAST = f"temporary/wfo-probe-{RUN}/wfo-probe-{RUN}-*{TYPES[-1]}"


@pytest.fixture
def place(open_folder: Path) -> Path:
    """A folder with one of WFO and one for temporary files, and a process that a scanner has."""
    for name in ("wfo logs", "temporary"):
        (open_folder / name).mkdir()
        (open_folder / name).chmod(0o777)
    return open_folder


@pytest.fixture
def scanner(place: Path) -> Iterator[None]:
    shutil.copy("/usr/bin/sleep", place / "clamonacc")
    with subprocess.Popen([place / "clamonacc", "120"]) as process:
        yield
        process.kill()


def task(place: Path, **more: Any) -> AntivirusTask:
    folders = (f"{place}/wfo logs/", f"{place}/nowhere", "C:\\temp\\")
    return replace(AntivirusTask(folders, file_types=TYPES, run=RUN), **more)


def ask(place: Path, host: PosixHost, asked: AntivirusTask, patience: Patience = SHORT) -> Answer:
    environment = {"TMPDIR": f"{place}/temporary"}
    return replace(host, environment=environment).ask(antivirus=asked, patience=patience)


def survived(answer: Answer) -> SurvivalProbe:
    fact = answer.facts.survival
    assert isinstance(fact, Known), fact
    return fact.value


def remains(place: Path) -> list[str]:
    return sorted(path.name for path in place.rglob("*wfo-*"))


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("awk", AWKS)
def test_each_type_is_written_beside_wfo_and_elsewhere_and_nothing_stays(
    shell: tuple[str, ...], awk: str, place: Path
) -> None:
    path = tools(place / "bin", *TOOLS, *WRITERS, awk=awk)
    answer = ask(place, PosixHost(shell, path), task(place))

    assert answer.complaints == ""
    written = survived(answer).files
    assert {file.survival for file in written} == {Survival.UNCHANGED}
    folders = {f"{place}/wfo logs", f"{place}/temporary/wfo-probe-{RUN}"}
    assert sorted((os.path.dirname(file.path), file.extension) for file in written) == sorted(  # noqa: PTH120
        (folder, extension) for folder in folders for extension in TYPES
    )
    for file in written:
        assert re.search(rf"/wfo-probe-{RUN}-[0-9a-f]{{8}}\{file.extension}$", file.path)
        assert 0.3 <= file.seconds < answer.seconds
    assert survived(answer).leftovers == ()
    assert remains(place) == []


@pytest.mark.usefixtures("scanner")
def test_a_busybox_writes_and_compares_as_well(place: Path) -> None:
    names = [f"busybox-{name}" for name in {*TOOLS, *WRITERS} - {"ip", "nft", "ss"}]
    path = tools(place / "bin", *names, awk="busybox")
    answer = ask(place, PosixHost(("busybox", "sh"), path), task(place))
    assert {file.survival for file in survived(answer).files} == {Survival.UNCHANGED}
    assert remains(place) == []


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def _flip(path: Path) -> None:
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(bytes([data[0] ^ 1]))


def _replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize(
    ("act", "survival", "detail"),
    [
        (_append, Survival.CHANGED, "content"),
        (_flip, Survival.CHANGED, "content"),
        (lambda path: path.chmod(0o600), Survival.CHANGED, "-rw-r--r--"),
        (lambda path: path.unlink(), Survival.GONE, ""),
        (_replace_by_link, Survival.CHANGED, "something else has its name"),
        (_replace_by_pipe, Survival.CHANGED, "something else has its name"),
    ],
)
def test_what_another_process_did_to_one_file_is_told_of_that_file(
    act: Callable[[Path], object], survival: Survival, detail: str, place: Path
) -> None:
    with Racer(place, f"wfo logs/wfo-probe-{RUN}-*.vid", act, LAST) as racer:
        answer = ask(place, PosixHost(), task(place), RACED)
    assert racer.hit is not None
    fates = {file.path: file for file in survived(answer).files}
    told = fates.pop(str(racer.hit))
    assert (told.survival, detail in told.detail) == (survival, True)
    assert {file.survival for file in fates.values()} == {Survival.UNCHANGED}
    assert remains(place) == []


@as_root
@pytest.mark.usefixtures("scanner")
def test_a_file_that_may_not_be_read_again_is_refused(place: Path) -> None:
    """The account is an ordinary one, and somebody takes the file away from it."""

    def take(path: Path) -> None:
        os.chown(path, 0, 0)
        path.chmod(0)

    with Racer(place, f"wfo logs/wfo-probe-{RUN}-*.cav", take, LAST) as racer:
        answer = ask(place, PosixHost(user=NOBODY), task(place), RACED)
    (told,) = [file for file in survived(answer).files if file.path == str(racer.hit)]
    assert (told.survival, told.detail) == (Survival.REFUSED, "Permission denied")


@as_root
@pytest.mark.lab
@pytest.mark.usefixtures("scanner")
def test_what_cannot_be_removed_is_named_by_its_path(place: Path) -> None:
    def pin(path: Path) -> None:
        subprocess.run(["mount", "--bind", path, path], check=True)

    with Racer(place, f"wfo logs/wfo-probe-{RUN}-*.xml", pin, LAST) as racer:
        answer = ask(place, PosixHost(), task(place), RACED)
    try:
        assert survived(answer).leftovers == (str(racer.hit),)
    finally:
        subprocess.run(["umount", str(racer.hit)], check=True)


@pytest.mark.usefixtures("scanner")
def test_what_an_earlier_run_left_is_named_and_not_touched(place: Path) -> None:
    old = place / "wfo logs" / "wfo-probe-earlier-1.vid"
    old.write_text("old")
    answer = ask(place, PosixHost(), task(place))
    assert survived(answer).leftovers == (str(old),)
    assert old.read_text() == "old"


@as_root
@pytest.mark.usefixtures("scanner")
def test_a_folder_that_may_not_be_written_says_so_and_is_no_verdict(place: Path) -> None:
    (place / "wfo logs").chmod(0o755)
    answer = ask(place, PosixHost(user=NOBODY), task(place))
    inside = [file for file in survived(answer).files if "wfo logs" in file.path]
    assert {(file.survival, file.detail) for file in inside} == {
        (Survival.UNWRITTEN, "Permission denied")
    }
    assert len(inside) == len(TYPES)
    others = [file for file in survived(answer).files if file not in inside]
    assert {file.survival for file in others} == {Survival.UNCHANGED}


@pytest.mark.usefixtures("scanner")
def test_a_link_with_the_folders_name_is_not_followed(place: Path) -> None:
    target = place / "elsewhere"
    target.mkdir()
    (place / "temporary" / f"wfo-probe-{RUN}").symlink_to(target)
    answer = ask(place, PosixHost(), task(place))
    assert list(target.iterdir()) == []
    assert all("wfo logs" in file.path for file in survived(answer).files)
    assert (place / "temporary" / f"wfo-probe-{RUN}").is_symlink()


NAME_TAKEN = """
place=$1
WFO_RUN=x WFO_FOLDERS= files=0
{engine}
codes=' 141' escaped='\\0141'
for name in file link dangling device folder; do
  plant survival "$place/$name" .log
  eval "echo $name \\$made_$files \\$why_$files"
done
files_clean
"""


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_no_name_that_is_taken_is_written_to_or_removed(
    shell: tuple[str, ...], place: Path
) -> None:
    engine = files("pytest_wfo.probes").joinpath("engines/files.sh").read_text("utf-8")
    (place / "file").write_text("kept")
    (place / "victim").write_text("kept")
    (place / "link").symlink_to(place / "victim")
    (place / "dangling").symlink_to(place / "new")
    (place / "device").symlink_to("/dev/null")
    (place / "folder").mkdir()
    before = sorted(place.iterdir())
    script = NAME_TAKEN.replace("{engine}", engine)
    done = subprocess.run(
        [*shell, "-c", script, "sh", str(place)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        f"{name} no the name is taken" for name in ("file", "link", "dangling", "device", "folder")
    ]
    assert sorted(place.iterdir()) == before
    assert (place / "file").read_text() == (place / "victim").read_text() == "kept"


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_script_removes_what_it_wrote(
    shell: tuple[str, ...], number: signal.Signals, place: Path
) -> None:
    host = PosixHost(shell, environment={"TMPDIR": f"{place}/temporary"})
    script = posix_script((), (), task(place), marker=MARKER, patience=Patience(survival=60.0))
    with subprocess.Popen(
        host.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(script)
        process.stdin.close()
        until = time.monotonic() + 30
        while not list(place.glob(LAST)) and time.monotonic() < until:
            time.sleep(0.05)
        assert len(remains(place)) == 2 * len(TYPES) + 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        until = time.monotonic() + 20
        while remains(place) and time.monotonic() < until:
            time.sleep(0.05)
        assert remains(place) == []


@as_root
@pytest.mark.lab
def test_a_host_without_antivirus_is_neither_written_to_nor_kept_waiting(place: Path) -> None:
    """A run that waited would not come back."""
    inside = replace(PosixHost(isolated=True), environment={"TMPDIR": f"{place}/temporary"})
    answer = inside.ask(antivirus=task(place), patience=Patience(survival=3600.0))
    assert answer.facts.survival == Unknown("not tried: no antivirus process was seen on the host")


@as_root
@pytest.mark.lab
def test_where_not_all_processes_are_seen_the_files_are_written(place: Path) -> None:
    setup = "mount -o remount,hidepid=2 /proc"
    host = PosixHost(isolated=True, setup=setup, user=NOBODY)
    assert len(survived(ask(place, host, task(place))).files) == 2 * len(TYPES)


def test_at_level_none_nothing_is_written_and_the_part_that_writes_is_not_sent(
    place: Path,
) -> None:
    asked = task(place, run="")
    script = posix_script((), (), asked, marker=MARKER)
    assert b"files_start() {" not in script
    answer = ask(place, PosixHost(), asked)
    fact = answer.facts.survival
    assert isinstance(fact, Unknown)
    assert fact.reason.startswith("not tried: --wfo-probe=none")


def test_the_canary_is_sent_only_where_it_is_asked_for(place: Path) -> None:
    assert b"canary_start() {" not in posix_script((), (), task(place), marker=MARKER)
    canary = task(place, canary=True)
    assert b"canary_start() {" in posix_script((), (), canary, marker=MARKER)


@pytest.mark.usefixtures("scanner")
def test_nothing_to_write_to_is_unknown(place: Path) -> None:
    host = PosixHost(environment={"TMPDIR": f"{place}/nowhere"})
    fact = host.ask(antivirus=task(place, folders=()), patience=SHORT).facts.survival
    assert isinstance(fact, Unknown)
    assert "no test file could be written" in fact.reason


@pytest.mark.parametrize(
    "wrong",
    [{"run": "a b"}, {"run": "$(id)"}, {"file_types": (".a/../b",)}, {"extensions": ("*",)}],
)
def test_only_words_become_names(wrong: dict[str, Any], place: Path) -> None:
    with pytest.raises(ValueError, match="no word of letters and digits"):
        posix_script((), (), task(place, **wrong), marker=MARKER)


def test_a_folder_with_a_line_break_is_refused(place: Path) -> None:
    with pytest.raises(ValueError, match="line break"):
        posix_script((), (), task(place, folders=("/a\n/b",)), marker=MARKER)


@pytest.mark.usefixtures("scanner")
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_folders_with_hostile_names_are_folders_and_nothing_else(
    shell: tuple[str, ...], place: Path
) -> None:
    names = ["it's", "$(touch x)", "a\tb", "*", "-n", "%s \\0101", "naïve ☃"]
    for name in names:
        (place / name).mkdir()
    asked = task(place, folders=tuple(str(place / name) for name in names), file_types=(".log",))
    written = survived(ask(place, PosixHost(shell), asked)).files
    assert {file.survival for file in written} == {Survival.UNCHANGED}
    assert len(written) == len(names) + 1
    assert remains(place) == []
