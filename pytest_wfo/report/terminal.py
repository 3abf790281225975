"""The closing section of a run, for a terminal of 80 columns, readable without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from pytest_wfo.core.gate import Decision
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.accepted import entry_words
from pytest_wfo.report.model import Blocker, SiteReport, blockers
from pytest_wfo.report.page_groups import acceptances
from pytest_wfo.report.text import printable

WIDTH = 80
_BLOCKERS = 8
_HOSTS = 4


def closing(report: SiteReport, files: Sequence[str]) -> Iterator[str]:
    """The lines: decision, counts, the first blockers with their fix, where the reports lie."""
    yield from _wrap(headline(report))
    if report.gate.go:
        counts = report.gate.counts
        by_persons = counts.get(Verdict.WAIVED, 0) + counts.get(Verdict.ATTESTED, 0)
        accepted = ", or was accepted by a named person" if by_persons else ""
        yield from _wrap(f"Every requirement that can block is met or does not apply{accepted}.")
    yield from _wrap(_counts(report))
    if report.run.gate == "strict":
        yield "The gate is strict: advisory requirements block as well."
    if report.partial:
        yield from _wrap(
            f"Only {report.selected} of {report.planned} planned cells were selected: a part is "
            "never GO."
        )
    if report.drift:
        yield from _wrap(report.drift.words)
    if len(report.runs) > 1:
        yield from _wrap(_merged(report))
    for name, access in report.unreached[:_HOSTS]:
        yield from _wrap(f"not examined: {name}: {access.reason}: {access.message}")
    if len(report.unreached) > _HOSTS:
        yield f"and {len(report.unreached) - _HOSTS} more hosts not examined"
    found = [item for item in blockers(report) if not _only_access(item, report)]
    for blocker in found[:_BLOCKERS]:
        yield from _blocker(blocker)
    if len(found) > _BLOCKERS:
        more = len(found) - _BLOCKERS
        yield f"and {more} more requirement{'s' * (more > 1)} that block{'s' * (more == 1)}"
    for verdict in (Verdict.WAIVED, Verdict.ATTESTED):
        yield from _accepted(report, verdict)
    for note in report.notes:
        yield from _wrap(f"note: {note}")
    for file in files:
        yield f"wrote {printable(file)}"


def headline(report: SiteReport) -> str:
    """The decision in words."""
    words = {
        Decision.GO: "GO",
        Decision.NO_GO: "NO-GO",
        Decision.INCOMPLETE: "INCOMPLETE: not GO",
    }
    ticket = f" ({report.site.ticket})" if report.site.ticket else ""
    return f"{words[report.gate.decision]} - {printable(report.site.name)}{printable(ticket)}"


def _counts(report: SiteReport) -> str:
    counts = report.gate.counts
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts.get(verdict)]
    text = f"{report.planned} cells planned: {', '.join(parts)}"
    if report.gate.advisories:
        remarks = len(report.gate.advisories)
        text += f"; {remarks} advisory remark{'s' if remarks > 1 else ''}"
    return text


def _merged(report: SiteReport) -> str:
    text = f"merged from {len(report.runs)} runs"
    if report.differing:
        text += f", which disagree in {len(report.differing)} cells: the worst verdict counts"
    return text


def _only_access(blocker: Blocker, report: SiteReport) -> bool:
    unreached = {name for name, _ in report.unreached}
    return blocker.requirement.id == "host.access" and set(blocker.hosts) <= unreached


def _blocker(blocker: Blocker) -> Iterator[str]:
    first = blocker.findings[0]
    hosts = ", ".join(blocker.hosts[:_HOSTS])
    if len(blocker.hosts) > _HOSTS:
        hosts += f" and {len(blocker.hosts) - _HOSTS} more"
    yield from _wrap(
        f"{first.verdict.value}: {blocker.requirement.id} on {len(blocker.hosts)} of {blocker.of}: {hosts}"
    )
    yield from _wrap(first.judgement.summary, "    ")
    if first.judgement.remedy:
        yield from _wrap(f"-> {first.judgement.remedy}", "    ")


def _accepted(report: SiteReport, verdict: Verdict) -> Iterator[str]:
    found = acceptances(report, verdict)
    for acceptance in found[:_HOSTS]:
        item = acceptance.items[0]
        by = entry_words(acceptance.entry)
        yield from _wrap(f"{verdict.value}: {acceptance.n} by {by}")
        measured = item.seen[0].first.judgement.summary
        more = f" and {acceptance.n - 1} more" if acceptance.n > 1 else ""
        yield from _wrap(
            f"{item.requirement.id} on {item.seen[0].first.host}{more}: {measured}", "    "
        )
    if len(found) > _HOSTS:
        yield f"and {verdict.value} by {len(found) - _HOSTS} more entries"


def _wrap(text: str, indent: str = "") -> list[str]:
    """Lines of printable text: whoever wrote a results file does not steer the terminal."""
    return textwrap.wrap(
        printable(text),
        WIDTH - 1,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_on_hyphens=False,
    )
