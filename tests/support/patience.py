"""How long tests wait for what must come: on a busy machine everything comes late."""

from __future__ import annotations

from pytest_wfo.core.hosts import Timeouts

PATIENT = Timeouts(connect=30.0, banner=30.0, login=30.0, script=60.0)
"""For hosts that answer. Where their silence is what is tested, a test has its own, shorter ones."""
