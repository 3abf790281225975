"""results.json -> the report it was written from, without contacting any host.

What the file says of itself is not believed: decision and counts are computed again, and must agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_wfo.core.facts import PROBES, Access
from pytest_wfo.core.hosts import Site
from pytest_wfo.core.plan import NotPlanned
from pytest_wfo.core.requirements import Source
from pytest_wfo.core.verdicts import Evidence, Finding, Judgement, Verdict
from pytest_wfo.core.waivers import AcceptedFile
from pytest_wfo.report import GATES
from pytest_wfo.report.accepted_data import read_accepted
from pytest_wfo.report.drift_json import read_drift
from pytest_wfo.report.json_object import JsonObject, ShapeError
from pytest_wfo.report.model import (
    Differing,
    EditionInfo,
    HostInfo,
    RequirementInfo,
    RunInfo,
    SiteInfo,
    SiteReport,
    site_report,
)
from pytest_wfo.report.results import SCHEMA, TOOL, counts
from pytest_wfo.report.text import printable

_FAMILY = SCHEMA.rpartition("/")[0]
_ID = re.compile(r"[A-Za-z0-9._:-]+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class ResultsError(ValueError):
    """A file is not a results file that can be relied on; the text says which and why."""


def load_results(file: Path) -> SiteReport:
    """Read what ``write_results`` wrote.

    Raises:
        ResultsError: the file cannot be read, is of another kind or version, or is damaged.
    """
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise ResultsError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{file}: not a results file, or cut off: it is not JSON") from None
    try:
        return report_of(data)
    except ResultsError as error:
        raise ResultsError(printable(f"{file}: {error}")) from None


def load_baseline(file: Path, site: SiteInfo | Site) -> SiteReport:
    """Read the results of an earlier run about ``site``.

    Raises:
        ResultsError: as ``load_results``, or they are of another site.
    """
    report = load_results(file)
    if report.site.name != site.name:
        raise ResultsError(
            f"{file}: these are results of the site {report.site.name!r}, and {site.source} "
            f"describes {site.name!r}"
        )
    return report


def report_of(data: Any) -> SiteReport:
    """The report of the JSON data of a results file.

    Raises:
        ResultsError: as ``load_results``, without the file's name.
    """
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, str) or not schema.startswith(f"{_FAMILY}/"):
        raise ResultsError("not a results file of pytest-wfo")
    if schema != SCHEMA:
        raise ResultsError(f"results of the version {schema[:60]!r}; this program reads {SCHEMA}")
    try:
        return _report(JsonObject(data))
    except ShapeError as error:
        raise ResultsError(
            f"a damaged results file ({error}); fetch it again where the run left it"
        ) from None


def _report(data: JsonObject) -> SiteReport:
    edition = _edition(data)
    hosts = data.objects("hosts")
    site = _site(data.object("site"), hosts)
    results = data.objects("results")
    findings = [_finding(item, edition, site) for item in results]
    keys = [(finding.requirement, finding.host) for finding in findings]
    drift = data.value("drift", None)
    report = site_report(
        site,
        edition,
        findings,
        [
            NotPlanned(item.text("requirement"), item.text("host", ""), item.text("reason"))
            for item in data.object("plan").objects("not_planned")
        ],
        {
            item.text("name"): _access(item.object("access"))
            for item in hosts
            if item.value("access") is not None
        },
        [_run(item, site) for item in data.objects("runs", [data.value("run")])],
        unselected={
            key for key, item in zip(keys, results, strict=True) if not item.flag("selected", True)
        },
        differing=[_differing(item) for item in data.objects("differing", [])],
    )
    _agree(data, report, keys)
    return replace(report, drift=read_drift(data.object("drift")) if drift is not None else None)


def _agree(data: JsonObject, report: SiteReport, keys: list[tuple[str, str]]) -> None:
    """Compare what the file says of itself with what follows from its findings.

    Raises:
        ShapeError: they disagree.
    """
    if not report.runs:
        raise ShapeError("runs: none is named")
    if len(set(keys)) != len(keys):
        raise ShapeError("results: a check stands there twice")
    plan = data.object("plan")
    for said, follows, name in (
        (plan.count("cells"), report.planned, "plan.cells"),
        (plan.count("selected"), report.selected, "plan.selected"),
        (data.text("decision"), report.gate.decision.value, "decision"),
        (data.value("counts"), counts(report), "counts"),
    ):
        if said != follows:
            raise ShapeError(
                f"{name}: the file says {said}, and {follows} follows from its results"
            )


def _edition(data: JsonObject) -> EditionInfo:
    item = data.object("edition")
    requirements = tuple(map(_requirement, data.objects("requirements")))
    edition = EditionInfo(
        id=item.text("id"),
        title=item.text("title"),
        sha256=item.text("sha256"),
        requirements=requirements,
        ambiguities=item.texts("ambiguities"),
    )
    if len(edition.by_id) != len(requirements):
        raise ShapeError("requirements: an id stands there twice")
    return edition


def _requirement(item: JsonObject) -> RequirementInfo:
    return RequirementInfo(
        id=_id(item, "id"),
        title=item.text("title"),
        source=Source(item.text("section"), item.text("words"), item.flag("ours")),
        reading=item.text("reading"),
        advisory=item.flag("advisory"),
    )


def _site(item: JsonObject, hosts: list[JsonObject]) -> SiteInfo:
    inventory = item.object("inventory")
    by_name = {
        _id(host, "name"): HostInfo(host.text("name"), host.texts("roles"), host.texts("addresses"))
        for host in hosts
    }
    if len(by_name) != len(hosts):
        raise ShapeError("hosts: a name stands there twice")
    return SiteInfo(
        name=item.text("name"),
        ticket=item.text("ticket"),
        features=item.texts("features"),
        source=inventory.text("file"),
        sha256=inventory.text("sha256"),
        hosts=by_name,
        timezone=item.text("timezone", ""),
    )


def _access(item: JsonObject) -> Access:
    access = Access(
        reason=item.text("reason"),
        message=item.text("message"),
        remedy=item.text("remedy", ""),
        endpoint=item.text("endpoint"),
        at=item.text("at"),
        seconds=item.number("seconds"),
        host_key=item.text("host_key"),
    )
    if access.reached is not item.flag("reached"):
        raise ShapeError(f"{item.place}: reached and reason disagree")
    return access


def _run(item: JsonObject, site: SiteInfo) -> RunInfo:
    for name in ("started", "finished"):
        if not _is_moment(item.text(name)):
            raise ShapeError(f"{item.place}.{name}: not a moment such as 2026-11-23T10:00:00Z")
    same: Mapping[str, str] = {"file": site.source, "sha256": site.sha256}
    inventory = item.object("inventory", same)
    return RunInfo(
        started=item.text("started"),
        finished=item.text("finished"),
        user=item.text("user"),
        controller=item.text("controller"),
        tool_version=item.text("tool").removeprefix(TOOL),
        probe=item.one_of("probe", PROBES),
        facts=item.text("facts"),
        notes=item.texts("notes"),
        inventory=inventory.text("file"),
        inventory_sha256=inventory.text("sha256"),
        selected=item.count("selected", 0),
        measured=item.count("measured", 0),
        gate=item.one_of("gate", GATES, GATES[0]),
        accepted=tuple(
            AcceptedFile(each.text("file"), each.text("sha256"))
            for each in item.objects("accepted", [])
        ),
    )


def _id(item: JsonObject, key: str) -> str:
    """The id of a requirement or the name of a host."""
    text = item.text(key)
    if not _ID.fullmatch(text):
        raise ShapeError(f"{item.place}.{key}: other characters than letters, digits and ._:-")
    return text


def _is_moment(text: str) -> bool:
    try:
        return bool(_MOMENT.fullmatch(text) and datetime.fromisoformat(text[:-1]))
    except ValueError:
        return False


def _finding(item: JsonObject, edition: EditionInfo, site: SiteInfo) -> Finding:
    name, host, advisory = item.text("requirement"), item.text("host"), item.flag("advisory")
    requirement = edition.by_id.get(name)
    if requirement is None or host not in site.hosts:
        raise ShapeError(f"{item.place}: speaks of a requirement or host that is not listed")
    if advisory is not requirement.advisory:
        raise ShapeError(f"{item.place}.advisory: differs from its requirement's")
    verdict = _verdict(item)
    waiver, attestation = read_accepted(item, verdict)
    return Finding(
        requirement=name,
        host=host,
        judgement=Judgement(
            verdict=verdict,
            summary=item.text("summary"),
            evidence=tuple(
                Evidence(each.text("statement"), each.text("source"), each.text("excerpt"))
                for each in item.objects("evidence")
            ),
            remedy=item.text("remedy"),
        ),
        advisory=advisory,
        depends_on_access=item.flag("depends_on_access"),
        collected_at=item.text("collected_at"),
        measured=item.flag("measured", True),
        waiver=waiver,
        attestation=attestation,
    )


def _differing(item: JsonObject) -> Differing:
    seen = tuple((_verdict(each), each.text("at")) for each in item.objects("seen"))
    return Differing(item.text("requirement"), item.text("host"), seen)


def _verdict(item: JsonObject) -> Verdict:
    try:
        return Verdict(item.text("verdict"))
    except ValueError:
        raise ShapeError(f"{item.place}.verdict: not a verdict") from None
