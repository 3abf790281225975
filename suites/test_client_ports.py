"""Client PCs and the PREMISES server: the ports of the client tables, some only with a feature."""

import pytest

from pytest_wfo.plugin.fixtures import WfoFinding


@pytest.mark.wfo_requirement("client-*.permits-out")
def test_permits_out(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("client-*.permits-in")
def test_permits_in(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("client-*.connects")
def test_connects(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("client-*.listens")
def test_listens(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()
