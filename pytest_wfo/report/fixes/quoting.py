"""Text of customers and hosts as data in scripts and tables, whatever it holds.

Scripts are pure ASCII: Windows PowerShell 5.1 reads a file without a byte order mark in the local
code page, and takes typographic quotes for quotes (about_Quoting_Rules).
"""

from __future__ import annotations

import re
import shlex

from pytest_wfo.report.summary import code
from pytest_wfo.report.text import printable

_PLAIN = re.compile(r"[ -~]+")
_FORMULA = ("=", "+", "-", "@")
_COMMENT = 600  # characters


def powershell_literal(text: str) -> str:
    """An expression of PowerShell 3 and later with the value ``text``."""
    parts: list[str] = []
    at = 0
    for plain in _PLAIN.finditer(text):
        parts += map(_character, text[at : plain.start()])
        parts.append("'" + plain[0].replace("'", "''") + "'")
        at = plain.end()
    parts += map(_character, text[at:])
    if not parts:
        return "''"
    if len(parts) == 1 and parts[0].startswith("'"):
        return parts[0]
    return "('' + " + " + ".join(parts) + ")"


def shell_literal(text: str) -> str:
    """A word of POSIX sh with the value ``text`` without NUL, which no word can hold."""
    return shlex.quote(text.replace("\0", ""))


def comment(text: str, most: int = _COMMENT) -> str:
    """The rest of a ``#`` line: printable ASCII, so that nothing ends the line or looks like an end."""
    shown = printable(text).encode("ascii", "backslashreplace").decode("ascii")
    return shown if len(shown) <= most else f"{shown[:most]} ..."


def spreadsheet_cell(text: str) -> str:
    """A cell that spreadsheet programs show and never compute (OWASP, "CSV Injection")."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


def table_cell(text: str) -> str:
    """A code span inside a Markdown table, where a bar would end the cell even in code."""
    return code(text).replace("|", "\\|")


def _character(character: str) -> str:
    """One character by number: UTF-16 as .NET strings have it."""
    units = character.encode("utf-16-le", "surrogatepass")
    numbers = [units[at] | units[at + 1] << 8 for at in range(0, len(units), 2)]
    return " + ".join(f"[char]{number}" for number in numbers)
