"""Waivers and attestations in results.json: who accepts a finding or vouches for it, both ways."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.waivers import Attestation, Scope, Waiver
from pytest_wfo.report.json_object import JsonObject, ShapeError

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def accepted_data(finding: Finding) -> dict[str, Any]:
    """The keys "waiver" and "attestation" of a finding that has them."""
    found: dict[str, Any] = {}
    if (waiver := finding.waiver) is not None:
        found["waiver"] = {
            **_scope_data(waiver.scope),
            "reason": waiver.reason,
            "approver": waiver.approver,
            "ticket": waiver.ticket,
            "expires": str(waiver.expires) if waiver.expires else None,
        }
    if (attestation := finding.attestation) is not None:
        found["attestation"] = {
            **_scope_data(attestation.scope),
            "who": attestation.who,
            "when": str(attestation.when),
            "until": str(attestation.until),
            "reference": attestation.reference,
            "file": attestation.file,
            "sha256": attestation.sha256,
        }
    return found


def read_accepted(item: JsonObject, verdict: Verdict) -> tuple[Waiver | None, Attestation | None]:
    """The waiver and the attestation of a finding with this verdict.

    Raises:
        ShapeError: they are not as they must be, or nobody is named who accepts the verdict.
    """
    waiver, attestation = None, None
    if item.value("waiver", None) is not None:
        waiver = _waiver(item.object("waiver"))
    if item.value("attestation", None) is not None:
        attestation = _attestation(item.object("attestation"))
    if (waiver is not None) is not (verdict is Verdict.WAIVED):
        raise ShapeError(f"{item.place}: only what is waived has a waiver, and it needs one")
    if attestation is None and verdict is Verdict.ATTESTED:
        raise ShapeError(f"{item.place}: attested, and nobody is named who vouches for it")
    return waiver, attestation


def _waiver(item: JsonObject) -> Waiver:
    return Waiver(
        scope=_scope(item),
        reason=item.text("reason"),
        approver=item.text("approver"),
        ticket=item.text("ticket"),
        expires=None if item.value("expires") is None else _day(item, "expires"),
    )


def _attestation(item: JsonObject) -> Attestation:
    return Attestation(
        scope=_scope(item),
        who=item.text("who"),
        when=_day(item, "when"),
        until=_day(item, "until"),
        reference=item.text("reference"),
        file=item.text("file"),
        sha256=item.text("sha256"),
    )


def _scope_data(scope: Scope) -> dict[str, Any]:
    return {
        "requirement": scope.requirement,
        "hosts": list(scope.hosts),
        "place": scope.place,
    }


def _scope(item: JsonObject) -> Scope:
    return Scope(item.text("requirement"), item.texts("hosts"), place=item.text("place"))


def _day(item: JsonObject, key: str) -> date:
    text = item.text(key)
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ShapeError(f"{item.place}.{key}: not a day such as 2026-12-31")
