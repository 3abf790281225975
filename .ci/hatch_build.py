"""Ship the top-level suites/ inside the package; leave an editable install alone."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipSuites(BuildHookInterface[Any]):
    """Adds ``suites/`` as ``pytest_wfo/suites`` to wheels (an editable install reads the checkout)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a wheel is built; ``version`` is "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"]["suites"] = "pytest_wfo/suites"
