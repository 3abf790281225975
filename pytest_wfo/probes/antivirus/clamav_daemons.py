"""ClamAV's running programs: how they were started, and the configuration files they may have read.

The option names, the rules of the configuration file and its limits are those of ClamAV's own parser
(common/optparser.c, clamd.conf(5), clamonacc(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_wfo.probes.envelope import Section, Sections

USUAL = (
    "/etc/clamav/clamd.conf",
    "/etc/clamd.d/scan.conf",
    "/etc/clamd.conf",
    "/usr/local/etc/clamd.conf",
)
"""Where distributions and ClamAV's own build look without --config-file."""

_LINE = re.compile(r"/proc/(\d{1,10})/(comm|stat|cmdline|status):(.*)", re.DOTALL)
_TICKS = 100  # of the times in /proc/PID/stat, per second
_LONGEST = 1000  # bytes; the parser cuts lines at 1023
_SHORT = {"c": "config-file", "l": "log", "W": "watch-list", "e": "exclude-list", "p": "ping"}
_VALUED = {*_SHORT.values(), "move", "copy", "pid", "datadir", "fail-if-cvd-older-than"}
_FLAGS = {"fdpass", "stream", "wait", "foreground", "verbose", "remove", "allmatch", "debug"}


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running program: ``started`` in epoch seconds by the host's clock (None: not seen), ``nested``
    when it runs in a container, ``alive`` false for one that ended or was stopped."""

    name: str
    pid: int
    options: Mapping[str, str]
    understood: bool
    started: float | None
    alive: bool
    nested: bool

    def on(self, flag: str) -> bool:
        """Whether a switch is set; ``--fdpass=no`` does not set it."""
        return truth(self.options.get(flag, "no"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a configuration file; ``plain`` is false where versions read it differently."""

    key: str
    value: str
    line: int
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was read of a configuration file; ``changed`` is the time of its last change of any kind.
    ``trouble`` says why it is not known what it says ("" = it is)."""

    path: str
    changed: float
    settings: tuple[Setting, ...] = field(default=())
    trouble: str = ""

    def all(self, key: str) -> tuple[Setting, ...]:
        """All lines of an option that may be given several times."""
        return tuple(each for each in self.settings if each.key == key)

    def first(self, key: str) -> str:
        """The value of an option that counts once: the first line does. "" where there is none."""
        return next((each.value for each in self.settings if each.key == key), "")

    def on(self, key: str) -> bool:
        """Whether a switch is set."""
        return truth(self.first(key))


def truth(value: str) -> bool:
    """What ClamAV takes for yes."""
    return value.lower() in {"yes", "true", "1"}


def read_daemons(section: Section) -> tuple[tuple[Daemon, ...], float | None, str]:
    """The programs; the host's time in epoch seconds; and its distance from UTC (like "+0100")."""
    texts: dict[int, dict[str, list[str]]] = {}
    now, zone, uptime = None, "", 0.0
    for line in section.output.split("\n"):
        if found := _LINE.match(line):
            texts.setdefault(int(found[1]), {}).setdefault(found[2], []).append(found[3])
        elif found := re.match(r"now:(\d+(?:\.\d+)?) (\d+)(\.\d+)?\S* ([+-]\d{4})$", line):
            uptime, zone = float(found[1]), found[4]
            now = float(found[2] + (found[3] or ""))
    boot = None if now is None else now - uptime
    return tuple(_daemon(pid, text, boot) for pid, text in sorted(texts.items())), now, zone


def _daemon(pid: int, text: Mapping[str, list[str]], boot: float | None) -> Daemon:
    words = "\n".join(text.get("cmdline", ())).rstrip("\1").split("\1")[1:]
    options, understood = _options(words)
    ticks = re.match(r".*\) (\S) (?:\S+ ){18}(\d+) ", "\n".join(text.get("stat", ())), re.DOTALL)
    states = dict(line.split(":", 1) for line in text.get("status", ()) if ":" in line)
    state = (states.get("State", "").split() or ["?"])[0]
    return Daemon(
        name="\n".join(text.get("comm", ())),
        pid=pid,
        options=options,
        understood=understood and bool(text.get("cmdline")),
        started=boot + int(ticks[2]) / _TICKS if ticks and boot is not None else None,
        alive=state in {"S", "R", "D", "I"},
        nested=len(states.get("NSpid", "").split()) != 1,
    )


def _options(words: Sequence[str]) -> tuple[dict[str, str], bool]:
    """Options by their long names, as getopt_long reads them but without abbreviations, and whether
    all were understood. A switch that is set is "yes"."""
    options: dict[str, str] = {}
    understood = True
    rest = iter(words)
    for word in rest:
        name, value = "", "yes"
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _VALUED and not equals:
                value = next(rest, "")
            elif not equals:
                value = "yes"
            understood = understood and name in _VALUED | _FLAGS
        elif word.startswith("-") and len(word) > 1:
            name = _SHORT.get(word[1], "")
            if name:
                value = word[2:] or next(rest, "")
            else:
                understood = understood and set(word[1:]) <= set("Fvwz")
        if name:
            options.setdefault(name, value)  # the first counts
    return options, understood


def read_configurations(sections: Sections) -> dict[str, Configuration]:
    """The configuration files that exist, by path."""
    section = sections.get("clamav_configs")
    found: dict[str, Configuration] = {}
    path, changed, lines, ended = "", 0.0, list[Setting](), False

    def close() -> None:
        if path:
            trouble = "" if ended else f"{path} could not be read"
            if any(not setting.key for setting in lines):
                trouble = f"{path} holds a line that is too long to be read as ClamAV reads it"
            found[path] = Configuration(path, changed, tuple(lines), trouble)

    for line in section.output.split("\n") if section is not None else ():
        if match := re.match(r"file\|(\d+)\|(/.*)", line):
            close()
            path, changed, lines, ended = match[2], float(match[1]), [], False
        elif match := re.match(r"end\|\d+$", line):
            ended = True
        elif path and (match := re.match(r"(\d+)\|(.*)", line)):
            lines.extend(_setting(match[2], int(match[1])))
    close()
    return found


def _setting(text: str, line: int) -> Iterator[Setting]:
    if len(text.encode("utf-8", "replace")) > _LONGEST:
        yield Setting("", "", line)
        return
    found = re.match(r"[ \t]*([^ \t#]+)[ \t]+(.*?)[ \t]*$", text)
    if found is None or "\ufffd" in text:
        return
    key, value = found[1], found[2]
    if value.startswith('"'):
        value = value[1:].rpartition('"')[0]
    plain = "#" not in value  # older versions know no comment behind a value
    yield Setting(
        key, value.lstrip("#").split("#")[0].rstrip(" \t") if not plain else value, line, plain
    )


def configuration_of(
    daemon: Daemon, configurations: Mapping[str, Configuration]
) -> Configuration | str:
    """The file that a program read when it started, or why it is not known."""
    if not daemon.understood:
        return f"the arguments of {daemon.name} (process {daemon.pid}) are not understood"
    named = daemon.options.get("config-file", "")
    if named and not named.startswith("/"):
        return f"{daemon.name} was started with --config-file={named}, which is no full path"
    usual = [path for path in USUAL if path in configurations]
    if not named and len(usual) != 1:
        there = f"there are {', '.join(usual)}" if usual else "none is in a usual place"
        return f"{daemon.name} was started without --config-file, and {there}"
    found = configurations.get(named or usual[0])
    if found is None:
        return f"{named}, the configuration of {daemon.name}, is not there any more or not readable"
    if found.trouble:
        return found.trouble
    if daemon.started is None:
        return f"it was not seen when {daemon.name} started"
    if int(found.changed) > int(daemon.started):
        return (
            f"{found.path} was changed after {daemon.name} had started; "
            "what the running program loaded is not known"
        )
    return found
