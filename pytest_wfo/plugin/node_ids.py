"""How the tests of the shipped suites are named: ``wfo/<file>::test_<claim>[<row>-<host>]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_wfo.core.plan import Cell

SUITES = "wfo/"
"""What their node ids begin with, wherever the suites lie."""


def suite_test(cell: Cell) -> str:
    """The end of the node id of the cell's test in the suites, behind the file."""
    return f"::test_{cell.requirement.claim.value.replace('-', '_')}[{cell.id}]"


def is_suite_test(nodeid: str, cell: Cell | None) -> bool:
    """Whether a node id is that of the cell's test in the suites, not of a user's own."""
    return cell is not None and nodeid.startswith(SUITES) and nodeid.endswith(suite_test(cell))
