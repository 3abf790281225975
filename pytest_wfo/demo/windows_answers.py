"""What the collector returns on a simulated Windows host."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_wfo.core.facts import Target
from pytest_wfo.demo.data import HostData

_TICKS = 10_000_000  # .NET counts 100 ns since year 1
_EPOCH = 621_355_968_000_000_000


def windows_answer(data: HostData, targets: Sequence[Target], now: float) -> str:
    """The answer at ``now`` (seconds since the epoch), one line of ASCII without its end."""
    sections = {name: _section(said) for name, said in data["sections"].items()}
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
    ticks = _EPOCH + int(now * _TICKS)
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
