"""Folders that are reached through a junction or link: their name is not where their files lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Antivirus
from pytest_wfo.core.facts import Fact, Known, Unknown
from tests.support.antivirus_cells import MET, NOT_VERIFIED, judged
from tests.support.products import ALL, LOGS, TEMP, product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_wfo.core.antivirus.model import Product

SCANS = ("excluded-memory-resident", "excluded-on-demand")


def linked(links: Fact[Mapping[str, str]], *products: Product) -> Fact[Antivirus]:
    return Known(Antivirus(products, "for all that is known", links), "ps")


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("entries", [ALL, ()], ids=["entry", "no-entry"])
def test_an_entry_for_a_link_says_nothing_of_the_folder_behind(
    scan: str, entries: tuple[object, ...]
) -> None:
    facts = linked(Known({TEMP: "C:\\temp"}, "Get-Item"), product(*entries))  # type: ignore[arg-type]
    judgement = judged(f"av-folder-temp.{scan}", antivirus=facts)

    assert judgement.verdict is NOT_VERIFIED
    assert "C:\\temp is a link, a junction or a mount point" in judgement.summary
    assert "exclude the folder that lies behind it" in judgement.remedy


@pytest.mark.parametrize("scan", SCANS)
def test_the_other_folder_is_judged_as_ever(scan: str) -> None:
    facts = linked(Known({TEMP: "C:\\temp"}, "Get-Item"), product(*ALL))

    assert judged(f"av-folder-logs.{scan}", antivirus=facts).verdict is MET


def test_a_program_that_writes_there_is_as_open_on_demand_and_not_otherwise() -> None:
    facts = linked(Known({LOGS: "C:\\Program Files\\CallCopy"}, "Get-Item"), product(*ALL))
    resident, demand = (
        judged(f"av-process-loggerservice.{scan}", antivirus=facts) for scan in SCANS
    )

    assert resident.verdict is MET
    assert demand.verdict is NOT_VERIFIED
    assert "C:\\Program Files\\CallCopy is a link" in demand.summary


def test_links_that_were_not_seen_may_be_there() -> None:
    facts = linked(Unknown("Access is denied", "log in elevated"), product(*ALL))
    judgement = judged("av-folder-temp.excluded-on-demand", antivirus=facts)

    assert judgement.verdict is NOT_VERIFIED
    assert "Access is denied" in judgement.summary
