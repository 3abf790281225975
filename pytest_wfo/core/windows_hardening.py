"""Service hardening: a layer of its own, in which Allow beats Block.

It concerns only programs and services that its rules name, and never opens anything: a connection
that the profile's rules permit must pass it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_wfo.core.intervals import Intervals, difference, normalize
from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_cells import Cell, Claim, shared_out
from pytest_wfo.core.windows_index import Entry
from pytest_wfo.core.windows_match import Situation
from pytest_wfo.core.windows_rules import ANY_PROTOCOL, TCP, Action
from pytest_wfo.core.windows_scope import is_of_program


def after_hardening(situation: Situation, direction: Direction, cells: list[Cell]) -> list[Cell]:
    """``cells`` after the layer. While the program is not known, only rules for all programs count:
    the layer is about Windows' own services."""
    found = situation.firewall.index.hardening(direction, situation.file_names())
    entries = [entry for entry in found if _concerns(situation, entry)]
    if not entries:
        return cells
    return [part for cell in cells for part in _cut(situation, entries, cell)]


def _concerns(situation: Situation, entry: Entry) -> bool:
    rule = entry.rule
    if not situation.programs and (rule.program or rule.service):
        return False
    return is_of_program(rule, situation.programs, situation.firewall.windows_folder) is not False


def _cut(situation: Situation, entries: list[Entry], cell: Cell) -> list[Cell]:
    if cell.decision is Decision.DENIED:
        return [cell]
    tcp = [entry for entry in entries if entry.rule.protocol in (TCP, ANY_PROTOCOL)]
    hits = [hit for hit in map(situation.hit, tcp) if hit]
    allowing = [hit for hit in hits if hit.entry.rule.action is Action.ALLOW]
    told = situation.firewall.index.told
    allowed = normalize(span for hit in allowing for span in hit.sure)
    perhaps_allowed = normalize(span for hit in allowing for span in hit.maybe)
    claims: list[Claim] = [(allowed, _same(cell))]
    for hit in hits:
        if hit.entry.rule.action is not Action.ALLOW:
            surely = difference(hit.sure, perhaps_allowed)
            claims.append((surely, _cell(Decision.DENIED, told(hit.entry), "blocks it")))
    for hit in hits:
        depends = " and ".join(hit.depends)
        if hit.entry.rule.action is Action.ALLOW:
            why = f"may be the only one that permits it: it {depends}"
        else:
            why = f"may block it: it {depends}" if depends else "blocks it, if nothing permits it"
        claims.append((hit.maybe, _cell(Decision.UNDECIDED, told(hit.entry), why)))
    named = [entry for entry in entries if entry.rule.program or entry.rule.service]
    if named:
        why = "names the program, but no rule of this layer speaks of this port"
        claims.append((cell.remote, _cell(Decision.UNDECIDED, told(named[0]), why)))
    found, rest = shared_out(cell.remote, claims)
    return found + ([replace(cell, remote=rest)] if rest else [])


def _same(cell: Cell) -> Callable[[Intervals], Cell]:
    return lambda remote: replace(cell, remote=remote)


def _cell(decision: Decision, rule: str, why: str) -> Callable[[Intervals], Cell]:
    return lambda remote: Cell(decision, remote, rule, why)
