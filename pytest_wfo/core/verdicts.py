"""What a check answers, and the one result of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pytest_wfo.core.waivers import Attestation, Waiver


class Verdict(str, Enum):
    """The answer for one requirement on one host."""

    MET = "met"
    NOT_MET = "not met"
    NOT_VERIFIED = "not verified"  # unreachable, unreadable, not understood, no answer
    NOT_APPLICABLE = (
        "not applicable"  # seen on the host: there is nothing the requirement speaks of
    )
    WAIVED = "waived"  # not met, accepted by a named person until a date
    ATTESTED = "attested"  # vouched for by a named person


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a sceptic can check: ``statement`` in words, ``source`` = how it was read and on
    which host, ``excerpt`` = the raw words of the host (untrusted text, at most 2000 characters)."""

    statement: str
    source: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A check's answer. ``summary`` is one line; ``remedy`` is what to do unless the verdict is met."""

    verdict: Verdict
    summary: str
    evidence: tuple[Evidence, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The one result of a cell: requirement id, host name and the judgement.

    ``advisory`` findings never block the gate. ``depends_on_access`` marks findings that only
    repeat that the host could not be examined. ``collected_at`` is when the facts were taken
    (UTC, ISO 8601; "" when there are none). ``measured`` is false where nothing was seen: the host
    was not examined, or no test of the cell ran. The judgement is what was measured, also where the
    verdict is waived or attested. ``waiver`` accepts it; ``attestation`` vouches for it, or, beside
    "not met" and "waived", was contradicted by the measurement.
    """

    requirement: str
    host: str
    judgement: Judgement
    advisory: bool = False
    depends_on_access: bool = False
    collected_at: str = ""
    measured: bool = True
    waiver: Waiver | None = None
    attestation: Attestation | None = None

    @property
    def verdict(self) -> Verdict:
        """The judgement's verdict."""
        return self.judgement.verdict
