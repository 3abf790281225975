"""The block on top of pytest-html's page: decision, what blocks, scope of the run. Static HTML."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pytest_wfo.core.gate import Decision
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.accepted import contradicts, entry_words
from pytest_wfo.report.model import SiteReport, blockers
from pytest_wfo.report.page_groups import acceptances
from pytest_wfo.report.terminal import headline
from pytest_wfo.report.text import printable

# Rows of one table on the first screen; the rest is counted and stands in results.json.
_CAP = 50


def block(report: SiteReport) -> str:
    """HTML of the block. Everything in it is escaped; it needs no script."""
    tone = {Decision.GO: "go", Decision.NO_GO: "no", Decision.INCOMPLETE: "part"}
    counts = report.gate.counts
    return _template().render(
        report=report,
        headline=headline(report),
        tone=tone[report.gate.decision],
        counts=[(verdict.value, counts[verdict]) for verdict in Verdict if counts.get(verdict)],
        blockers=blockers(report),
        accepted=[
            (verdict.value, acceptance)
            for verdict in (Verdict.WAIVED, Verdict.ATTESTED)
            for acceptance in acceptances(report, verdict)
        ],
        cap=_CAP,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pytest_wfo.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters |= {"contradicts": contradicts, "entry_words": entry_words}
    return environment.get_template("block.html.jinja2")
