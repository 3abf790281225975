"""Fixtures: certificates, the lab's PowerShell, and a way to run a script on a server."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.winrm.certificates import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def pwsh() -> str:
    """The lab's PowerShell: a real engine with a lab Windows around it."""
    found = shutil.which("pwsh")
    if found is None:
        pytest.skip("pwsh, the PowerShell engine with a lab Windows, is not on PATH")
    said = subprocess.run([found, "-Version"], capture_output=True, text=True, timeout=60).stdout
    if "windows-lab" not in said:
        pytest.skip(f"pwsh is no lab Windows: {said.strip()}")
    return found


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    """Whatever a test does, our threads are gone soon after, and no password is in the process's
    environment."""
    yield
    assert "pässw0rd" not in " ".join(os.environ.values())
    end = time.monotonic() + 3
    while left := [t.name for t in threading.enumerate() if t.name.startswith("wfo-")]:
        assert time.monotonic() < end, f"threads stayed: {left}"
        time.sleep(0.02)
