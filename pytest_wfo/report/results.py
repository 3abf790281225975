"""results.json: the run as data, with a versioned schema (``results.schema.json`` beside this file)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.accepted_data import accepted_data
from pytest_wfo.report.drift_json import drift_data
from pytest_wfo.report.model import RunInfo, SiteReport

SCHEMA = "pytest-wfo/results/1"
TOOL = "pytest-wfo "


def results(report: SiteReport) -> dict[str, Any]:
    """The whole report as JSON-ready data; the schema says what each field means."""
    return {**_all_but_results(report), "results": list(_results(report))}


def _all_but_results(report: SiteReport) -> dict[str, Any]:
    site, edition = report.site, report.edition
    return {
        "schema": SCHEMA,
        "decision": report.gate.decision.value,
        "run": {**_run(report.run), "notes": list(report.notes)},
        "runs": [
            {
                **_run(each),
                "notes": list(each.notes),
                "inventory": {"file": each.inventory, "sha256": each.inventory_sha256},
                "selected": each.selected,
                "measured": each.measured,
            }
            for each in report.runs
        ],
        "site": {
            "name": site.name,
            "ticket": site.ticket,
            "features": list(site.features),
            "timezone": site.timezone,
            "inventory": {"file": site.source, "sha256": site.sha256},
        },
        "edition": {
            "id": edition.id,
            "title": edition.title,
            "sha256": edition.sha256,
            "ambiguities": list(edition.ambiguities),
        },
        "plan": {
            "cells": report.planned,
            "selected": report.selected,
            "not_planned": [
                {"requirement": item.requirement, "host": item.host, "reason": item.reason}
                for item in report.not_planned
            ],
        },
        "counts": counts(report),
        "differing": [
            {
                "requirement": item.requirement,
                "host": item.host,
                "seen": [{"verdict": verdict.value, "at": at} for verdict, at in item.seen],
            }
            for item in report.differing
        ],
        "drift": drift_data(report.drift) if report.drift else None,
        "requirements": [
            {
                "id": requirement.id,
                "title": requirement.title,
                "section": requirement.source.section,
                "words": requirement.source.words,
                "ours": requirement.source.ours,
                "reading": requirement.reading,
                "advisory": requirement.advisory,
            }
            for requirement in edition.requirements
        ],
        "hosts": [
            {
                "name": host.name,
                "roles": list(host.roles),
                "addresses": list(host.addresses),
                "access": _access(report, host.name),
            }
            for host in site.hosts.values()
        ],
    }


def _results(report: SiteReport) -> Iterator[dict[str, Any]]:
    for finding in report.findings:
        selected = (finding.requirement, finding.host) not in report.unselected
        yield {**_result(finding), "selected": selected}


def counts(report: SiteReport) -> dict[str, int]:
    """How many cells have each verdict; advisory remarks are counted apart."""
    found = report.gate.counts
    return {
        **{verdict.value: found.get(verdict, 0) for verdict in Verdict},
        "advisory": len(report.gate.advisories),
    }


def write_results(report: SiteReport, file: Path) -> None:
    """Write results.json, whole or not at all."""
    write_whole(file, results_text(report))


def results_text(report: SiteReport) -> Iterator[str]:
    """results.json in pieces: one line for each result, the rest indented."""
    head = json.dumps(_all_but_results(report), indent=1).removesuffix("\n}")
    return chain([f'{head},\n "results": ['], lines_of(_results(report)), ["\n ]\n}\n"])


def lines_of(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The items of a JSON array, one a line. (json writes a value without line breaks in C, and
    indents in Python, five times as slowly.)"""
    for number, value in enumerate(values):
        yield f"{',' if number else ''}\n  {json.dumps(value)}"


def write_whole(file: Path, text: str | Iterable[str]) -> None:
    """Write a text file so that no reader ever sees a part of it. Raises ``OSError``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as sink:
            sink.writelines([text] if isinstance(text, str) else text)
        part.replace(file)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _run(run: RunInfo) -> dict[str, Any]:
    return {
        "started": run.started,
        "finished": run.finished,
        "user": run.user,
        "controller": run.controller,
        "tool": f"{TOOL}{run.tool_version}",
        "probe": run.probe,
        "facts": run.facts,
        "gate": run.gate,
        "accepted": [{"file": file.name, "sha256": file.sha256} for file in run.accepted],
    }


def _access(report: SiteReport, name: str) -> dict[str, Any] | None:
    access = report.access.get(name)
    if access is None:
        return None
    return {
        "reached": access.reached,
        "reason": access.reason,
        "message": access.message,
        "remedy": access.remedy,
        "endpoint": access.endpoint,
        "at": access.at,
        "seconds": round(access.seconds, 3),
        "host_key": access.host_key,
    }


def _result(finding: Finding) -> dict[str, Any]:
    judgement = finding.judgement
    return {
        "requirement": finding.requirement,
        "host": finding.host,
        "verdict": judgement.verdict.value,
        "summary": judgement.summary,
        "evidence": [
            {"statement": item.statement, "source": item.source, "excerpt": item.excerpt}
            for item in judgement.evidence
        ],
        "remedy": judgement.remedy,
        "advisory": finding.advisory,
        "depends_on_access": finding.depends_on_access,
        "collected_at": finding.collected_at,
        "measured": finding.measured,
        **accepted_data(finding),
    }
