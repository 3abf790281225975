"""What a comparison with an earlier run says; ``drift`` makes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pytest_wfo.core.verdicts import Verdict


class Kind(str, Enum):
    """How a cell changed, the gravest first."""

    FAILING = "newly not met"
    UNVERIFIED = "newly not verified"
    FIXED = "fixed or verified now"
    ACCEPTED = "waived or attested otherwise"
    OTHER = "changed otherwise"


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that both runs planned; ``before`` is None where the earlier one did not select it."""

    requirement: str
    host: str
    kind: Kind
    before: Verdict | None
    now: Verdict

    @property
    def words(self) -> str:
        """Both verdicts; equal ones were accepted by other persons, or on other terms."""
        if self.before is self.now:
            return f"{self.now.value}, on other terms"
        before = self.before.value if self.before else "not selected"
        return f"{before}, now {self.now.value}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The run that is compared with; times are UTC, ISO 8601."""

    started: str
    finished: str
    user: str
    controller: str
    decision: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed since ``baseline``. It never changes a verdict.

    ``about`` are sentences on edition and inventory; ``asked`` and ``no_longer_asked`` are cells of
    hosts and requirements both runs know that only one planned; ``uncompared`` counts cells that
    this run did not select.
    """

    baseline: Baseline
    changes: tuple[Change, ...] = ()
    about: tuple[str, ...] = ()
    hosts_added: tuple[str, ...] = ()
    hosts_gone: tuple[str, ...] = ()
    requirements_added: tuple[str, ...] = ()
    requirements_gone: tuple[str, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()
    no_longer_asked: tuple[tuple[str, str], ...] = ()
    uncompared: int = 0

    @property
    def words(self) -> str:
        """The whole in one sentence."""
        counts = Counter(change.kind for change in self.changes)
        parts = [f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind]]
        parts += _counted(
            (len(self.hosts_added), "host", "added"),
            (len(self.hosts_gone), "host", "gone"),
            (len(self.requirements_added), "requirement", "added"),
            (len(self.requirements_gone), "requirement", "gone"),
            (len(self.asked), "check", "asked for the first time"),
            (len(self.no_longer_asked), "check", "no longer asked"),
        )
        parts += self.about
        told = ", ".join(parts) or "nothing changed"
        left = (
            f"; {self.uncompared} checks not selected and not compared" if self.uncompared else ""
        )
        return f"Since the run of {self.baseline.finished} ({self.baseline.decision}): {told}{left}"


def _counted(*numbers: tuple[int, str, str]) -> Iterable[str]:
    return [f"{n} {word}{'s' if n > 1 else ''} {what}" for n, word, what in numbers if n]
