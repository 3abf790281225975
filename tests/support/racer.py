"""Another process: does something to the first file that matches, as soon as it is there and filled."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Racer:
    """Waits ``pause`` seconds before it acts, so that the file's state after writing has been noted."""

    def __init__(
        self, place: Path, pattern: str, act: Callable[[Path], object], pause: float = 0.3
    ) -> None:
        self.hit: Path | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(place, pattern, act, pause))

    def _watch(
        self, place: Path, pattern: str, act: Callable[[Path], object], pause: float
    ) -> None:
        while not self._over.wait(0.002):
            for path in place.glob(pattern):
                time.sleep(pause)
                act(path)
                self.hit = path
                return

    def __enter__(self) -> Racer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
