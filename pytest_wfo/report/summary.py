"""summary.md: the decision for the text of a ticket or a pipeline's step summary, of bounded size.

Whatever comes from hosts or files stands in code spans, in which Markdown knows no markup, no
links and no mentions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.accepted import contradicts, entry_words
from pytest_wfo.report.model import Blocker, RequirementInfo, SiteReport, blockers
from pytest_wfo.report.moments import site_time
from pytest_wfo.report.page_groups import Acceptance, acceptances, changes
from pytest_wfo.report.page_words import fold_names
from pytest_wfo.report.results import write_whole
from pytest_wfo.report.text import printable
from pytest_wfo.report.tried import tried

# Characters. Ticket systems take some 32,000; a step summary of GitHub 1,024 kB.
LIMIT = 30_000
_TEXT = 400
_BACKTICKS = re.compile("`+")


def write_summary(report: SiteReport, file: Path) -> None:
    """Write summary.md, whole or not at all."""
    write_whole(file, summary(report))


def summary(report: SiteReport) -> str:
    """The summary as Markdown, at most ``LIMIT`` characters; what is left out is counted."""
    lines = list(_head(report))
    room = LIMIT - sum(len(line) + 1 for line in lines) - 200
    parts = list(_parts(report))
    for number, part in enumerate(parts):
        room -= len(part) + 1
        if room < 0:
            lines += ["", f"{len(parts) - number} more entries stand in report.html."]
            break
        lines.append(part)
    return "\n".join(lines) + "\n"


def code(text: str, most: int = _TEXT) -> str:
    """``text`` as a code span of one line, cut after ``most`` characters."""
    text = printable(text)
    text = f"{text[:most]} ..." if len(text) > most else text
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return f"{fence} {text} {fence}" if text.strip() else "(nothing)"


def _head(report: SiteReport) -> Iterator[str]:
    counts, run = report.gate.counts, report.run
    yield f"# {report.gate.decision.value}: WFO environmental requirements"
    yield ""
    if report.partial:
        yield (
            f"Only {report.selected} of {report.planned} planned checks were selected. "
            "A part of the plan is never GO."
        )
        yield ""
    yield "| planned | " + " | ".join(item.value for item in Verdict) + " | advisory |"
    yield "|" + " ---: |" * (len(Verdict) + 2)
    numbers = [report.planned, *(counts.get(item, 0) for item in Verdict)]
    yield "| " + " | ".join(map(str, [*numbers, len(report.gate.advisories)])) + " |"
    yield ""
    yield f"- Site: {code(report.site.name)}, ticket {code(report.site.ticket)}"
    yield f"- Run: {code(run.started)} to {code(run.finished)} (UTC)"
    if local := site_time(run.started, run.finished, report.site.timezone):
        yield f"- Site time: {code(local)}"
    if report.drift:
        yield f"- {code(report.drift.words)}"
    if len(report.runs) > 1:
        yield f"- Merged from {len(report.runs)} runs; of different verdicts the worst counts"
    if report.differing:
        yield f"- In {len(report.differing)} checks the runs disagree; report.html says which"
    yield f"- By: {code(run.user)} from {code(run.controller)}"
    yield f"- Edition: {code(report.edition.title)}, SHA-256 {code(report.edition.sha256)}"
    yield f"- Inventory: {code(report.site.source)}, SHA-256 {code(report.site.sha256)}"
    yield f"- Tool: pytest-wfo {code(run.tool_version)}; facts: {code(run.facts)}"
    yield f"- {tried(report.runs)}"
    for file in run.accepted:
        yield f"- Accepted: {code(file.name)}, SHA-256 {code(file.sha256)}"
    if run.gate == "strict":
        yield "- The gate is strict: advisory requirements block as well"
    for note in report.notes[:20]:
        yield f"- Note: {code(note)}"
    if len(report.notes) > 20:
        yield f"- and {len(report.notes) - 20} more notes"


def _parts(report: SiteReport) -> Iterator[str]:
    """Entries from the most to the least important, each section's first with its heading."""
    unreached = {name for name, _ in report.unreached}
    found = [item for item in blockers(report) if not _told_by_access(item, unreached)]
    yield from _section("What blocks", map(_blocker, found))
    for verdict in (Verdict.WAIVED, Verdict.ATTESTED):
        entries = map(_acceptance, acceptances(report, verdict))
        yield from _section(verdict.value.capitalize(), entries)
    yield from _section(
        "Hosts not examined",
        (
            f"- {code(name)}: {code(access.reason)}: {code(access.message)}"
            for name, access in report.unreached
        ),
    )
    yield from _section(
        "Since the earlier run",
        (
            f"- {kind.value}: {_named(requirement)}: {code('; '.join(told))}"
            for kind, _, items in changes(report)
            for requirement, told in items
        ),
    )
    yield from _section(
        "Advisory remarks",
        (
            f"- {code(each.host)}: {code(each.judgement.summary)} ({code(each.requirement)})"
            for each in report.gate.advisories
        ),
    )


def _section(heading: str, entries: Iterable[str]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        yield entry if number else f"\n## {heading}\n\n{entry}"


def _told_by_access(blocker: Blocker, unreached: set[str]) -> bool:
    return blocker.requirement.id == "host.access" and set(blocker.hosts) <= unreached


def _blocker(blocker: Blocker) -> str:
    first = blocker.findings[0]
    lines = [
        f"- {_named(blocker.requirement)}: {_verdicts(blocker.findings)} on {len(blocker.findings)} "
        f"of {blocker.of} hosts: {code(fold_names(blocker.hosts))}",
        f"  - seen on {code(first.host)}: {code(first.judgement.summary)}",
    ]
    for words in dict.fromkeys(filter(None, map(contradicts, blocker.findings))):
        lines.append(f"  - attested all the same by {code(words)}")
    if first.judgement.remedy:
        lines.append(f"  - what to do: {code(first.judgement.remedy)}")
    return "\n".join(lines)


def _acceptance(acceptance: Acceptance) -> str:
    lines = [f"- {acceptance.n} by {code(entry_words(acceptance.entry))}"]
    for item in acceptance.items[:3]:
        seen = item.seen[0]
        lines.append(
            f"  - {code(item.requirement.id)} on {code(seen.hosts)}: {code(seen.first.judgement.summary)}"
        )
    if len(acceptance.items) > 3:
        lines.append(f"  - and {len(acceptance.items) - 3} more requirements")
    return "\n".join(lines)


def _named(requirement: RequirementInfo) -> str:
    return f"**{code(requirement.title)}** ({code(requirement.id)})"


def _verdicts(findings: Iterable[Finding]) -> str:
    return " / ".join(dict.fromkeys(finding.verdict.value for finding in findings))
