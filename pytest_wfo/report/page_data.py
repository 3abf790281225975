"""The matrix as data inside the page: every distinct text, piece of evidence and answer once."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.accepted import told_of
from pytest_wfo.report.model import HostInfo, SiteReport
from pytest_wfo.report.page_groups import Groups
from pytest_wfo.report.page_words import template, template_lines
from pytest_wfo.report.text import printable

LETTERS = {
    Verdict.MET: "M",
    Verdict.NOT_MET: "F",
    Verdict.NOT_VERIFIED: "U",
    Verdict.NOT_APPLICABLE: "N",
    Verdict.WAIVED: "W",
    Verdict.ATTESTED: "A",
}
"""A letter for each verdict; small letters are advisory remarks."""

NOT_PLANNED = -1


@dataclass(frozen=True, slots=True)
class Embedded:
    """``text`` is base64 of gzip of JSON; ``sha256`` is of the JSON's bytes."""

    text: str
    sha256: str


def embed(report: SiteReport, groups: Groups) -> Embedded:
    """The data of a report's matrix, as ``page.js`` reads it.

    The host's own name and address in its texts are replaced by placeholders, so that equal hosts
    share their texts and the file stays small.
    """
    raw = json.dumps(data(report, groups), separators=(",", ":"), ensure_ascii=False).encode()
    packed = gzip.compress(raw, 9, mtime=0)
    return Embedded(base64.b64encode(packed).decode("ascii"), hashlib.sha256(raw).hexdigest())


def data(report: SiteReport, groups: Groups) -> dict[str, Any]:
    """The same as JSON-ready data, with lists in place of objects, whose names would be repeated.

    ``columns`` has a list for each requirement with an item for each host: NOT_PLANNED, or an answer
    ``[letter, summary, remedy, evidence]`` where it occurs first, and its number from then on.
    Texts and evidence (``[statement, source, excerpt]``) are numbered in the same way. ``accepted``
    says of cells ``[host, requirement, sentence]`` who accepts them, or vouched in vain.
    """
    requirements = report.edition.requirements
    names = list(dict.fromkeys(name for members in groups.values() for name in members))
    row = {name: index for index, name in enumerate(sorted(names, key=_order(report)))}
    group = {name: index for index, members in enumerate(groups.values()) for name in members}
    column = {requirement.id: index for index, requirement in enumerate(requirements)}
    found: dict[tuple[int, int], Finding] = {
        (column[finding.requirement], row[finding.host]): finding for finding in report.findings
    }
    hosts = [report.site.hosts.get(name) for name in row]
    written = _Written()
    at: dict[int, str] = {}
    exceptions: list[tuple[int, int, str]] = []
    sentences: dict[str, int] = {}
    accepted: list[tuple[int, int, int]] = []
    columns: list[list[Any]] = [[NOT_PLANNED] * len(row) for _ in requirements]
    for place in sorted(found):
        finding, (requirement, host) = found[place], place
        columns[requirement][host] = written.answer(finding, hosts[host])
        if at.setdefault(host, finding.collected_at) != finding.collected_at:
            exceptions.append((host, requirement, printable(finding.collected_at)))
        if told := printable(told_of(finding)):
            accepted.append((host, requirement, sentences.setdefault(told, len(sentences))))
    return {
        "verdicts": {letter: verdict.value for verdict, letter in LETTERS.items()},
        "requirements": [
            [
                printable(text)
                for text in (
                    item.id, item.title, item.source.section, item.source.words, item.reading,
                    "ours" if item.source.ours else "",
                )
            ]
            for item in requirements
        ],
        "hosts": [
            _host(host, name, at.get(index, ""), group[name])
            for index, (name, host) in enumerate(zip(row, hosts, strict=True))
        ],
        "columns": columns,
        "collected": exceptions,
        "accepted": {"sentences": list(sentences), "cells": accepted},
    }  # fmt: skip


def _order(report: SiteReport) -> Any:
    place = {name: index for index, name in enumerate(report.site.hosts)}
    return lambda name: place.get(name, len(place))


def _host(host: HostInfo | None, name: str, at: str, group: int) -> list[Any]:
    roles, addresses = (
        [printable(item) for item in items]
        for items in ((host.roles, host.addresses) if host else ((), ()))
    )
    return [printable(name), roles, addresses, printable(at), group]


class _Written:
    """What was written already, numbered in the order of writing."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}
        self._evidence: dict[tuple[str, str, str], int] = {}
        self._answers: dict[Any, int] = {}

    def answer(self, finding: Finding, host: HostInfo | None) -> Any:
        judgement = finding.judgement
        letter = LETTERS[judgement.verdict]
        letter = letter.lower() if finding.advisory and letter in "FU" else letter
        summary, remedy = template(judgement.summary, host), template(judgement.remedy, host)
        evidence = tuple(
            (
                template(item.statement, host),
                template(item.source, host),
                template_lines(item.excerpt, host),
            )
            for item in judgement.evidence
        )
        key = (letter, summary, remedy, evidence)
        if key in self._answers:
            return self._answers[key]
        self._answers[key] = len(self._answers)
        head = [letter, self._text(summary), self._text(remedy)]
        return [*head, [self._piece(item) for item in evidence]]

    def _piece(self, item: tuple[str, str, str]) -> Any:
        if item in self._evidence:
            return self._evidence[item]
        self._evidence[item] = len(self._evidence)
        return [self._text(text) for text in item]

    def _text(self, text: str) -> str | int:
        if text in self._texts:
            return self._texts[text]
        self._texts[text] = len(self._texts)
        return text
