"""Why Windows does not enforce a rule: the checks of [MS-FASP] 2.2.37 that a string can fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_rules import Action, WindowsRule

MAJOR = 2  # the only major version of policy there has been

_ILLEGAL_IN_PROGRAM = re.compile(r'[/*?"<>]')
_WITH_PORTS = (6, 17)
_ICMP = (1, 58)


def problems_of(rule: WindowsRule) -> tuple[str, ...]:
    """Each reason in a clause; empty for a rule that is in order."""
    return tuple(_problems(rule))


def is_ignored(rule: WindowsRule) -> bool:
    """Whether Windows passes over the rule unread, as it is of another major version."""
    return rule.version is not None and rule.version[0] != MAJOR


def is_newer(rule: WindowsRule, policy_version: tuple[int, int] | None) -> bool:
    """Whether the rule was written for a later Windows: this one leaves out the tokens it does not
    know and enforces the rest."""
    if rule.version is None or policy_version is None:
        return False
    return rule.version > policy_version


def _problems(rule: WindowsRule) -> Iterator[str]:
    yield from (f"{fault} is not valid" for fault in rule.faults)
    if rule.version is None:
        yield "it has no version"
    elif is_ignored(rule):
        yield f"Windows ignores version {rule.version[0]}.{rule.version[1]}"
    if rule.action is None and not rule.lacks("Action"):
        yield "it has no Action"
    if rule.direction is None and not rule.lacks("Dir"):
        yield "it has no Dir"
    if rule.name.lower() == "all":
        yield "its name must not be ALL"
    if (rule.local_ports or rule.remote_ports) and rule.protocol not in _WITH_PORTS:
        yield "it names ports, but is neither for TCP nor for UDP"
    if rule.local_ports and rule.local_ports.keywords and rule.direction is Direction.OUT:
        yield "it names a port keyword for outbound connections"
    if rule.local and (rule.interfaces or rule.interface_types):
        yield "it names local addresses together with interfaces"
    if rule.program and _ILLEGAL_IN_PROGRAM.search(rule.program):
        yield "its program's path holds illegal characters"
    if rule.remarks or rule.conditions:
        yield from _flag_problems(rule)
    elif rule.action is Action.BYPASS:
        yield "it bypasses block rules, but does not ask for IPsec and named computers"


def _flag_problems(rule: WindowsRule) -> Iterator[str]:
    asked = {token.partition("=")[0].lower() for token in (*rule.remarks, *rule.conditions)}
    if rule.protocol not in _ICMP and ("icmp4" in asked or "icmp6" in asked):
        yield "it names ICMP types, but is not for ICMP"
    if rule.action is Action.BLOCK and "security" in asked:
        yield "it blocks and asks for IPsec"
    if rule.action is Action.BYPASS and not (
        rule.direction is Direction.IN and {"security", "rmauth"} <= asked
    ):
        yield "it bypasses block rules, but does not ask for IPsec and named computers"
