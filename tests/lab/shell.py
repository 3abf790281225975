"""Running the tools that build the lab."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class LabError(Exception):
    """The lab could not be built or changed: which command, and what it answered."""


def run(*command: str, stdin: str = "", check: bool = True) -> str:
    """Return what ``command`` printed.

    Raises:
        LabError: it failed (unless ``check`` is false) or took more than a minute.
    """
    try:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command)}: no end after {error.timeout} s") from None
    if check and done.returncode:
        raise LabError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def ip(lines: Iterable[str], namespace: str = "") -> None:
    """Run ``ip`` commands in one process, in the root namespace or in ``namespace``."""
    inside = ("-n", namespace) if namespace else ()
    run("ip", *inside, "-batch", "-", stdin="".join(f"{line}\n" for line in lines))


def inside(namespace: str, *command: str, stdin: str = "", check: bool = True) -> str:
    """Run ``command`` in the network namespace ``namespace``."""
    return run("ip", "netns", "exec", namespace, *command, stdin=stdin, check=check)
