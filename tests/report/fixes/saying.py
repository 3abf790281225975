"""Reports in which everything that comes from customers and hosts says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.reports import renamed

if TYPE_CHECKING:
    from pytest_wfo.core.verdicts import Finding
    from pytest_wfo.report.model import SiteReport


def saying(report: SiteReport, words: str) -> SiteReport:
    """The same report with ``words`` as site, ticket, summaries and remedies."""

    def said(finding: Finding) -> Finding:
        judgement = replace(finding.judgement, summary=words, remedy=words)
        return replace(finding, judgement=judgement)

    runs = tuple(replace(run, facts=words) for run in report.runs)
    return replace(renamed(report, words), runs=runs, findings=tuple(map(said, report.findings)))
