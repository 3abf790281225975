r"""Absolute paths of Windows and POSIX systems as components, and globs of one component.

Windows: a drive letter or ``\\server``, then names; ``/`` separates as ``\`` does, and upper and
lower case are the same. POSIX: ``/``, then names. Separators may be doubled or trailing, and the
whole may stand in quotes: none of it makes another path.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DEVICE = re.compile(r"[\\/]{2}[?.][\\/](UNC[\\/])?", re.IGNORECASE)


@lru_cache(4096)
def split(path: str) -> tuple[str, ...]:
    r"""``C:\a\b`` -> ("C:", "a", "b"), ``\\srv\a`` -> ("\\\\srv", "a"), ``/a`` -> ("/", "a").

    Other text is split at the separators of Windows. ``.`` is dropped, ``..`` stays as it is.
    """
    text = path.strip().strip("\"'").strip()
    device = _DEVICE.match(text)
    if device:  # \\?\C:\a, \\?\UNC\server\share
        text = ("\\\\" if device[1] else "") + text[device.end() :]
    if text.startswith("/") and not text.startswith("//"):
        return ("/", *_names(text, "/"))
    names = _names(text, r"[\\/]")
    if re.match(r"[\\/]{2}", text) and names:
        return (f"\\\\{names[0]}", *names[1:])
    return names


def _names(text: str, separators: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(separators, text) if name not in ("", "."))


def join(parts: tuple[str, ...]) -> str:
    r"""The path of these components: the folder of ``split("C:\a\b")[:1]`` is ``C:\``."""
    if parts[0] == "/":
        return "/" + "/".join(parts[1:])
    return parts[0] + "\\" if len(parts) == 1 else "\\".join(parts)


def parent(path: str) -> str:
    """The folder in which it lies; the root of a drive or a system is its own."""
    parts = split(path)
    return join(parts[:-1] if len(parts) > 1 else parts)


def name_of(path: str) -> str:
    """The last component."""
    parts = split(path)
    return parts[-1] if parts else ""


def fold(text: str) -> str:
    """Text in the form in which Windows compares names: letter by letter, so that no two letters
    become one (as "ss" and its ligature would)."""
    return text.upper() if text.isascii() else "".join(_fold(letter) for letter in text)


def _fold(letter: str) -> str:
    upper = letter.upper()
    return upper if len(upper) == 1 and upper.lower() == letter else letter


@lru_cache(4096)
def component(glob: str) -> re.Pattern[str]:
    """A glob of one component, in which ``*`` is any text and ``?`` one character."""
    parts = (
        ".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in glob
    )
    return re.compile("".join(parts), re.DOTALL)


def fits(glob: str, name: str, *, case_sensitive: bool = False) -> bool:
    """Whether a component has a name that the glob describes."""
    if not case_sensitive:
        glob, name = fold(glob), fold(name)
    return component(glob).fullmatch(name) is not None


def has_wildcard(text: str) -> bool:
    """Whether ``*`` or ``?`` stands in it."""
    return "*" in text or "?" in text
