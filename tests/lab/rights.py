"""What the audit user of a lab host may do as root: what the collector's header asks for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest_wfo
from tests.lab.topology import USER

COLLECTOR = Path(pytest_wfo.__file__).parent / "probes" / "posix.sh"
_NO_ARGUMENTS = '""'  # in sudoers: none allowed; nothing at all would mean any


def documented_commands(script: str) -> tuple[str, ...]:
    """The command lines in the header of posix.sh: indented by three, a remark may follow."""
    header = script.partition("\n\n")[0]
    lines = re.findall(r"^#   (\S.*?)(?:  +\(.*)?$", header, re.MULTILINE)
    return tuple(command for line in lines for command in line.split(", "))


def sudoers() -> str:
    """The sudo rule an administrator would make of it."""
    granted = []
    for command in documented_commands(COLLECTOR.read_text()):
        tool, _, arguments = command.partition(" ")
        if path := shutil.which(tool):
            granted.append(f"{path} {arguments or _NO_ARGUMENTS}")
    return (
        f"Defaults:{USER} !requiretty, !syslog\n{USER} ALL=(root) NOPASSWD: {', '.join(granted)}\n"
    )
