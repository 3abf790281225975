"""Where a run writes: over nothing that it reads, no file twice, and only where it can.

Looked at before any host is asked: what is lost at the end costs another run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from pytest_wfo.plugin.run import RUN, runs_no_test
from pytest_wfo.report import CTRF, RESULTS, SUMMARY
from pytest_wfo.report.page import checksum_file


def refuse_outputs(config: pytest.Config) -> None:
    """Refuse a run that could not leave what it promises.

    Raises:
        pytest.UsageError: all that is wrong with its places.
    """
    problems = [*_obstacles(config), *_collisions(config)]
    if problems:
        raise pytest.UsageError("\n".join(problems))


def pytests_own(config: pytest.Config) -> dict[str, Path]:
    """Where pytest and its plugins write their reports: what it is -> file."""
    base, places = config.invocation_params.dir, {}
    for what, name in (
        ("the page of pytest-html (--html)", "htmlpath"),
        ("the JUnit XML (--junitxml)", "xmlpath"),
    ):
        value = config.getoption(name, None)
        if value:
            places[what] = base / Path(os.path.expandvars(value)).expanduser()
    return places


def shown(file: Path, config: pytest.Config) -> str:
    """A path as short as it can be said."""
    base = config.invocation_params.dir
    return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)


def not_written(file: Path, error: OSError, config: pytest.Config) -> str:
    """Say that a file could not be written."""
    stale = "; what is there is of an earlier run" if file.is_file() else ""
    return f"NOT WRITTEN: {shown(file, config)}: {error.strerror or error}{stale}"


def _files(config: pytest.Config) -> dict[str, Path]:
    """Every file the run will write, under the name by which its user knows it."""
    settings, files = config.stash[RUN].settings, pytests_own(config)
    if not runs_no_test(config):
        files["the site report (--wfo-report)"] = settings.report
        files["the site report's checksum"] = checksum_file(settings.report)
        files.update({name: settings.folder / name for name in (RESULTS, SUMMARY, CTRF)})
    if settings.save_facts:
        files["--wfo-save-facts"] = settings.save_facts
    return files


def _read(config: pytest.Config) -> dict[str, Path]:
    run = config.stash[RUN]
    files = {
        "the inventory": run.inventory,
        "the facts": run.settings.facts,
        "the waivers": run.settings.waivers or run.site.waivers,
        "the attestations": run.settings.attestations or run.site.attestations,
        "the baseline": run.settings.baseline,
    }
    return {name: Path(file) for name, file in files.items() if file}


def _collisions(config: pytest.Config) -> Iterator[str]:
    written = {name: file.resolve() for name, file in _files(config).items()}
    for what, file in _read(config).items():
        for name, output in written.items():
            if output == file.resolve():
                yield f"{file}: {name} would overwrite {what}, which this run reads; name another place"
    for (one, file), (other, output) in combinations(written.items(), 2):
        if file == output:
            yield f"{file}: {one} and {other} would be the same file; name another place"
    fixes = config.stash[RUN].settings.fixes
    for name, file in written.items():
        if fixes and fixes.resolve() in (file, *file.parents):
            yield f"{file}: {name} would lie where --wfo-fixes makes its folder; name another place"


def _obstacles(config: pytest.Config) -> Iterator[str]:
    files, in_place = _files(config), pytests_own(config)
    fixes = config.stash[RUN].settings.fixes
    if fixes:
        files["--wfo-fixes"] = fixes.with_name(f".{fixes.name}.part")  # made there, then renamed
    told = set()
    for name, file in files.items():
        try:
            why = _obstacle(file, in_place=name in in_place)
        except OSError as error:
            why = str(error)
        if why and why not in told:
            told.add(why)
            yield f"{name} cannot be written: {why}; name another place, or run pytest elsewhere"


def _obstacle(file: Path, *, in_place: bool) -> str:
    """What keeps this user from writing ``file``; "" if nothing is known to.

    ``in_place`` says that what is there is opened, not replaced. Raises ``OSError``.
    """
    if file.is_dir():
        return f"{file} is a folder"
    if file.exists() and not os.access(file, os.W_OK):
        return f"{file} is write-protected"
    if file.exists() and in_place:
        return ""
    folder = next(each for each in file.parents if each.exists())
    if not folder.is_dir():
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this user may not write in {folder}"
    return ""
