"""Antivirus on the PREMISES server: exclusions and general considerations."""

import pytest

from pytest_wfo.plugin.fixtures import WfoFinding


@pytest.mark.wfo_requirement("av-*.excluded-memory-resident")
def test_excluded_memory_resident(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("av-*.excluded-on-demand")
def test_excluded_on_demand(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("*-files.considered")
def test_considered(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("least-privilege-exclusions.narrow")
def test_narrow(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()
