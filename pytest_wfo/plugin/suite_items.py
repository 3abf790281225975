"""The tests of the shipped suites: functions to pytest as any others, but lean, as there are thousands.

pytest spends half of its time for a small test on the fixture it asks for. A suite's test asks for
``wfo_finding`` alone, which is therefore put there directly, unless other fixtures take part.
"""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_wfo.core.plan import Cell
from pytest_wfo.plugin.fixtures import WfoFinding, finding_of
from pytest_wfo.plugin.outcomes import Unmet

_FIXTURE = "wfo_finding"
_ASKED = {_FIXTURE, "request"}  # what pytest lists for a test that asks for wfo_finding


def made_lean(item: pytest.Item | pytest.Collector) -> pytest.Item | pytest.Collector:
    """The same test as a ``SuiteFunction``, which differs in what it does, not in what it holds."""
    if type(item) is pytest.Function:
        item.__class__ = SuiteFunction
    return item


class SuiteFunction(pytest.Function):
    """One test about one cell."""

    def setup(self) -> None:
        """Put the finding there. Raises ``Unmet`` if it is not verified."""
        option = self.config.option
        if _ASKED.issuperset(self.fixturenames) and not option.setupshow and not option.setupplan:
            finding: WfoFinding = finding_of(self, cast(Cell, self.callspec.params[_FIXTURE]))
            self.funcargs[_FIXTURE] = finding
        else:
            super().setup()

    def _repr_failure_py(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """A finding that is not met, in its own words: there is no traceback worth looking for.

        pytest calls this for every phase, ``repr_failure`` for the test itself alone.
        """
        if not isinstance(excinfo.value, Unmet):
            return super()._repr_failure_py(excinfo, style)
        shown = excinfo.getrepr(style="value", tbfilter=False)
        if shown.reprcrash is not None:
            shown.reprcrash.message = excinfo.value.line
        return shown
