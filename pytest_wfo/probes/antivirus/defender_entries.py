r"""Microsoft Defender's exclusion entries: what each covers, and for which scans.

Sources: Microsoft's documentation of Defender for Endpoint, "Exclusions overview" (wildcards,
environment variables, processes), "Configure contextual exclusions", "Configure exclusions". Where
its pages contradict each other the narrower reading is taken:

- An entry whose last component has a wildcard (``C:\temp\*``) is a file in one place, and a folder
  with all its subfolders in another: open below the first level.
- Process entries count for real-time protection alone (one page says: for scheduled scans as well).
- Quotation marks are not supported, and a context is written ``\\:{...}``. What Defender makes of an entry
  that is written otherwise is documented nowhere, so such an entry is open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_wfo.core.antivirus.environment import SYSTEM_VARIABLES, expand
from pytest_wfo.core.antivirus.model import BOTH, Covered, Exclusion, Pattern, Scan
from pytest_wfo.core.antivirus.paths import has_wildcard, split
from pytest_wfo.core.antivirus.patterns import NOTHING, FileExtension, OpenedBy, PathGlob

MAX_WILDCARDS = 6
ADVICE: Mapping[tuple[Scan, str], str] = {
    **{(scan, "folder"): "add the path exclusion {}" for scan in Scan},
    **{(scan, "file"): "add the path exclusion {}" for scan in Scan},
    **{(scan, "extension"): "add the extension exclusion {}" for scan in Scan},
    (Scan.MEMORY_RESIDENT, "process"): "add the process exclusion {}",
}
"""How its entries are added (``Product.advice``)."""

_CONTEXT = re.compile(r"\\?:\{([^{}]*)\}\s*$")
# Quotation marks, outer blanks, slashes, backslashes doubled after the beginning.
_ODD = re.compile(r"""["]|^['\s]|['\s]$|/|(?<=.)\\\\""")
_AS_DOCUMENTED = "it is not written as Microsoft documents it, so it may have no effect"
_CONDITION = re.compile(r'\s*([A-Za-z]+)\s*:\s*("[^"]*"|[^,"]*)\s*(,|$)')
_NO_SCAN: frozenset[Scan] = frozenset()
_ON_ACCESS, _ON_DEMAND = frozenset({Scan.MEMORY_RESIDENT}), frozenset({Scan.ON_DEMAND})

# Key and value as Defender wants them (case counts) -> the scans that remain, and what to know.
_SCANS: Mapping[tuple[str, str], tuple[frozenset[Scan], str]] = {
    ("ScanTrigger", "OnAccess"): (_ON_ACCESS, "only for real-time protection"),
    ("ScanTrigger", "OnDemand"): (_ON_DEMAND, "only for on-demand scans"),
    ("ScanTrigger", "BM"): (_NO_SCAN, "only for behaviour monitoring"),
    ("ScanType", "full"): (_NO_SCAN, "only for full scans, not for quick and custom ones"),
    ("ScanType", "quick"): (_NO_SCAN, "only for quick scans, not for full and custom ones"),
}
_PATH_TYPES = {"file": Covered.NO, "folder": Covered.YES}


def defender_path(
    text: str, origin: str = "", void: str = "", variables: Mapping[str, str] = SYSTEM_VARIABLES
) -> Exclusion:
    """An entry of ExclusionPath, with its context (``C:\\x\\:{ScanTrigger:OnAccess}``) if it has one.

    ``void`` says why no entry of this origin is in force; ``variables`` are those of the host.
    """
    context = _CONTEXT.search(text)
    place = text[: context.start()] if context else text
    glob, problem, note = _glob(place, variables)
    if context is not None and not context[0].startswith("\\"):
        glob, note = PathGlob(glob.parts, Covered.MAYBE, certain=False), _AS_DOCUMENTED
    if context is None:
        return Exclusion(text, glob, BOTH, origin, void or problem, note)
    conditions = _conditions(context[1])
    if conditions is None:
        doubt = PathGlob(glob.parts, Covered.MAYBE, certain=False)
        return Exclusion(
            text, doubt, BOTH, origin, void or problem, "its context is not understood"
        )
    return _in_context(text, glob, conditions, origin, void or problem, note, variables)


def defender_extension(text: str, origin: str = "", void: str = "") -> Exclusion:
    """An entry of ExclusionExtension: "vid" or ".vid"; other ways of writing are not documented."""
    plain = text == text.strip() and re.fullmatch(r"\.?[^.*?\\/:\"']+", text) is not None
    note = "" if plain else 'Microsoft documents extensions as "vid" or ".vid" only'
    if not text.strip(" .*\"'"):
        return Exclusion(text, NOTHING, BOTH, origin, void or "it names no extension", note)
    pattern = FileExtension.of(text, certain=plain)
    return Exclusion(text, pattern, BOTH, origin, void, note)


def defender_process(
    text: str, origin: str = "", void: str = "", variables: Mapping[str, str] = SYSTEM_VARIABLES
) -> Exclusion:
    """An entry of ExclusionProcess: a program's file name, or the path of one or several programs.

    It is about the files that the program opens, in real-time protection.
    """
    program, problem, note = _program(text, variables)
    odd = _ODD.search(text) is not None
    pattern: Pattern = OpenedBy(program, certain=not odd) if program else NOTHING
    return Exclusion(
        text, pattern, _ON_ACCESS, origin, void or problem, _AS_DOCUMENTED if odd else note
    )


def _in_context(
    text: str,
    glob: PathGlob,
    conditions: tuple[tuple[str, str], ...],
    origin: str,
    void: str,
    note: str,
    variables: Mapping[str, str],
) -> Exclusion:
    scans = BOTH
    pattern: Pattern = glob
    notes = [note] if note else []
    programs = [value for key, value in conditions if key == "Process"]
    keys = [key for key, _ in conditions if key != "Process"]
    if len(set(keys)) < len(keys) and not void:
        void = "two values of one condition never hold together"
    for key, value in conditions:
        if (key, value) in _SCANS:
            left, only = _SCANS[key, value]
            scans &= left
            notes.append(only)
        elif key == "PathType" and value in _PATH_TYPES:
            wild = has_wildcard(glob.parts[-1]) if glob.parts else False
            folder = value == "folder"
            below = Covered.MAYBE if wild and folder else _PATH_TYPES[value]
            glob = PathGlob(glob.parts, below, certain=glob.certain and not (wild and folder))
            pattern = glob
            notes.append(f"only if it is a {value}")
        elif key != "Process":
            glob = PathGlob(glob.parts, Covered.MAYBE, certain=False)
            pattern = glob
            notes.append(f"the condition {key}:{value} is not known")
    if programs:
        pattern = OpenedBy(_program(programs[0], variables)[0], glob)
        scans &= _ON_ACCESS
        notes.append(f"only while {' or '.join(programs)} opens it")
    return Exclusion(text, pattern, scans, origin, void, "; ".join(notes))


def _conditions(text: str) -> tuple[tuple[str, str], ...] | None:
    """The conditions between the braces; None for what is not written as documented."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _CONDITION.match(text, at)
        if match is None:
            return None
        found.append((match[1], match[2].strip().strip('"')))
        at = match.end()
    return tuple(found) or None


def _glob(place: str, variables: Mapping[str, str]) -> tuple[PathGlob, str, str]:
    """The shape of a path entry, why it has no effect, and what else to know."""
    expanded, known = expand(re.sub(r"\*+", "*", place), variables)
    note = "" if known else "a variable in it is not known for the system account"
    parts = split(expanded)
    if not parts:
        return PathGlob((), Covered.NO), "it is empty", note
    problem = _too_wild(place, parts)
    if parts[-1] == "*.*":  # which is also said for all files, with or without a dot
        parts = (*parts[:-1], "*")
    if _ODD.search(place):
        return PathGlob(parts, Covered.MAYBE, certain=False), problem, _AS_DOCUMENTED
    if not _has_root(parts):
        unreliable = "a name without its folder does not reliably exclude anything"
        return PathGlob(("**", *parts), Covered.MAYBE, certain=False), problem, note or unreliable
    below = Covered.YES
    if has_wildcard(parts[-1]) and len(parts) > 1 and known:
        below = Covered.MAYBE
        note = note or "it is not documented whether it reaches below the first level"
    return PathGlob(parts, below, certain=known), problem, note


def _program(text: str, variables: Mapping[str, str]) -> tuple[str | PathGlob, str, str]:
    """The program of a process entry ("" if none), why it has no effect, and what else to know."""
    expanded, known = expand(re.sub(r"\*+", "*", text), variables)
    parts = split(expanded)
    if not parts:
        return "", "it is empty", ""
    if len(parts) == 1:
        problem = "a program's name may have no wildcard" if has_wildcard(parts[0]) else ""
        return parts[0], problem, "it means every program of this name, in any folder"
    problem = _too_wild(text, parts)
    note = "" if known else "a variable in it is not known for the system account"
    return PathGlob(parts, Covered.NO, certain=known and _has_root(parts)), problem, note


def _too_wild(text: str, parts: tuple[str, ...]) -> str:
    if sum(letter in "*?" for letter in text) > MAX_WILDCARDS:
        return f"more than {MAX_WILDCARDS} wildcards"
    if has_wildcard(parts[0]) and (":" in parts[0] or parts[0].startswith("\\\\")):
        return "no wildcard may stand for a drive"
    return ""


def _has_root(parts: tuple[str, ...]) -> bool:
    return parts[0] == "**" or parts[0].endswith(":") or parts[0].startswith("\\\\")
