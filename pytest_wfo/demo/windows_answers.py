"""What the collector returns on a simulated Windows host."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_wfo.core.antivirus.task import SURVIVAL_SECONDS, AntivirusTask
from pytest_wfo.core.facts import Target
from pytest_wfo.demo.data import HostData
from pytest_wfo.probes.survival import NOTHING, asked_in

_TICKS = 10_000_000  # .NET counts 100 ns since year 1
_EPOCH = 621_355_968_000_000_000


def windows_answer(
    data: HostData, targets: Sequence[Target], now: float, task: AntivirusTask = NOTHING
) -> str:
    """The answer at ``now`` (seconds since the epoch), one line of ASCII without its end."""
    ticks = _EPOCH + int(now * _TICKS)
    sections: dict[str, Any] = {}
    if task.folders or task.file_types:
        sections["asked_antivirus"] = _section(asked_in(task))
        if task.run:
            sections["survival"] = _section(list(_test_files(data, task)))
    sections |= {name: _section(_dated(said, ticks)) for name, said in data["sections"].items()}
    if task.folders:
        opinions = [{"path": folder, "code": 0} for folder in _present(data, task)]
        sections["av_opinions"] = _section(opinions)
        sections["av_links"] = _section([])
    if targets:
        asked = [
            {
                "index": number,
                "address": target.address,
                "port": target.port,
                "transport": target.transport.value,
            }
            for number, target in enumerate(targets)
        ]
        sections["asked"] = _section(asked)
        sections["probes"] = _section(
            [_tried(data, number, target) for number, target in enumerate(targets)]
        )
    if task.concerns:
        sections["concerns"] = _section(data["concerns"])
        sections["page_files"] = _section(data["page_files"])
    if task.run:
        sections["leftovers"] = _section({"paths": []})
    sections["clock"] = _section({"start": ticks, "end": ticks})
    answer = {
        "v": 1,
        "platform": "windows",
        "sections": sections,
        "registry": {path: _key(data["registry"].get(path)) for path in data["keys"].splitlines()},
        "complete": True,
    }
    text = json.dumps(answer, separators=(",", ":"))
    for char in "'<>&":  # ConvertTo-Json of Windows PowerShell writes them so
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _dated(said: Any, now: int) -> Any:
    """Rows that are so many days old, with the moment that is."""
    if not isinstance(said, list):
        return {**said, "rows": _dated(said["rows"], now)} if "rows" in said else said
    return [_at(row, now) if isinstance(row, dict) and "days_ago" in row else row for row in said]


def _at(row: Mapping[str, Any], now: int) -> Mapping[str, Any]:
    rest = {name: value for name, value in row.items() if name != "days_ago"}
    return {**rest, "at": now - int(row["days_ago"] * 86_400 * _TICKS)}


def _present(data: HostData, task: AntivirusTask) -> list[str]:
    """Of the folders asked for, those that are there."""
    return [folder for folder in task.folders if folder in data.get("folders", ())]


def _test_files(data: HostData, task: AntivirusTask) -> Iterator[Mapping[str, Any]]:
    """What became of them: no antivirus of the demo touches any."""
    neutral = f"C:\\Users\\demo\\AppData\\Local\\Temp\\wfo-probe-{task.run}"
    for extension in task.file_types:
        for folder in (*_present(data, task), neutral):
            yield {
                "kind": "survival",
                "extension": extension,
                "path": folder.rstrip("\\") + f"\\wfo-probe-{task.run}{extension}",
                "state": "unchanged",
                "detail": "",
                "milliseconds": int(SURVIVAL_SECONDS * 1000),
            }


def _section(said: Any) -> Mapping[str, Any]:
    if isinstance(said, list):
        return {"ok": True, "value": {"rows": said, "total": len(said)}}
    return said if said.get("ok") is False else {"ok": True, "value": said}


def _key(values: Mapping[str, str | int] | None) -> Mapping[str, Any]:
    flat = [each for pair in (values or {}).items() for each in pair]
    return {"ok": True, "present": values is not None, "values": flat}


def _tried(data: HostData, number: int, target: Target) -> Mapping[str, Any]:
    """One connection, as the collector tells of it."""
    where = f"{target.address}:{target.port}"
    seen = data.get("reaches", {}).get(where) or data["heard"][target.transport.value]
    pem = seen.get("certificate")
    return {
        "index": number,
        "code": seen.get("code", 0),
        "took": seen.get("took", 1),
        "end": seen.get("end"),
        "number": seen.get("number", 0),
        "protocol": seen.get("protocol", 0),
        "words": base64.b64encode(seen.get("words", "").encode()).decode(),
        "certificate": base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode() if pem else "",
    }
