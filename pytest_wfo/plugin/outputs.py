"""Where a run writes, and how that is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytests_own(config: pytest.Config) -> dict[str, Path]:
    """Where pytest and its plugins write their reports: option -> file."""
    base, places = config.invocation_params.dir, {}
    for option, name in (("--html", "htmlpath"), ("--junitxml", "xmlpath")):
        value = config.getoption(name, None)
        if value:
            places[option] = base / Path(os.path.expandvars(value)).expanduser()
    return places


def shown(file: Path, config: pytest.Config) -> str:
    """A path as short as it can be said."""
    base = config.invocation_params.dir
    return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)


def not_written(file: Path, error: OSError, config: pytest.Config) -> str:
    """Say that a file could not be written."""
    stale = "; what is there is of an earlier run" if file.is_file() else ""
    return f"NOT WRITTEN: {shown(file, config)}: {error.strerror or error}{stale}"
