"""Another process: does something to the first file that matches, once it may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Racer:
    """Acts when a file that matches ``last`` is there as well, if that is given: files are written one
    after the other, so the state of the first after writing has been noted then."""

    def __init__(
        self, place: Path, pattern: str, act: Callable[[Path], object], last: str = ""
    ) -> None:
        self.hit: Path | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(place, pattern, act, last))

    def _watch(self, place: Path, pattern: str, act: Callable[[Path], object], last: str) -> None:
        while not self._over.wait(0.002):
            if last and not any(place.glob(last)):
                continue
            for path in place.glob(pattern):
                act(path)
                self.hit = path
                return

    def __enter__(self) -> Racer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
