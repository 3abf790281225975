"""Every host is reached, is the right machine, lets us see enough, and has a sane clock."""

import pytest

from pytest_wfo.plugin.fixtures import WfoFinding


@pytest.mark.wfo_requirement("host.access")
def test_access(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()
