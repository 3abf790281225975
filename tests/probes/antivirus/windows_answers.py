"""Recorded answers of Windows hosts, changed in places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_wfo.core.antivirus.model import Antivirus, Product
from pytest_wfo.core.facts import Fact, Known
from pytest_wfo.probes.antivirus.windows import read_antivirus
from pytest_wfo.probes.windows_envelope import Answer, read_answer
from tests.probes.windows.host import RECORDED

DENIED = {"ok": False, "id": "HRESULT 0x80041003", "category": "PermissionDenied", "said": "no"}


def listed(*rows: Any) -> dict[str, Any]:
    """A section that is a list."""
    return {"ok": True, "value": {"rows": list(rows), "total": len(rows)}}


def key(*values: Any) -> dict[str, Any]:
    """A registry key: name, value, name, value."""
    return {"ok": True, "present": True, "values": list(values)}


def answered(
    name: str,
    sections: Mapping[str, Any] | None = None,
    registry: Mapping[str, Any] | None = None,
    **values: Mapping[str, Any],
) -> Answer:
    """The recorded answer ``name`` with other sections and keys; ``values`` change what is inside the
    value of a section."""
    document = json.loads((RECORDED / f"{name}.txt").read_text("ascii"))
    document["sections"] |= sections or {}
    document["registry"] |= registry or {}
    for section, changed in values.items():
        document["sections"][section]["value"] |= changed
    return read_answer(json.dumps(document))


def antivirus(answer: Answer) -> Antivirus:
    """What is read of it; it must be known."""
    found: Fact[Antivirus] = read_antivirus(answer)
    assert isinstance(found, Known), found
    return found.value


def product(answer: Answer, name: str = "Microsoft Defender Antivirus") -> Product:
    """The one product of this name."""
    (found,) = [each for each in antivirus(answer).products if each.name == name]
    return found
