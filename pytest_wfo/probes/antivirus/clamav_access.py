"""What clamonacc, ClamAV's memory-resident part, scans and leaves alone.

Its folders are names in a table that it makes once, when it starts: letter by letter, without
wildcards, symbolic links or slashes at the end, and of folders that exist at that time. What follows
from that was found by reading clamonacc/inotif/ and by running ClamAV 1.4.6; tests/lab/test_clamav.py
runs it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Pattern, Scan
from pytest_wfo.core.antivirus.patterns import NOTHING, UNCLEAR, OpenedBy, PathGlob
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.clamav_daemons import Configuration, Daemon, Setting
from pytest_wfo.probes.envelope import Section

RESIDENT = frozenset({Scan.MEMORY_RESIDENT})
_ALIKE = "[*?[]"  # letters that make PathGlob read a name as a shape
_RESTART = "correct clamd.conf and restart clamonacc"
# Whatever the programs of one user open. Which user a program runs as is not known here.
_OF_USER = OpenedBy("*", certain=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A path that the configuration names: ``kind`` in the words of stat ("absent": nothing there, "":
    not seen), epoch seconds of its birth (0: not known), and the mount it lies on ("": not known)."""

    kind: str
    born: int = 0
    mount: str = ""


def read_places(section: Section | None) -> dict[str, Place]:
    """What lies at the paths, and at the folders on the way to them."""
    if section is None:
        return {}
    places: dict[str, Place] = {}
    for line in section.output.split("\n"):
        kind, born, mount, path = [*line.split("|", 3), "", "", ""][:4]
        if path.startswith("/"):
            at = mount if mount.startswith("/") else ""
            places[path] = Place(kind, int(born) if re.fullmatch(r"\d{1,12}", born) else 0, at)
    for line in section.error.split("\n"):
        found = re.search(r"['\"‘](/.*)['\"’]: (No such file or directory|Not a directory)$", line)
        if found:
            places.setdefault(found[1], Place("absent"))
    return places


@dataclass(frozen=True, slots=True)
class OnAccess:
    """``scanning`` and the rest as in ``Product``; ``state`` are sentences about how it works."""

    scanning: Fact[bool]
    exclusions: tuple[Exclusion, ...] = ()
    watched: tuple[Pattern, ...] = ()
    state: tuple[str, ...] = ()


def hands_over_paths(daemon: Daemon, configuration: Configuration) -> bool:
    """Whether it names files to clamd, which then applies its own ExcludePath; otherwise it passes
    them on opened (--fdpass) or as bytes (--stream, or a clamd elsewhere), and clamd knows no path."""
    local = bool(configuration.first("LocalSocket"))
    return local and not daemon.on("fdpass") and not daemon.on("stream")


def read_on_access(
    daemon: Daemon, configuration: Configuration, places: Mapping[str, Place]
) -> OnAccess:
    """What ``daemon`` does by the configuration that it loaded."""
    source = f"{configuration.path} as clamonacc (process {daemon.pid}) loaded it"
    temporary = configuration.first("TemporaryDirectory") or "/tmp"  # noqa: S108
    named = [each.value for each in configuration.all("OnAccessIncludePath")]
    included = [path for path in named if path not in {"/", temporary}]  # it passes over these
    mounts = [each.value for each in configuration.all("OnAccessMountPath")]
    excluded = configuration.all("OnAccessExcludePath")
    listed = daemon.options.get("watch-list", "")
    trouble = _trouble(included, mounts, listed, excluded)
    if trouble:
        return OnAccess(Unknown(trouble, _RESTART))
    alone = not mounts and configuration.on("OnAccessDisableDDD")
    void = ""
    if mounts:
        void = "with OnAccessMountPath, clamonacc leaves out no folder"
    elif alone:
        void = "with OnAccessDisableDDD, clamonacc leaves out no folder"
    exclusions = [
        _exclusion(each, configuration.path, void, included, listed, places, daemon.started or 0.0)
        for each in excluded
    ]
    exclusions += _users(configuration)
    if any(temporary.startswith(root.rstrip("/") + "/") for root in included):
        note = "clamonacc leaves out clamd's temporary folder, if it finds it"
        pattern = PathGlob.of(temporary, certain=False)
        text = f"TemporaryDirectory {temporary}"
        exclusions.append(Exclusion(text, pattern, RESIDENT, configuration.path, "", note))
    if file := daemon.options.get("exclude-list", ""):
        note = "the folders in this file are not read; move them to OnAccessExcludePath"
        text = f"--exclude-list={file}"
        exclusions.append(Exclusion(text, UNCLEAR, RESIDENT, "clamonacc's arguments", "", note))
    return OnAccess(
        Known(True, source),
        tuple(exclusions),
        () if listed else tuple(_watched(included, mounts, alone, places)),
        tuple(_state(daemon, configuration, included, mounts, alone)),
    )


def _trouble(
    included: list[str], mounts: list[str], listed: str, excluded: tuple[Setting, ...]
) -> str:
    """Why clamonacc runs but scans nothing, although that is not how it looks; "" if it does scan."""
    if mounts:
        return ""
    if not included and not listed:
        return (
            "clamonacc runs, but neither OnAccessIncludePath nor OnAccessMountPath tells it "
            "what to watch (/ and clamd's temporary folder do not count): it scans nothing"
        )
    for each in excluded:
        above = each.value.rpartition("/")[0] + "/"
        if above != "/" and above in included:
            return (
                f"OnAccessIncludePath {above} ends in a slash, and OnAccessExcludePath {each.value} lies "
                "directly below it: clamonacc says that it watches, and stops watching altogether"
            )
        if each.value in included:
            return (
                f"OnAccessExcludePath {each.value} is also an OnAccessIncludePath: "
                "clamonacc stops watching altogether"
            )
    return ""


def _exclusion(
    setting: Setting,
    file: str,
    void: str,
    included: list[str],
    listed: str,
    places: Mapping[str, Place],
    started: float,
) -> Exclusion:
    path = setting.value
    doubt = "" if setting.plain else "versions of ClamAV differ about a # in a value"
    if not void:
        void, more = _effect(path, included, listed, places, started)
        doubt = doubt or more
    pattern: Pattern = NOTHING if void else PathGlob.of(path, certain=not doubt)
    origin = f"{file} line {setting.line}"
    return Exclusion(f"OnAccessExcludePath {path}", pattern, RESIDENT, origin, void, doubt)


def _effect(
    path: str, included: list[str], listed: str, places: Mapping[str, Place], started: float
) -> tuple[str, str]:
    """Why an OnAccessExcludePath has no effect, and why it is not sure that it has one."""
    if path.endswith("/"):
        return "a folder that ends in a slash is none that clamonacc knows", ""
    roots = [root.rstrip("/") for root in included if path.startswith(root.rstrip("/") + "/")]
    if not roots and not listed:
        return "it does not lie below a folder that clamonacc watches", ""
    start = max(roots, key=len) if roots else ""
    names = path[len(start) + 1 :].split("/")
    if any(name in {"", ".", ".."} for name in names):
        return "clamonacc compares paths letter by letter, and knows none written like this", ""
    for depth in range(1, len(names) + 1):
        at = "/".join([start, *names[:depth]])
        place = places.get(at, Place(""))
        if place.kind == "absent":
            wild = "; clamonacc knows no wildcards" if re.search(_ALIKE, path) else ""
            return f"there is no folder {at}{wild}", ""
        if place.kind and place.kind != "directory":
            return f"{at} is a {place.kind}; clamonacc leaves out folders alone", ""
        if not place.kind:
            return "", f"it was not seen whether {at} is a folder"
        if int(place.born) > int(started):
            return (
                f"the folder {at} was made after clamonacc had started, "
                "which leaves out those alone that were there before"
            ), ""
        if not place.born:
            return (
                "",
                f"it was not seen whether {at} is older than clamonacc's start, as it must be",
            )
    if listed or len(roots) > 1:
        return "", "the folder is watched on behalf of more than one setting"
    if any(root.rstrip("/").startswith(path + "/") for root in included):
        return "", "a folder inside it is watched on its own"
    if re.search(_ALIKE, path):
        return "", "its name holds wildcards, which are none for clamonacc"
    return "", ""


def _users(configuration: Configuration) -> Iterator[Exclusion]:
    """Users whose programs are not watched; clamd's own, which must be among them, is left out."""
    own = configuration.first("User")
    note = (
        "it is for all that this user's programs open, not for the program that the document names"
    )
    found = [
        each
        for key in ("OnAccessExcludeUname", "OnAccessExcludeUID", "OnAccessExcludeRootUID")
        for each in configuration.all(key)
        if not (key == "OnAccessExcludeUname" and each.value == own)
        and not (key == "OnAccessExcludeRootUID" and not configuration.on(key))
    ]
    for each in found:
        origin = f"{configuration.path} line {each.line}"
        yield Exclusion(f"{each.key} {each.value}", _OF_USER, RESIDENT, origin, "", note)


def _watched(
    included: list[str], mounts: list[str], alone: bool, places: Mapping[str, Place]
) -> Iterator[Pattern]:
    """Where it scans; nothing where that is not known, which means everywhere."""
    if mounts:
        roots = [places.get(path, Place("")).mount for path in mounts]
        if not all(roots):
            return
    else:
        roots = included
    if any(re.search(_ALIKE, root) for root in roots):
        return
    for root in roots:
        yield PathGlob.of(f"{root}/*", Covered.NO) if alone else PathGlob.of(root)


def _state(
    daemon: Daemon,
    configuration: Configuration,
    included: list[str],
    mounts: list[str],
    alone: bool,
) -> Iterator[str]:
    how = "passes opened files" if daemon.on("fdpass") else "sends the bytes of files"
    if hands_over_paths(daemon, configuration):
        how = "names files, so that clamd's ExcludePath counts as well"
    yield f"clamonacc (process {daemon.pid}) {how} to clamd"
    below = "" if alone else " and all below"
    where = [f"the whole mount of {path}" for path in mounts] or [f"{at}{below}" for at in included]
    blocks = configuration.on("OnAccessPrevention") and not mounts
    yield f"it {'blocks' if blocks else 'only reports'} what it finds in {', '.join(where) or 'its list'}"
    yield f"it scans no file larger than {configuration.first('OnAccessMaxFileSize') or '5M'}"
