"""Accept rules for Linux packet filters, as far as they can help.

A packet passes a hook only if every base chain there lets it (nft(8), "Verdict statement"), so a
table of our own cannot help: the rule goes to the head of the very chains that deny. Which ones
these are is found by supposing the rules and asking the check again, until none can be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.checks.firewall import question_of
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.changes import ChainAccept, Fix
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Match,
    PacketFilter,
    Rule,
    State,
    Verb,
)
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict

# Names that nft reads back as one word (nft's scanner.l, "string"): others come from no command of
# ours. The keys are those of the readers in ``probes``.
_WORD = r"[A-Za-z_.][A-Za-z0-9_./-]*"
_NFT = re.compile(rf"(?P<family>ip|inet) (?P<table>{_WORD}) (?P<chain>{_WORD})")
_IPTABLES = re.compile(
    r"(?P<tool>iptables-(?:nft|legacy)) (?P<table>raw|mangle|filter|security) "
    r"(?P<chain>INPUT|FORWARD|OUTPUT)"
)

# Programs that write their rulesets anew: a rule beside theirs is lost, or was never meant to be.
_KEEPERS = (
    (re.compile(r"\S+ firewalld \S+|iptables-\S+ \S+ (IN_\S+|INPUT_direct|INPUT_ZONES)"), "firewalld"),
    (re.compile(r"\S+ \S+ ufw6?-\S+"), "ufw"),
)  # fmt: skip

_HOOKS = {
    Direction.IN: (Hook.INPUT, Hook.OUTPUT),
    Direction.OUT: (Hook.OUTPUT, Hook.INPUT),
    Direction.FORWARD: (Hook.FORWARD, Hook.FORWARD),
}


def fix_linux(
    cell: Cell, finding: Finding, packet_filter: Known[PacketFilter], site_facts: SiteFacts
) -> Fix:
    """Rules at the head of the denying chains, fewest possible; by hand where none help."""
    remedy = finding.judgement.remedy
    question = question_of(cell, site_facts)
    if isinstance(question, Judgement):
        return Fix(cell, finding, by_hand=remedy)
    if keeper := _keeper(packet_filter.value):
        told = f"This packet filter is kept by {keeper}: permit it there. {remedy}"
        return Fix(cell, finding, by_hand=told)

    def judged(accepts: Iterable[ChainAccept]) -> Judgement:
        supposed = _with_rules(packet_filter.value, accepts)
        facts = replace(site_facts.of(cell.host), firewall=Known(supposed, packet_filter.source))
        hosts = {**site_facts.hosts, cell.host.name: facts}
        return judge_cell(cell, replace(site_facts, hosts=hosts)).judgement

    chosen = list(_candidates(cell, question, packet_filter.value, site_facts))
    answer = judged(chosen)
    if not chosen or answer.verdict is not Verdict.MET:
        return Fix(cell, finding, by_hand=_told(answer, remedy))
    for accept in reversed(chosen):
        fewer = [each for each in chosen if each is not accept]
        if judged(fewer).verdict is Verdict.MET:
            chosen = fewer
    return Fix(cell, finding, tuple(chosen))


def _keeper(packet_filter: PacketFilter) -> str:
    for pattern, name in _KEEPERS:
        if any(pattern.fullmatch(key) for key in packet_filter.chains):
            return name
    return ""


def _candidates(
    cell: Cell, question: Flow, packet_filter: PacketFilter, site_facts: SiteFacts
) -> Iterator[ChainAccept]:
    """A rule for every base chain on the way, for the connection's packets and for its answers."""
    sources, destinations = question.sources, question.destinations
    if cell.requirement.claim is Claim.FORWARDS_IN:  # this far in, addresses are translated
        servers = site_facts.premises()
        destinations = servers.value if isinstance(servers, Known) else destinations
    for hook, answers in zip(_HOOKS[question.direction], (False, True), strict=True):
        for base in packet_filter.base_chains:
            where = _place(base) if base.hook is hook else None
            if where is not None:
                yield ChainAccept(
                    cell.requirement.id, *where, sources, destinations, question.port, answers
                )


def _place(base: BaseChain) -> tuple[str, str, str, str] | None:
    """Tool, family, table and chain, where a command of ours can name them."""
    if base.kind == "nat":
        return None
    if found := _NFT.fullmatch(base.key):
        return "nft", *found.group("family", "table", "chain")  # type: ignore[return-value]
    if found := _IPTABLES.fullmatch(base.key):
        return found["tool"], "", found["table"], found["chain"]
    return None


def _with_rules(packet_filter: PacketFilter, accepts: Iterable[ChainAccept]) -> PacketFilter:
    chains = dict(packet_filter.chains)
    for accept in accepts:
        head = (
            f"{accept.family} {accept.table}" if accept.family else f"{accept.tool} {accept.table}"
        )
        key = f"{head} {accept.chain}"
        chains[key] = (_as_rule(accept), *chains.get(key, ()))
    return replace(packet_filter, chains=chains)


def _as_rule(accept: ChainAccept) -> Rule:
    near, far = accept.sources.intervals, accept.destinations.intervals
    port = ((accept.port, accept.port),)
    states = frozenset((State.NEW, State.ESTABLISHED))
    match = Match(near, far, destination_ports=port, states=states)
    if accept.answers:
        match = Match(far, near, source_ports=port, states=frozenset((State.ESTABLISHED,)))
    return Rule(match, Action(Verb.ACCEPT), accept.name)


def _told(answer: Judgement, remedy: str) -> str:
    seen = answer.evidence[0].statement if answer.evidence else answer.summary
    return (
        "No accept rule in a chain that this tool may name would help: with such rules still "
        f"{answer.verdict.value}: {seen}. {remedy}"
    )
