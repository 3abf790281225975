"""What programs that a test ran have computed: unlike a clock, it says little of other load."""

from __future__ import annotations

import os


def computed_by_children() -> float:
    """Seconds of processor time of all child processes that have ended so far."""
    now = os.times()
    return now.children_user + now.children_system
