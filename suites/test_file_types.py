"""The file types of WFO that antivirus must leave alone."""

import pytest

from pytest_wfo.plugin.fixtures import WfoFinding


@pytest.mark.wfo_requirement("file-type-*.untouched")
def test_untouched(wfo_finding: WfoFinding) -> None:
    wfo_finding.must_hold()
