"""``python -m pytest_wfo report``: every format again, of one run or of several merged, from their
results files alone."""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from pytest_wfo.report import FOLDER, PAGE, RESULTS
from pytest_wfo.report.drift import drift_since
from pytest_wfo.report.files import write_files
from pytest_wfo.report.load import ResultsError, load_baseline, load_results
from pytest_wfo.report.merge import MergeError, merge
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.terminal import closing
from pytest_wfo.report.text import printable

GO, NOT_GO, UNUSABLE = 0, 1, 4
"""Exit codes, those of a run."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("results", nargs="+", type=Path, help="results.json of a run")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(FOLDER),
        metavar="DIR",
        help=f"where to write {PAGE} and the others (default: {FOLDER})",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="RESULTS",
        help="results.json of an earlier run: also say what changed since",
    )
    parser.add_argument(
        "--allow-different-inventories",
        action="store_true",
        help="merge runs that had an inventory each; their hosts become one site",
    )


def render_again(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Do what the arguments say; returns the exit status."""
    try:
        report = _report(options)
        _refuse_overwriting(options)
    except (ResultsError, MergeError) as error:
        err.write(f"{printable(str(error))}\n")
        return UNUSABLE
    try:
        written = [str(file) for file in write_files(report, options.output)]
    except OSError as error:
        err.write(
            f"{options.output}: cannot be written ({error.strerror}); name another --output\n"
        )
        return UNUSABLE
    with suppress(BrokenPipeError):  # who reads has seen enough; files and status stand
        out.writelines(f"{line}\n" for line in closing(report, written))
        out.flush()
    return GO if report.gate.go else NOT_GO


def _report(options: argparse.Namespace) -> SiteReport:
    reports = {str(file): load_results(file) for file in options.results}
    report = merge(reports, different_inventories=options.allow_different_inventories)
    if options.baseline is None:
        return report
    return replace(report, drift=drift_since(load_baseline(options.baseline, report.site), report))


def _refuse_overwriting(options: argparse.Namespace) -> None:
    """A merged file must not take the place of one it was merged from, nor of the baseline."""
    inputs: list[Path] = list(options.results) if len(options.results) > 1 else []
    inputs += [options.baseline] if options.baseline else []
    target = (options.output / RESULTS).resolve()
    for file in inputs:
        if file.resolve() == target:
            raise MergeError(f"{file}: would be overwritten; name another folder by --output=DIR")
