"""Configurations of ClamAV, right and wrong, and what is different about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_wfo.core.antivirus.model import Scan
from tests.lab.clamav import CANARY, CONFIG, DATA

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDERS = ("temp", "temp/sub", "logs", "control", "control/deep/er", "temp2")
EXTENSIONS = (".vid", ".log", ".com", ".VID")
FILES = tuple(f"{DATA}/{folder}/a{extension}" for folder in FOLDERS for extension in EXTENSIONS)
NEW = tuple(f"{DATA}/{folder}/new/a.com" for folder in ("temp", "control"))

RESIDENT, DEMAND = Scan.MEMORY_RESIDENT, Scan.ON_DEMAND
FDPASS = ("--fdpass",)

WATCH = f"""\
OnAccessIncludePath {DATA}
OnAccessPrevention yes
"""
FOLDER_RULES = f"""\
ExcludePath ^{DATA}/temp(/|$)
ExcludePath ^{DATA}/logs(/|$)
"""
EXTENSION_RULES = r"""
ExcludePath \.vid$
ExcludePath \.log$
"""
LEAVE_OUT = f"""\
OnAccessExcludePath {DATA}/temp
OnAccessExcludePath {DATA}/logs
"""
GOOD = WATCH + LEAVE_OUT + FOLDER_RULES + EXTENSION_RULES


@dataclass(frozen=True)
class Case:
    """One configuration.

    ``options`` are clamonacc's (None: it is not started); ``before`` and ``after`` are shell commands
    run before clamd and after clamonacc started; ``late`` are files written after that, of which
    ``watched`` must get blocked; ``blocks``: whether the control file gets blocked
    (False: it must not be); ``reports``: files are only reported. ``unknown``: the kinds of scanning
    the reader must not claim to know; ``maybe``: files it may leave open. ``says``: words of it.
    """

    name: str
    settings: str
    options: tuple[str, ...] | None = FDPASS
    before: str = ""
    after: str = ""
    late: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    blocks: bool = True
    reports: bool = False
    unknown: frozenset[Scan] = frozenset()
    maybe: Mapping[Scan, tuple[str, ...]] = field(default_factory=dict)
    says: str = ""


def _files(*folders: str) -> tuple[str, ...]:
    return tuple(f"{DATA}/{folder}/a{extension}" for folder in folders for extension in EXTENSIONS)


CASES = (
    Case("good", GOOD),
    Case("paths-are-handed-over", GOOD, ()),
    Case("bytes-are-sent", GOOD, ("--stream",)),
    Case("extensions-alone", WATCH + EXTENSION_RULES),
    Case("extensions-alone-paths-handed-over", WATCH + EXTENSION_RULES, ()),
    Case("any-case-of-an-extension", WATCH + "ExcludePath [.][Vv][Ii][Dd]$", ()),
    Case(
        "excluded-folder-ends-in-a-slash",
        WATCH + f"OnAccessExcludePath {DATA}/temp/",
        says="ends in a slash",
    ),
    Case(
        "watched-folder-ends-in-a-slash",
        f"OnAccessIncludePath {DATA}/\nOnAccessPrevention yes\n" + LEAVE_OUT,
        blocks=False,
        unknown=frozenset({RESIDENT}),
        says="stops watching altogether",
    ),
    Case(
        "watched-folder-ends-in-a-slash-nothing-left-out",
        f"OnAccessIncludePath {DATA}/\nOnAccessPrevention yes\n",
    ),
    Case(
        "excluded-folder-is-the-watched-one",
        WATCH + f"OnAccessExcludePath {DATA}",
        blocks=False,
        unknown=frozenset({RESIDENT}),
        says="stops watching altogether",
    ),
    Case(
        "wildcards",
        WATCH + f"OnAccessExcludePath {DATA}/temp/*\nOnAccessExcludePath {DATA}/l*",
        says="knows no wildcards",
    ),
    Case(
        "a-single-file",
        WATCH + f"OnAccessExcludePath {DATA}/temp/a.vid",
        says="leaves out folders alone",
    ),
    Case(
        "a-folder-that-does-not-exist",
        WATCH + f"OnAccessExcludePath {DATA}/nowhere",
        says="there is no folder",
    ),
    Case(
        "a-folder-made-anew",
        WATCH + LEAVE_OUT,
        before=f"mkdir -p {DATA}/temp/sub",
        after=f"sleep 1.1; rm -r {DATA}/temp",
        late=dict.fromkeys(_files("temp", "temp/sub"), CANARY),
        watched=_files("temp", "temp/sub"),
        says="was made after clamonacc had started",
    ),
    Case(
        "a-symbolic-link",
        WATCH + f"OnAccessExcludePath {DATA}/link",
        before=f"ln -s {DATA}/temp {DATA}/link",
        says="is a symbolic link",
    ),
    Case("a-doubled-slash", WATCH + f"OnAccessExcludePath {DATA}//temp", says="letter by letter"),
    Case(
        "a-folder-above",
        WATCH + "OnAccessExcludePath /home",
        says="does not lie below a folder that clamonacc watches",
    ),
    Case(
        "watched-inside-an-excluded-folder",
        WATCH + LEAVE_OUT + f"OnAccessIncludePath {DATA}/temp/sub",
        maybe={RESIDENT: _files("temp", "temp/sub")},
        says="a folder inside it is watched on its own",
    ),
    Case("new-folders", WATCH + LEAVE_OUT, late=dict.fromkeys(NEW, CANARY), watched=NEW[1:]),
    Case(
        "whole-mount",
        f"OnAccessMountPath /home\nOnAccessPrevention yes\n{LEAVE_OUT}",
        reports=True,
        says="with OnAccessMountPath, clamonacc leaves out no folder",
    ),
    Case("reports-only", f"OnAccessIncludePath {DATA}\n{LEAVE_OUT}", reports=True),
    Case(
        "without-folders-below",
        f"OnAccessIncludePath {DATA}/control\nOnAccessPrevention yes\nOnAccessDisableDDD yes\n",
    ),
    Case(
        "expressions-that-end-in-a-slash",
        WATCH + f"ExcludePath ^{DATA}/temp/\nExcludePath \\.vid/",
        (),
    ),
    Case(
        "the-folder-alone",
        WATCH + f"ExcludePath ^{DATA}/temp$",
        (),
        maybe={DEMAND: _files("temp", "temp/sub")},
    ),
    Case(
        "odd-lines",
        WATCH
        + f'ExcludePath *.vid\n  ExcludePath \t "{DATA}/logs" \nOnAccessPrevention no\n# ExcludePath .',
        (),
        says="it is no regular expression",
    ),
    Case(
        "clamd-died",
        GOOD,
        after="clamd=$(cat /run/av/run/clamd.pid); kill $clamd\n"
        "while [ -e /proc/$clamd/exe ]; do sleep 0.05; done",
        unknown=frozenset(Scan),
        blocks=True,
        says="clamd does not run",
    ),
    Case(
        "changed-after-the-start",
        GOOD,
        after=f"sleep 1.1; echo 'ExcludePath .' >> {CONFIG}",
        unknown=frozenset(Scan),
        says="was changed after clamd had started",
    ),
    Case(
        "no-clamonacc",
        GOOD,
        None,
        unknown=frozenset({RESIDENT}),
        says="no clamonacc runs at the moment",
    ),
    Case("on-demand-alone", FOLDER_RULES + EXTENSION_RULES, None, says="no clamonacc runs (/proc)"),
    Case(
        "root-is-watched",
        "OnAccessIncludePath /\nOnAccessPrevention yes\n",
        blocks=False,
        unknown=frozenset({RESIDENT}),
        says="/ and clamd's temporary folder do not count",
    ),
    Case(
        "nothing-watched",
        "OnAccessPrevention yes\n",
        blocks=False,
        unknown=frozenset({RESIDENT}),
        says="it scans nothing",
    ),
)
