"""A Windows host whose collector writes test files, while other processes race it: the real script in a
real engine, with real files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.probes.survival import Patience
from tests.probes.windows.host import Answer, State, WindowsHost, load, over
from tests.support.racer import Racer

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES = (".cav", ".ccp", ".log", ".vid", ".vox", ".vox8", ".wav", ".xml")
RUN = "r7k2m9q4"
# The file that is written after all others.
LAST = f"C/Windows/Temp/wfo-probe-{RUN}/wfo-probe-{RUN}{TYPES[-1]}"
LOGS = "C/Program Files/CallCopy/Logs"
TASK = AntivirusTask(
    folders=("C:\\temp\\", "C:\\Program Files\\CallCopy\\Logs\\", "C:\\nowhere\\"),
    extensions=(".vid", ".log"),
    file_types=TYPES,
    run=RUN,
)
# Not the text that scanners know, but one of the same kind.
PAYLOAD = "(u~\\{pq\\rp}pv*+"
SHORT = Patience(survival=0.2, canary=3.0, payload=PAYLOAD)
RACED = Patience(survival=3.0, canary=6.0, payload=PAYLOAD)
DEFENDER = "root/Microsoft/Windows/Defender:MSFT_MpComputerStatus"
NORMAL = {
    "AMRunningMode": "Normal",
    "RealTimeProtectionEnabled": True,
    "AntivirusSignatureAge": 0,
}


def state(name: str = "base", **more: Any) -> State:
    places = {
        "environment": {
            "TEMP": "C:\\Windows\\Temp",
            "ProgramData": "C:\\ProgramData",
            "ProgramFiles": "C:\\Program Files",
        },
        "files": {"C/temp/a.txt": "", f"{LOGS}/a.txt": "", "C/Windows/Temp/a.txt": ""},
    }
    return over(over(load(name), places), more)


class Played:
    """One run on a host, with other processes that race it."""

    def __init__(self, host: State, asked: AntivirusTask, patience: Patience) -> None:
        self.racers: list[Racer] = []
        self.remains: list[str] = []
        self._host, self._asked, self._patience = host, asked, patience
        self._races: list[tuple[str, Callable[[Path], object], str]] = []

    def racing(self, pattern: str, act: Callable[[Path], object], last: str = "") -> Played:
        self._races.append((pattern, act, last))
        return self

    def run(self) -> Answer:
        with ExitStack() as stack:

            def began(drives: Path) -> None:
                for race in self._races:
                    self.racers.append(stack.enter_context(Racer(drives, *race)))

            def ended(drives: Path) -> None:
                self.remains = sorted(
                    str(path.relative_to(drives)) for path in drives.rglob("*wfo-*")
                )

            host = WindowsHost(self._host, began=began, ended=ended)
            return host.ask(antivirus=self._asked, patience=self._patience)
