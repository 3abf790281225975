"""Whether a rule meets connections on one carrier: surely, perhaps (and on what it depends), or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pytest_wfo.core.intervals import EMPTY, Intervals, contains, difference, intersection
from pytest_wfo.core.windows_firewall import Program, WindowsFirewall
from pytest_wfo.core.windows_index import Entry, file_name
from pytest_wfo.core.windows_profiles import EffectiveProfile
from pytest_wfo.core.windows_rules import Action, Profile, Store, WindowsRule
from pytest_wfo.core.windows_scope import (
    EVERYWHERE,
    is_of_interface,
    is_of_program,
    loses_keywords,
    loses_tokens,
    resolve,
    runs_here,
)
from pytest_wfo.core.windows_ways import Carrier

_OF_THE_USER = ("%userprofile%", "%localappdata%", "%appdata%", "%temp%", "%tmp%")


class Answer(NamedTuple):
    """One condition's answer: ``holds`` is None where it depends; ``limit`` says to what the
    condition limits the rule ("is for program C:\\x.exe only")."""

    holds: bool | None
    limit: str


@dataclass(frozen=True, slots=True)
class Hit:
    """Remote addresses that a rule meets: ``sure`` is a part of ``maybe``. ``depends`` says what
    decides about the difference."""

    entry: Entry
    sure: Intervals
    maybe: Intervals
    depends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """Connections to or from ``remote`` on one port, over one carrier, by one of ``programs`` (none:
    not known). ``local`` are own addresses that no rule tells apart; ``held`` as in ``Stretch``."""

    firewall: WindowsFirewall
    profile: EffectiveProfile
    carrier: Carrier
    programs: tuple[Program, ...]
    port: int
    local: Intervals
    held: bool
    remote: Intervals

    def file_names(self) -> list[str]:
        """The programs' file names in lower case."""
        return [file_name(program.path) for program in self.programs]

    def hit(self, entry: Entry) -> Hit | None:
        """What the rule meets, None if nothing.

        A rule that Windows does not take as valid permits nothing; one that would block may block.
        """
        depends = []
        for answer in self._answers(entry):
            if answer.holds is False:
                return None
            if answer.holds is None:
                depends.append(answer.limit)
        sure, maybe = self.addresses(entry.rule)
        maybe = intersection(maybe, self.remote)
        if not maybe:
            return None
        sure = EMPTY if depends else intersection(sure, self.remote)
        if not depends and sure != maybe:
            depends.append(told_remote(entry.rule))
        return Hit(entry, sure, maybe, tuple(depends))

    def limits(self, entry: Entry) -> list[str]:
        """All that keeps a rule from counting here, apart from addresses."""
        return [answer.limit for answer in self._answers(entry) if answer.holds is False]

    def addresses(self, rule: WindowsRule) -> tuple[Intervals, Intervals]:
        """The remote addresses that the rule is about, surely and perhaps."""
        remote = rule.remote
        if remote is None or (rule.ignores_remote and rule.action is Action.ALLOW):
            return EVERYWHERE, EVERYWHERE
        if not remote.keywords:
            return remote.intervals, remote.intervals
        if loses_keywords(rule, self.firewall):
            return EMPTY, EVERYWHERE
        return resolve(remote, self.firewall, self.carrier)

    def _answers(self, entry: Entry) -> Iterator[Answer]:
        """Only what does not hold for sure, the cheapest first."""
        rule, firewall = entry.rule, self.firewall
        if self.profile.profile not in rule.profiles:
            yield Answer(False, told_profiles(rule))
        if not rule.active:
            yield Answer(None if rule.lacks("Active") else False, "is disabled")
        if rule.store is Store.LOCAL:
            yield from self._void(rule)
        if not contains(entry.ports, self.port):
            if contains(entry.perhaps, self.port):
                yield Answer(None, "names its port by a keyword")
            else:
                yield Answer(False, "is for other ports")
        if entry.clients is not True:
            yield Answer(entry.clients, "is for some ports of the client only")
        if rule.problems:
            yield Answer(
                False if rule.action is Action.ALLOW else None,
                f"is not enforced ({rule.problems[0]})",
            )
        for condition in rule.conditions:
            yield Answer(None, f"has the condition {condition[:120]}")
        if loses_tokens(rule, firewall):
            yield Answer(None, "was written for a later Windows, which knows more conditions")
        if rule.platforms or rule.skipped_up_to:
            here = runs_here(rule, firewall)
            if not here:
                yield Answer(here, "is for other versions of Windows")
        if rule.program or rule.service:
            about = is_of_program(rule, self.programs, firewall.windows_folder)
            if not about:
                yield Answer(about, self._told_program(rule))
        if rule.interfaces or rule.interface_types:
            fits = is_of_interface(rule, self.carrier)
            if not fits:
                names = ", ".join((*rule.interfaces, *rule.interface_types))
                yield Answer(fits, f"is for the interfaces {names} only")
        if rule.local:
            yield from self._own_addresses(rule.local.intervals)

    def _void(self, rule: WindowsRule) -> Iterator[Answer]:
        profile = self.profile
        if not profile.local_rules:
            yield Answer(False, f"is void, as {profile.told('local_rules')}")
        elif not profile.local_programs and _is_for_program(rule):
            yield Answer(False, f"is void, as {profile.told('local_programs')}")
        elif not profile.local_open_ports and _is_for_one_port(rule):
            yield Answer(False, f"is void, as {profile.told('local_open_ports')}")

    def _told_program(self, rule: WindowsRule) -> str:
        told = [f"program {rule.program}"] if rule.program else []
        told += [f"service {rule.service}"] if rule.service else []
        limit = f"is for {' and '.join(told)} only"
        if any(name in rule.program.lower() for name in _OF_THE_USER):
            limit += " (its variable is read as that of the SYSTEM account)"
        if not self.programs:
            limit += ", and which program has the port is not known"
        elif len(self.programs) > 1:
            limit += ", one of several that are expected"
        return limit

    def _own_addresses(self, intervals: Intervals) -> Iterator[Answer]:
        limit = "is for other addresses of the host"
        if not self.held:
            yield Answer(None, f"{limit}, perhaps")
        elif not intersection(self.local, intervals):
            yield Answer(False, limit)
        elif difference(self.local, intervals):
            yield Answer(None, "is for some addresses of the host only")


def told_remote(rule: WindowsRule) -> str:
    """What a rule's remote condition limits it to, as it is written."""
    tokens = [part for part in rule.text.split("|") if part[:3].lower() == "ra4"]
    values = [token.partition("=")[2] for token in tokens]
    if not values:
        return "is for IPv6 addresses only"
    shown = values if len(values) <= 4 else [*values[:3], f"{len(values) - 3} more"]
    return f"is limited to {', '.join(shown)}"


def told_profiles(rule: WindowsRule) -> str:
    """For which profiles a rule is."""
    names = [profile.value for profile in Profile if profile in rule.profiles]
    return f"is for the {' and '.join(names)} profile{'s' * (len(names) > 1)} only"


def _is_for_program(rule: WindowsRule) -> bool:
    """[MS-FASP] 2.2.38: what AuthorizedApplications\\AllowUserPrefMerge is about."""
    return (
        bool(rule.program)
        and not rule.service
        and rule.protocol in (6, 17)
        and not rule.local_ports
    )


def _is_for_one_port(rule: WindowsRule) -> bool:
    """[MS-FASP] 2.2.38: what GloballyOpenPorts\\AllowUserPrefMerge is about."""
    ports = rule.local_ports
    return (
        not (rule.program or rule.service)
        and rule.protocol in (6, 17)
        and ports is not None
        and len(ports.spans) == 1
        and not ports.keywords
    )
