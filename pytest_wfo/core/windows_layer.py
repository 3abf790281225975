"""What the rules and settings of one profile do with connections on one carrier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from pytest_wfo.core.intervals import EMPTY, Intervals, difference, intersection, normalize, union
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_cells import Cell, Claim, shared_out
from pytest_wfo.core.windows_index import Entry
from pytest_wfo.core.windows_match import Hit, Situation
from pytest_wfo.core.windows_near import near_misses
from pytest_wfo.core.windows_rules import Action, title

# Rules beyond this many that do the same are told as one: a block list has thousands.
_TOLD_APART = 50

_POPUP_IDS = ("tcp query user{", "udp query user{")
_POPUP = "it was made by a security alert that was dismissed: delete it and start the program again"


def decide_layer(
    situation: Situation, direction: Direction, entries: Sequence[Entry]
) -> list[Cell]:
    """The profile's settings first, then its rules; the cells cover the situation's addresses."""
    settled = _by_settings(situation, direction)
    if settled:
        return [settled]
    return _Rules(situation, direction, entries).cells()


def _by_settings(situation: Situation, direction: Direction) -> Cell | None:
    profile, carrier, remote = situation.profile, situation.carrier, situation.remote
    if profile.unclear:
        why = f"the setting is not understood; it is in force in {carrier}"
        return Cell(Decision.UNDECIDED, remote, profile.unclear[0], why)
    if not profile.enabled:
        rule, why = profile.told("enabled"), f"the firewall is off in {carrier}"
        return Cell(Decision.PERMITTED, remote, rule, why)
    if profile.disabled_interfaces:
        rule = profile.told("disabled_interfaces")
        if carrier.interface is None:
            why = f"the firewall may be off on the interface, in {carrier}"
            return Cell(Decision.UNDECIDED, remote, rule, why)
        if carrier.interface.id.lower() in profile.disabled_interfaces:
            why = f"the firewall is off on this interface, in {carrier}"
            return Cell(Decision.PERMITTED, remote, rule, why)
    if direction is Direction.IN and profile.shielded:
        why = f"all inbound connections are blocked in {carrier}, whatever the rules say"
        return Cell(Decision.DENIED, remote, profile.told("shielded"), why)
    return None


class _Rules:
    """The rules that meet a situation, by what they do."""

    def __init__(
        self, situation: Situation, direction: Direction, entries: Sequence[Entry]
    ) -> None:
        self._situation = situation
        self._direction = direction
        self._allow: list[Hit] = []
        self._block: list[Hit] = []
        self._bypass: list[Hit] = []
        for entry in entries:
            hit = situation.hit(entry)
            if hit is None:
                continue
            action = entry.rule.action
            if action is Action.BYPASS or (action is Action.ALLOW and entry.rule.bypasses_blocks):
                self._bypass.append(hit)
            elif action is Action.ALLOW:
                self._allow.append(hit)
            else:
                self._block.append(hit)
        self._permitting = [hit for hit in self._allow if hit.sure]

    def cells(self) -> list[Cell]:
        everything = self._situation.remote
        profile = self._situation.profile
        inward = self._direction is Direction.IN
        blocked = profile.blocks_in if inward else profile.blocks_out
        default = EMPTY if blocked else everything
        allowed, perhaps_allowed = _sure(self._allow), _maybe(self._allow)
        refused, perhaps_refused = _sure(self._block), _maybe(self._block)
        bypassed = _maybe(self._bypass)
        passing = union(allowed, default)
        permitted = difference(passing, perhaps_refused)
        gap = difference(difference(everything, perhaps_allowed), default)
        denied = difference(union(refused, gap), bypassed)
        open_ = difference(difference(everything, permitted), denied)

        cells, rest = shared_out(permitted, self._claims(Decision.PERMITTED, self._permitting))
        cells += [self._by_default(Decision.PERMITTED, rest)] if rest else []
        refusing = [hit for hit in self._block if hit.sure]
        found, rest = shared_out(denied, self._claims(Decision.DENIED, refusing))
        cells += found
        cells += [self._by_default(Decision.DENIED, rest)] if rest else []
        doubtful = difference(intersection(open_, perhaps_allowed), passing)
        unsure = [hit for hit in self._allow if hit.depends]
        found, _ = shared_out(doubtful, self._claims(Decision.UNDECIDED, unsure))
        cells += self._with_near_misses(found, doubtful)
        either = [*self._bypass, *(hit for hit in self._block if hit.depends)]
        claims = self._claims(Decision.UNDECIDED, either)
        return cells + shared_out(difference(open_, doubtful), claims)[0]

    def _claims(self, decision: Decision, hits: Sequence[Hit]) -> Iterator[Claim]:
        """Each rule's claim on the addresses it decides about; the many of block lists in one."""
        undecided = decision is Decision.UNDECIDED
        for hit in hits[:_TOLD_APART]:
            rule = self._told(hit)
            yield (
                (hit.maybe if undecided else hit.sure),
                _cell(decision, rule, self._why(hit, decision)),
            )
        rest = hits[_TOLD_APART:]
        if rest:
            rule = f"{self._told(rest[0])}, and {len(rest) - 1} more such rules"
            claim = _maybe(rest) if undecided else _sure(rest)
            yield claim, _cell(decision, rule, self._why(rest[0], decision))

    def _with_near_misses(self, cells: list[Cell], remote: Intervals) -> list[Cell]:
        """Windows has rules that open every port to one of its services: a rule that was made for
        this port and fails is worth more to the reader."""
        near = near_misses(self._situation, self._direction, remote) if cells else []
        return [replace(cell, why="; ".join((cell.why, *near))) for cell in cells]

    def _told(self, hit: Hit) -> str:
        return self._situation.firewall.index.told(hit.entry)

    def _why(self, hit: Hit, decision: Decision) -> str:
        rule, carrier = hit.entry.rule, self._situation.carrier
        depends = " and ".join(hit.depends)
        if decision is Decision.PERMITTED:
            return f"permits it in {carrier}"
        if decision is Decision.UNDECIDED:
            if rule.action is Action.BYPASS or rule.bypasses_blocks:
                return f"lets connections past block rules in {carrier} if IPsec vouches for them"
            verb = "would permit it in" if rule.action is Action.ALLOW else "would block it in"
            return f"{verb} {carrier}, but {depends}"
        why = f"blocks it in {carrier}"
        if rule.id.lower().startswith(_POPUP_IDS):
            why += f"; {_POPUP}"
        for allowing in self._permitting:
            if intersection(allowing.sure, hit.sure):
                return f"{why}; it goes before {title(allowing.entry.rule)}, which permits it"
        return why

    def _by_default(self, decision: Decision, remote: Intervals) -> Cell:
        profile, carrier = self._situation.profile, self._situation.carrier
        inward = self._direction is Direction.IN
        setting = profile.told("blocks_in" if inward else "blocks_out")
        word = "block" if decision is Decision.DENIED else "allow"
        bound = "inbound" if inward else "outbound"
        rule = f"default {bound} {word} of the {profile.profile.value} profile, {setting}"
        if decision is Decision.PERMITTED:
            return Cell(decision, remote, rule, f"no rule denies it in {carrier}")
        near = near_misses(self._situation, self._direction, remote)
        return Cell(decision, remote, rule, "; ".join((f"no rule permits it in {carrier}", *near)))


def _cell(decision: Decision, rule: str, why: str) -> Callable[[Intervals], Cell]:
    return lambda remote: Cell(decision, remote, rule, why)


def _sure(hits: Iterable[Hit]) -> Intervals:
    return normalize(span for hit in hits for span in hit.sure)


def _maybe(hits: Iterable[Hit]) -> Intervals:
    return normalize(span for hit in hits for span in hit.maybe)
