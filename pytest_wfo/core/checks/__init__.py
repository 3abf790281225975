"""The checks: claim -> pure function of a cell and the facts of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pytest_wfo.core.checks.access import check_access
from pytest_wfo.core.checks.antivirus import check_excluded
from pytest_wfo.core.checks.connection import check_connects
from pytest_wfo.core.checks.considered import check_considered
from pytest_wfo.core.checks.file_types import check_untouched
from pytest_wfo.core.checks.firewall import check_forwards, check_permits
from pytest_wfo.core.checks.listening import check_listens
from pytest_wfo.core.checks.narrow import check_narrow
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict

Check = Callable[[Cell, SiteFacts], Judgement]

CHECKS: Mapping[Claim, Check] = {
    Claim.ACCESS: check_access,
    Claim.PERMITS_OUT: check_permits,
    Claim.PERMITS_IN: check_permits,
    Claim.FORWARDS_OUT: check_forwards,
    Claim.FORWARDS_IN: check_forwards,
    Claim.LISTENS: check_listens,
    Claim.CONNECTS: check_connects,
    Claim.CONNECTS_IN: check_connects,
    Claim.NARROW: check_narrow,
    Claim.EXCLUDED_MEMORY_RESIDENT: check_excluded,
    Claim.EXCLUDED_ON_DEMAND: check_excluded,
    Claim.UNTOUCHED: check_untouched,
    Claim.CONSIDERED: check_considered,
}


def judge(cells: Iterable[Cell], site_facts: SiteFacts) -> dict[tuple[str, str], Finding]:
    """Judge every cell, host by host: (requirement id, host name) -> finding."""
    by_host = sorted(cells, key=lambda cell: cell.host.name)  # what cells of a host share is kept
    return {cell.key: judge_cell(cell, site_facts) for cell in by_host}


def judge_cell(cell: Cell, site_facts: SiteFacts) -> Finding:
    """Judge one cell. On a host that was not reached only ``access`` explains; the rest refers to it."""
    access = site_facts.of(cell.host).access
    depends = not access.reached and cell.requirement.claim is not Claim.ACCESS
    if depends:
        judgement = Judgement(
            Verdict.NOT_VERIFIED,
            f"{cell.host.name} could not be examined ({access.reason}); see its access",
            remedy=access.remedy,
        )
    else:
        judgement = CHECKS[cell.requirement.claim](cell, site_facts)
    return Finding(
        requirement=cell.requirement.id,
        host=cell.host.name,
        judgement=judgement,
        advisory=cell.requirement.advisory,
        depends_on_access=depends,
        collected_at=access.at,
        measured=access.reached,
    )
