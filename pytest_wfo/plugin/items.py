"""What a test is about, by its parameters."""

from __future__ import annotations

import pytest

from pytest_wfo.core.plan import Cell


def cell_of(item: pytest.Item | pytest.Collector) -> Cell | None:
    """The cell a test is about, or None."""
    cell = param_of(item, "wfo_finding")
    return cell if isinstance(cell, Cell) else None


def param_of(item: pytest.Item | pytest.Collector, name: str) -> object:
    """What a test got for this parameter, or None."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get(name) if callspec is not None else None
