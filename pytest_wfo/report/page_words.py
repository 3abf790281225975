"""Texts of many hosts told apart from texts that differ only in the host's own name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_wfo.report.model import HostInfo
from pytest_wfo.report.text import printable

# Printable text holds no control characters, so these can stand for the host's name and address.
NAME, ADDRESS = "\x01", "\x02"

_NUMBERED = re.compile(r"(.*?)(\d{1,15})", re.DOTALL | re.ASCII)


def template(text: str, host: HostInfo | None) -> str:
    """``text`` made printable, with NAME and ADDRESS in the places of the host's own."""
    text = printable(text)
    if host is None:
        return text
    text = text.replace(host.name, NAME)
    return text.replace(host.addresses[0], ADDRESS) if host.addresses else text


def template_lines(text: str, host: HostInfo | None) -> str:
    """The same for text of several lines, which stay lines."""
    if "\n" not in text:
        return template(text, host)
    return "\n".join(template(line, host) for line in text.split("\n"))


def fold_names(names: Iterable[str]) -> str:
    """Names in their order, a run of numbered ones written as the inventory does: pc-[001:250]."""
    runs: list[tuple[str, str, str]] = []  # stem, first number, last number ("" = not numbered)
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if not found:
            runs.append((name, "", ""))
            continue
        stem, number = found.groups()
        if runs and runs[-1][0] == stem and _follows(runs[-1][2], number):
            runs[-1] = (stem, runs[-1][1], number)
        else:
            runs.append((stem, number, number))
    return ", ".join(_run(*run) for run in runs)


def _follows(last: str, number: str) -> bool:
    return len(last) == len(number) and int(last) + 1 == int(number)


def _run(stem: str, first: str, last: str) -> str:
    return f"{stem}{first}" if first == last else f"{stem}[{first}:{last}]"
