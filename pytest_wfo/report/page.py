"""report.html, the site report for the deployment ticket: one file that needs nothing beside it.

What decides (verdict, what blocks, what was not verified, advice, scope) is static HTML and can be
read without scripts and without styles. The matrix of all cells is data that ``page.js`` unpacks.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pytest_wfo.core.gate import Decision
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.accepted import contradicts
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.moments import site_time
from pytest_wfo.report.page_data import LETTERS, embed
from pytest_wfo.report.page_groups import (
    acceptances,
    by_requirement,
    changes,
    disagreements,
    groups_of_hosts,
    roles_of,
)
from pytest_wfo.report.page_words import fold_names
from pytest_wfo.report.results import write_whole
from pytest_wfo.report.text import printable
from pytest_wfo.report.tried import not_contacted, tried

_TONES = {Decision.GO: "go", Decision.NO_GO: "no", Decision.INCOMPLETE: "part"}


def write_page(report: SiteReport, file: Path) -> None:
    """Write the page, and beside it its SHA-256 as ``sha256sum --check`` reads it."""
    write_whole(file, page(report))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    write_whole(checksum_file(file), f"{digest}  {file.name}\n")


def checksum_file(file: Path) -> Path:
    """Where the SHA-256 of a page is written."""
    return file.with_name(f"{file.name}.sha256")


def page(report: SiteReport) -> str:
    """The whole page. Everything but its own style and script is escaped."""
    script, style = _own("page.js"), _own("page.css")
    groups = groups_of_hosts(report)
    return _template().render(
        report=report,
        script=Markup(script),  # noqa: S704 - files of this package
        style=Markup(style),  # noqa: S704
        script_hash=_csp_hash(script),
        style_hash=_csp_hash(style),
        embedded=embed(report, groups),
        roles=roles_of(groups),
        letters=LETTERS,
        not_verified=Verdict.NOT_VERIFIED,
        local=site_time(report.run.started, report.run.finished, report.site.timezone),
        tried=tried(report.runs),
        not_contacted=not_contacted(report.runs),
        tone=_TONES[report.gate.decision],
        disagreements=disagreements(report),
        changes=changes(report),
        came_and_went=_came_and_went(report),
        **_told(report),
        **_scope(report),
    )


def _told(report: SiteReport) -> dict[str, Any]:
    """The findings the static part tells, each in one place only."""
    unreached = {name for name, _ in report.unreached}
    advisories = set(map(id, report.gate.advisories))
    blocking = set(map(id, report.gate.blockers))
    blockers, unselected, hidden = [], [], Counter[str]()
    for finding in report.findings:
        if id(finding) in advisories:
            continue
        if finding.verdict is Verdict.NOT_VERIFIED and (
            finding.depends_on_access
            or (finding.requirement == "host.access" and finding.host in unreached)
        ):
            hidden[finding.host] += 1  # told once, with the host
        elif id(finding) in blocking:
            blockers.append(finding)
        elif finding.verdict in (Verdict.NOT_MET, Verdict.NOT_VERIFIED):
            unselected.append(finding)
    return {
        "blocked_cells": len(report.gate.blockers),
        "blockers": by_requirement(report, blockers),
        "unselected": by_requirement(report, unselected),
        "waived": acceptances(report, Verdict.WAIVED),
        "attested": acceptances(report, Verdict.ATTESTED),
        "advisories": by_requirement(report, report.gate.advisories),
        "hidden": hidden,
        "unlisted": [name for name in hidden if name not in unreached],
        "lost_hosts": _lost_hosts(report),
    }


def _lost_hosts(report: SiteReport) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """(reason, remedy, folded names, [(name, message)]) of the hosts that were not examined."""
    grouped: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, access in report.unreached:
        grouped.setdefault((access.reason, access.remedy), []).append((name, access.message))
    return [
        (reason, remedy, fold_names(name for name, _ in hosts), hosts)
        for (reason, remedy), hosts in grouped.items()
    ]


def _scope(report: SiteReport) -> dict[str, Any]:
    """What was asked of how many hosts, what was left out and why, and how the document is read."""
    tally: dict[str, Counter[str]] = {}
    advisories = set(map(id, report.gate.advisories))
    for finding in report.findings:
        name = "advisory" if id(finding) in advisories else finding.verdict.value
        tally.setdefault(finding.requirement, Counter())[name] += 1
    return {
        "tally": tally,
        "verdicts": _shown_verdicts(report),
        "readings": _grouped(
            (item.reading, item.id) for item in report.edition.requirements if item.reading
        ),
        "left_out": _grouped(
            (item.reason, item.requirement + (f" on {item.host}" if item.host else ""))
            for item in report.not_planned
        ),
    }


def _came_and_went(report: SiteReport) -> list[tuple[str, list[str]]]:
    """Hosts, requirements and checks that only this run or only the baseline has."""
    drift = report.drift
    if drift is None:
        return []
    asked, no_longer = (
        [f"{requirement} on {host}" for requirement, host in cells]
        for cells in (drift.asked, drift.no_longer_asked)
    )
    told = (
        ("Hosts added", [fold_names(drift.hosts_added)] if drift.hosts_added else []),
        ("Hosts gone", [fold_names(drift.hosts_gone)] if drift.hosts_gone else []),
        ("Requirements asked for the first time", list(drift.requirements_added)),
        ("Requirements no longer asked", list(drift.requirements_gone)),
        ("Checks asked for the first time", asked),
        ("Checks no longer asked", no_longer),
    )
    return [(words, names) for words, names in told if names]


def _shown_verdicts(report: SiteReport) -> list[Verdict]:
    """The verdicts worth a tile: waivers and attestations only where there are any."""
    rare = (Verdict.WAIVED, Verdict.ATTESTED)
    return [item for item in Verdict if item not in rare or report.gate.counts.get(item)]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for text, name in pairs:
        grouped.setdefault(text, []).append(name)
    return grouped


@cache
def _own(name: str) -> str:
    return resources.files("pytest_wfo.report").joinpath(name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pytest_wfo.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters["contradicts"] = contradicts
    environment.filters["lines"] = lambda text: text.split("\n")
    return environment.get_template("page.html.jinja2")
