"""ClamAV on Linux: clamd, which scans on demand, and clamonacc, which scans what is opened.

Both read clamd.conf once, when they start. ``ExcludePath`` is clamd's (a regular expression on a path
that a client names), ``OnAccess...`` is clamonacc's. clamscan reads no configuration at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Product, Reading, Removal, Scan
from pytest_wfo.core.antivirus.paths import join, split
from pytest_wfo.core.antivirus.patterns import NOTHING, UNCLEAR
from pytest_wfo.core.antivirus.regex import Regex
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.clamav_access import (
    RESIDENT,
    OnAccess,
    Place,
    hands_over_paths,
    read_on_access,
    read_places,
)
from pytest_wfo.probes.antivirus.clamav_daemons import (
    USUAL,
    Configuration,
    Daemon,
    Setting,
    configuration_of,
    read_configurations,
    read_daemons,
)
from pytest_wfo.probes.antivirus.clamav_history import read_history
from pytest_wfo.probes.envelope import Sections

DEMAND = frozenset({Scan.ON_DEMAND})
_SOURCE = "clamd.conf as ClamAV's programs loaded it"
_RESTART = "restart it, then verify again"
_LOOK = "look at clamd's log, start it, then verify again"
_ADVICE = {
    (Scan.ON_DEMAND, "folder"): "add ExcludePath ^{regex}(/|$) to clamd.conf and restart clamd",
    (Scan.ON_DEMAND, "file"): "add ExcludePath ^{regex}$ to clamd.conf and restart clamd",
    (Scan.ON_DEMAND, "extension"): "add ExcludePath {regex}$ to clamd.conf and restart clamd",
    (
        Scan.MEMORY_RESIDENT,
        "folder",
    ): "add OnAccessExcludePath {} to clamd.conf and restart clamonacc",
    (Scan.MEMORY_RESIDENT, "extension"): (
        "start clamonacc without --fdpass and --stream, and add ExcludePath {regex}$ to clamd.conf: only "
        "so can it leave out {}"
    ),
    (Scan.MEMORY_RESIDENT, "process"): (
        "accept with a waiver that clamonacc cannot leave out what {} opens"
    ),
}
_CLAMSCAN = (
    "clamscan, which jobs may use instead of clamdscan, reads no configuration: "
    "its --exclude options must say the same"
)


@dataclass(frozen=True, slots=True)
class Walked:
    """``ExcludePath`` in a scan of folders: what lies in a folder that matches is not reached, unless
    the scan starts further down."""

    regex: Regex

    def file(self, path: str) -> Covered:
        """This file; MAYBE where one of its folders alone matches."""
        found = self.regex.file(path)
        return self._above(path) if found is Covered.NO else found

    def tree(self, folder: str) -> Covered:
        """All below a folder; MAYBE where it is the folder that matches, or one above it."""
        found = self.regex.tree(folder)
        if found is not Covered.NO:
            return found
        return Covered.MAYBE if self.regex.file(folder) is not Covered.NO else self._above(folder)

    def extension(self, extension: str) -> Covered:
        """Every file with this extension."""
        return self.regex.extension(extension)

    def process(self, image: str) -> Covered:
        """Never: clamd does not know which program opens a file."""
        return self.regex.process(image)

    def _above(self, path: str) -> Covered:
        parts = split(path)
        above = (join(parts[:length]) for length in range(2, len(parts)))
        found = any(self.regex.file(folder) is not Covered.NO for folder in above)
        return Covered.MAYBE if found else Covered.NO


@dataclass(frozen=True, slots=True)
class Host:
    """What the host said: its configuration files, the places they name, how clamd answered by them,
    and which processes watch files by fanotify (None: not seen)."""

    configurations: Mapping[str, Configuration]
    places: Mapping[str, Place]
    answers: Mapping[str, str]
    watchers: Set[int] | None

    def loaded_by(self, daemon: Daemon) -> Configuration | str:
        """The configuration that a program loaded, or why it is not known."""
        return configuration_of(daemon, self.configurations)


def read_clamav(sections: Sections, watchers: Set[int] | None) -> tuple[Product, ...]:
    """One product for each clamd, and one for what runs of ClamAV without a clamd. ``watchers`` are
    the processes that watch files by fanotify; None where they could not be seen.

    Raises:
        LookupError: the host did not report on ClamAV.
    """
    daemons, now, zone = read_daemons(sections["clamav"])
    if not daemons:
        return ()
    host = Host(
        read_configurations(sections),
        read_places(sections.get("clamav_paths")),
        _answers(sections),
        watchers,
    )
    pairs = _pairs(daemons, host)
    return tuple(
        _product(host, clamd, residents, read_history(sections, _log(host, clamd), now, zone))
        for clamd, residents in pairs
    )


def _pairs(
    daemons: tuple[Daemon, ...], host: Host
) -> list[tuple[Daemon | None, tuple[Daemon, ...]]]:
    """Each clamd with the clamonacc that ask it; they find it by the socket of their configuration."""
    clamds = [each for each in daemons if each.name == "clamd"]
    residents = [each for each in daemons if each.name == "clamonacc"]
    if len(clamds) < 2:
        return [(clamds[0] if clamds else None, tuple(residents))]
    pairs: list[tuple[Daemon | None, tuple[Daemon, ...]]] = []
    for clamd in clamds:
        own = tuple(each for each in residents if _socket(host, each) == _socket(host, clamd) != "")
        residents = [each for each in residents if each not in own]
        pairs.append((clamd, own))
    return pairs + [(None, (each,)) for each in residents]


def _socket(host: Host, daemon: Daemon) -> str:
    loaded = host.loaded_by(daemon)
    return "" if isinstance(loaded, str) else loaded.first("LocalSocket")


def _log(host: Host, clamd: Daemon | None) -> str:
    """The file in which clamd writes what it finds, with times; "" if there is none."""
    loaded = "" if clamd is None else host.loaded_by(clamd)
    if isinstance(loaded, str) or not loaded.on("LogTime"):
        return ""
    return loaded.first("LogFile")


def _answers(sections: Sections) -> dict[str, str]:
    """By configuration file, why clamd did not answer. That it may not be asked says nothing.

    Raises:
        LookupError: not reported, although clamd or clamonacc runs.
    """
    section = sections["clamav_answers"]
    answers = {}
    for line in section.output.split("\n"):
        code, path, said = [*line.split("|", 2), "", ""][:3]
        if path.startswith("/") and code.isdigit() and int(code) and "denied" not in said:
            answers[path] = said or f"clamdscan --ping: exit code {code}"
    return answers


def _product(
    host: Host,
    clamd: Daemon | None,
    residents: tuple[Daemon, ...],
    history: tuple[Fact[tuple[Removal, ...]], int],
) -> Product:
    trouble, loaded = _clamd(host, clamd)
    demand: Fact[bool] = Unknown(trouble, _RESTART)
    exclusions: tuple[Exclusion, ...] = ()
    state: tuple[str, ...] = ("clamd does not run",)
    if clamd is not None:
        state = (f"clamd runs (process {clamd.pid})",)
    if loaded is not None and not trouble:
        demand = Known(True, f"clamd runs by {loaded.path}")
        exclusions = tuple(_on_demand(host, loaded))
    access = _resident(host, residents, trouble, loaded)
    scanning = {Scan.MEMORY_RESIDENT: access.scanning, Scan.ON_DEMAND: demand}
    unseen = [fact for fact in scanning.values() if isinstance(fact, Unknown)]
    return Product(
        name="ClamAV",
        active=Known(True, "/proc"),
        scanning=scanning,
        reading=Reading.EFFECTIVE,
        exclusions=unseen[0]
        if len(unseen) == 2
        else Known((*access.exclusions, *exclusions), _SOURCE),
        watched={Scan.MEMORY_RESIDENT: access.watched} if access.watched else {},
        removals=history[0],
        history_days=history[1],
        state=(*state, *access.state),
        warnings=(_CLAMSCAN,),
        advice=_ADVICE,
    )


def _clamd(host: Host, clamd: Daemon | None) -> tuple[str, Configuration | None]:
    """What is wrong with clamd ("" = nothing), and its configuration."""
    if clamd is None:
        return (
            "clamd does not run: only jobs with clamscan, which are not read, scan on demand",
            None,
        )
    if not clamd.alive:
        return f"clamd (process {clamd.pid}) has ended or is stopped", None
    if clamd.nested:
        return f"clamd (process {clamd.pid}) runs in a container: it sees other files", None
    loaded = host.loaded_by(clamd)
    if isinstance(loaded, str):
        return loaded, None
    said = host.answers.get(loaded.path, "")
    return f"clamd (process {clamd.pid}) does not answer: {said}" if said else "", loaded


def _on_demand(host: Host, loaded: Configuration) -> Iterator[Exclusion]:
    """clamd applies its own file to paths it is given; a client that opens files itself (--fdpass,
    --stream) applies the file that it reads, by default one of the usual ones."""
    clients = [
        each
        for path, each in host.configurations.items()
        if path in USUAL
        and path != loaded.path
        and each.first("LocalSocket") == loaded.first("LocalSocket") != ""
    ]
    for setting in loaded.all("ExcludePath"):
        found = _exclude_path(setting, loaded.path, DEMAND)
        lacking = [
            each.path
            for each in clients
            if setting.value not in [other.value for other in each.all("ExcludePath")]
        ]
        if lacking and not found.void:
            note = f"clamdscan --fdpass and --stream go by {lacking[0]}, which does not have it"
            found = replace(found, pattern=UNCLEAR, note=note)
        yield found


def _exclude_path(setting: Setting, file: str, scans: frozenset[Scan]) -> Exclusion:
    expression = setting.value
    text, origin = f"ExcludePath {expression}", f"{file} line {setting.line}"
    if expression[:1] in {"*", "+", "?"}:
        why = "it is no regular expression, and clamd passes over it without a word"
        return Exclusion(text, NOTHING, scans, origin, why)
    if not setting.plain:
        note = "versions of ClamAV differ about a # in a value"
        return Exclusion(text, UNCLEAR, scans, origin, "", note)
    if expression.endswith("/"):  # then clamd puts a slash behind the path that it looks at
        expression = expression.removesuffix("/").removesuffix("\\") + "(/|$)"
    pattern = Regex(expression)
    return Exclusion(text, Walked(pattern) if scans == DEMAND else pattern, scans, origin)


def _resident(
    host: Host, residents: tuple[Daemon, ...], trouble: str, clamd: Configuration | None
) -> OnAccess:
    if not residents:
        return OnAccess(_set_up(host))
    if len(residents) > 1:
        pids = ", ".join(str(each.pid) for each in residents)
        return OnAccess(Unknown(f"several clamonacc run (processes {pids})", "run one"))
    daemon = residents[0]
    if not daemon.alive or daemon.nested:
        why = (
            "runs in a container: it sees other files"
            if daemon.nested
            else "has ended or is stopped"
        )
        return OnAccess(Unknown(f"clamonacc (process {daemon.pid}) {why}", _LOOK))
    if host.watchers is not None and daemon.pid not in host.watchers:
        why = f"clamonacc (process {daemon.pid}) runs, but watches nothing: it holds no fanotify descriptor"
        return OnAccess(Unknown(why, _LOOK))
    loaded = host.loaded_by(daemon)
    if isinstance(loaded, str):
        return OnAccess(Unknown(loaded, _RESTART))
    if loaded.first("LocalSocket") and clamd is None:
        why = f"{trouble}; without clamd, clamonacc lets everything pass"
        return OnAccess(Unknown(why, _LOOK))
    if trouble and clamd is not None:
        return OnAccess(Unknown(f"{trouble}; meanwhile clamonacc lets everything pass", _LOOK))
    if clamd is not None and loaded.first("LocalSocket") not in {"", clamd.first("LocalSocket")}:
        why = (
            f"clamonacc asks at {loaded.first('LocalSocket')}, where no clamd that was seen listens"
        )
        return OnAccess(Unknown(why, _LOOK))
    found = read_on_access(daemon, loaded, host.places)
    if clamd is None or not hands_over_paths(daemon, loaded):
        return found
    more = [_exclude_path(each, clamd.path, RESIDENT) for each in clamd.all("ExcludePath")]
    return replace(found, exclusions=(*found.exclusions, *more))


def _set_up(host: Host) -> Fact[bool]:
    """No clamonacc runs. Where ClamAV is told what to watch, that says nothing of tomorrow."""
    for loaded in host.configurations.values():
        if loaded.trouble:
            return Unknown(f"whether clamonacc is to run: {loaded.trouble}", "let it be read")
        for setting in (*loaded.all("OnAccessIncludePath"), *loaded.all("OnAccessMountPath")):
            return Unknown(
                f"no clamonacc runs at the moment, and {loaded.path} line {setting.line} tells it to watch "
                f"{setting.value}: it may be started at any time",
                f"start clamonacc, or take {setting.key} out of {loaded.path} and restart clamd; then "
                "verify again",
            )
    return Known(False, "no clamonacc runs (/proc), and no configuration tells it what to watch")
