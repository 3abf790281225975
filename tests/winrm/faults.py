"""What can go wrong on the way to a WinRM service and in it, on demand."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tests.winrm import soap

# Instead of an answer, or in it.
KINDS = (
    "fault",  # the SOAP fault ``soap``
    "http",  # the status ``status`` with the text ``body``
    "html",  # a web page with status 200
    "redirect",  # to ``body``
    "reset",  # RST instead of an answer
    "close",  # FIN instead of an answer
    "reset-inside",  # half of the answer, then RST
    "short",  # half of the answer, then FIN
    "cut-xml",  # a whole HTTP answer with two thirds of the XML
    "bad-base64",  # output that is none
    "wrong-relation",  # an answer to something else
    "garbage",  # bytes that are no PSRP fragment
    "silent",  # nothing for ``seconds``, then RST
    "close-after",  # the answer, then FIN
    "not-http",  # words of another protocol
    "slow",  # the answer after ``seconds``
    "endless",  # a body that does not end, slowly
)


@dataclass(slots=True)
class Trouble:
    """``kind`` at the ``verb`` ("Create", "Receive", "Login" ...), ``times`` (-1: always) after
    ``skip`` that go well."""

    kind: str
    verb: str
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 500
    body: str = ""
    soap: soap.Fault | None = None

    def __post_init__(self) -> None:
        assert self.kind in KINDS, self.kind


class Troubles:
    """The troubles of a server."""

    def __init__(self, troubles: Sequence[Trouble] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting = list(troubles)
        self.met: list[str] = []
        self.sat_out: list[str] = []  # the troubles that ended before the client gave up

    def add(self, trouble: Trouble) -> None:
        with self._lock:
            self._waiting.append(trouble)

    def at(self, verb: str) -> Trouble | None:
        """The trouble that befalls this request, if any."""
        with self._lock:
            for trouble in self._waiting:
                if trouble.verb != verb or not trouble.times:
                    continue
                if trouble.skip:
                    trouble.skip -= 1
                    continue
                trouble.times -= 1
                self.met.append(f"{trouble.kind} at {verb}")
                return trouble
        return None
