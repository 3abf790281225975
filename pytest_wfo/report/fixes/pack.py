"""The fix pack as files, written whole or not at all, and never over anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_wfo.core.fixes import by_host, fixes
from pytest_wfo.core.fixes.changes import ChainAccept
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.report.fixes.change_request import as_csv, as_markdown, requests
from pytest_wfo.report.fixes.checklist import checklist
from pytest_wfo.report.fixes.posix_shell import shell_script
from pytest_wfo.report.fixes.powershell import powershell_script
from pytest_wfo.report.model import SiteReport


def pack(report: SiteReport, cells: Iterable[Cell], site_facts: SiteFacts) -> Mapping[str, str]:
    """File name -> text: README.md, the change request, and one script per host that has steps.

    ``cells`` are the plan of which ``report`` holds the findings.
    """
    cells = tuple(cells)
    proposed = fixes(cells, report.findings, site_facts)
    texts: dict[str, str] = {}
    scripts: dict[str, str] = {}
    for host, of_host in by_host(proposed).items():
        automatic = [fix for fix in of_host if fix.automatic]
        if not automatic:
            continue
        windows = not isinstance(automatic[0].changes[0], ChainAccept)
        name = _file_name(host, ".ps1" if windows else ".sh", texts)
        render = powershell_script if windows else shell_script
        texts[name], scripts[host] = render(report, host, automatic), name
    asked = requests(cells, report.findings, site_facts)
    texts["README.md"] = checklist(report, proposed, scripts)
    texts["change-request.md"] = as_markdown(asked, report)
    texts["change-request.csv"] = as_csv(asked)
    return texts


def write_pack(texts: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write the pack and return its files.

    ``folder`` must not exist or be empty: scripts of an earlier pack are needed to undo it, and
    may have been edited in review. Raises OSError (FileExistsError if it is not empty).
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; nothing in it was changed")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8", newline="")
        if folder.is_dir():
            folder.rmdir()  # Windows renames onto nothing that is there
        part.rename(folder)
    except OSError:
        shutil.rmtree(part)
        raise
    return tuple(folder / name for name in texts)


def _file_name(host: str, ending: str, taken: Mapping[str, str]) -> str:
    """The host's name; told apart from one that differs in case only."""
    lower = {name.lower() for name in taken}
    name, number = f"{host}{ending}", 2
    while name.lower() in lower:
        name, number = f"{host}~{number}{ending}", number + 1
    return name
