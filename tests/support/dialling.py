"""How many connections are tried at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_wfo.connect.dial import Dialer, Endpoint

if TYPE_CHECKING:
    import pytest


def in_flight(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets, with each connection that is begun, how many are under way."""
    counts: list[int] = []
    start = Dialer.start

    def counting(dialer: Dialer, endpoint: Endpoint) -> None:
        start(dialer, endpoint)
        counts.append(len(dialer))

    monkeypatch.setattr(Dialer, "start", counting)
    return counts
