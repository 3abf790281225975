"""known_hosts against ssh-keygen, which reads the same files."""

from __future__ import annotations

import base64
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.connect.known_hosts import HostKey, KnownHosts, KnownKeys

if TYPE_CHECKING:
    from pathlib import Path


def blob(kind: str, seed: int) -> str:
    """A well-formed public key of no use."""
    raw = len(kind).to_bytes(4, "big") + kind.encode() + seed.to_bytes(32, "big")
    return f"{kind} {base64.b64encode(raw).decode()}"


ONE, TWO, THREE = (blob("ssh-ed25519", seed) for seed in (1, 2, 3))


def known(text: str) -> KnownHosts:
    hosts = KnownHosts()
    hosts.add(text, "kh")
    return hosts


def keys(*lines: str) -> tuple[HostKey, ...]:
    return tuple(HostKey.parse(line) for line in lines)


@pytest.mark.parametrize(
    ("names", "host", "port", "found"),
    [
        ("prem01", "prem01", 22, True),
        ("prem01", "PREM01", 22, True),
        ("Prem01,10.0.0.1", "10.0.0.1", 22, True),
        ("prem01", "prem01", 2222, False),
        ("[prem01]:2222", "prem01", 2222, True),
        ("[prem01]:2222", "prem01", 22, False),
        ("[::1]:2222", "::1", 2222, True),
        ("*.example.com", "a.example.com", 22, True),
        ("*.example.com", "example.com", 22, False),
        ("*.example.com,!b.example.com", "b.example.com", 22, False),
        ("!b.example.com,*.example.com", "a.example.com", 22, True),
        ("!b.example.com", "a.example.com", 22, False),
        ("10.0.0.?", "10.0.0.7", 22, True),
        ("10.0.0.?", "10.0.0.17", 22, False),
        ("[10.0.0.*]:2222", "10.0.0.17", 2222, True),
        ("desk[12]", "desk1", 22, False),
    ],
)
def test_names_match_as_in_sshd_8(names: str, host: str, port: int, found: bool) -> None:
    assert known(f"{names} {ONE}").keys_for(host, port).trusted == (keys(ONE) if found else ())


def test_hashed_names_are_found(tmp_path: Path) -> None:
    """Hashed by ssh-keygen itself."""
    path = tmp_path / "kh"
    path.write_text(f"prem01 {ONE}\n[prem02]:2222 {TWO} comment\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)
    assert "prem" not in path.read_text()
    hosts = KnownHosts.load([str(path)])
    assert hosts.keys_for("prem01").trusted == keys(ONE)
    assert hosts.keys_for("prem02", 2222).trusted == keys(TWO)
    assert hosts.keys_for("prem02") == KnownKeys()


def test_a_fingerprint_is_the_one_ssh_keygen_prints(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "k"], check=True)
    printed = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "k.pub"], check=True, capture_output=True, text=True
    ).stdout
    assert HostKey.parse((tmp_path / "k.pub").read_text()).fingerprint == printed.split()[1]


def test_all_keys_of_a_host_count_and_revoked_ones_are_kept_apart() -> None:
    hosts = known(f"a {ONE}\n# a {THREE}\n\na {TWO} me@there\n@revoked * {THREE}\na {ONE}\n")
    assert hosts.keys_for("a") == KnownKeys(keys(ONE, TWO), keys(THREE))
    assert hosts.notes == []


def test_what_is_skipped_is_noted() -> None:
    hosts = known(f"@cert-authority *.x {ONE}\nonly two\n|1|nonsense {ONE}\n@mark a {ONE}\n")
    assert hosts.notes == [
        "kh:1: @cert-authority is not supported, line ignored",
        "kh:2: not a known_hosts line, ignored",
        "kh:3: malformed hashed name, line ignored",
        "kh:4: @mark is not supported, line ignored",
    ]


def test_files_that_are_absent_have_no_lines(tmp_path: Path) -> None:
    here = tmp_path / "kh"
    here.write_text(f"a {ONE}\n")
    hosts = KnownHosts.load([str(tmp_path / "none"), str(here), str(tmp_path)])
    assert hosts.keys_for("a").trusted == keys(ONE)
    assert hosts.notes == [f"{tmp_path}: cannot be read (Is a directory)"]


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa !!", f"ssh-rsa {ONE[12:]}"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a public host key"):
        HostKey.parse(text)


@given(st.text(max_size=200), st.text(max_size=20), st.integers(1, 65535))
@settings(max_examples=150, deadline=None)
def test_no_text_is_a_crash(text: str, host: str, port: int) -> None:
    known(f"|1|{text}\n{text}\n{text} {ONE}").keys_for(host, port)


def test_ten_thousand_lines_are_read_in_linear_time() -> None:
    """paramiko's own reader compares each line with all before it."""
    text = "".join(f"h{n},10.1.{n // 256}.{n % 256} {ONE}\n" for n in range(10_000))
    begun = time.process_time()
    hosts = known(text)
    for n in range(0, 10_000, 20):
        assert hosts.keys_for(f"h{n}").trusted == keys(ONE)
    assert time.process_time() - begun < 2
