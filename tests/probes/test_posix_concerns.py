"""Files worth excluding on a POSIX host: real files, real shells, and what is left unseen is told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Concern, Concerns
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Known, Unknown
from tests.probes.posix_host import AWKS, NOBODY, SHELLS, TOOLS, PosixHost, is_root, tools

if TYPE_CHECKING:
    from pathlib import Path

as_root = pytest.mark.skipif(not is_root(), reason="needs root, to see what processes hold open")


def concerns(host: PosixHost, folder: Path) -> Concerns:
    task = AntivirusTask((f"{folder}/", "/nowhere", "C:\\temp\\"), concerns=True)
    answer = host.ask(antivirus=task)
    assert answer.complaints == ""
    fact = answer.facts.concerns
    assert isinstance(fact, Known), fact
    return fact.value


@as_root
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("awk", AWKS)
def test_large_and_open_files_are_named(
    shell: tuple[str, ...], awk: str, open_folder: Path
) -> None:
    site = open_folder / "a site"
    (site / "deep").mkdir(parents=True)
    for name in ("deep/b c.ISO", "d.vhdx", "plain.txt", "line\nbreak.iso"):
        (site / name).touch()
    with (site / "big.db").open("wb") as file:
        file.truncate((1 << 30) + 1)
    (site / "link.iso").symlink_to("/etc/hostname")
    path = tools(open_folder / "bin", *dict.fromkeys((*TOOLS, "ls", "find")), awk=awk)
    hold = f"sleep 60 >>'{site}/live.rec' <'{site}/plain.txt' 2>/dev/null &\n"
    found = concerns(PosixHost(shell, path, isolated=True, setup=hold), site)
    named = {(file.concern, file.path): file.why for file in found.files}
    large = {path for concern, path in named if concern is Concern.LARGE}
    assert large == {f"{site}/{name}" for name in ("deep/b c.ISO", "d.vhdx", "big.db")}
    assert named[Concern.LARGE, f"{site}/big.db"] == "1.0 GiB"
    locked = {path for concern, path in named if concern is Concern.LOCKED}
    assert locked == {f"{site}/live.rec"}
    assert named[Concern.LOCKED, f"{site}/live.rec"].startswith("held open for writing by ")
    assert found.limits == {}
    assert "came and went" in found.methods[Concern.TEMPORARY]
    assert found.roots == (f"{site}/",)


@as_root
@pytest.mark.parametrize(
    ("tool", "text", "said"),
    [
        ("timeout", "exit 124", "was ended after 8 s"),
        ("timeout", "exit 127", "/proc could not be searched"),
        ("ls", "echo \"ls: cannot open directory '/proc/1/fd': Permission denied\" >&2; exit 2",
         "not even root is shown"),
        ("ls", "echo \"ls: cannot access '/proc/9/fd': No such file or directory\" >&2; exit 2", ""),
    ],
)  # fmt: skip
def test_open_files_that_were_not_all_seen_are_no_list(
    tool: str, text: str, said: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *dict.fromkeys((*TOOLS, "ls", "find")))
    (open_folder / "bin" / tool).unlink()
    (open_folder / "bin" / tool).write_text(f"#!/bin/sh\n{text}\n")
    (open_folder / "bin" / tool).chmod(0o755)
    found = concerns(PosixHost(path=path, isolated=True), open_folder)
    limit = found.limits.get(Concern.LOCKED, "")
    assert said in limit
    assert bool(limit) is bool(said)


@as_root
def test_without_root_what_is_open_was_not_seen(open_folder: Path) -> None:
    found = concerns(PosixHost(user=NOBODY), open_folder)
    assert found.limits[Concern.LOCKED] == "which files processes hold open is seen by root alone"


def test_what_cannot_be_read_is_said(open_folder: Path) -> None:
    if not is_root():
        pytest.skip("needs root, to hide a folder from nobody")
    (open_folder / "hidden").mkdir(mode=0o700)
    found = concerns(PosixHost(user=NOBODY), open_folder)
    assert "not every file could be looked at" in found.limits[Concern.LARGE]


def test_a_long_list_is_cut_and_says_so(open_folder: Path) -> None:
    for number in range(60):
        (open_folder / f"{number}.iso").touch()
    found = concerns(PosixHost(), open_folder)
    assert len([file for file in found.files if file.concern is Concern.LARGE]) == 50
    assert "more than 50 were found" in found.limits[Concern.LARGE]


def test_new_names_between_two_looks_are_counted(open_folder: Path) -> None:
    """The host's own nft, which runs between them, writes some."""
    site = open_folder / "site"
    site.mkdir()
    (site / "old").touch()
    path = tools(open_folder / "bin", *dict.fromkeys((*TOOLS, "ls", "find")))
    nft = open_folder / "bin" / "nft"
    nft.unlink()
    touch = shutil.which("touch")
    nft.write_text(f"#!/bin/sh\n{touch} {site}/new1 '{site}/new 2' {site}/wfo-probe-x {site}/old\n")
    nft.chmod(0o755)
    found = concerns(PosixHost(path=path), site)
    (fresh,) = [file for file in found.files if file.concern is Concern.TEMPORARY]
    assert (fresh.path, fresh.folder) == (f"{site}/", True)
    assert fresh.why.startswith("2 new files in ")


def test_nothing_is_searched_where_it_is_not_asked() -> None:
    fact = PosixHost().ask(antivirus=AntivirusTask(("/tmp",), file_types=(".vid",))).facts.concerns
    assert isinstance(fact, Unknown)
    assert fact.reason.startswith("not looked for")
