"""The collector for POSIX hosts: the script that is sent, and what its answer means.

The script (posix.sh) only runs and escapes; everything is read here, where it can be tested.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Sequence
from functools import cache
from importlib.resources import files as resources

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Access, HostFacts, Target
from pytest_wfo.probes.antivirus.posix import SCANNERS, read_antivirus
from pytest_wfo.probes.envelope import UnreadableError, read_envelope
from pytest_wfo.probes.machine import (
    read_clock,
    read_files,
    read_identity,
    read_processes,
    read_rights,
    read_system,
)
from pytest_wfo.probes.packet_filters import read_packet_filter
from pytest_wfo.probes.posix_files import read_canary, read_concerns, read_survival
from pytest_wfo.probes.reach import read_probes
from pytest_wfo.probes.reading import fact, unreadable
from pytest_wfo.probes.routes import read_addresses, read_forwarding, read_routes
from pytest_wfo.probes.sockets import read_listeners
from pytest_wfo.probes.survival import NOTHING, PATIENCE, Patience, asked_in, check_words


def posix_script(
    targets: Sequence[Target],
    files: Sequence[str] = (),
    antivirus: AntivirusTask = NOTHING,
    *,
    marker: str,
    patience: Patience = PATIENCE,
) -> bytes:
    """The text for ``sh -s``. ``marker`` is a random word of the caller, new for every run.

    The parts that write are in it only if ``antivirus`` asks for them.

    Raises ValueError for a marker that is not a word of 8 to 64 letters and digits, for a target
    whose address is no IP address, for a path with a line break or NUL in it, and for a file type or
    the name of a run that is no word of letters and digits.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{8,64}", marker):
        raise ValueError("the marker must be a word of 8 to 64 letters and digits")
    if any(char in path for path in (*files, *antivirus.folders) for char in "\0\n"):
        raise ValueError("a path to look at holds a line break or NUL")
    prelude = {"WFO_MARKER": marker, "WFO_TARGETS": "", "WFO_REACH": ""}
    if targets:
        prelude |= {
            "WFO_TARGETS": "\n".join(
                _line(number, target) for number, target in enumerate(targets)
            ),
            "WFO_REACH": _text("engines/reach.sh"),
            "WFO_PYTHON": _text("engines/reach.py"),
            "WFO_PERL": _text("engines/reach.pl"),
        }
    prelude |= _antivirus(antivirus, patience)
    lines = [f"{name}={shlex.quote(value)}" for name, value in prelude.items()]
    lines.append(shlex.join(["set", "--", *files]))
    text = "\n".join(lines) + "\n" + _text("antivirus/posix.sh") + _text("posix.sh")
    return text.encode("utf-8", "surrogateescape")


def _antivirus(task: AntivirusTask, patience: Patience) -> dict[str, str]:
    """The variables by which the script is asked about antivirus; folders of Windows are none here."""
    prelude = {"WFO_ASKED": "", "WFO_CONCERNS": "", "WFO_RUN": ""}
    if task == NOTHING:
        return prelude
    check_words(task)
    folders = [folder for folder in task.folders if folder.startswith("/")]
    prelude |= {"WFO_ASKED": json.dumps(asked_in(task)), "WFO_FOLDERS": "\n".join(folders)}
    if task.concerns:
        prelude["WFO_CONCERNS"] = _text("engines/concerns.sh")
    if task.run and task.file_types:
        prelude |= {
            "WFO_RUN": task.run,
            "WFO_TYPES": " ".join(task.file_types),
            "WFO_WAIT": f"{patience.survival * 100:.0f}",
            "WFO_SCANNERS": "\n".join(SCANNERS),
            "WFO_FILES": _text("engines/files.sh"),
            "WFO_CANARY": "",
        }
    if prelude["WFO_RUN"] and task.canary:
        prelude |= {
            "WFO_CANARY": patience.payload,
            "WFO_EXTENSIONS": " ".join(task.extensions),
            "WFO_LIMIT": f"{patience.canary * 100:.0f}",
            "WFO_FILES": _text("engines/files.sh") + _text("engines/canary.sh"),
        }
    return prelude


def _line(number: int, target: Target) -> str:
    address = ipaddress.ip_address(target.address)
    return f"{number} {address} {target.port:d} {target.transport.value}"


@cache
def _text(name: str) -> str:
    return resources("pytest_wfo.probes").joinpath(name).read_text(encoding="utf-8")


def read_posix(
    output: str, access: Access, targets: Sequence[Target], *, asked: float, answered: float
) -> HostFacts:
    """All facts of the answer ``output``. Pure; takes any text and never raises.

    ``asked`` and ``answered`` are the controller's epoch seconds around the run. An answer which is
    cut off or damaged gives no fact at all, and ``access`` says so.
    """
    try:
        sections = read_envelope(output)
    except UnreadableError as error:
        return unreadable(access, str(error))
    processes = fact("processes", lambda: read_processes(sections))
    return HostFacts(
        access=access,
        identity=fact("the host's name", lambda: read_identity(sections)),
        system=fact("the operating system", lambda: read_system(sections)),
        rights=fact("the user's rights", lambda: read_rights(sections)),
        clock=fact("the clock", lambda: read_clock(sections, asked, answered)),
        addresses=fact("addresses", lambda: read_addresses(sections)),
        routes=fact("routes", lambda: read_routes(sections)),
        forwarding=fact("forwarding", lambda: read_forwarding(sections)),
        listeners=fact("listening sockets", lambda: read_listeners(sections)),
        firewall=fact("the packet filter", lambda: read_packet_filter(sections)),
        processes=processes,
        survival=fact("test files", lambda: read_survival(sections)),
        canary=fact("canary files", lambda: read_canary(sections)),
        concerns=fact("files worth excluding", lambda: read_concerns(sections, processes)),
        probes=fact("connections", lambda: read_probes(sections, targets)),
        files=read_files(sections),
        antivirus=fact("the antivirus", lambda: read_antivirus(sections)),
    )
