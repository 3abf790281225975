"""The comparison with an earlier run in results.json, both ways."""

from __future__ import annotations

from typing import Any

from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.changes import Baseline, Change, Drift, Kind
from pytest_wfo.report.json_object import JsonObject, ShapeError


def drift_data(drift: Drift) -> dict[str, Any]:
    """JSON-ready data; the schema says what each field means."""
    baseline = drift.baseline
    return {
        "baseline": {
            "started": baseline.started,
            "finished": baseline.finished,
            "user": baseline.user,
            "controller": baseline.controller,
            "decision": baseline.decision,
        },
        "changes": [
            {
                "requirement": change.requirement,
                "host": change.host,
                "kind": change.kind.value,
                "before": change.before.value if change.before else None,
                "now": change.now.value,
            }
            for change in drift.changes
        ],
        "about": list(drift.about),
        "hosts_added": list(drift.hosts_added),
        "hosts_gone": list(drift.hosts_gone),
        "requirements_added": list(drift.requirements_added),
        "requirements_gone": list(drift.requirements_gone),
        "asked": _cells(drift.asked),
        "no_longer_asked": _cells(drift.no_longer_asked),
        "uncompared": drift.uncompared,
    }


def read_drift(item: JsonObject) -> Drift:
    """What ``drift_data`` wrote.

    Raises:
        ShapeError: it is not of that shape.
    """
    baseline = item.object("baseline")
    return Drift(
        baseline=Baseline(
            started=baseline.text("started"),
            finished=baseline.text("finished"),
            user=baseline.text("user"),
            controller=baseline.text("controller"),
            decision=baseline.text("decision"),
        ),
        changes=tuple(map(_change, item.objects("changes"))),
        about=item.texts("about"),
        hosts_added=item.texts("hosts_added"),
        hosts_gone=item.texts("hosts_gone"),
        requirements_added=item.texts("requirements_added"),
        requirements_gone=item.texts("requirements_gone"),
        asked=_read_cells(item, "asked"),
        no_longer_asked=_read_cells(item, "no_longer_asked"),
        uncompared=item.count("uncompared"),
    )


def _cells(cells: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"requirement": requirement, "host": host} for requirement, host in cells]


def _read_cells(item: JsonObject, key: str) -> tuple[tuple[str, str], ...]:
    return tuple((each.text("requirement"), each.text("host")) for each in item.objects(key))


def _change(item: JsonObject) -> Change:
    before = item.value("before")
    try:
        return Change(
            requirement=item.text("requirement"),
            host=item.text("host"),
            kind=Kind(item.text("kind")),
            before=None if before is None else Verdict(item.text("before")),
            now=Verdict(item.text("now")),
        )
    except ShapeError:
        raise
    except ValueError as error:
        raise ShapeError(f"{item.place}: {error}") from None
