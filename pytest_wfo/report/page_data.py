"""The matrix as data inside the page: every distinct text, piece of evidence and answer once."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.hosts import Host
from pytest_wfo.core.verdicts import Evidence, Finding, Verdict
from pytest_wfo.report.model import SiteReport
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
    """The same as JSON-ready data. Lists are used in place of objects: names would be repeated."""
    requirements = report.edition.requirements
    column = {requirement.id: index for index, requirement in enumerate(requirements)}
    names = list(dict.fromkeys(name for members in groups.values() for name in members))
    row = {name: index for index, name in enumerate(sorted(names, key=_order(report)))}
    group = {name: index for index, members in enumerate(groups.values()) for name in members}
    interned = _Interned()
    cells = [[NOT_PLANNED] * len(requirements) for _ in row]
    at: dict[str, str] = {}
    exceptions: list[tuple[int, int, str]] = []
    for finding in report.findings:
        place = row[finding.host], column[finding.requirement]
        cells[place[0]][place[1]] = interned.answer(finding, report.site.hosts.get(finding.host))
        if at.setdefault(finding.host, finding.collected_at) != finding.collected_at:
            exceptions.append((*place, printable(finding.collected_at)))
    return {
        "verdicts": {letter: verdict.value for verdict, letter in LETTERS.items()},
        "requirements": [
            [
                printable(text)
                for text in (
                    item.id, item.title, item.source.section, item.source.words, item.reading,
                    "ours" if item.source.ours else "", "advisory" if item.advisory else "",
                )
            ]
            for item in requirements
        ],
        "hosts": [
            _host(report.site.hosts.get(name), name, at.get(name, ""), group[name]) for name in row
        ],
        "cells": cells,
        "collected": exceptions,
        "answers": list(interned.answers),
        "evidence": list(interned.evidence),
        "texts": list(interned.texts),
    }  # fmt: skip


def _order(report: SiteReport) -> Any:
    place = {name: index for index, name in enumerate(report.site.hosts)}
    return lambda name: place.get(name, len(place))


def _host(host: Host | None, name: str, at: str, group: int) -> list[Any]:
    roles = sorted(role.value for role in host.roles) if host else []
    addresses = list(host.addresses) if host else []
    return [printable(name), roles, [printable(item) for item in addresses], printable(at), group]


class _Interned:
    """Texts, evidence and answers numbered in the order of their first use."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.evidence: dict[tuple[int, int, int], int] = {}
        self.answers: dict[tuple[str, int, int, tuple[int, ...]], int] = {}

    def answer(self, finding: Finding, host: Host | None) -> int:
        judgement = finding.judgement
        letter = LETTERS[judgement.verdict]
        remark = finding.advisory and letter in "FU"
        key = (
            letter.lower() if remark else letter,
            self._text(template(judgement.summary, host)),
            self._text(template(judgement.remedy, host)),
            tuple(self._evidence(item, host) for item in judgement.evidence),
        )
        return self.answers.setdefault(key, len(self.answers))

    def _evidence(self, item: Evidence, host: Host | None) -> int:
        key = (
            self._text(template(item.statement, host)),
            self._text(template(item.source, host)),
            self._text(template_lines(item.excerpt, host)),
        )
        return self.evidence.setdefault(key, len(self.evidence))

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))
