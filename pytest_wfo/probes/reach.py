"""What a host saw when it tried its targets: reads the lines that the engines print.

The engines report how far they came and the first words of the peer; whether these words are the
stated transport is decided here, once for all engines.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_wfo.core.facts import Fact, Heard, Known, Probe, Reach, Target, Transport, Unknown
from pytest_wfo.probes.envelope import Sections, printable

MOST = 4096  # characters of an answer that are kept

_NOT_TRIED = "run again with --wfo-probe=safe (the default)"
_ASKED = re.compile(r"(\d+) (\S+) (\d+) (\S+)")
_NO_ENGINE = "install python3 on the host (or perl, or bash with coreutils)"
_ENDS = {
    "silent": Heard.SILENCE,
    "closed": Heard.CLOSED,
    "reset": Heard.RESET,
    "not-asked": Heard.NOT_ASKED,
    "tls": Heard.OTHER,
    "unmeasured": Heard.UNMEASURED,
}
_POLICY = re.compile(rb"<(access-policy|cross-domain-policy)\b")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_ONCE = "once, and no time was left for a second attempt"
_KILLED = {"124", "137", "143"}  # what timeout answers, by its version
_SESSION = re.compile(r"Verify return code:.*?^---\n", re.DOTALL | re.MULTILINE)
_NOT_WORDS = re.compile(
    r"^---\nPost-Handshake.*?^---\n|^read R BLOCK$|^closed$|^(?:read|write):errno=\d+$"
    r"|[0-9A-F]{8,16}:error:[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_TLS_ERROR = re.compile(r"error:[0-9A-Fa-f]+:[^:\n]*:[^:\n]*:([^:\n]+)")


@dataclass(frozen=True, slots=True)
class _Talk:
    """How a talk ended and what was said in it."""

    end: str
    detail: str = ""
    words: bytes = b""
    certificate: bytes = b""


def read_probes(sections: Sections, targets: Sequence[Target]) -> Fact[tuple[Probe, ...]]:
    """One probe for every one of ``targets`` that the host was asked to try, in their order.

    The answer repeats what was asked, since it may be read against the targets of another plan.
    UNMEASURED where the host did not report on a target it was asked to try.
    """
    section = sections.get("probes")
    if section is None:
        return Unknown("this run tried no connections", _NOT_TRIED)
    if not section.ok:
        return Unknown("connections: the host reported none", _NO_ENGINE)
    text = section.output.splitlines()
    rows = [line.split("\t") for line in text]
    engine = next((row[1] for row in reversed(rows) if row[0] == "engine" and len(row) > 1), "none")
    lines = {row[0]: row for row in rows if len(row) == 8}
    if engine == "none":
        why = f"no means to try connections; {_NO_ENGINE}"
    else:
        why = f"{printable(engine)} did not report on this connection"
    asked = {(line[2], line[3], line[4]): line[1] for line in map(_ASKED.fullmatch, text) if line}
    found = []
    for target in targets:
        index = asked.get((_canonical(target.address), str(target.port), target.transport.value))
        if index is None:
            continue
        row = lines.get(index)
        probe = None if row is None else _probe(target, row)
        found.append(probe or Probe(target, Reach.UNMEASURED, Heard.UNMEASURED, why))
    return Known(tuple(found), f"TCP connections by {printable(engine)}")


def _canonical(address: str) -> str:
    """An address as the script has it; a name stays, and no script holds one."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def _probe(target: Target, row: list[str]) -> Probe | None:
    """The probe of one line; None if the line is damaged."""
    _, reached, end, attempts, took, detail, words, certificate = row
    try:
        reach = Reach(reached)
        talk = _Talk(end, detail, bytes.fromhex(words), bytes.fromhex(certificate))
        tries, milliseconds = int(attempts), int(took)
    except ValueError:
        return None
    if end.startswith("openssl"):
        talk = _from_openssl(talk.words)
        if end == "openssl-once" and talk.end in {"silent", "reset"}:
            talk = replace(talk, end="unmeasured", detail=f"{talk.end} {_ONCE}")
    if reach is not Reach.OPEN:
        heard = Heard.UNMEASURED if reach is Reach.UNMEASURED else Heard.NOT_ASKED
        return Probe(target, reach, heard, printable(detail), "", b"", milliseconds, tries)
    if talk.end == "said":
        heard = Heard.EXPECTED if _expected(target.transport, talk.words) else Heard.OTHER
    else:
        heard = _ENDS.get(talk.end, Heard.UNMEASURED)
    if heard is Heard.NOT_ASKED and target.transport is not Transport.TCP:
        return None
    if heard is Heard.RESET and not talk.certificate:
        reach = Reach.RESET
    return Probe(
        target=target,
        reach=reach,
        heard=heard,
        detail=printable(talk.detail),
        excerpt=_excerpt(target.transport, talk.words),
        certificate=talk.certificate,
        milliseconds=milliseconds,
        attempts=tries,
    )


def _expected(transport: Transport, words: bytes) -> bool:
    if transport is Transport.SILVERLIGHT_POLICY:
        return _POLICY.search(words) is not None
    return re.match(rb"HTTP/\d(\.\d)? \d{3}\b", words) is not None


def _excerpt(transport: Transport, words: bytes) -> str:
    text = words.rstrip(b"\0").decode("utf-8", "replace")
    if transport is not Transport.SILVERLIGHT_POLICY:
        text = text.split("\n", 1)[0].rstrip("\r")
        return printable(text)[:MOST]
    return "\n".join(printable(line.rstrip("\r")) for line in text.split("\n"))[:MOST]


def _from_openssl(raw: bytes) -> _Talk:
    """What ``openssl s_client`` printed, and how it ended: by force after the time was over?"""
    whole = raw.decode("latin-1")
    text, ended, code = whole.rpartition("\nended ")
    if not ended:  # the peer said more than was kept
        text, code = whole, ""
    killed = code.strip() in _KILLED
    pem = _PEM.search(text)
    if pem is None:
        error = _TLS_ERROR.search(text)
        reason = error[1].strip() if error else ""
        if "connect:errno=" in text:  # the engine was connected, openssl is not: no talk took place
            return _Talk("unmeasured", f"openssl could not connect: {reason or 'no reason given'}")
        if "errno=104" in text:
            return _Talk("reset", "during the TLS handshake")
        if reason and "eof" not in reason.lower():
            return _Talk("tls", reason.upper().replace(" ", "_"))
        if reason or "errno=" in text:
            return _Talk("closed", "during the TLS handshake")
        if killed:
            return _Talk("silent", "no TLS handshake")
        said = printable(" ".join(text.split()))[:200]
        return _Talk("unmeasured", f"openssl: {said}")
    try:
        certificate = base64.b64decode("".join(pem[1].split()), validate=True)
    except ValueError:
        certificate = b""
    version = re.search(r"Protocol\s*: (\S+)", text) or re.search(r"New, (TLSv\S+),", text)
    detail = version[1] if version else ""
    words = _SESSION.split(text, maxsplit=1)[-1] if _SESSION.search(text) else ""
    words = _NOT_WORDS.sub("", words)
    if words.strip():
        return _Talk("said", detail, words.encode("latin-1")[:MOST], certificate)
    if "read:errno=104" in text:
        return _Talk("reset", detail, b"", certificate)
    return _Talk("silent" if killed else "closed", detail, b"", certificate)
