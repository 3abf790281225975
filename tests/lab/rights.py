"""What the audit user of a lab host may do as root: exactly what docs/rights.md asks for."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.lab.topology import USER

_DOCUMENT = Path(__file__).parents[2] / "docs" / "rights.md"


def sudoers() -> str:
    """The rule of docs/rights.md, word for word but for the user's name."""
    block = re.search(r"```\n(\s*wfo-audit ALL=.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    assert block, f"{_DOCUMENT.name} shows no sudo rule"
    rule = textwrap.dedent(block[1]).strip().replace("wfo-audit", USER)
    return f"Defaults:{USER} !requiretty, !syslog\n{rule}\n"
