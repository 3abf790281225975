"""``python -m pytest_wfo.probes.jea FOLDER``: write the kit with the current collector there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_wfo.probes.jea import kit
from pytest_wfo.probes.windows import collector_id


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status. What the folder holds else stays as it is."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_wfo.probes.jea",
        description="Write the kit of the session configuration WfoFact; see docs/jea.md.",
    )
    parser.add_argument("folder", type=Path, help="where to; made if it does not exist")
    folder: Path = parser.parse_args(arguments).folder
    try:
        for place, text in kit().items():
            file = folder / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="ascii", newline="\r\n")  # for Windows' editors
    except OSError as error:
        sys.stderr.write(f"{error.filename}: cannot be written: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{folder}: the kit with collector {collector_id()}; see docs/jea.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
