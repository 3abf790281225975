"""The evaluator against a plain one that walks packet by packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.packet_filter import (
    Action,
    BaseChain,
    Hook,
    Interfaces,
    Match,
    PacketFilter,
    Rule,
    State,
    TcpFlags,
    Verb,
)
from pytest_wfo.core.packet_filter_eval import decide
from pytest_wfo.core.policy import Decision, Direction, Flow
from pytest_wfo.core.routing import Way

PEERS = AddressSet.from_pairs([(0, 7)])
OWN = AddressSet.from_pairs([(100, 103)])
PORT = 2010
WAYS = (
    Way(AddressSet.from_pairs([(0, 3)]), "eth0"),
    Way(AddressSet.from_pairs([(4, 7)]), "eth1"),
    Way(AddressSet.from_pairs([(100, 103)]), "lo"),
)
SOURCE_PORTS = (1024, 65535)  # the rules below tell these apart, and single service ports


# --- a plain evaluator, for one packet at a time -------------------------------------------------


@dataclass(frozen=True)
class Seen:
    source: int
    destination: int
    source_port: int
    destination_port: int
    incoming: str
    outgoing: str
    flags: frozenset[int]


class Plain:
    """Walks one packet through the hooks as nft(8) tells it."""

    def __init__(self, packet_filter: PacketFilter) -> None:
        self.filter = packet_filter
        self.state: State | None = State.NEW

    def passes(self, packet: Seen, hooks: list[Hook], state: State | None) -> Decision:
        self.state = state
        for hook in hooks:
            seen = replace(
                packet,
                incoming=packet.incoming if hook in {Hook.PREROUTING, Hook.INPUT} else "",
                outgoing=packet.outgoing if hook in {Hook.OUTPUT, Hook.POSTROUTING} else "",
            )
            bases = [base for base in self.filter.base_chains if base.hook is hook]
            for base in sorted(bases, key=lambda base: base.priority):
                self.early = base.priority < -200 and hook in {Hook.PREROUTING, Hook.OUTPUT}
                verdict = self.chain(base.key, seen)
                if verdict is None:
                    verdict = "accept" if base.policy is Verb.ACCEPT else "drop"
                if verdict == "drop":
                    return Decision.DENIED
                if verdict == "perhaps":
                    return Decision.UNDECIDED
        return Decision.PERMITTED

    def chain(self, key: str, packet: Seen) -> str | None:
        for rule in self.filter.chains[key]:
            hit = self.hit(rule.match, packet)
            if hit is False:
                continue
            verb = rule.action.verb
            if verb is Verb.NOTRACK:
                if self.early and self.state is not State.UNTRACKED:
                    self.state = State.UNTRACKED if hit else None
            elif verb in {Verb.JUMP, Verb.GOTO} and (hit or verb is Verb.JUMP):
                before = self.state
                inner = self.chain(rule.action.target, packet)
                if hit is None and self.state is not before:
                    self.state = None
                if inner is not None:
                    return inner if hit else "perhaps"
                if verb is Verb.GOTO:
                    return None
            elif hit is None or verb is Verb.OPAQUE:
                return "perhaps"
            elif verb is Verb.RETURN:
                return None
            else:
                return "accept" if verb is Verb.ACCEPT else "drop"
        return None

    def hit(self, match: Match, packet: Seen) -> bool | None:
        answers: list[bool | None] = [
            any(low <= value <= high for low, high in wanted)
            for wanted, value in (
                (match.sources, packet.source),
                (match.destinations, packet.destination),
                (match.source_ports, packet.source_port),
                (match.destination_ports, packet.destination_port),
            )
        ]
        if match.states != frozenset(State):
            state = self.state
            if self.early and state is not None and state is not State.UNTRACKED:
                state = State.INVALID
            answers.append(None if state is None else state in match.states)
        for interfaces, name in (
            *((each, packet.incoming) for each in match.incoming),
            *((each, packet.outgoing) for each in match.outgoing),
        ):
            named = name in interfaces.names
            if not name:
                answers.append(None if interfaces.negated else False)
            else:
                answers.append(named is not interfaces.negated)
        for flags in match.flags:
            hits = {((v & flags.mask) == flags.value) is not flags.negated for v in packet.flags}
            answers.append(hits.pop() if len(hits) == 1 else None)
        answers += [None] * len(match.opaque)
        if False in answers:
            return False
        return None if None in answers else True

    def connection(
        self, direction: Direction, source: int, destination: int, port: int
    ) -> Decision:
        peer = source if direction is Direction.IN else destination
        name = "eth0" if peer <= 3 else "eth1"
        ways = {
            Direction.IN: [Hook.PREROUTING, Hook.INPUT],
            Direction.OUT: [Hook.OUTPUT, Hook.POSTROUTING],
        }
        back = ways[Direction.OUT if direction is Direction.IN else Direction.IN]
        later = frozenset({0x10, 0x18, 0x11})
        first = Seen(source, destination, port, PORT, name, name, frozenset({0x02, 0xC2}))
        answer = Seen(destination, source, PORT, port, name, name, later | frozenset({0x12, 0x52}))
        found = self.passes(first, ways[direction], State.NEW)
        if found is not Decision.PERMITTED:
            return found
        follow = State.ESTABLISHED if self.state is State.NEW else None
        found = self.passes(replace(first, flags=later), ways[direction], follow)
        if found is not Decision.PERMITTED:
            return found
        # What the later packets met does not change how conntrack sees the answers.
        return self.passes(answer, back, follow if self.state is State.ESTABLISHED else None)


# --- random filters over a handful of addresses ---------------------------------------------------

spans = st.lists(
    st.sampled_from([(0, 1), (2, 3), (4, 4), (5, 7), (100, 101), (102, 103)]),
    min_size=1,
    max_size=4,
    unique=True,
).map(lambda found: tuple(sorted(found)))
anything = ((0, 2**32 - 1),)
any_port = ((0, 65535),)
matches = st.builds(
    Match,
    sources=st.just(anything) | spans,
    destinations=st.just(anything) | spans,
    source_ports=st.sampled_from([any_port] * 6 + [((0, 30000),), ((PORT, PORT),)]),
    destination_ports=st.sampled_from([any_port] * 3 + [((PORT, PORT),), ((0, 80),)]),
    incoming=st.sampled_from([()] * 5 + [(Interfaces(("eth0",)),), (Interfaces(("eth0",), True),)]),
    outgoing=st.sampled_from([()] * 5 + [(Interfaces(("eth1",)),)]),
    states=st.sampled_from([frozenset(State)] * 3 + [frozenset({s}) for s in State]),
    flags=st.sampled_from([()] * 6 + [(TcpFlags(0x17, 0x02),), (TcpFlags(0x02, 0),)]),
    opaque=st.sampled_from([()] * 9 + [("a limit",)]),
)
verbs = st.sampled_from(
    [Verb.ACCEPT] * 3 + [Verb.DROP, Verb.DROP, Verb.REJECT, Verb.RETURN, Verb.NOTRACK, Verb.OPAQUE]
)


def rules(*targets: str) -> st.SearchStrategy[tuple[Rule, ...]]:
    plain = st.builds(Action, verbs)
    jumps = st.builds(
        Action, st.sampled_from([Verb.JUMP, Verb.GOTO]), st.sampled_from(targets or [""])
    )
    action = plain | jumps if targets else plain
    return st.lists(st.builds(Rule, matches, action, st.just("a rule")), max_size=4).map(tuple)


@st.composite
def filters(draw: st.DrawFn) -> PacketFilter:
    chains = {"two": draw(rules()), "one": draw(rules("two"))}
    bases = []
    hooks = [Hook.PREROUTING, Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING]
    for number in range(draw(st.integers(0, 3))):
        key = f"base {number}"
        chains[key] = draw(rules("one", "two"))
        policy = draw(st.sampled_from([Verb.ACCEPT, Verb.ACCEPT, Verb.DROP]))
        # Distinct priorities: between equal ones the kernel's order is that of registration.
        priority = draw(st.sampled_from([-300, -150, 0])) + number
        bases.append(BaseChain(key, draw(st.sampled_from(hooks)), priority, "filter", policy))
    return PacketFilter(tuple(bases), chains)


@settings(max_examples=250, deadline=None)
@given(filters(), st.sampled_from([Direction.IN, Direction.OUT]))
def test_every_address_is_decided_as_a_plain_walk_decides_it(
    packet_filter: PacketFilter, direction: Direction
) -> None:
    sources, destinations = (PEERS, OWN) if direction is Direction.IN else (OWN, PEERS)
    pieces = decide(packet_filter, Flow(direction, sources, destinations, PORT), WAYS, WAYS)
    for source, destination in product(*(
        [value for low, high in each.intervals for value in range(low, high + 1)]
        for each in (sources, destinations)
    )):  # fmt: skip
        found = [
            piece.decision
            for piece in pieces
            if any(low <= source <= high for low, high in piece.sources.intervals)
            and any(low <= destination <= high for low, high in piece.destinations.intervals)
        ]
        each = {
            Plain(packet_filter).connection(direction, source, destination, port)
            for port in SOURCE_PORTS
        }
        assert found == [each.pop() if len(each) == 1 else Decision.UNDECIDED]
