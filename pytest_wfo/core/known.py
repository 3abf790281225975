"""``Known(value, source)`` or ``Unknown(reason, remedy)``; never a default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A value and where it was read, e.g. ``source="ss -tlnp (as root)"``."""

    value: T_co
    source: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be seen: why, and what the reader can do about it."""

    reason: str
    remedy: str = ""


Fact = Known[T_co] | Unknown

NOT_ASKED = Unknown("the collector did not report this", "update the collector, or report a defect")
