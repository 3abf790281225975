"""Microsoft Defender Antivirus on Windows.

What Defender itself says is in force (MSFT_MpPreference) decides. The registry only tells where an
entry comes from, and which stored ones have no effect. Exclusions that Windows makes by itself (server
roles, the system's own files) are in neither; none of them touches what WFO asks for. Sources:
Microsoft, "Configure custom exclusions", "Policy settings conflicts", "Antivirus compatibility".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pytest_wfo.core.antivirus.environment import SYSTEM_VARIABLES
from pytest_wfo.core.antivirus.model import Exclusion, Product, Reading, Scan
from pytest_wfo.core.antivirus.patterns import UNCLEAR
from pytest_wfo.core.facts import Fact, Known, Rights, Unknown
from pytest_wfo.probes.antivirus.defender_entries import (
    ADVICE,
    defender_extension,
    defender_path,
    defender_process,
)
from pytest_wfo.probes.antivirus.defender_history import read_history
from pytest_wfo.probes.antivirus.detection import Signs, WindowsHost, traces
from pytest_wfo.probes.antivirus.products import Reader
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import fact
from pytest_wfo.probes.windows_envelope import ELEVATE, Answer, Failure, Row, text, texts
from pytest_wfo.probes.windows_machine import CURRENT_VERSION, read_rights

SIGNS = Signs.of(
    "Microsoft Defender Antivirus",
    "WinDefend",
    "msmpeng",
    "wdfilter|mpfilter",
    # The components manage Defender on a host of Intune or ConfigMgr, and scan nothing themselves.
    "^(windows|microsoft) defender( antivirus)?$|^microsoft endpoint protection management components$",
)

LOCAL = r"HKLM:\SOFTWARE\Microsoft\Windows Defender"
POLICY = r"HKLM:\SOFTWARE\Policies\Microsoft\Windows Defender"
MDM = rf"{POLICY}\Policy Manager"
_STOPPED = "800106ba"
_LOOK = "look at Defender's status on the host"
PASSIVE = "blocks nothing, as another product is the antivirus"
"""What a passive Defender says of itself; whether there is another one has to be seen."""
_PLACEHOLDER = re.compile(r"\s*N/A:", re.IGNORECASE)
_HIDDEN_REMEDY = (
    "the list is hidden from administrators (HideExclusionsFromLocalAdmins): have its owner export it from "
    "the console or group policy, and attest the cells with that export"
)

_VOID_LOCAL = "DisableLocalAdminMerge is 1, so local entries do not count"
_MANAGED = {6: "managed by Intune alone", 7: "managed by Intune and ConfigMgr"}
_ENROLLED = {1: "its security settings management", 3: "Intune", 4: "ConfigMgr"}
_OLD_SIGNATURES = 7  # days


@dataclass(frozen=True, slots=True)
class _List:
    """One of Defender's lists: its name in the answer, its key in the local store and in Group Policy,
    its value from MDM, and what an entry with its origin and why it is void means."""

    name: str
    key: str
    mdm: str
    entry: Callable[[str, str, str, Mapping[str, str]], Exclusion]


_LISTS = (
    _List("paths", "Paths", "ExcludedPaths", defender_path),
    _List(
        "extensions",
        "Extensions",
        "ExcludedExtensions",
        lambda text, origin, void, _: defender_extension(text, origin, void),
    ),
    _List("processes", "Processes", "ExcludedProcesses", defender_process),
)


def _read(host: WindowsHost) -> Product | None:
    answer, seen = host.answer, traces(host, SIGNS)
    status = fact("Defender's status", lambda: Known(_status(answer), "MSFT_MpComputerStatus"))
    if not seen and isinstance(status, Unknown):
        return None
    active, warnings = _active(host, status)
    rights = fact("rights", lambda: read_rights(answer))
    history = read_history(answer)
    exclusions = fact("Defender's exclusions", lambda: _exclusions(answer, rights))
    value = status.value if isinstance(status, Known) else {}
    return Product(
        name=SIGNS.product,
        version=printable(str(value.get("version") or seen.version)),
        active=active,
        scanning={
            Scan.MEMORY_RESIDENT: _real_time(status, active),
            Scan.ON_DEMAND: Known(True, "a scan can be started at any time"),
        },
        reading=Reading.EFFECTIVE if isinstance(exclusions, Known) else Reading.NONE,
        exclusions=exclusions,
        opinions=_opinions(answer) if _elevated(rights) else {},
        removals=history.removals,
        history_days=history.days,
        state=(*_state(answer, status), *seen.running, *seen.loaded, *seen.named),
        warnings=(*warnings, *_warnings(answer, status), *history.warnings),
        advice=ADVICE,
        central=_VOID_LOCAL if _switch(answer, "DisableLocalAdminMerge") else "",
    )


DEFENDER = Reader(SIGNS, _read)


def _status(answer: Answer) -> Row:
    value = answer.value("av_status", "Defender's status")
    text(value, "mode")
    text(value, "version")
    return value


def _active(host: WindowsHost, status: Fact[Row]) -> tuple[Fact[bool], tuple[str, ...]]:
    """Whether it is the antivirus that counts, and what to mind if it is not."""
    seen = traces(host, SIGNS)
    running = seen.active(host)
    if isinstance(status, Unknown):
        failure = host.answer.failure("av_status")
        if (
            failure is not None
            and _STOPPED in failure.id.lower()
            and not host.unseen
            and not seen.running
        ):
            return Known(False, f"its service is stopped ({failure.words})"), ()
        return running, ()
    mode = (status.value["mode"] or "").lower()
    said = (
        f"AMRunningMode is {printable(status.value['mode'] or '')}" if mode else "no AMRunningMode"
    )
    if mode.startswith("sxs passive"):
        return Known(True, f"{said}: limited periodic scanning"), (
            "Microsoft Defender scans from time to time beside another product, and removes what it finds",
        )
    if mode.startswith("passive"):
        return Known(False, f"{said}: Defender {PASSIVE}"), (
            "Microsoft Defender is passive: it still scans after updates of its signatures, without removing",
        )
    if mode.startswith("edr block"):
        return Known(False, f"{said}: Defender {PASSIVE}"), (
            "Microsoft Defender is passive, but EDR in block mode may remove files: exclude them there too",
        )
    if mode.startswith("not running") and 1 in (
        status.value["antivirus"],
        status.value["realtime"],
    ):
        return Unknown(f"{said}, but it says that its protection is on", _LOOK), ()
    if mode.startswith("not running"):
        return Known(False, said), ()
    if mode.startswith("normal") and status.value["service"] == 0:
        return Unknown(f"{said}, but AMServiceEnabled is False", _LOOK), ()
    if mode.startswith("normal"):
        return Known(True, said), ()
    if mode:
        return Unknown(f"{said}, which is not known here", _LOOK), ()
    if status.value["antivirus"] in (0, 1):
        return Known(status.value["antivirus"] == 1, "AntivirusEnabled"), ()
    return running, ()


def _real_time(status: Fact[Row], active: Fact[bool]) -> Fact[bool]:
    """Where Defender is the antivirus that counts, "off" says nothing of tomorrow."""
    if isinstance(status, Unknown):
        return status
    if (status.value["mode"] or "").lower().startswith("sxs passive"):
        return Known(False, "limited periodic scanning: another product scans what is opened")
    enabled = status.value["realtime"]
    if enabled not in (0, 1):
        return Unknown("whether real-time protection is on: Defender does not say")
    replaced = isinstance(active, Known) and not active.value
    if enabled == 0 and not replaced:
        return Unknown(
            "real-time protection is off at the moment, and may be on again at any time",
            "make the entries all the same, or turn real-time protection on and run again",
        )
    return Known(enabled == 1, "RealTimeProtectionEnabled of MSFT_MpComputerStatus")


def _elevated(rights: Fact[Rights]) -> bool:
    return isinstance(rights, Known) and rights.value.elevated == "root"


def _exclusions(answer: Answer, rights: Fact[Rights]) -> Fact[tuple[Exclusion, ...]]:
    what = "Defender's exclusions"
    preferences = answer.value("av_preferences", what)
    elevated = _elevated(rights)
    lists: dict[str, tuple[str, ...]] = {}
    for each in _LISTS:
        list_ = preferences[each.name]
        lists[each.name] = texts(list_, "rows")
        if list_["total"] != len(lists[each.name]):
            return Unknown(f"{what}: {list_['total']} {each.name}, not all of which were reported")
    every = [entry for entries in lists.values() for entry in entries]
    placeholder = next((entry for entry in every if _PLACEHOLDER.match(entry)), None)
    if placeholder is not None:
        denied = "not allowed" in placeholder.lower()
        return Unknown(
            f'{what}: Defender answers "{printable(placeholder)}"',
            _HIDDEN_REMEDY if denied else ELEVATE,
        )
    if not every and not elevated:
        return Unknown(
            f"{what}: none is shown, to a user who is no elevated administrator", ELEVATE
        )
    found = [entry for each in _LISTS for entry in _entries(answer, each, lists[each.name])]
    who = "as administrator" if elevated else "not as administrator"
    return Known(tuple(found), f"MSFT_MpPreference ({who})")


def _entries(answer: Answer, list_: _List, effective: tuple[str, ...]) -> Iterator[Exclusion]:
    """What is in force, then what is stored but is not."""
    stores = {
        "local": _names(answer, rf"{LOCAL}\Exclusions\{list_.key}"),
        "Group Policy": _names(answer, rf"{POLICY}\Exclusions\{list_.key}"),
        "MDM": _joined(answer, list_.mdm),
    }
    merged = not _switch(answer, "DisableLocalAdminMerge")
    variables = _variables(answer)
    unread = [name for name, held in stores.items() if held is None]
    nowhere = f"unknown ({', '.join(unread)} not readable)" if unread else "unknown"
    for text_ in effective:
        origins = [name for name, held in stores.items() if held and text_.lower() in held]
        void = _VOID_LOCAL if origins == ["local"] and not merged else ""
        origin = " and ".join(origins) or nowhere
        if text_.endswith(" [cut]"):
            yield Exclusion(text_, UNCLEAR, note="too long to be reported whole")
        else:
            yield list_.entry(text_, origin, void, variables)
    shown = {text_.lower() for text_ in effective}
    for name, held in stores.items():
        void = f"stored ({name}), but not in what Defender says is in force"
        if name == "local" and not merged:
            void = _VOID_LOCAL
        for lower, text_ in (held or {}).items():
            if lower not in shown:
                yield list_.entry(text_, name, void, variables)


def _variables(answer: Answer) -> Mapping[str, str]:
    """Those of the system account, where Windows lies elsewhere than in C:\\Windows."""
    root = answer.setting(CURRENT_VERSION, "SystemRoot")
    if not isinstance(root, str) or not re.fullmatch(r"[A-Za-z]:\\[^\\]+", root):
        return SYSTEM_VARIABLES
    return {
        name: value.replace(r"C:\Windows", root).replace("C:", root[:2])
        for name, value in SYSTEM_VARIABLES.items()
    }


def _names(answer: Answer, path: str) -> Mapping[str, str] | None:
    """The names of a key's values in lower case; None where the key could not be read."""
    values = answer.key(path)
    if isinstance(values, Failure):
        return None
    return {name.lower(): name for name, _ in values or ()}


def _joined(answer: Answer, name: str) -> Mapping[str, str] | None:
    if isinstance(answer.key(MDM), Failure):
        return None
    value = answer.setting(MDM, name)
    entries = value.split("|") if isinstance(value, str) else []
    return {entry.strip().lower(): entry.strip() for entry in entries if entry.strip()}


def _switch(answer: Answer, name: str) -> bool:
    return any(answer.setting(path, name) == 1 for path in (POLICY, MDM))


def _opinions(answer: Answer) -> Mapping[str, bool]:
    """MpCmdRun -CheckExclusion: exit code 0 is excluded, 1 is not, all others say nothing."""
    if answer.failure("av_opinions") is not None:
        return {}
    rows = fact("opinions", lambda: Known(answer.rows("av_opinions", "opinions"), ""))
    if isinstance(rows, Unknown):
        return {}
    return {
        path: row["code"] == 0
        for row in rows.value
        if isinstance(path := row.get("path"), str) and row.get("code") in (0, 1)
    }


def _state(answer: Answer, status: Fact[Row]) -> tuple[str, ...]:
    if isinstance(status, Unknown):
        return (status.reason,)
    value = status.value
    on = {0: "off", 1: "on"}
    said = [
        f"mode {printable(value['mode'] or 'not shown')}, "
        f"real-time protection {on.get(value['realtime'], 'not shown')}, "
        f"on-access protection {on.get(value['access'], 'not shown')}, "
        f"engine {printable(str(value['engine']))}, signatures {value['age']} days old"
    ]
    if value["tamper"] == 1:
        said.append("tamper protection is on")
    managed = answer.setting(LOCAL, "ManagedDefenderProductType")
    if managed in _MANAGED:
        said.append(_MANAGED[managed])
    enrolled = answer.setting(r"HKLM:\SOFTWARE\Microsoft\SenseCM", "EnrollmentStatus")
    if enrolled in _ENROLLED:
        said.append(f"Defender for Endpoint gets its settings from {_ENROLLED[enrolled]}")
    if answer.setting(rf"{LOCAL}\Features", "TPExclusions") == 1:
        said.append("tamper protection covers the exclusions too")
    return tuple(said)


def _warnings(answer: Answer, status: Fact[Row]) -> Iterator[str]:
    if isinstance(status, Known):
        age = status.value["age"]
        if type(age) is int and age > _OLD_SIGNATURES:
            yield f"signatures are {age} days old"
        mode = status.value["mode"] or ""
        if status.value["realtime"] == 0 and mode.lower().startswith("normal"):
            yield "real-time protection is off"
    if _switch(answer, "DisableLocalAdminMerge"):
        yield "local exclusions have no effect here (DisableLocalAdminMerge is 1)"
    if _switch(answer, "HideExclusionsFromLocalAdmins"):
        yield "exclusions are hidden from administrators (HideExclusionsFromLocalAdmins is 1)"
