"""``python -m pytest_wfo``: what needs neither pytest nor a host."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from pytest_wfo.report.command import UNUSABLE, add_options, render_again


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, with the exit code a run has for it."""
        self.print_usage(sys.stderr)
        self.exit(UNUSABLE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = _Parser(prog="python -m pytest_wfo")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="render the reports of one run or several again, from their results.json",
        description="Render report.html, summary.md and results.json again from results files, "
        "without contacting hosts; several runs about one site become one report. See docs/reports.md.",
    )
    add_options(report)
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    status = render_again(options, sys.stdout, sys.stderr)
    _let_go(sys.stdout)
    return status


def _let_go(stream: TextIO) -> None:
    """Lose what nobody reads any more (``| head``): at exit Python would try again, and complain."""
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
