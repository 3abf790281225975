"""What a rule's conditions mean on one host: keywords, programs, interfaces, versions of Windows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.intervals import EMPTY, Intervals, union
from pytest_wfo.core.windows_firewall import SYSTEM, NetworkInterface, Program, WindowsFirewall
from pytest_wfo.core.windows_index import file_name
from pytest_wfo.core.windows_rules import LATE_KEYWORDS, Addresses, WindowsRule
from pytest_wfo.core.windows_validity import is_newer
from pytest_wfo.core.windows_ways import Carrier

EVERYWHERE: Intervals = ((0, 2**32 - 1),)

# Renderers and captive portals of the moment: never a PREMISES server or the cloud.
_NEVER = ("ply2renders", "captiveportal")
_SERVERS = {"dns": "dns", "dhcp": "dhcp", "wins": "wins", "defaultgateway": "gateways"}
_INTERFACE_TYPES = {"lan": 6, "wireless": 71, "remoteaccess": 23}
_WINDOWS_NT = 2
_WINDOWS_FOLDERS = ("%systemroot%\\", "%windir%\\", "c:\\windows\\")
_VARIABLE = re.compile(r"%([^%\\]+)%")


def resolve(
    addresses: Addresses, firewall: WindowsFirewall, carrier: Carrier
) -> tuple[Intervals, Intervals]:
    """The addresses that a remote condition names surely, and those that it may name.

    A keyword counts surely for what it means on the carrying interface, and may stand for what it
    means on any. One that stands for nothing keeps Windows from enforcing the rule.
    """
    sure = maybe = addresses.intervals
    for keyword in addresses.keywords:
        here, anywhere = _keyword(keyword, firewall, carrier)
        sure, maybe = union(sure, here), union(maybe, anywhere)
        if not anywhere:
            sure = EMPTY
    return sure, maybe


def _keyword(
    keyword: str, firewall: WindowsFirewall, carrier: Carrier
) -> tuple[Intervals, Intervals]:
    if keyword in _NEVER:
        return EMPTY, EMPTY
    known = keyword == "localsubnet" or keyword in _SERVERS
    if not known or carrier.interface is None:
        return EMPTY, EVERYWHERE
    anywhere = EMPTY
    for interface in firewall.interfaces:
        found = _on(interface, keyword)
        anywhere = union(anywhere, EVERYWHERE if found is None else found)
    return _on(carrier.interface, keyword) or EMPTY, anywhere


def _on(interface: NetworkInterface, keyword: str) -> Intervals | None:
    texts: tuple[str, ...] | None = interface.addresses
    if keyword != "localsubnet":
        texts = getattr(interface, _SERVERS[keyword])
    return None if texts is None else _set_of(texts)


@lru_cache(1024)
def _set_of(texts: tuple[str, ...]) -> Intervals:
    return AddressSet.of(texts).intervals


def runs_here(rule: WindowsRule, firewall: WindowsFirewall) -> bool | None:
    """Whether the rule is for this version of Windows; None where that is not known."""
    answers: set[bool | None] = set()
    if rule.skipped_up_to:
        host = firewall.policy_version
        answers.add(None if host is None else host > rule.skipped_up_to)
    if rule.platforms:
        answers.add(_is_platform(rule, firewall.windows_version))
    return _all(answers)


def _is_platform(rule: WindowsRule, version: tuple[int, int] | None) -> bool | None:
    if version is None:
        return None
    *single, last = rule.platforms
    system, *lowest = last
    if rule.or_later and system == _WINDOWS_NT and version >= tuple(lowest):
        return True
    return (_WINDOWS_NT, *version) in (*single, last)


def loses_tokens(rule: WindowsRule, firewall: WindowsFirewall) -> bool:
    """Whether an older Windows may leave out conditions of the rule, and so match more."""
    newer = is_newer(rule, firewall.policy_version)
    return newer and (bool(rule.elsewhere) or loses_keywords(rule, firewall))


def loses_keywords(rule: WindowsRule, firewall: WindowsFirewall) -> bool:
    """Whether an older Windows may leave out some of the rule's remote addresses' keywords; with no
    address left, any would match."""
    if rule.remote is None or LATE_KEYWORDS.isdisjoint(rule.remote.keywords):
        return False
    return is_newer(rule, firewall.policy_version)


def is_of_interface(rule: WindowsRule, carrier: Carrier) -> bool | None:
    """Whether the rule's interface conditions hold for the carrying interface."""
    interface = carrier.interface
    answers: set[bool | None] = set()
    if rule.interfaces:
        named = {each.lower() for each in rule.interfaces}
        answers.add(None if interface is None else interface.id.lower() in named)
    if rule.interface_types:
        answers.add(_is_of_type(rule, interface.type if interface else None))
    return _all(answers)


def _is_of_type(rule: WindowsRule, number: int | None) -> bool | None:
    numbers = {_INTERFACE_TYPES.get(each.lower()) for each in rule.interface_types}
    if number in numbers and number is not None:
        return True
    # Other types (VPN drivers, virtual switches) may count as any of the three.
    certain = number in _INTERFACE_TYPES.values() and None not in numbers
    return False if certain else None


def is_of_program(
    rule: WindowsRule, programs: Iterable[Program], windows_folder: str
) -> bool | None:
    """Whether the rule is about the program that has the port: one of ``programs``, any if empty.

    True where it is about all of them, False where about none. While the program is not known, it
    is at least none of Windows' own: the ports in question are those of WFO and of browsers. (The
    kernel, "System", may hold a WFO port all the same: http.sys does.)
    """
    if not rule.program and not rule.service:
        return True
    if not programs and _is_part_of_windows(rule.program):
        return False
    answers = {_is_about(rule, program, windows_folder) for program in programs}
    return answers.pop() if len(answers) == 1 else None


def _is_part_of_windows(path: str) -> bool:
    return path.lower().startswith(_WINDOWS_FOLDERS)


def _is_about(rule: WindowsRule, program: Program, windows_folder: str) -> bool | None:
    answers: set[bool | None] = set()
    if rule.program:
        answers.add(_is_path(rule.program, program.path, windows_folder))
    if rule.service:
        answers.add(_is_service(rule.service, program.services))
    return _all(answers)


def _is_service(wanted: str, services: frozenset[str] | None) -> bool | None:
    if services is None:
        return None
    return bool(services) if wanted == "*" else wanted.lower() in {s.lower() for s in services}


@lru_cache(4096)
def _is_path(wanted: str, path: str, windows_folder: str) -> bool | None:
    """Compare a rule's path with an image's. A bare file name as ``path`` may be in any folder."""
    if SYSTEM.lower() in (wanted.lower(), path.lower()):
        return wanted.lower() == path.lower()
    if "\\" not in path:
        return None if file_name(wanted) == path.lower() else False
    expanded = _expand(wanted, windows_folder).lower()
    if "%" not in expanded:
        return expanded == path.lower()
    tail = expanded.rpartition("%")[2]
    return None if path.lower().endswith(tail) else False


def _expand(path: str, windows_folder: str) -> str:
    """With the variables as the firewall service sees them: those of the SYSTEM account.

    Variables that are not known stay.
    """
    if not windows_folder or "%" not in path:
        return path
    drive = windows_folder[:2]
    user = f"{windows_folder}\\system32\\config\\systemprofile"
    known = {
        "systemroot": windows_folder,
        "windir": windows_folder,
        "systemdrive": drive,
        "programfiles": f"{drive}\\Program Files",
        "programw6432": f"{drive}\\Program Files",
        "programfiles(x86)": f"{drive}\\Program Files (x86)",
        "commonprogramfiles": f"{drive}\\Program Files\\Common Files",
        "commonprogramfiles(x86)": f"{drive}\\Program Files (x86)\\Common Files",
        "programdata": f"{drive}\\ProgramData",
        "allusersprofile": f"{drive}\\ProgramData",
        "userprofile": user,
        "localappdata": f"{user}\\AppData\\Local",
        "appdata": f"{user}\\AppData\\Roaming",
        "temp": f"{windows_folder}\\Temp",
        "tmp": f"{windows_folder}\\Temp",
    }
    return _VARIABLE.sub(lambda found: known.get(found[1].lower(), found[0]), path)


def _all(answers: set[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True
