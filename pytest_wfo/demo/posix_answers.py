"""What the collector prints on a simulated host with a POSIX shell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_wfo.demo.data import HostData


def posix_answer(data: HostData, now: float) -> str:
    """The answer at ``now`` (seconds since the epoch). No such host is asked to try connections."""
    by_sudo = set(data["sudo"])
    texts = {
        "clock": f"{now:.9f}",
        **data["sections"],
        "nft": json.dumps({"nftables": data["nft"]}),
    }
    sections = {
        key: _section(said, "sudo" if key in by_sudo else "user") for key, said in texts.items()
    }
    return json.dumps({"v": 1, "sections": sections, "complete": True}) + "\n"


def _section(said: str | Mapping[str, Any], power: str) -> Mapping[str, Any]:
    """A section as the collector's awk writes it: every byte of the text is one character."""
    section: dict[str, Any] = {"err": "", "rc": 0, "as": power, "out": ""}
    section |= {"out": said} if isinstance(said, str) else said
    section["out"] = section["out"].rstrip("\n").encode().decode("latin-1")
    return section
