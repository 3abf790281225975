"""Links on the way to the folders that are asked about are told, whatever the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Fact, Known, Unknown
from tests.probes.posix_host import NOBODY, SHELLS, PosixHost, is_root
from tests.probes.test_posix_rights import granting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not is_root(), reason="needs root, who sees which programs scan files"),
]


def links(host: PosixHost, *folders: str) -> Fact[Mapping[str, str]]:
    fact = host.ask(antivirus=AntivirusTask(folders=folders)).facts.antivirus
    assert isinstance(fact, Known), fact
    return fact.value.links


@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
def test_each_folder_is_told_with_its_link(shell: tuple[str, ...], open_folder: Path) -> None:
    (open_folder / "data" / "a b" / "temp").mkdir(parents=True)
    (open_folder / "site").symlink_to("data")
    (open_folder / "data" / "logs").symlink_to("a b/temp")
    asked = ("site/a b/temp", "data/logs/", "data/a b", "data/nowhere/x")
    folders = [f"{open_folder}/{each}" for each in asked]

    host = PosixHost(shell, isolated=True)

    assert links(host, *folders) == Known(
        {folders[0]: f"{open_folder}/site", folders[1]: f"{open_folder}/data/logs"}, "test -L"
    )
    assert links(host, folders[2]) == Known({}, "test -L")


def test_a_folder_that_may_not_be_entered_may_hold_a_link(open_folder: Path) -> None:
    (open_folder / "closed").mkdir(mode=0o700)
    (open_folder / "closed" / "temp").symlink_to("/var/tmp")
    host = PosixHost(isolated=True, setup=granting("fanotify"), user=NOBODY)

    found = links(host, f"{open_folder}/closed/temp")

    assert isinstance(found, Unknown)
    assert f"{open_folder}/closed/temp may not be entered" in found.reason
