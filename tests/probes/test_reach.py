"""What engines and openssl print, where no real peer can be made to bring it about in time."""

from __future__ import annotations

import pytest

from pytest_wfo.core.facts import Heard, Known, Probe, Reach, Target, Transport
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.reach import read_probes

TARGET = Target("192.0.2.1", 443, Transport.HTTPS, "premises")
ONCE = "once, and no time was left for a second attempt"
RESET = "CONNECTED(00000003)\nwrite:errno=104\n---\nno peer certificate available\n---\n"
REFUSED = (
    "80BB:error:8000006F:system library:BIO_connect:Connection refused:bio_sock2.c:117:connect()\n"
    "80BB:error:10000067:BIO routines:BIO_connect:connect error:bio_sock2.c:119:\n"
    "connect:errno=111\n"
)


def probe(text: str, end: str = "openssl") -> Probe:
    line = f"0\topen\t{end}\t2\t1\t\t{text.encode().hex()}\t"
    asked = f"0 {TARGET.address} {TARGET.port} https\nengine\tperl\n{line}\n"
    fact = read_probes({"probes": Section(asked, "", 0, "user")}, [TARGET])
    assert isinstance(fact, Known)
    return fact.value[0]


@pytest.mark.parametrize(
    ("text", "word"), [("\nended 137\n", "silent"), (f"{RESET}\nended 1\n", "reset")]
)
def test_what_was_seen_once_under_time_pressure_is_no_proof(text: str, word: str) -> None:
    found = probe(text, "openssl-once")
    assert (found.reach, found.heard) == (Reach.OPEN, Heard.UNMEASURED)
    assert found.detail == f"{word} {ONCE}"


def test_silence_seen_twice_counts() -> None:
    found = probe("\nended 137\n")
    assert (found.reach, found.heard) == (Reach.OPEN, Heard.SILENCE)


@pytest.mark.parametrize("end", ["openssl", "openssl-once"])
def test_a_tls_tool_that_was_not_connected_says_nothing_of_the_peer(end: str) -> None:
    found = probe(f"{REFUSED}\nended 1\n", end)
    assert (found.reach, found.heard) == (Reach.OPEN, Heard.UNMEASURED)
    assert found.detail == "openssl could not connect: Connection refused"


def test_a_failed_handshake_is_something_else_than_https() -> None:
    error = "80BB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3.c:354:\n"
    found = probe(f"CONNECTED(00000003)\n{error}\nended 1\n")
    assert (found.heard, found.detail) == (Heard.OTHER, "WRONG_VERSION_NUMBER")
