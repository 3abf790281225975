"""The antivirus cells of a PREMISES server, judged with products and behaviour of a test's choice."""

from __future__ import annotations

from typing import Any

from pytest_wfo.core.antivirus.model import (
    Product,
)
from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.products import (
    antivirus,
)
from tests.support.sites import cell, protected_site, site, the_plan, with_facts

OF = site()
PROTECTED = protected_site(OF)
CELLS = [
    item for item in the_plan(OF).cells if item.requirement.chapter in ("antivirus", "file_types")
]
EXCLUDED = [item for item in CELLS if item.requirement.row.startswith("av-")]
MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_VERIFIED, NOT_APPLICABLE = Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE
RESIDENT, ON_DEMAND = "excluded-memory-resident", "excluded-on-demand"


def judged(requirement: str, *products: Product, **facts: Any) -> Judgement:
    """The PREMISES server's judgement with these products."""
    known = with_facts(PROTECTED, "premises", **({"antivirus": antivirus(*products)} | facts))
    return judge_cell(cell(requirement, "premises", OF), known).judgement


def said(judgement: Judgement) -> str:
    return "\n".join(item.statement for item in judgement.evidence)
