"""What a simulated host answers: its file under ``hosts/`` -> the collector's own output."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from pytest_wfo.core.facts import Target, Transport

_QUOTED = r"'[^']*'|[^\s']*"
_PRELUDE = re.compile(
    rf"WFO_MARKER=(?P<marker>[A-Za-z0-9]+)\nWFO_TARGETS=(?P<targets>{_QUOTED})\n".encode()
)


@dataclass(frozen=True, slots=True)
class DemoHost:
    """One host's data. ``sections`` are as in the collector's answer; ``heard`` is what a healthy
    peer says by transport, ``reaches`` where it is otherwise, by "address:port"."""

    sections: Mapping[str, Mapping[str, Any]]
    engine: str
    heard: Mapping[str, Mapping[str, Any]]
    reaches: Mapping[str, Mapping[str, Any]]

    def answer(self, targets: Sequence[Target], now: float) -> str:
        """What the collector prints on this host at ``now`` (seconds since the epoch)."""
        clock = _section(f"{now:.9f}\n")
        sections = {"clock": clock, **self.sections}
        if targets:
            lines = [
                f"{number} {target.address} {target.port} {target.transport.value}"
                for number, target in enumerate(targets)
            ]
            lines.append(f"engine\t{self.engine}")
            lines += [self._tried(number, target) for number, target in enumerate(targets)]
            sections |= {"probes": _section("\n".join(lines)), "clock_end": clock}
        return json.dumps({"v": 1, "sections": sections, "complete": True}) + "\n"

    def _tried(self, number: int, target: Target) -> str:
        """The line an engine prints for one connection."""
        where = f"{target.address}:{target.port}"
        seen = self.reaches.get(where) or self.heard[target.transport.value]
        reach = seen.get("reach", "open")
        end = seen.get("end", "said" if reach == "open" else "not-asked")
        pem = seen.get("certificate", "")
        fields = [
            number,
            reach,
            end,
            seen.get("attempts", 1),
            seen.get("took", 1),
            seen.get("detail", ""),
            seen.get("words", "").encode().hex(),
            ssl.PEM_cert_to_DER_cert(pem).hex() if pem else "",
        ]
        return "\t".join(map(str, fields))


def load_host(name: str) -> DemoHost:
    """Read ``hosts/NAME.yaml`` with everything it is ``like``."""
    data = _load(name)
    by_sudo = set(data["sudo"])
    texts = {**data["sections"], "nft": json.dumps({"nftables": data["nft"]})}
    return DemoHost(
        sections={
            key: _section(said, "sudo" if key in by_sudo else "user") for key, said in texts.items()
        },
        engine=data["engine"],
        heard=data["heard"],
        reaches=data.get("reaches", {}),
    )


def _load(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    file = resources.files("pytest_wfo.demo").joinpath(f"hosts/{name}.yaml")
    data: dict[str, Any] = YAML(typ="safe", pure=False).load(file.read_bytes())
    base = data.pop("like", None)
    return _merged(_load(base), data) if base else data


def _merged(base: Any, more: Any) -> Any:
    """Mappings are merged, lists are continued, everything else is replaced."""
    if isinstance(base, dict) and isinstance(more, dict):
        added = {key: _merged(base[key], more[key]) if key in base else more[key] for key in more}
        return base | added
    if isinstance(base, list) and isinstance(more, list):
        return base + more
    return more


def _section(said: str | Mapping[str, Any], power: str = "user") -> Mapping[str, Any]:
    """A section as the collector's awk writes it: every byte of the text is one character."""
    section: dict[str, Any] = {"err": "", "rc": 0, "as": power, "out": ""}
    section |= {"out": said} if isinstance(said, str) else said
    section["out"] = section["out"].rstrip("\n").encode().decode("latin-1")
    return section


def targets_in(script: bytes) -> tuple[str, tuple[Target, ...]] | None:
    """Marker and targets of a script that begins as the collector does, else None.

    The names of the peers are not in the script, so they are empty here.
    """
    found = _PRELUDE.match(script)
    if found is None:
        return None
    targets = []
    for line in found["targets"].decode().strip("'").splitlines():
        _, address, port, transport = line.split(" ")
        targets.append(Target(address, int(port), Transport(transport), ""))
    return found["marker"].decode(), tuple(targets)
