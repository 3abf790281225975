"""README.md of the pack: what the scripts do, what is to be done by hand, what to verify again first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_wfo.core.fixes import by_host
from pytest_wfo.core.fixes.changes import Fix
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.summary import code

_MOST = 2000  # characters of a remedy


def checklist(report: SiteReport, fixes: Iterable[Fix], scripts: Mapping[str, str]) -> str:
    """Each not-met cell once, by host, and the cells that were not verified.

    ``scripts`` are the scripts' file names by host.
    """
    grouped = by_host(fixes)
    unsure: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.verdict is Verdict.NOT_VERIFIED:
            unsure.setdefault(finding.host, []).append(finding)
    lines = list(_head(report))
    for host in report.site.hosts:
        if host in grouped or host in unsure:
            lines += ["", f"## {code(host)}"]
            lines += _host(grouped.get(host, ()), scripts.get(host, ""))
            lines += _unsure(unsure.get(host, ()))
    return "\n".join(lines) + "\n"


def _head(report: SiteReport) -> Iterator[str]:
    yield "# What would fix the findings"
    yield ""
    yield f"- Site: {code(report.site.name)}, ticket {code(report.site.ticket)}"
    yield f"- Run: {code(report.run.started)} (UTC), pytest-wfo {code(report.run.tool_version)}"
    yield ""
    yield (
        "Nothing here was executed. Read each script before you use it: without options it shows what "
        "it would do. Then verify the site again. For other firewalls, see change-request.md and "
        "change-request.csv."
    )


def _host(fixes: Iterable[Fix], script: str) -> Iterator[str]:
    automatic = [fix for fix in fixes if fix.automatic]
    manual = [fix for fix in fixes if not fix.automatic]
    if automatic:
        yield from ("", f"By {code(script)}:", "")
        yield from (f"- [ ] {_asked(fix)}" for fix in automatic)
    if manual:
        yield from ("", "By hand:", "")
    for fix in manual:
        yield f"- [ ] {_asked(fix)}"
        yield f"  - seen: {code(fix.finding.judgement.summary, _MOST)}"
        yield f"  - what to do: {code(fix.by_hand, _MOST)}"


def _asked(fix: Fix) -> str:
    advisory = " (advisory)" if fix.finding.advisory else ""
    return f"`{fix.cell.requirement.id}` {code(fix.cell.requirement.title)}{advisory}"


def _unsure(findings: Iterable[Finding]) -> Iterator[str]:
    """One entry for all cells with the same remedy: a host that is down has dozens."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.judgement.remedy or finding.judgement.summary, []).append(
            finding
        )
    if grouped:
        yield from ("", "Verify again first (not verified, so nothing to fix yet):", "")
    for remedy, group in grouped.items():
        yield f"- [ ] {', '.join(f'`{finding.requirement}`' for finding in group)}"
        yield f"  - what to do: {code(remedy, _MOST)}"
