"""The exception lists of Windows XP's firewall, which Group Policy can still carry, as rules.

Source: the help text of the administrative templates "Define inbound port exceptions" and "Define
inbound program exceptions" (WindowsFirewall.admx). A disabled entry overrides enabled ones there;
how today's Windows takes it is not documented, so it may block.
"""

from __future__ import annotations

import re

from pytest_wfo.core.windows_parse import parse_rule
from pytest_wfo.core.windows_rules import Profile, Store, WindowsRule

_PORT = re.compile(r"([0-9]+):(TCP|UDP):([^:|]*):(enabled|disabled):([^|]*)", re.IGNORECASE)
_PROGRAM = re.compile(r"([^|]+):([^:|]*):(enabled|disabled):([^:|]*)", re.IGNORECASE)
_PROTOCOLS = {"tcp": 6, "udp": 17}


def legacy_port(entry: str, profiles: frozenset[Profile]) -> WindowsRule:
    """From "2010:TCP:207.166.94.0/24,localsubnet:enabled:WFO" (port, protocol, scope, status, name).

    ``profiles`` are those of the list's key: "StandardProfile" is Private and Public. Text that is
    no such entry gives a rule that does nothing and names its problems.
    """
    found = _PORT.fullmatch(entry)
    if not found:
        return parse_rule(Store.LEGACY, entry, "")
    what = f"Protocol={_PROTOCOLS[found[2].lower()]}|LPort={found[1]}|"
    return _rule(entry, what, found[3], found[4], found[5], profiles)


def legacy_program(entry: str, profiles: frozenset[Profile]) -> WindowsRule:
    """From "%ProgramFiles%\\\\x\\\\x.exe:*:enabled:Name" (path, scope, status, name); as above."""
    found = _PROGRAM.fullmatch(entry)
    if not found:
        return parse_rule(Store.LEGACY, entry, "")
    return _rule(entry, f"App={found[1]}|", found[2], found[3], found[4], profiles)


def _rule(
    entry: str, what: str, scope: str, status: str, name: str, profiles: frozenset[Profile]
) -> WindowsRule:
    text = f"v2.0|Action={'Allow' if status.lower() == 'enabled' else 'Block'}|Active=TRUE|Dir=In|"
    text += what + "".join(f"Profile={each.value}|" for each in Profile if each in profiles)
    if "*" not in scope.split(","):
        text += "".join(f"RA4={part.strip()}|" for part in scope.split(","))
    if status.lower() == "disabled":
        text += "a disabled entry of a legacy list|"
    return parse_rule(Store.LEGACY, entry, f"{text}Name={name}|")
