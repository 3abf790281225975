"""Environment variables in entries, as the scanning service sees them: the account LocalSystem."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PROFILE = r"C:\Windows\system32\config\systemprofile"
SYSTEM_VARIABLES: Mapping[str, str] = {
    "ALLUSERSPROFILE": r"C:\ProgramData",
    "APPDATA": rf"{_PROFILE}\AppData\Roaming",
    "COMMONPROGRAMFILES": r"C:\Program Files\Common Files",
    "COMMONPROGRAMFILES(X86)": r"C:\Program Files (x86)\Common Files",
    "COMMONPROGRAMW6432": r"C:\Program Files\Common Files",
    "LOCALAPPDATA": rf"{_PROFILE}\AppData\Local",
    "PROGRAMDATA": r"C:\ProgramData",
    "PROGRAMFILES": r"C:\Program Files",
    "PROGRAMFILES(X86)": r"C:\Program Files (x86)",
    "PROGRAMW6432": r"C:\Program Files",
    "PUBLIC": r"C:\Users\Public",
    "SYSTEMDRIVE": "C:",
    "SYSTEMROOT": r"C:\Windows",
    "TEMP": r"C:\Windows\TEMP",
    "TMP": r"C:\Windows\TEMP",
    "USERPROFILE": _PROFILE,
    "WINDIR": r"C:\Windows",
}
"""Of a 64-bit Windows on drive C:, as Microsoft documents them for Defender's exclusions ("System
environment variables", in the overview of its exclusions). Names in upper case."""

_VARIABLE = re.compile(r"%([^%\\/]+)%")


def expand(text: str, variables: Mapping[str, str] = SYSTEM_VARIABLES) -> tuple[str, bool]:
    r"""The entry with its variables replaced, and whether all of them are known.

    One that is not known may be any folder: it becomes ``**``, with what else stands in its
    component. ``variables`` has its names in upper case.
    """
    known = True

    def value(match: re.Match[str]) -> str:
        nonlocal known
        found = variables.get(match[1].upper())
        if found is None:
            known = False
            return "\0"
        return found

    expanded = _VARIABLE.sub(value, text)
    return re.sub(r"[^\\/]*\0[^\\/]*", "**", expanded), known
