"""What every script says of itself and of each step, as comment lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_wfo.core.fixes.changes import Fix
from pytest_wfo.report.fixes.quoting import comment
from pytest_wfo.report.model import SiteReport


def heading(report: SiteReport, host: str) -> Iterator[str]:
    """What the script is, for which host, and from which run."""
    run = report.run
    yield "# REVIEW BEFORE USE. What would fix findings of WFO environmental requirements on one host."
    yield "#"
    for name, value in (
        ("host", host),
        ("site", report.site.name),
        ("ticket", report.site.ticket),
        ("run", f"{run.started} (UTC); facts {run.facts}"),
        ("made by", f"pytest-wfo {run.tool_version}; edition {report.edition.id}"),
    ):
        yield f"#   {name}: {comment(value)}"


def reasons(fix: Fix) -> Iterator[str]:
    """Why a step is there: the requirement, the vendor's section, and what was seen."""
    requirement, finding = fix.cell.requirement, fix.finding
    source = requirement.source
    whose = "ours" if source.ours else "the vendor's document"
    yield f"# {comment(requirement.id)}: {comment(requirement.title)}"
    yield f"#   source: {whose}, {comment(source.section)}: {comment(source.words)}"
    yield f"#   seen: {comment(finding.judgement.summary)}"


def filled(template: str, heading: Iterable[str], steps: Iterable[str]) -> str:
    """A script's template with both marks replaced; what is put in is not looked at again."""
    before, _, rest = template.partition("# <HEADING>\n")
    middle, _, after = rest.partition("# <STEPS>\n")
    inside = ("\n".join(lines) + "\n" for lines in (heading, steps))
    return "".join((before, next(inside), middle, next(inside), after))
