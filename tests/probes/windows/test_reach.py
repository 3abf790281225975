"""The Windows engine meets the same real peers as the engines of POSIX hosts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.facts import Heard, Known, Probe, Reach, Target, Transport
from tests.probes import peers
from tests.probes.posix_host import is_root
from tests.probes.test_engines import (  # noqa: F401 - identity is a fixture
    CASES,
    LOOPBACK,
    NETWORK,
    OWN,
    PYTHON,
    Case,
    identity,
)
from tests.probes.windows.host import WindowsHost, load, needs_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces")

MINE = "127.0.1.99"

# TLS handshakes take turns here: four silent ones less save half a minute.
LEFT_OUT = {peers.SILENT, peers.TLS_SILENT_FIRST, peers.TLS_THEN_NONE}
TRIED = tuple(
    case for case in CASES if not (case.transport is Transport.HTTPS and case.port in LEFT_OUT)
)
TARGETS = tuple(
    Target(MINE if case.address == OWN else case.address, case.port, case.transport, "peer")
    for case in TRIED
)

# What Windows calls the same things; .NET has these numbers on every system.
DETAILS = {
    "ECONNREFUSED": "WSAECONNREFUSED",
    "EHOSTUNREACH": "WSAEHOSTUNREACH",
    "ENETUNREACH": "WSAENETUNREACH",
    "EACCES": "WSAEACCES: refused by this host's own firewall or filters",
}
# The last version that is offered first, and what is offered when that failed.
TLS = {"TLSv1.2", "TLSv1.3"}


def expected(case: Case) -> tuple[Reach, Heard]:
    """The same as everywhere, but for what .NET tells otherwise."""
    if case.detail == "EINVAL":
        return Reach.UNMEASURED, Heard.UNMEASURED
    return case.reach, case.heard


@pytest.fixture(scope="module")
def probes(
    identity: tuple[Path, Path, bytes],  # noqa: F811
) -> Iterator[tuple[tuple[Probe, ...], float]]:
    certificate, key, _ = identity
    script = Path(peers.__file__)
    start = ["unshare", "-n", "sh", "-c", NETWORK + 'exec "$@"', "sh"]
    with subprocess.Popen(
        [*start, PYTHON, "-I", str(script), str(certificate), str(key)], stdout=subprocess.PIPE
    ) as serving:
        try:
            assert serving.stdout is not None
            assert serving.stdout.readline() == b"up\n"
            inside = ("nsenter", "-t", str(serving.pid), "-n")

            answer = WindowsHost(load("base"), inside=inside).ask(TARGETS)
            assert answer.complaints == ""
            assert isinstance(answer.facts.probes, Known)
            assert answer.facts.probes.source == "TCP connections by .NET sockets"
            yield answer.facts.probes.value, answer.seconds
        finally:
            serving.kill()


@needs_engine
@pytest.mark.parametrize("number", range(len(TRIED)))
def test_it_says_what_is_so(
    number: int,
    probes: tuple[tuple[Probe, ...], float],
    identity: tuple[Path, Path, bytes],  # noqa: F811
) -> None:
    case, probe = TRIED[number], probes[0][number]
    assert probe.target == TARGETS[number]
    assert (probe.reach, probe.heard) == expected(case)
    if case.detail in DETAILS:
        assert probe.detail == DETAILS[case.detail]
    if case.excerpt:
        assert probe.excerpt == case.excerpt
    if case.detail.startswith("TLSv"):
        assert probe.detail in TLS
        assert probe.certificate == identity[2]


@needs_engine
def test_the_time_is_bounded(probes: tuple[tuple[Probe, ...], float]) -> None:
    assert probes[1] < 60


@needs_engine
def test_constrained_language_measures_nothing_and_says_why() -> None:
    target = Target(LOOPBACK, 9, Transport.TCP, "peer")
    fact = WindowsHost(load("constrained")).ask([target]).facts.probes
    assert isinstance(fact, Known)
    (probe,) = fact.value
    assert (probe.reach, probe.heard) == (Reach.UNMEASURED, Heard.UNMEASURED)
    assert "ConstrainedLanguage" in probe.detail
