"""Ways that open while the engines are trying: when, is told by the packets seen, not by the clock.

Attempts last 4 s. Linux sends a SYN again 1 and 3 s after the first, so three belong to each attempt.
"""

from __future__ import annotations

import subprocess
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

# How many SYNs to a port are lost: the second attempt's first two get through, or its last alone, and
# then 4 s of silence leave 3 of 14 s.
LOST = {8081: 4, peers.LATE_SILENT: 5}
RULES = "\n".join(
    f"tcp dport {port} tcp flags & (syn | ack) == syn numgen inc mod 1000 < {lost} drop"
    for port, lost in LOST.items()
)
NETWORK = f"""
set -e
ip link set lo up
# Newer kernels wait as long between the first SYNs.
linear=/proc/sys/net/ipv4/tcp_syn_linear_timeouts
[ ! -e $linear ] || echo 0 >$linear
nft -f - <<'RULES'
table inet late {{
chain out {{
type filter hook output priority 0;
{RULES}
}}
}}
RULES
"""
ONCE = "silent once, and no time was left for a second attempt"

Seen = dict[tuple[str, int], Probe]


@pytest.fixture(scope="module")
def seen(identity: tuple[Path, Path, bytes], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What each engine says of each port; nearly all of it is waiting, so five at once."""
    folder = tmp_path_factory.mktemp("late")
    cases = [(engine, port) for engine in ENGINES for port in LOST]
    with ThreadPoolExecutor(5) as pool:
        probes = pool.map(lambda case: _tried(case[0], case[1], identity, folder), cases)
        return dict(zip(cases, probes, strict=True))


def _tried(engine: str, port: int, identity: tuple[Path, Path, bytes], folder: Path) -> Probe:
    """What an engine says of a port which opens late."""
    certificate, key, _ = identity
    start = ["unshare", "-n", "sh", "-c", NETWORK + 'exec "$@"', "sh", PYTHON, "-I", peers.__file__]
    with subprocess.Popen([*start, str(certificate), str(key)], stdout=subprocess.PIPE) as serving:
        try:
            assert serving.stdout is not None
            assert serving.stdout.readline() == b"up\n"
            inside = ("nsenter", "-t", str(serving.pid), "-n")
            path = tools(folder / f"{engine}-{port}", *TOOLS, *ENGINES[engine])
            target = Target("127.0.0.1", port, Transport.HTTP, "peer")
            answer = PosixHost(path=path, user=inside).ask([target])
        finally:
            serving.kill()
    assert isinstance(answer.facts.probes, Known)
    (probe,) = answer.facts.probes.value
    return probe


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
