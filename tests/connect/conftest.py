"""Fixtures: a real sshd shared by a module's tests, and a check that no thread stays behind."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.secrets import Vault
from tests.support.sshd import MISSING, LoopbackSshd, loopback_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSshd]:
    """A real OpenSSH server with two host keys."""
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("sshd")
    with loopback_sshd(folder, host_keys=("ed25519", "ecdsa")) as server:
        yield server


@pytest.fixture
def connector() -> Connector:
    """A connector that knows no secret."""
    return Connector(Vault())


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Whatever a test does, our threads are gone soon after."""
    yield
    end = time.monotonic() + 3
    while left := [t.name for t in threading.enumerate() if _ours(t)]:
        assert time.monotonic() < end, f"threads stayed: {left}"
        time.sleep(0.02)


def _ours(thread: threading.Thread) -> bool:
    from paramiko import Transport

    client = isinstance(thread, Transport) and not thread.server_mode
    return client or thread.name.startswith(("wfo-ssh", "wfo-tunnel"))
