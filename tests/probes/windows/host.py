"""Runs the real collector in a real PowerShell engine, over a Windows made of a state file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Access, HostFacts, Target
from pytest_wfo.probes.survival import PATIENCE, Patience
from pytest_wfo.probes.windows import read_windows, windows_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parent
STATES = HERE / "states"
STUBS = HERE / "stubs.psm1"
RECORDED = HERE.parent / "data" / "windows"
REACHED = Access("", "", "", "203.0.113.8:5986", "2026-11-23T09:00:00Z", 0.1)

TASK = AntivirusTask(folders=("C:\\temp\\", "C:\\Program Files\\CallCopy\\Logs\\"))

State = dict[str, Any]
T = TypeVar("T", bound="Callable[..., None]")

# A state says these whole, or not at all.
_UNITS = {"error", "rows", "code", "text"}


PWSH = shutil.which("pwsh") or shutil.which("pwsh", path=Path.home() / ".cache" / "wfo-pwsh")


@cache
def engine_missing() -> str:
    """Why the script cannot run here; empty if it can."""
    if PWSH is None:
        return "pwsh, the PowerShell engine with a lab Windows, is not on PATH"
    said = subprocess.run([PWSH, "-Version"], capture_output=True, text=True, timeout=60).stdout
    return "" if "windows-lab" in said else f"pwsh is no lab Windows: {said.strip()}"


@cache
def exports() -> Path | None:
    """Where regedit exports of real PCs lie: $WFO_SHARED_DATA, or beside the checkout."""
    folder = os.environ.get("WFO_SHARED_DATA") or HERE.parents[3] / "shared" / "data"
    found = Path(folder) / "windows-firewall"
    return found if found.is_dir() else None


def needs_engine(test: T) -> T:
    """Marks a test that runs the script."""
    why = engine_missing()
    skip = pytest.mark.skipif(bool(why), reason=why or "-")
    return cast(T, pytest.mark.lab(skip(test)))


def load(name: str) -> State:
    """The state ``name``, laid over those it extends; lists are replaced, not joined."""
    state: State = json.loads((STATES / f"{name}.json").read_text("utf-8"))
    return over(load(state.pop("extends")), state) if "extends" in state else state


def over(below: State, above: Mapping[str, Any]) -> State:
    """``below`` with everything that ``above`` says."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict) and not _UNITS & {*old, *value}:
            merged[name] = over(old, value)
        else:
            merged[name] = value
    return merged


def environment(state: State, folder: Path) -> dict[str, str]:
    """The lab Windows in ``state``, for the engine; its files are written to ``folder``."""
    names = ("cim", "tools", "products", "events", "mpcmdrun")
    played = {name: state.get(name) for name in names}
    (folder / "registry.json").write_text(json.dumps(state["registry"]), "utf-8")
    (folder / "state.json").write_text(json.dumps(played), "utf-8")
    (folder / "drives").mkdir()
    for path, content in state.get("files", {}).items():
        file = folder / "drives" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return {
        "WFO_STATE": str(folder / "state.json"),
        "WINDOWSLAB_REGISTRY": str(folder / "registry.json"),
        "WINDOWSLAB_ROOT": str(folder / "drives"),
        "WINDOWSLAB_MODULES": str(STUBS),
        **state["environment"],
    }


@dataclass(frozen=True)
class Answer:
    """What came back: the raw bytes as text, the facts read from it, the seconds it took."""

    text: str
    facts: HostFacts
    seconds: float
    complaints: str


@dataclass(frozen=True)
class WindowsHost:
    """A host in ``state``; ``registry`` names further registry files, ``inside`` is a command prefix
    that enters a network namespace."""

    state: State
    registry: tuple[Path, ...] = ()
    inside: tuple[str, ...] = ()
    began: Callable[[Path], None] | None = None  # is told where the drives lie,
    ended: Callable[[Path], None] | None = None  # and again before they are removed

    def run(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run any script there."""
        with tempfile.TemporaryDirectory(prefix="wfo-windows-") as folder:
            root = Path(folder)
            played = environment(self.state, root)
            (root / "script.ps1").write_text(script, "ascii")
            played["WINDOWSLAB_REGISTRY"] = ":".join(
                [played["WINDOWSLAB_REGISTRY"], *map(str, self.registry)]
            )
            variables = {"PATH": os.environ["PATH"], "HOME": folder, **played}
            command = [*self.inside, str(PWSH), "-NoProfile", "-File", str(root / "script.ps1")]
            if self.began is not None:
                self.began(root / "drives")
            done = subprocess.run(command, capture_output=True, env=variables, timeout=120)
            if self.ended is not None:
                self.ended(root / "drives")
            return done

    def ask(
        self,
        targets: Sequence[Target] = (),
        files: Sequence[str] = (),
        antivirus: AntivirusTask = TASK,
        patience: Patience = PATIENCE,
    ) -> Answer:
        """Collect the host's facts."""
        script = windows_script(targets, files, antivirus, patience)
        asked = time.time()
        done = self.run(script)
        answered = time.time()
        text = done.stdout.decode("utf-8", "replace")
        facts = read_windows(text, REACHED, targets, asked=asked, answered=answered)
        complaints = done.stderr.decode("utf-8", "replace")
        return Answer(text, facts, answered - asked, complaints)
