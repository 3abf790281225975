"""Exclusions are proposed for Defender where they are all that is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.antivirus.model import CanaryOutcome, Scan
from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes import fixes
from pytest_wfo.core.fixes.changes import DefenderExclusion
from pytest_wfo.core.fixes.defender import DEFENDER
from tests.support.products import (
    ALL,
    LOGGER,
    RUNNING,
    antivirus,
    canary,
    canary_file,
    extension,
    product,
)
from tests.support.sites import healthy_site, site, the_plan, with_facts

if TYPE_CHECKING:
    from pytest_wfo.core.antivirus.model import Exclusion, Product
    from pytest_wfo.core.fixes.changes import Fix

OF = site()
CELLS = the_plan(OF).cells
EXCLUDED = [cell.key for cell in CELLS if cell.requirement.id.partition(".")[2][:8] == "excluded"]


def defender(*exclusions: Exclusion, **more: Any) -> Product:
    return product(*exclusions, name=DEFENDER, **more)


def proposed(*products: Product, **facts: Any) -> dict[str, Fix]:
    """The fixes of the PREMISES server, by requirement."""
    values = {"processes": Known(RUNNING, "CIM"), "antivirus": antivirus(*products), **facts}
    found = with_facts(healthy_site(OF), "premises", **values)
    made = fixes(CELLS, judge(CELLS, found).values(), found)
    return {fix.cell.requirement.id: fix for fix in made if fix.cell.key in EXCLUDED}


def entries(fix: Fix) -> set[str]:
    found = [each for each in fix.changes if isinstance(each, DefenderExclusion)]
    assert len(found) == len(fix.changes)
    return {f"{each.list.value} {each.value}" for each in found}


def test_each_item_takes_the_entry_that_serves_its_kind_of_scanning() -> None:
    found = proposed(defender())

    assert len(found) == len(EXCLUDED)
    for scan in ("memory-resident", "on-demand"):
        folder = found[f"av-folder-temp.excluded-{scan}"]
        assert entries(folder) == {"ExclusionPath C:\\temp"}
        assert entries(found[f"av-extension-vid.excluded-{scan}"]) == {"ExclusionExtension vid"}
    process = "av-process-loggerservice.excluded"
    assert entries(found[f"{process}-memory-resident"]) == {f"ExclusionProcess {LOGGER}"}
    assert entries(found[f"{process}-on-demand"]) == {
        f"ExclusionPath {LOGGER}",
        "ExclusionPath C:\\Program Files\\CallCopy\\Logs",
    }


def test_only_what_is_missing_is_added() -> None:
    all_but_vid = [each for each in ALL if each.text != "vid"]

    found = proposed(defender(*all_but_vid))

    assert {name for name in found if not name.startswith("av-extension-vid.")} == set()
    assert len(found) == 2


def test_a_second_product_is_for_its_console_and_defender_alone_is_no_fix() -> None:
    found = proposed(defender(), product())

    assert len(found) == len(EXCLUDED)
    assert not any(fix.automatic for fix in found.values())
    assert all("Example Antivirus" in fix.by_hand for fix in found.values())


def test_another_product_alone_is_left_to_people() -> None:
    found = proposed(product())

    assert found
    assert not any(fix.automatic for fix in found.values())


def test_where_another_product_excludes_it_already_defender_is_all_there_is_to_do() -> None:
    assert all(fix.automatic for fix in proposed(defender(), product(*ALL)).values())


def test_a_program_whose_file_was_not_found_is_left_to_people() -> None:
    found = proposed(defender(), processes=Known((), "CIM"))

    on_demand = found.get("av-process-loggerservice.excluded-on-demand")
    assert on_demand is None or not on_demand.automatic


@pytest.mark.parametrize(("entry", "automatic"), [((), True), ((extension("vid"),), False)])
def test_a_canary_that_was_detected_despite_the_entry_is_left_to_people(
    entry: tuple[Exclusion, ...], automatic: bool
) -> None:
    seen = canary(
        canary_file("C:\\x.vid", CanaryOutcome.DETECTED, Scan.MEMORY_RESIDENT),
        canary_file("C:\\control.com", CanaryOutcome.DETECTED, Scan.MEMORY_RESIDENT, control=True),
    )
    found = proposed(defender(*entry), canary=seen)

    assert found["av-extension-vid.excluded-memory-resident"].automatic is automatic


def test_defender_on_linux_is_left_to_people() -> None:
    other = replace(defender(), name="Microsoft Defender for Endpoint")

    assert not any(fix.automatic for fix in proposed(other).values())


def test_where_local_entries_do_not_count_the_policy_is_for_its_keepers() -> None:
    found = proposed(defender(central="DisableLocalAdminMerge is 1, so local entries do not count"))

    assert len(found) == len(EXCLUDED)
    for fix in found.values():
        assert not fix.automatic
        assert "in the policy that manages this host" in fix.by_hand
