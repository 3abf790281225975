"""What the rules and settings of one profile do with connections on one carrier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_wfo.core.intervals import EMPTY, Intervals, difference, intersection, normalize, union
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_cells import Cell, Claim, shared_out
from pytest_wfo.core.windows_index import Entry
from pytest_wfo.core.windows_match import Hit, Situation
from pytest_wfo.core.windows_near import near_misses
from pytest_wfo.core.windows_rules import Action, summary, title

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

        cells, rest = shared_out(permitted, map(self._permits, self._allow))
        cells += [self._by_default(Decision.PERMITTED, rest)] if rest else []
        found, rest = shared_out(denied, map(self._blocks, self._block))
        cells += found
        cells += [self._by_default(Decision.DENIED, rest)] if rest else []
        doubtful = difference(intersection(open_, perhaps_allowed), passing)
        found, _ = shared_out(doubtful, map(self._may_permit, self._allow))
        cells += found
        found, rest = shared_out(difference(open_, doubtful), map(self._may_bypass, self._bypass))
        cells += found
        cells += shared_out(rest, map(self._may_block, self._block))[0]
        return cells

    def _permits(self, hit: Hit) -> Claim:
        why = f"permits it in {self._situation.carrier}"
        return hit.sure, _cell(Decision.PERMITTED, hit, why)

    def _blocks(self, hit: Hit) -> Claim:
        why = f"blocks it in {self._situation.carrier}"
        if hit.entry.rule.id.lower().startswith(("tcp query user{", "udp query user{")):
            why += f"; {_POPUP}"
        allowing = next((each for each in self._allow if intersection(each.sure, hit.sure)), None)
        if allowing:
            why += f"; it goes before {title(allowing.entry.rule)}, which permits it"
        return hit.sure, _cell(Decision.DENIED, hit, why)

    def _may_permit(self, hit: Hit) -> Claim:
        why = f"would permit it in {self._situation.carrier}, but {' and '.join(hit.depends)}"
        others = len([each for each in self._allow if each.depends]) - 1
        if others > 0:
            why += f"; {others} more such rule{'s' * (others > 1)}"
        return hit.maybe, _cell(Decision.UNDECIDED, hit, why)

    def _may_bypass(self, hit: Hit) -> Claim:
        why = f"lets connections past block rules in {self._situation.carrier} if IPsec vouches"
        return hit.maybe, _cell(Decision.UNDECIDED, hit, why)

    def _may_block(self, hit: Hit) -> Claim:
        why = f"may block it in {self._situation.carrier}: it {' and '.join(hit.depends)}"
        return hit.maybe, _cell(Decision.UNDECIDED, hit, why)

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


def _sure(hits: Iterable[Hit]) -> Intervals:
    return normalize(span for hit in hits for span in hit.sure)


def _maybe(hits: Iterable[Hit]) -> Intervals:
    return normalize(span for hit in hits for span in hit.maybe)


def _cell(decision: Decision, hit: Hit, why: str) -> Callable[[Intervals], Cell]:
    return lambda remote: Cell(decision, remote, summary(hit.entry.rule), why)
