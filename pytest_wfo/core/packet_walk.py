"""How one kind of packet passes the base chains of the hooks on its way.

The walk carries regions, products of address and port sets, instead of packets: a rule splits a
region into the part it matches and the rest. What was accepted by a base chain goes on to the next
one; what was dropped or cannot be decided leaves the walk. Semantics: nft(8) "Chains" and
"Verdict statement"; NAT acts at fixed priorities (linux/netfilter_ipv4.h).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_wfo.core.packet_filter import (
    ANY_ADDRESS,
    ANY_PORT,
    BaseChain,
    Hook,
    Interfaces,
    Match,
    PacketFilter,
    Rule,
    State,
    Verb,
)
from pytest_wfo.core.packet_region import Region, coalesced, meet, rest
from pytest_wfo.core.pieces import TooComplexError
from pytest_wfo.core.policy import Decision

CONNTRACK_PRIORITY = -200  # notrack works only before it
DNAT_PRIORITY = -100
SNAT_PRIORITY = 100

# The kernel refuses loops, so only a damaged or forged ruleset nests this deep (nftables: 16).
_DEEPEST = 64

# About a second of work; real rulesets of thousands of rules need a hundredth of it.
_MOST_STEPS = 500_000


@dataclass(frozen=True, slots=True)
class Step:
    """One hook on the way. An interface is "" where there is none yet, None where not known."""

    hook: Hook
    incoming: str | None
    outgoing: str | None


@dataclass(frozen=True, slots=True)
class Packet:
    """One kind of packet of a connection: the first, a later one, or an answer.

    ``flags`` are all combinations of TCP flags such packets have; ``follow`` says whether a DNAT
    can be followed (only where the packet is forwarded anyway).
    """

    flags: tuple[int, ...]
    first: bool = False
    answer: bool = False
    follow: bool = False
    source_local: bool | None = None
    destination_local: bool | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """A region that left the walk, why, and the rule to blame."""

    decision: Decision
    region: Region
    rule: str
    why: str


class Walk:
    """The walk of one kind of packet.

    ``fates`` collects what does not pass; ``grants`` which rules let regions pass, ``policies``
    which policies did. ``through`` raises TooComplexError where the rules split beyond reason.
    """

    def __init__(self, packet_filter: PacketFilter, packet: Packet) -> None:
        self.packet_filter = packet_filter
        self.packet = packet
        self.fates: list[Fate] = []
        self.grants: list[tuple[Region, str]] = []
        self.policies: list[tuple[Region, str]] = []
        self._steps = 0
        self._tracked = False  # what loops through "lo" was tracked when it was sent
        self._step: Step
        self._base: BaseChain

    def through(self, step: Step, regions: list[Region]) -> list[Region]:
        """The regions that pass all base chains of one hook."""
        self._step = step
        chains = [chain for chain in self.packet_filter.base_chains if chain.hook is step.hook]
        for base in sorted(chains, key=_effective_priority):
            self._base = base
            if not self.packet.first:
                if step.hook is Hook.PREROUTING and _effective_priority(base) >= DNAT_PRIORITY:
                    regions = [region.translate() for region in regions]
                if base.kind == "nat":  # only the first packet of a connection comes here
                    continue
            regions = self._base_chain(base, regions)
        if step.hook is Hook.PREROUTING and not self.packet.first:
            regions = [region.translate() for region in regions]
        self._tracked = self._tracked or step.hook is Hook.OUTPUT
        return regions

    def _base_chain(self, base: BaseChain, regions: list[Region]) -> list[Region]:
        skipped: list[Region] = []
        if base.kind == "nat" and base.hook is not Hook.POSTROUTING:
            skipped = [region for region in regions if region.translation is not None]
            regions = [region for region in regions if region.translation is None]
        passed, ended = self._chain(base.key, regions, 0)
        policy = f"{base.key}: policy {base.policy.value}"
        if base.policy is Verb.DROP:
            for region in ended:
                self._end(Decision.DENIED, region, policy, "policy drop, no rule permits it")
        elif base.policy is Verb.ACCEPT:
            passed += ended
            if base.kind != "nat":
                self.policies += [(region, policy) for region in ended]
        else:
            for region in ended:
                self._end(Decision.UNDECIDED, region, base.key, "its policy is not understood")
        return coalesced(skipped + passed)

    def _chain(
        self, key: str, regions: list[Region], depth: int
    ) -> tuple[list[Region], list[Region]]:
        """Regions accepted by the chain, and those that reach its end or return."""
        rules = self.packet_filter.chains.get(key)
        if rules is None or depth > _DEEPEST:
            why = f"chain {key!r} is not in the ruleset" if rules is None else "jumps in a circle"
            for region in regions:
                self._end(Decision.UNDECIDED, region, key, why)
            return [], []
        accepted: list[Region] = []
        returned: list[Region] = []
        for rule in rules:
            if not regions:
                break
            waiting: list[Region] = []
            for region in regions:
                self._steps += 1
                if self._steps > _MOST_STEPS:
                    raise TooComplexError
                hit = meet(rule.match, region)
                doubt = "" if hit is None else self._context(rule.match, region)
                if hit is None or doubt is None:
                    waiting.append(region)
                    continue
                waiting += rest(region, hit)
                if doubt and rule.action.verb is Verb.JUMP:
                    waiting += self._perhaps_jump(rule, hit, doubt, depth)
                elif doubt and rule.action.verb is Verb.NOTRACK:
                    same = self._untracked(hit).state is hit.state
                    waiting.append(hit if same else replace(hit, state=None))
                elif doubt:
                    self._end(Decision.UNDECIDED, hit, rule.text, doubt)
                else:
                    self._act(rule, hit, depth, waiting, accepted, returned)
            regions = waiting
        return accepted, returned + regions

    def _act(
        self,
        rule: Rule,
        hit: Region,
        depth: int,
        waiting: list[Region],
        accepted: list[Region],
        returned: list[Region],
    ) -> None:
        """Do what ``rule`` says with the region it certainly matches."""
        action = rule.action
        verb = action.verb
        if verb is Verb.ACCEPT:
            accepted.append(hit)
            if self._base.kind != "nat":
                self.grants.append((hit, rule.text))
        elif verb is Verb.DROP:
            self._end(Decision.DENIED, hit, rule.text, "dropped")
        elif verb is Verb.REJECT:
            self._end(Decision.DENIED, hit, rule.text, "rejected")
        elif verb is Verb.RETURN:
            returned.append(hit)
        elif verb in {Verb.JUMP, Verb.GOTO}:
            passed, back = self._chain(action.target, [hit], depth + 1)
            accepted += passed
            (waiting if verb is Verb.JUMP else returned).extend(back)
        elif verb is Verb.NOTRACK:
            waiting.append(self._untracked(hit))
        elif verb is Verb.SNAT:
            accepted.append(replace(hit, masked=rule.text))
        elif verb is Verb.DNAT:
            self._translate(rule, hit, accepted)
        else:
            self._end(Decision.UNDECIDED, hit, rule.text, action.target)

    def _perhaps_jump(self, rule: Rule, hit: Region, doubt: str, depth: int) -> list[Region]:
        """Jump where it is not known whether the rule matches: only what comes back unchanged is
        certain, since it goes on with the next rule either way."""
        outside, self.fates = self.fates, []
        granted = len(self.grants)
        accepted, back = self._chain(rule.action.target, [hit], depth + 1)
        decided = accepted + [fate.region for fate in self.fates]
        self.fates = outside
        del self.grants[granted:]
        for region in decided:
            self._end(Decision.UNDECIDED, region, rule.text, doubt)
        return [r if r.state is hit.state else replace(r, state=None) for r in back]

    def _translate(self, rule: Rule, hit: Region, accepted: list[Region]) -> None:
        action = rule.action
        same_port = action.port is None or ((action.port, action.port),) == hit.destination_ports
        if action.address is not None:
            if same_port and hit.destinations == ((action.address, action.address),):
                accepted.append(hit)
                return
            if self.packet.follow:
                accepted.append(replace(hit, translation=action).translate())
                return
        self._end(Decision.UNDECIDED, hit, rule.text, "redirected to another destination")

    def _state(self, region: Region) -> State | None:
        """What a ct state match sees: before conntrack has looked, "invalid" (nft_ct.c)."""
        early = {Hook.INGRESS, Hook.PREROUTING, Hook.OUTPUT}
        if self._step.hook not in early or self._tracked or region.state is State.UNTRACKED:
            return region.state
        if self._base.priority > CONNTRACK_PRIORITY and self._step.hook is not Hook.INGRESS:
            return region.state
        certain = self._base.priority < CONNTRACK_PRIORITY and region.state is not None
        return State.INVALID if certain else None

    def _untracked(self, region: Region) -> Region:
        """notrack has no effect once conntrack has seen the packet."""
        priority = self._base.priority
        early = self._step.hook in {Hook.PREROUTING, Hook.OUTPUT} and not self._tracked
        if not early or priority > CONNTRACK_PRIORITY:
            return region
        certain = priority < CONNTRACK_PRIORITY
        return replace(region, state=State.UNTRACKED if certain else None)

    def _end(self, decision: Decision, region: Region, rule: str, why: str) -> None:
        self.fates.append(Fate(decision, region, rule, why))

    def _context(self, match: Match, region: Region) -> str | None:
        """Whether the conditions beside addresses and ports hold: None if one certainly does not,
        "" if all do, else why it cannot be known."""
        doubts = list(match.opaque)
        if len(match.states) < len(State):
            state = self._state(region)
            if state is None:
                doubts.append("whether the connection is tracked is not known")
            elif state not in match.states:
                return None
        for wanted, name, which in (
            (match.incoming, self._step.incoming, "incoming"),
            (match.outgoing, self._step.outgoing, "outgoing"),
        ):
            for interfaces in wanted:
                hit = _on_interface(interfaces, name)
                if hit is False:
                    return None
                if hit is None:
                    doubts.append(f"the {which} interface of these packets is not known")
        for flags in match.flags:
            hits = {flags.matches(value) for value in self.packet.flags}
            if hits == {False}:
                return None
            if len(hits) > 1:
                doubts.append("matches only some packets of a connection, by their TCP flags")
        for asked, known, whose in (
            (match.source_local, self.packet.source_local, "source"),
            (match.destination_local, self.packet.destination_local, "destination"),
            (match.translated, region.translation is not None, ""),
        ):
            if asked is None or asked is known:
                continue
            if known is not None:
                return None
            doubts.append(f"whether the {whose} is an address of the host is not known")
        doubts += self._hidden(match, region)
        return "; ".join(doubts)

    def _hidden(self, match: Match, region: Region) -> list[str]:
        """Doubts about addresses which NAT has rewritten where this chain sees them."""
        priority = _effective_priority(self._base)
        early = self._step.hook is Hook.PREROUTING and priority < DNAT_PRIORITY
        late = self._step.hook is Hook.POSTROUTING and priority > SNAT_PRIORITY
        answer = self.packet.answer
        hidden = []
        if late and (region.translation is not None if answer else region.masked):
            hidden = [(match.sources, ANY_ADDRESS), (match.source_ports, ANY_PORT)]
        elif early and answer and region.masked:
            hidden = [(match.destinations, ANY_ADDRESS), (match.destination_ports, ANY_PORT)]
        if any(asked != anything for asked, anything in hidden):
            return ["looks at addresses which NAT has rewritten here"]
        return []


def _effective_priority(base: BaseChain) -> int:
    if base.kind != "nat":
        return base.priority
    return DNAT_PRIORITY if base.hook in {Hook.PREROUTING, Hook.OUTPUT} else SNAT_PRIORITY


def _on_interface(interfaces: Interfaces, name: str | None) -> bool | None:
    if name is None:
        return None
    if not name:  # kernels differ in whether a negated match on no interface holds
        return None if interfaces.negated else False
    return interfaces.matches(name)
