"""Tells that a script on this machine has ended with everything it started, without looking at a clock."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 30.0  # only a test that fails waits so long


class Lifeline:
    """A FIFO. A script opens it first (``holding``), and all that it starts inherits it."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.holding = f"exec 9>'{path}'; echo up >&9\n"

    def was_let_go(self) -> bool:
        """Whether somebody held it, and nobody does any more."""
        said = b""
        while select.select([self._end], [], [], PATIENCE)[0]:
            data = os.read(self._end, 100)
            if not data:
                return said == b"up\n"
            said += data
        return False

    def close(self) -> None:
        """Let go of our end."""
        os.close(self._end)
