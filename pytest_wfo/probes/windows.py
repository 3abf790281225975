"""The collector for Windows hosts: the script that is sent, and what its answer means.

The script (windows.ps1) only reads and escapes; everything is read here, where it can be tested.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files as resources
from typing import Any, TypeVar

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Access, Fact, FileStat, HostFacts, Target
from pytest_wfo.probes.antivirus.windows import read_antivirus
from pytest_wfo.probes.envelope import UnreadableError
from pytest_wfo.probes.reading import NotSeenError, fact, unreadable
from pytest_wfo.probes.survival import NOTHING, PATIENCE, Patience, asked_in, check_words
from pytest_wfo.probes.windows_envelope import Answer, read_answer
from pytest_wfo.probes.windows_files import read_canary, read_concerns, read_survival
from pytest_wfo.probes.windows_machine import (
    read_clock,
    read_files,
    read_identity,
    read_processes,
    read_rights,
    read_services,
    read_system,
)
from pytest_wfo.probes.windows_network import read_addresses, read_forwarding, read_routes
from pytest_wfo.probes.windows_policy import read_windows_firewall
from pytest_wfo.probes.windows_reach import read_probes
from pytest_wfo.probes.windows_sockets import read_listeners

T = TypeVar("T")

_REMEDY = "run the collector by hand on the host and look at what it prints"
_ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]")


def windows_script(
    targets: Sequence[Target],
    files: Sequence[str] = (),
    antivirus: AntivirusTask = NOTHING,
    patience: Patience = PATIENCE,
) -> str:
    """The script as ASCII text, to be run as it is; its last output is the answer, one string.

    The parts that write are in it only if ``antivirus`` asks for them.

    Raises ValueError for a target whose address is no IP address, for a path that does not begin with
    a drive letter (it could name something else than a file), and for a file type or the name of a run
    that is no word of letters and digits.
    """
    for path in files:
        if not _ABSOLUTE.match(path):
            raise ValueError(f"not a path with a drive letter: {path!r}")
    request = {
        "collector": collector_id(),
        "targets": [
            {
                "index": number,
                "address": str(ipaddress.ip_address(target.address)),
                "port": int(target.port),
                "transport": target.transport.value,
            }
            for number, target in enumerate(targets)
        ],
        "files": list(files),
        "antivirus": _antivirus(antivirus, patience),
    }
    # PowerShell takes typographic quotes for quotes; in JSON only ASCII is left, and no apostrophe.
    quoted = json.dumps(request).replace("'", "\\u0027")
    parts = [f"$WfoRequest = '{quoted}'\n"]
    if antivirus != NOTHING:
        parts.append(_text("engines/tests.ps1"))
    if antivirus.run and antivirus.file_types:
        parts.append(_text("engines/files.ps1"))
    if antivirus.run and antivirus.file_types and antivirus.canary:
        parts.append(_text("engines/canary.ps1"))
    if antivirus.concerns:
        parts.append(_text("engines/concerns.ps1"))
    if targets:
        parts.append(_text("engines/reach.ps1"))
    return "\n".join([*parts, _text("engines/antivirus.ps1"), _text("windows.ps1")])


def _antivirus(task: AntivirusTask, patience: Patience) -> dict[str, Any]:
    check_words(task)
    asked = asked_in(task)
    asked["folders"] = [folder for folder in task.folders if _ABSOLUTE.match(folder)]
    if task.run:
        asked["seconds"] = patience.survival
    if task.run and task.canary:
        asked |= {"payload": patience.payload, "canary_seconds": patience.canary}
    return asked


def collector() -> str:
    """The script without its request: the text that runs wherever ``$WfoRequest`` is set, and that
    can write nothing."""
    names = (
        "engines/tests.ps1",
        "engines/concerns.ps1",
        "engines/reach.ps1",
        "engines/antivirus.ps1",
        "windows.ps1",
    )
    return "\n".join(map(_text, names))


@cache
def collector_id() -> str:
    """Tells one collector from another: where a host has it installed, it may be an older one."""
    return hashlib.sha256(collector().encode()).hexdigest()[:12]


@cache
def _text(name: str) -> str:
    return resources("pytest_wfo.probes").joinpath(name).read_text(encoding="ascii")


def read_windows(
    output: str, access: Access, targets: Sequence[Target], *, asked: float, answered: float
) -> HostFacts:
    """All facts of the answer ``output``. Pure; takes any text and never raises.

    ``asked`` and ``answered`` are the controller's epoch seconds around the run. An answer which is
    cut off or damaged gives no fact at all, and ``access`` says so.
    """
    try:
        answer = read_answer(output)
    except UnreadableError as error:
        return unreadable(access, str(error))
    return HostFacts(
        access=access,
        identity=fact("the host's name", lambda: read_identity(answer)),
        system=fact("the operating system", lambda: read_system(answer)),
        rights=fact("the user's rights", lambda: read_rights(answer)),
        clock=fact("the clock", lambda: read_clock(answer, asked, answered)),
        addresses=fact("addresses", lambda: read_addresses(answer)),
        routes=fact("routes", lambda: read_routes(answer)),
        forwarding=fact("forwarding", lambda: read_forwarding(answer)),
        listeners=fact("listening sockets", lambda: read_listeners(answer)),
        firewall=fact("the firewall", lambda: read_windows_firewall(answer)),
        processes=fact("processes", lambda: read_processes(answer)),
        services=fact("services", lambda: read_services(answer)),
        antivirus=fact("antivirus products", lambda: read_antivirus(answer)),
        probes=fact("connections", lambda: read_probes(answer, targets)),
        survival=fact("test files", lambda: read_survival(answer)),
        canary=fact("canary files", lambda: read_canary(answer)),
        concerns=fact("files worth excluding", lambda: read_concerns(answer)),
        files=_files(answer),
    )


def _files(answer: Answer) -> dict[str, Fact[FileStat]]:
    try:
        return read_files(answer)
    except (NotSeenError, ValueError, LookupError, TypeError, OverflowError):
        return {}  # a file that was asked for and is not here counts as not reported
