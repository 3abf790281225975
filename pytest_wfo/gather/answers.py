"""What goes into gathering and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_wfo.core.facts import Access
    from pytest_wfo.core.hosts import Host


@dataclass(frozen=True, slots=True)
class Request:
    """One host and the script to run on it."""

    host: Host
    script: bytes


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """How reaching a host went, and what its script printed, untouched.

    ``asked`` and ``answered`` are the controller's clock (seconds since the epoch, UTC) around the
    script's run; both are 0.0 if it never ran.
    """

    access: Access
    output: str = ""
    asked: float = 0.0
    answered: float = 0.0
