"""The files under ``hosts/``: one a simulated host, or what several have in common."""

from __future__ import annotations

from importlib import resources
from typing import Any

HostData = dict[str, Any]
"""A host's file with everything it is ``like``; hosts/windows.yaml and hosts/fw01.yaml explain it."""


def load_host(name: str) -> HostData:
    """Read ``hosts/NAME.yaml``."""
    from ruamel.yaml import YAML

    file = resources.files("pytest_wfo.demo").joinpath(f"hosts/{name}.yaml")
    data: HostData = YAML(typ="safe", pure=False).load(file.read_bytes())
    base = data.pop("like", None)
    return merged(load_host(base), data) if base else data


def merged(base: Any, more: Any) -> Any:
    """Mappings are merged, lists are continued, everything else is replaced."""
    if isinstance(base, dict) and isinstance(more, dict):
        added = {key: merged(base[key], more[key]) if key in base else more[key] for key in more}
        return base | added
    if isinstance(base, list) and isinstance(more, list):
        return base + more
    return more
