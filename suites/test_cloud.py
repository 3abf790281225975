"""The PREMISES server and the cloud: port 2010 with both address ranges, in both directions."""

import pytest

from pytest_wfo.plugin.fixtures import WfoFinding


@pytest.mark.wfo_requirement("cloud-*.permits-out")
def test_permits_out(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.permits-in")
def test_permits_in(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.forwards-out")
def test_forwards_out(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.forwards-in")
def test_forwards_in(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.listens")
def test_listens(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.connects")
def test_connects(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("cloud-*.connects-in")
def test_connects_in(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()


@pytest.mark.wfo_requirement("least-privilege-2010.narrow")
def test_narrow(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()
