"""The conditions of one iptables rule as matches of the model."""

from __future__ import annotations

from collections.abc import Callable

from pytest_wfo.core.intervals import Intervals
from pytest_wfo.core.packet_filter import Interfaces, Match, State
from pytest_wfo.probes.matching import (
    NotUnderstoodError,
    address,
    doubtful,
    every,
    network,
    on_field,
    pairs,
    port,
    tcp_flags,
    with_flags,
)

_MULTICAST: Intervals = ((0xE0000000, 0xEFFFFFFF),)

_DEPENDS_ON_TRAFFIC = {
    "limit": "a rate limit: depends on traffic",
    "hashlimit": "a rate limit: depends on traffic",
    "connlimit": "a connection limit: depends on traffic",
    "quota": "a quota: depends on traffic",
    "recent": "a list of recent sources: depends on traffic",
    "set": "an ipset: its members were not read",
}

_MODULES = frozenset({"tcp", "multiport", "conntrack", "state", "iprange", "comment", "addrtype"})


def read_conditions(words: list[str]) -> list[Match]:
    """The alternatives under which the rule matches an IPv4 TCP packet; none: it never does.

    Conditions outside what is known become opaque. Raises NotUnderstoodError where not even the
    extent of a condition is clear.
    """
    matches = [Match()]
    reader = _Reader(words)
    while reader.more():
        negated, option = reader.option()
        try:
            found = reader.condition(option, negated=negated)
            matches = every(matches, found)
        except NotUnderstoodError as problem:
            matches = [doubtful(match, f"not understood: {problem}") for match in matches]
    return [doubtful(match, *reader.doubts) for match in matches]


class _Reader:
    """Words from left to right. ``doubts`` are the modules which cannot be followed."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._next = 0
        self._module = ""
        self.doubts: list[str] = []

    def more(self) -> bool:
        return self._next < len(self._words)

    def option(self) -> tuple[bool, str]:
        word = self._word()
        if word == "!":
            return True, self._word()
        return False, word

    def condition(self, option: str, *, negated: bool) -> list[Match]:
        if option in {"-m", "--match"}:
            self._module = self._word()
            if self._module not in _MODULES and self._module not in {"udp", "icmp"}:
                default = f"not understood: match {self._module}"
                self.doubts.append(_DEPENDS_ON_TRAFFIC.get(self._module, default))
            return [Match()]
        if option == "--syn":
            return with_flags(tcp_flags(["syn", "rst", "ack", "fin"]), 2, negated=negated)
        handler = _HANDLERS.get(option)
        if handler is None or (option.startswith("--") and self._module not in _MODULES):
            self._skip_values()
            if self.doubts and self._module not in _MODULES:
                return [Match()]  # the module itself is in doubt already
            raise NotUnderstoodError(f"option {option[:40]}")
        value = self._word()
        if value == "!":  # the old way to negate
            negated, value = not negated, self._word()
        if option == "--tcp-flags":
            wanted = self._word()
            return with_flags(_flags(value), _flags(wanted), negated=negated)
        return handler(value, negated)

    def _word(self) -> str:
        if not self.more():
            raise NotUnderstoodError("the rule ends too early")
        self._next += 1
        return self._words[self._next - 1]

    def _skip_values(self) -> None:
        while self.more():
            word = self._words[self._next]
            if word == "!" or (word.startswith("-") and not word.lstrip("-").isdigit()):
                return
            self._next += 1


def _flags(text: str) -> int:
    if text == "ALL":
        return 0x3F
    return 0 if text == "NONE" else tcp_flags(text.split(","))


def _network(field: str) -> Callable[[str, bool], list[Match]]:
    def read(value: str, negated: bool) -> list[Match]:
        return on_field(field, pairs(map(network, value.split(","))), negated=negated)

    return read


def _range(field: str) -> Callable[[str, bool], list[Match]]:
    def read(value: str, negated: bool) -> list[Match]:
        low, _, high = value.partition("-")
        return on_field(field, pairs([(address(low), address(high or low))]), negated=negated)

    return read


def _port_pair(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon:
        return (port(text),) * 2
    return port(low or 0), port(high or 65535)


def _ports(field: str) -> Callable[[str, bool], list[Match]]:
    def read(value: str, negated: bool) -> list[Match]:
        return on_field(field, pairs(map(_port_pair, value.split(","))), negated=negated)

    return read


def _either_ports(value: str, negated: bool) -> list[Match]:
    source = _ports("source_ports")(value, negated)
    destination = _ports("destination_ports")(value, negated)
    return every(source, destination) if negated else source + destination


def _incoming(value: str, negated: bool) -> list[Match]:
    return [Match(incoming=(_interface(value, negated),))]


def _outgoing(value: str, negated: bool) -> list[Match]:
    return [Match(outgoing=(_interface(value, negated),))]


def _interface(value: str, negated: bool) -> Interfaces:
    if "*" in value:  # a star is a letter here
        raise NotUnderstoodError(f"interface {value[:40]}")
    return Interfaces((f"{value[:-1]}*" if value.endswith("+") else value,), negated)


def _protocol(value: str, negated: bool) -> list[Match]:
    hit = value in {"tcp", "6", "all", "0", "ip"}
    return [Match()] if hit is not negated else []


def _states(value: str, negated: bool) -> list[Match]:
    names = value.split(",")
    states = frozenset(state for state in State if state.value.upper() in names)
    if negated:
        if "DNAT" in names or "SNAT" in names:
            raise NotUnderstoodError("a negated NAT state")
        states = frozenset(State) - states
    found = [Match(states=states)] if states else []
    if "DNAT" in names:
        found.append(Match(translated=True))
    if "SNAT" in names:
        found.append(doubtful(Match(), "not understood: state SNAT"))
    return found


def _status(value: str, negated: bool) -> list[Match]:
    if value != "DNAT":
        raise NotUnderstoodError("--ctstatus")
    return [Match(translated=not negated)]


def _source_type(value: str, negated: bool) -> list[Match]:
    if value != "LOCAL":
        raise NotUnderstoodError(f"source type {value[:40]}")
    return [Match(source_local=not negated)]


def _destination_type(value: str, negated: bool) -> list[Match]:
    if value == "LOCAL":
        return [Match(destination_local=not negated)]
    if value == "MULTICAST":
        return on_field("destinations", _MULTICAST, negated=negated)
    raise NotUnderstoodError(f"destination type {value[:40]}")


def _nothing(_value: str, _negated: bool) -> list[Match]:
    return [Match()]


_HANDLERS: dict[str, Callable[[str, bool], list[Match]]] = {
    "-s": _network("sources"),
    "-d": _network("destinations"),
    "-i": _incoming,
    "-o": _outgoing,
    "-p": _protocol,
    "--sport": _ports("source_ports"),
    "--dport": _ports("destination_ports"),
    "--sports": _ports("source_ports"),
    "--dports": _ports("destination_ports"),
    "--ports": _either_ports,
    "--src-range": _range("sources"),
    "--dst-range": _range("destinations"),
    "--state": _states,
    "--ctstate": _states,
    "--ctstatus": _status,
    "--src-type": _source_type,
    "--dst-type": _destination_type,
    "--comment": _nothing,
    "--tcp-flags": _nothing,
}
