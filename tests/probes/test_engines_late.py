"""Ways that open while the engines are trying: when, is told by the packets seen, not by the clock."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_wfo.core.facts import Heard, Known, Probe, Reach, Target, Transport
from tests.probes import peers
from tests.probes.posix_host import TOOLS, PosixHost, is_root, tools
from tests.probes.test_engines import ENGINES, PYTHON, identity

__all__ = ["identity"]

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces"),
]

PORTS = {8081: "opens", peers.LATE_SILENT: "silent"}
NETWORK = """
ip link set lo up
nft -f - <<'RULES'
table inet late {
  chain opens { type filter hook output priority 0; tcp dport 8081 counter drop; }
  chain silent { type filter hook output priority 0; tcp dport 8082 counter drop; }
}
RULES
"""
# Counted from the first SYN. Attempts last 4 s, and a SYN is sent again 1 and 3 s after the first.
DURING_THE_SECOND = 4.5  # the second attempt's first SYN may be lost, its next one (5 s) is not
LATE_IN_THE_SECOND = (
    6.0  # only its last SYN (7 s) gets through; then 4 s of silence leave 3 of 14 s
)
ONCE = "silent once, and no time was left for a second attempt"

WHEN = {8081: DURING_THE_SECOND, peers.LATE_SILENT: LATE_IN_THE_SECOND}

Seen = dict[tuple[str, int], Probe]


@pytest.fixture(scope="module")
def seen(identity: tuple[Path, Path, bytes], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What each engine says of each port; nearly all of it is waiting, so five at once."""
    folder = tmp_path_factory.mktemp("late")
    cases = [(engine, port) for engine in ENGINES for port in PORTS]
    with ThreadPoolExecutor(5) as pool:
        probes = pool.map(lambda case: _tried(case[0], case[1], identity, folder), cases)
        return dict(zip(cases, probes, strict=True))


def _tried(engine: str, port: int, identity: tuple[Path, Path, bytes], folder: Path) -> Probe:
    """An engine tries a port which opens so many seconds after its first SYN was dropped."""
    certificate, key, _ = identity
    start = ["unshare", "-n", "sh", "-c", NETWORK + 'exec "$@"', "sh", PYTHON, "-I", peers.__file__]
    with subprocess.Popen([*start, str(certificate), str(key)], stdout=subprocess.PIPE) as serving:
        try:
            assert serving.stdout is not None
            assert serving.stdout.readline() == b"up\n"
            inside = ("nsenter", "-t", str(serving.pid), "-n")
            path = tools(folder / f"{engine}-{port}", *TOOLS, *ENGINES[engine])
            target = Target("127.0.0.1", port, Transport.HTTP, "peer")
            with ThreadPoolExecutor(1) as pool:
                opened = pool.submit(_open_late, inside, PORTS[port], WHEN[port])
                answer = PosixHost(path=path, user=inside).ask([target])
                opened.result()
        finally:
            serving.kill()
    assert answer.seconds < 16
    assert isinstance(answer.facts.probes, Known)
    (probe,) = answer.facts.probes.value
    return probe


def _open_late(inside: tuple[str, ...], chain: str, after: float) -> None:
    until = time.monotonic() + 30
    while not _dropped(inside, chain) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(after)
    subprocess.run([*inside, "nft", "flush", "chain", "inet", "late", chain], check=True)


def _dropped(inside: tuple[str, ...], chain: str) -> int:
    listed = subprocess.run(
        [*inside, "nft", "-j", "list", "chain", "inet", "late", chain],
        capture_output=True,
        check=True,
    )
    rules = [each["rule"] for each in json.loads(listed.stdout)["nftables"] if "rule" in each]
    return sum(
        part["counter"]["packets"] for rule in rules for part in rule["expr"] if "counter" in part
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_way_that_opens_for_the_second_attempt_is_open(engine: str, seen: Seen) -> None:
    probe = seen[engine, 8081]

    assert (probe.reach, probe.heard, probe.attempts) == (Reach.OPEN, Heard.EXPECTED, 2)
    assert probe.excerpt == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("engine", ENGINES)
def test_one_silence_with_no_time_for_another_proves_nothing(engine: str, seen: Seen) -> None:
    probe = seen[engine, peers.LATE_SILENT]

    assert (probe.reach, probe.heard, probe.attempts) == (Reach.OPEN, Heard.UNMEASURED, 2)
    assert probe.detail == ONCE
