"""The firewall change request of the whole site, as Markdown and CSV: what to permit, where and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields

from pytest_wfo.core.checks.firewall import question_of
from pytest_wfo.core.facts import Known, Reach
from pytest_wfo.core.fixes import POLICY_CLAIMS
from pytest_wfo.core.fixes.changes import written
from pytest_wfo.core.plan import Cell, targets_of_cell
from pytest_wfo.core.policy import Flow
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts, is_ipv4
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.fixes.quoting import spreadsheet_cell, table_cell
from pytest_wfo.report.model import SiteReport

_DIRECTIONS = {
    Claim.PERMITS_IN: "in",
    Claim.PERMITS_OUT: "out",
    Claim.FORWARDS_IN: "through, from the cloud",
    Claim.FORWARDS_OUT: "through, to the cloud",
}
_EDGE = (Claim.FORWARDS_IN, Claim.FORWARDS_OUT)
_CONNECTIONS = (Claim.CONNECTS, Claim.CONNECTS_IN)
_STOPPED = (Reach.FILTERED, Reach.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the request; the fields are the columns, all as text."""

    request: str  # "permit", or "confirm or permit" where it could not be seen
    host: str  # whose firewall; for a connection, the way to look along
    source: str
    destination: str
    port: str
    protocol: str
    direction: str
    why: str
    section: str
    requirement: str


def requests(
    cells: Iterable[Cell], findings: Iterable[Finding], site_facts: SiteFacts
) -> tuple[Request, ...]:
    """What is to be permitted: firewalls first, then connections, each in the plan's order.

    Each not-met firewall cell; each connection that something on its way stops; and as "confirm or
    permit" the edge firewalls of which it could not be seen.
    """
    found = {(finding.requirement, finding.host): finding for finding in findings}
    asked: list[Flow] = []
    made: list[Request] = []
    for cell in sorted(cells, key=lambda cell: cell.requirement.claim not in POLICY_CLAIMS):
        finding = found[cell.key]
        if cell.requirement.claim in POLICY_CLAIMS:
            question = _question(cell, finding, site_facts)
            if question is not None:
                asked.append(question)
                made.append(_policy(cell, finding, question))
        elif finding.verdict is Verdict.NOT_MET and cell.requirement.claim in _CONNECTIONS:
            made += _stopped(cell, finding, site_facts, asked)
    return tuple(made)


def as_csv(requests: Iterable[Request]) -> str:
    """RFC 4180, with a heading; no cell is taken for a formula."""
    out = io.StringIO()
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    table.writerow(field.name for field in fields(Request))
    for request in requests:
        table.writerow(map(spreadsheet_cell, astuple(request)))
    return out.getvalue()


def as_markdown(requests: Iterable[Request], report: SiteReport) -> str:
    """The same as a table, under what identifies site and run."""
    names = [field.name for field in fields(Request)]
    return "\n".join(
        (
            "# Firewall change request: inContact WFO environmental requirements",
            "",
            f"Site {table_cell(report.site.name)}, ticket {table_cell(report.site.ticket)}, run "
            f"{table_cell(report.run.started)} (UTC), pytest-wfo {table_cell(report.run.tool_version)}. "
            "New TCP connections from source to destination, and their answers. Review before use.",
            "",
            "| " + " | ".join(names) + " |",
            "|" + " --- |" * len(names),
            *("| " + " | ".join(map(table_cell, astuple(each))) + " |" for each in requests),
            "",
        )
    )


def _question(cell: Cell, finding: Finding, site_facts: SiteFacts) -> Flow | None:
    """What to permit, where it is not permitted, or for an edge not known to be."""
    unseen = finding.verdict is Verdict.NOT_VERIFIED and cell.requirement.claim in _EDGE
    if finding.verdict is not Verdict.NOT_MET and not unseen:
        return None
    question = question_of(cell, site_facts)
    return question if isinstance(question, Flow) else None


def _stopped(
    cell: Cell, finding: Finding, site_facts: SiteFacts, asked: Iterable[Flow]
) -> Iterator[Request]:
    """Connections that something drops, unless a firewall of the site is asked to permit them."""
    near = next(filter(is_ipv4, cell.host.addresses), cell.host.addresses[0])
    for target in targets_of_cell(cell, site_facts.site, site_facts.resolved):
        probe = site_facts.probe(cell.host, target)
        explained = any(
            near in flow.sources
            and target.address in flow.destinations
            and flow.port == target.port
            for flow in asked
        )
        if explained or not isinstance(probe, Known) or probe.value.reach not in _STOPPED:
            continue
        where = f"on the way from {cell.host.name} to {target.peer or 'the cloud'}"
        yield _request("permit", where, near, target.address, "along the way", cell, finding)


def _policy(cell: Cell, finding: Finding, question: Flow) -> Request:
    asked = "permit" if finding.verdict is Verdict.NOT_MET else "confirm or permit"
    source, destination = (
        ", ".join(written(addresses)) for addresses in (question.sources, question.destinations)
    )
    way = _DIRECTIONS[cell.requirement.claim]
    return _request(asked, cell.host.name, source, destination, way, cell, finding)


def _request(
    asked: str, host: str, source: str, destination: str, way: str, cell: Cell, finding: Finding
) -> Request:
    requirement = cell.requirement
    why = f"{requirement.title}: {finding.judgement.summary}"
    return Request(
        request=asked,
        host=host,
        source=source,
        destination=destination,
        port=str(requirement.port),
        protocol="TCP",
        direction=way,
        why=why,
        section=f"{requirement.source.section}: {requirement.source.words}",
        requirement=requirement.id,
    )
