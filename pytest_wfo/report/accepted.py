"""Waivers and attestations in words. Their texts are people's; the renderers make them printable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_wfo.core.acceptance import Outcome, Use
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Attestation, Scope, Waiver

_HOSTS = 5  # words of an entry's hosts, and hosts, that one note names


def accepted_by(finding: Finding) -> str:
    """Who accepts a finding that is waived or attested, why and until when; "" if nobody does."""
    if finding.verdict is Verdict.WAIVED and finding.waiver:
        return waiver_words(finding.waiver)
    if finding.verdict is Verdict.ATTESTED and finding.attestation:
        return attestation_words(finding.attestation)
    return ""


def contradicts(finding: Finding) -> str:
    """Who vouched for a finding that was measured as not met; "" if nobody did."""
    if finding.attestation is None or finding.verdict is Verdict.ATTESTED:
        return ""
    return (
        f"{attestation_words(finding.attestation)}. The measurement says otherwise, and it counts."
    )


def told_of(finding: Finding) -> str:
    """The same in sentences: who accepts a finding, and whom it contradicts."""
    by, against = accepted_by(finding), contradicts(finding)
    sentences = [f"{finding.verdict.value.capitalize()} by {by}."] if by else []
    return " ".join([*sentences, *([f"Attested by {against}"] if against else [])])


def waiver_words(waiver: Waiver) -> str:
    """ "R. Ortiz, until 2026-12-31, CHG0012399: not used here"."""
    until = f"until {waiver.expires}" if waiver.expires else "permanently"
    return f"{waiver.approver}, {until}, {waiver.ticket}: {waiver.reason}"


def attestation_words(attestation: Attestation) -> str:
    """ "K. Lee, who looked on 2026-11-02, until 2027-05-01, DOC-7"."""
    words = (
        f"{attestation.who}, who looked on {attestation.when}, until {attestation.until}, "
        f"{attestation.reference}"
    )
    if attestation.file:
        words += f"; attached: {attestation.file}, SHA-256 {attestation.sha256}"
    return words


def entry_words(entry: Waiver | Attestation) -> str:
    """Who accepts something, why and until when."""
    return waiver_words(entry) if isinstance(entry, Waiver) else attestation_words(entry)


def notes_of(uses: Iterable[Use], *, partial: bool) -> Iterator[str]:
    """What a reader must know of entries that did not do what their authors meant.

    In a ``partial`` run it is no news that what was not selected was not verified.
    """
    for use in uses:
        words = _note(use)
        if words and not (partial and use.outcome is Outcome.NOT_APPLIED):
            yield f"{_entry(use.entry)} {words}"


def _entry(entry: Waiver | Attestation) -> str:
    scope = entry.scope
    if isinstance(entry, Waiver):
        return f"{scope.place}: the waiver of {_scope(scope)} ({entry.approver}, {entry.ticket})"
    return f"{scope.place}: the attestation of {_scope(scope)} ({entry.who}, {entry.reference})"


def _scope(scope: Scope) -> str:
    return f"{scope.requirement} on {_few(scope.hosts)}"


def _few(words: tuple[str, ...]) -> str:
    more = f" and {len(words) - _HOSTS} more" if len(words) > _HOSTS else ""
    return ", ".join(words[:_HOSTS]) + more


def _note(use: Use) -> str:
    counts = use.counts
    match use.outcome:
        case Outcome.EXPIRED:
            end = use.entry.expires if isinstance(use.entry, Waiver) else use.entry.until
            return f"expired on {end} and does not count{_still_open(use)}"
        case Outcome.CONTRADICTED:
            hosts = tuple(dict.fromkeys(finding.host for finding in use.contradicting))
            return f"is contradicted: measured as not met on {_few(hosts)}; the measurement counts"
        case Outcome.NOT_NEEDED if not counts:
            return "is no longer needed: nothing it speaks of is planned"
        case Outcome.NOT_NEEDED:
            settled = ", ".join(f"{counts[item]} {item.value}" for item in Verdict if counts[item])
            return f"is no longer needed: {settled}"
        case Outcome.NOT_APPLIED if not counts[Verdict.NOT_VERIFIED]:
            return "was not applied: an entry before it counts"
        case Outcome.NOT_APPLIED:
            return f"was not applied: {_why_not(use)}"
    return ""


def _still_open(use: Use) -> str:
    wanted = Verdict.NOT_MET if isinstance(use.entry, Waiver) else Verdict.NOT_VERIFIED
    number = use.counts[wanted]
    return f"; {number} of its checks {'is' if number == 1 else 'are'} {wanted.value}" * bool(
        number
    )


def _why_not(use: Use) -> str:
    number = use.counts[Verdict.NOT_VERIFIED]
    checks = f"{number} of its checks {'is' if number == 1 else 'are'} not verified"
    if isinstance(use.entry, Waiver):
        return f"{checks}, and a waiver accepts only what was measured as not met"
    return (
        f"{checks}, but on a host that was not reached or in a test that did not end; "
        "for that nobody can vouch"
    )
