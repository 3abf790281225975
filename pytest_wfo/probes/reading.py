"""What both readers do: keep one lost fact from taking the others along, and give up a broken answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

from pytest_wfo.core.facts import Access, Fact, HostFacts, Unknown

T = TypeVar("T")

UNREADABLE = "answer-unreadable"
_REMEDY = "run the collector by hand on the host and look at what it prints"


class NotSeenError(Exception):
    """Something that was asked for could not be seen; ``fact`` says why."""

    def __init__(self, fact: Unknown) -> None:
        super().__init__(fact.reason)
        self.fact = fact


def fact(what: str, read: Callable[[], Fact[T]]) -> Fact[T]:
    """One fact that is not seen or not understood must not take the others with it."""
    try:
        return read()
    except NotSeenError as error:
        return error.fact
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return Unknown(f"{what}: what the host printed was not understood", _REMEDY)


def unreadable(access: Access, why: str) -> HostFacts:
    """The facts of an answer that is cut off or damaged: none, and ``access`` says so."""
    lost = Unknown(f"answer unreadable: {why}", _REMEDY)
    told = replace(
        access, reason=UNREADABLE, message=f"{access.endpoint}: {why}".lstrip(": "), remedy=_REMEDY
    )
    names = {each.name for each in fields(HostFacts)} - {"access", "files"}
    facts: dict[str, Any] = dict.fromkeys(names, lost)
    return HostFacts(told, **facts)
