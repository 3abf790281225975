"""Progress of gathering, through pytest's terminal reporter: a line on a TTY, few lines elsewhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from pytest_wfo.report.text import printable

_TTY_INTERVAL = 0.1  # seconds between rewrites of the line
_LOG_INTERVAL = 15.0  # seconds after which a log gets a line even without another tenth done


class Progress:
    """Counts hosts as they answer. Safe to call from any thread; silent under ``-qq``.

    TTY: one rewritten line. Otherwise a line for each tenth or every 15 s. ``-q``: only the closing
    line. ``-v``: a line for every host that was not reached.
    """

    def __init__(self, config: pytest.Config, total: int) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._verbosity = config.get_verbosity()
        self._total, self._done, self._bad, self._tenths = total, 0, 0, 0
        self._start = self._last = time.monotonic()
        self._lock = threading.Lock()
        self._tty = bool(
            self._reporter and self._reporter.isatty() and os.environ.get("TERM") != "dumb"
        )

    def step(self, name: str, reason: str) -> None:
        """A host is done; ``reason`` is "" when it answered."""
        with self._lock:
            self._done += 1
            self._bad += bool(reason)
            if reason and self._verbosity >= 1:
                self._write(lambda: self._reporter.write_line(f"  {printable(name)}: {reason}"))
            if self._verbosity < 0:
                return
            now, tenths = time.monotonic(), 10 * self._done // self._total
            line = f"gathering facts {self._done}/{self._total}{self._failed()}"
            if self._tty:
                if now - self._last >= _TTY_INTERVAL:
                    self._last = now
                    self._write(lambda: self._reporter.rewrite(line, erase=True))
            elif (self._total >= 20 and tenths > self._tenths) or now - self._last > _LOG_INTERVAL:
                self._last, self._tenths = now, tenths
                self._write(lambda: self._reporter.write_line(line))

    def end(self) -> None:
        """Write the closing line."""
        seconds = time.monotonic() - self._start
        line = (
            f"gathered facts of {self._done - self._bad} of {self._total} hosts in {seconds:.1f} s"
        )
        if self._verbosity < -1:
            return
        with self._lock:
            if self._tty:
                self._write(lambda: self._reporter.rewrite("", erase=True))
            self._write(lambda: self._reporter.write_line(line))

    def _failed(self) -> str:
        return f", {self._bad} not reached" if self._bad else ""

    def _write(self, write: Callable[[], None]) -> None:
        if self._reporter is None:
            return
        if self._capture is None:
            write()
            return
        with self._capture.global_and_fixture_disabled():
            write()
