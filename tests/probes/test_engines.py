"""Every engine meets the same real peers and must say the same about them."""

from __future__ import annotations

import datetime
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pytest_wfo.core.facts import Heard, Known, Probe, Reach, Target, Transport
from tests.probes.peers import (
    CLOSE,
    POLICY,
    REFUSED,
    RESET,
    RESET_FIRST,
    RESET_THEN_SILENT,
    SILENT,
    SILENT_FIRST,
    SILENT_THEN_CLOSE,
    SLOW,
    TLS,
    TLS_GARBAGE,
    TLS_LONG,
    TLS_NONE_FIRST,
    TLS_RESET_FIRST,
    TLS_SILENT,
    TLS_SILENT_FIRST,
    TLS_THEN_NONE,
)
from tests.probes.posix_host import TOOLS, PosixHost, is_root, tools

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces"),
]

PYTHON = "/usr/bin/python3"
ENGINES = {
    "python3": ("python3",),
    "perl": ("perl", "openssl"),
    "bash": ("bash", "openssl"),
    "nc": ("nc", "openssl"),
    "busybox-nc": ("busybox-nc", "openssl"),
}

# 192.0.2.9 swallows packets, 192.0.2.8:81-85 are rejected in different ways; 203.0.113.0/24 is not
# sent anywhere by the routes.
NETWORK = """
ip link set lo up
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.1/24 dev veth0
ip link set veth0 up
ip link set veth1 up
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev veth0
ip route add unreachable 203.0.113.1
ip route add prohibit 203.0.113.2
ip route add blackhole 203.0.113.3
nft -f - <<'RULES'
table inet wfo {
  chain out {
    type filter hook output priority 0;
    tcp dport 81 reject with tcp reset
    tcp dport 82 reject with icmpx port-unreachable
    tcp dport 83 reject with icmpx admin-prohibited
    tcp dport 84 reject with icmpx host-unreachable
    tcp dport 85 drop
  }
}
RULES
"""
LOOPBACK = "127.0.0.1"
HTTP, HTTPS, TCP, SILVERLIGHT = (
    Transport.HTTP,
    Transport.HTTPS,
    Transport.TCP,
    Transport.SILVERLIGHT_POLICY,
)


@dataclass(frozen=True)
class Case:
    """A peer and what everybody must say of it; ``also`` is what OpenBSD's nc may say instead.

    The address OWN is another one for each engine.
    """

    port: int
    transport: Transport
    reach: Reach
    heard: Heard
    address: str = LOOPBACK
    detail: str = ""
    excerpt: str = ""
    also: tuple[Reach, Heard] | None = None
    attempts: int = 1


OWN = "127.0.1.{}"
REFUSED_WORDS = (Reach.REFUSED, Heard.NOT_ASKED)
UNREACHABLE = (Reach.UNREACHABLE, Heard.NOT_ASKED)
FILTERED = (Reach.FILTERED, Heard.NOT_ASKED)
NC_CLOSED = (Reach.OPEN, Heard.CLOSED)
CASES = (
    Case(8080, HTTP, Reach.OPEN, Heard.EXPECTED, excerpt="HTTP/1.1 200 OK"),
    Case(8080, HTTP, Reach.OPEN, Heard.EXPECTED, "::1", excerpt="HTTP/1.1 200 OK"),
    Case(8500, HTTP, Reach.OPEN, Heard.EXPECTED, excerpt="HTTP/1.1 500 Internal Server Error"),
    Case(SLOW, HTTP, Reach.OPEN, Heard.EXPECTED, excerpt="HTTP/1.1 200 OK"),
    Case(8006, HTTP, Reach.OPEN, Heard.OTHER, excerpt="\\x00�<b>\\x1b[31mgarbage"),
    Case(SILENT, HTTP, Reach.OPEN, Heard.SILENCE, attempts=2),
    Case(CLOSE, HTTP, Reach.OPEN, Heard.CLOSED, also=NC_CLOSED),
    Case(RESET, HTTP, Reach.RESET, Heard.RESET, also=NC_CLOSED, attempts=2),
    Case(SILENT_FIRST, HTTP, Reach.OPEN, Heard.EXPECTED, OWN, attempts=2),
    Case(RESET_FIRST, HTTP, Reach.OPEN, Heard.EXPECTED, OWN, attempts=2),
    Case(SILENT_THEN_CLOSE, HTTP, Reach.OPEN, Heard.CLOSED, OWN, also=NC_CLOSED, attempts=2),
    Case(RESET_THEN_SILENT, HTTP, Reach.OPEN, Heard.SILENCE, OWN, attempts=2),
    Case(8943, SILVERLIGHT, Reach.OPEN, Heard.EXPECTED, excerpt=POLICY.decode()),
    Case(8944, SILVERLIGHT, Reach.OPEN, Heard.EXPECTED, excerpt=POLICY.decode()),
    Case(8945, SILVERLIGHT, Reach.OPEN, Heard.OTHER, excerpt="<p" + "x" * 4094),
    Case(8080, SILVERLIGHT, Reach.OPEN, Heard.OTHER),
    Case(TLS, HTTPS, Reach.OPEN, Heard.EXPECTED, detail="TLSv1.3", excerpt="HTTP/1.1 200 OK"),
    Case(TLS_GARBAGE, HTTPS, Reach.OPEN, Heard.OTHER, detail="TLSv1.3", excerpt="garbage"),
    Case(TLS_LONG, HTTPS, Reach.OPEN, Heard.EXPECTED, detail="TLSv1.3", excerpt="HTTP/1.1 200 OK"),
    Case(TLS_SILENT, HTTPS, Reach.OPEN, Heard.SILENCE, detail="TLSv1.3", attempts=2),
    Case(TLS_SILENT_FIRST, HTTPS, Reach.OPEN, Heard.EXPECTED, OWN, detail="TLSv1.3", attempts=2),
    Case(TLS_NONE_FIRST, HTTPS, Reach.OPEN, Heard.EXPECTED, OWN, detail="TLSv1.3", attempts=2),
    Case(TLS_RESET_FIRST, HTTPS, Reach.OPEN, Heard.EXPECTED, OWN, detail="TLSv1.3", attempts=2),
    Case(TLS_THEN_NONE, HTTPS, Reach.OPEN, Heard.SILENCE, OWN, detail="TLSv1.3", attempts=2),
    Case(8080, HTTPS, Reach.OPEN, Heard.OTHER, detail="WRONG_VERSION_NUMBER"),
    Case(SILENT, HTTPS, Reach.OPEN, Heard.SILENCE, detail="no TLS handshake", attempts=2),
    Case(CLOSE, HTTPS, Reach.OPEN, Heard.CLOSED, detail="during the TLS handshake"),
    Case(RESET, HTTPS, Reach.RESET, Heard.RESET, detail="during the TLS handshake", attempts=2),
    Case(SILENT, TCP, Reach.OPEN, Heard.NOT_ASKED),
    Case(REFUSED, HTTP, *REFUSED_WORDS, detail="ECONNREFUSED"),
    Case(REFUSED, HTTPS, *REFUSED_WORDS, detail="ECONNREFUSED"),
    Case(81, TCP, *REFUSED_WORDS, detail="ECONNREFUSED"),
    Case(82, TCP, *REFUSED_WORDS, detail="ECONNREFUSED"),
    Case(83, TCP, *UNREACHABLE, detail="EHOSTUNREACH"),
    Case(84, TCP, *UNREACHABLE, detail="EHOSTUNREACH"),
    Case(80, TCP, *UNREACHABLE, "203.0.113.1", detail="EHOSTUNREACH"),
    Case(80, TCP, *UNREACHABLE, "203.0.113.2", detail="EACCES"),
    Case(80, TCP, *UNREACHABLE, "203.0.113.3", detail="EINVAL"),
    Case(80, TCP, *UNREACHABLE, "198.51.100.1", detail="ENETUNREACH"),
    Case(85, HTTP, *FILTERED, detail="timeout", attempts=2),
    Case(80, TCP, *FILTERED, "192.0.2.9", detail="timeout", attempts=2),
    Case(443, HTTPS, *FILTERED, "192.0.2.9", detail="timeout", attempts=2),
)


def targets(engine: str) -> tuple[Target, ...]:
    """One for every case."""
    own = OWN.format([*ENGINES].index(engine) + 1)
    return tuple(
        Target(own if case.address == OWN else case.address, case.port, case.transport, "peer")
        for case in CASES
    )


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, bytes]:
    """A certificate, its key, and the certificate's DER."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "premises.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    return folder / "cert.pem", folder / "key.pem", der


def seconds_without_targets(path: str) -> float:
    """What all the rest of the collector takes on a machine as busy as this."""
    return PosixHost(path=path).ask().seconds


@pytest.fixture(scope="module")
def answers(
    identity: tuple[Path, Path, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[tuple[Probe, ...], float]]]:
    """What each engine said, and how long it took, in one namespace; no more at once than the machine
    can bear."""
    certificate, key, _ = identity
    script = Path(__file__).with_name("peers.py")
    start = ["unshare", "-n", "sh", "-c", NETWORK + 'exec "$@"', "sh"]
    folder = tmp_path_factory.mktemp("engines")
    with subprocess.Popen(
        [*start, PYTHON, "-I", str(script), str(certificate), str(key)], stdout=subprocess.PIPE
    ) as peers:
        try:
            assert peers.stdout is not None
            assert peers.stdout.readline() == b"up\n"
            inside = ("nsenter", "-t", str(peers.pid), "-n")

            def ask(engine: str) -> tuple[tuple[Probe, ...], float]:
                path = tools(folder / engine, *TOOLS, *ENGINES[engine])
                answer = PosixHost(path=path, user=inside).ask(targets(engine))
                assert isinstance(answer.facts.probes, Known)
                assert answer.facts.probes.source.endswith(engine.removeprefix("busybox-"))
                return answer.facts.probes.value, answer.seconds - seconds_without_targets(path)

            with ThreadPoolExecutor(2) as pool:
                found = dict(zip(ENGINES, pool.map(ask, ENGINES), strict=True))
            yield found
        finally:
            peers.kill()


Answers = dict[str, tuple[tuple[Probe, ...], float]]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_engine_says_what_is_so(
    engine: str, number: int, answers: Answers, identity: tuple[Path, Path, bytes]
) -> None:
    case, probe = CASES[number], answers[engine][0][number]
    assert probe.target == targets(engine)[number]
    if engine == "nc" and case.also is not None:
        assert (probe.reach, probe.heard, probe.attempts) == (*case.also, 2)
        assert probe.detail == "closed or reset: nc does not tell"
        return
    assert (probe.reach, probe.heard) == (case.reach, case.heard)
    assert probe.attempts == case.attempts
    if case.detail:
        assert probe.detail == case.detail
    if case.excerpt:
        assert probe.excerpt == case.excerpt
    if case.detail.startswith("TLSv"):
        assert probe.certificate == identity[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_time_is_bounded(engine: str, answers: Answers) -> None:
    assert answers[engine][1] < 16


@pytest.mark.parametrize("engine", ["python3", "perl"])
def test_many_silent_targets_are_bounded_and_none_is_called_filtered_after_one_try(
    engine: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *TOOLS, engine)
    host = PosixHost(path=path, isolated=True, setup=NETWORK)
    answer = host.ask([Target("192.0.2.9", 1000 + at, TCP, "x") for at in range(300)])
    assert answer.seconds - seconds_without_targets(path) < 16
    assert isinstance(answer.facts.probes, Known)
    assert len(answer.facts.probes.value) == 300
    for probe in answer.facts.probes.value:
        assert probe.reach in {Reach.FILTERED, Reach.UNMEASURED}
        assert probe.attempts == 2 or probe.reach is Reach.UNMEASURED
    reaches = [probe.reach for probe in answer.facts.probes.value]
    assert reaches.count(Reach.FILTERED) >= 256


def test_a_host_without_means_says_so_of_every_target(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *TOOLS)
    facts = PosixHost(path=path).ask(targets("nc")).facts
    assert isinstance(facts.probes, Known)
    assert {(each.reach, each.heard) for each in facts.probes.value} == {
        (Reach.UNMEASURED, Heard.UNMEASURED)
    }
    assert all("install python3" in each.detail for each in facts.probes.value)


def test_a_broken_engine_gives_way_to_the_next(open_folder: Path) -> None:
    path = tools(open_folder / "bin", *TOOLS, "perl", "false")
    (open_folder / "bin" / "false").rename(open_folder / "bin" / "python3")
    host = PosixHost(path=path, isolated=True, setup="ip link set lo up")
    facts = host.ask([Target(LOOPBACK, REFUSED, TCP, "x")]).facts
    assert isinstance(facts.probes, Known)
    assert facts.probes.source.endswith("perl")
    assert facts.probes.value[0].reach is Reach.REFUSED


def test_without_a_tls_tool_the_connection_is_true_and_the_rest_unmeasured(
    open_folder: Path,
) -> None:
    path = tools(open_folder / "bin", *TOOLS, "perl")
    setup = f"ip link set lo up\n{PYTHON} -c '{LISTENER}' >/dev/null 2>&1 &\n{LISTENS}"
    host = PosixHost(path=path, isolated=True, setup=setup)
    facts = host.ask([Target(LOOPBACK, 8443, HTTPS, "x")]).facts
    assert isinstance(facts.probes, Known)
    (probe,) = facts.probes.value
    assert (probe.reach, probe.heard) == (Reach.OPEN, Heard.UNMEASURED)
    assert "openssl" in probe.detail


LISTENER = 'import socket, time; s = socket.create_server(("127.0.0.1", 8443)); time.sleep(30)'
LISTENS = "until ss -Htln | grep -q :8443; do sleep 0.05; done"
