"""What a Windows host saw when it tried its targets.

engines/reach.ps1 reports Winsock numbers. They are put into the words of the other engines, so that
one reader decides what a peer's first bytes mean.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_wfo.core.facts import Fact, Probe, Reach, Target
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.reach import read_probes as read_lines
from pytest_wfo.probes.windows_envelope import Answer, Row, integer, text

_ENGINE = ".NET sockets"
_TIMEOUT, _NO_NETWORK = -1, -2

# Windows Sockets error codes (Microsoft, winsock2.h). 10013 is how the host's own filters refuse.
_REACHED: Mapping[int, tuple[Reach, str]] = {
    0: (Reach.OPEN, ""),
    _TIMEOUT: (Reach.FILTERED, "timeout"),
    10013: (Reach.UNREACHABLE, "WSAEACCES: refused by this host's own firewall or filters"),
    10050: (Reach.UNREACHABLE, "WSAENETDOWN"),
    10051: (Reach.UNREACHABLE, "WSAENETUNREACH"),
    10054: (Reach.RESET, "WSAECONNRESET"),
    10060: (Reach.FILTERED, "WSAETIMEDOUT"),
    10061: (Reach.REFUSED, "WSAECONNREFUSED"),
    10064: (Reach.UNREACHABLE, "WSAEHOSTDOWN"),
    10065: (Reach.UNREACHABLE, "WSAEHOSTUNREACH"),
}
_TLS = {192: "TLSv1", 768: "TLSv1.1", 3072: "TLSv1.2", 12288: "TLSv1.3"}
_LATE = "not tried: the time for all connections was over"
_ONCE = "once, and no time was left for a second attempt"


def read_probes(answer: Answer, targets: Sequence[Target]) -> Fact[tuple[Probe, ...]]:
    """One probe for every target that the host was asked to try, in their order; UNMEASURED where
    it could not try."""
    if "asked" not in answer.sections:
        return read_lines({}, targets)
    asked = answer.rows("asked", "connections")
    lines = [f"engine\t{_ENGINE}", *(_question(row) for row in asked)]
    failure = answer.failure("probes")
    if failure is not None:
        why = f"no means to try connections: {failure.words}; {failure.remedy}"
        lines += [
            f"{integer(row, 'index')}\tunmeasured\tunmeasured\t0\t0\t{why}\t\t" for row in asked
        ]
    else:
        tries: dict[int, list[_Try]] = {}
        for row in answer.rows("probes", "connections"):
            tries.setdefault(integer(row, "index"), []).append(_try(row))
        lines += [_line(index, made) for index, made in tries.items()]
    return read_lines({"probes": Section("\n".join(lines), "", 0, "user")}, targets)


def _question(row: Row) -> str:
    fields = (
        integer(row, "index"),
        text(row, "address"),
        integer(row, "port"),
        text(row, "transport"),
    )
    return " ".join(str(field) for field in fields)


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt, in the words of the other engines."""

    reach: Reach
    end: str
    detail: str
    took: int
    words: bytes
    certificate: bytes

    @property
    def rank(self) -> int:
        """How far it came."""
        return (self.reach is Reach.OPEN) + bool(self.certificate)

    @property
    def doubt(self) -> str:
        """The stage that may have failed by chance, if any."""
        if self.reach in {Reach.FILTERED, Reach.RESET}:
            return "connect"
        return "talk" if self.reach is Reach.OPEN and self.end in {"silent", "reset"} else ""


def _line(index: int, tries: Sequence[_Try]) -> str:
    """The line of one target in the form of the other engines. What chance may explain counts when
    it was seen twice; told is what came furthest, and of equals the later."""
    best = max(reversed(tries), key=lambda each: each.rank)
    reach, end, detail = best.reach.value, best.end, best.detail
    last = tries[-1].doubt
    if last and last not in {each.doubt for each in tries[:-1]}:
        if best.reach is Reach.OPEN:
            end, detail = "unmeasured", f"{best.end} {_ONCE}"
        else:
            reach, detail = Reach.UNMEASURED.value, f"{best.detail} {_ONCE}"
    fields = [index, reach, end, len(tries), best.took, detail, best.words.hex()]
    return "\t".join(str(field) for field in [*fields, best.certificate.hex()])


def _try(row: Row) -> _Try:
    code, number = integer(row, "code"), integer(row, "number")
    protocol, end = integer(row, "protocol"), text(row, "end") or "not-asked"
    unmeasured = (Reach.UNMEASURED, f"Windows Sockets error {code} ({number})")
    reach, detail = _REACHED.get(code, unmeasured)
    if code == _NO_NETWORK:
        detail = f"the socket could not be made (error {number})"
    if reach is Reach.OPEN and end != "not-asked":
        detail = _talk_detail(end, number, protocol)
    return _Try(
        reach=reach,
        end="unmeasured" if end == "late" else end,
        detail=detail,
        took=integer(row, "took"),
        words=base64.b64decode(text(row, "words") or "", validate=True),
        certificate=base64.b64decode(text(row, "certificate") or "", validate=True),
    )


def _talk_detail(end: str, number: int, protocol: int) -> str:
    if protocol:
        return _TLS.get(protocol, f"TLS protocol {protocol}")
    shown = f"error {number & 0xFFFFFFFF:#x}"
    if end == "late":
        return _LATE
    if end == "tls":
        return f"the TLS handshake failed ({shown})"
    return shown if number else ""
