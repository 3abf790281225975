"""Makes the recorded answers in data/: ``python -m tests.probes.record_posix`` as root."""

from __future__ import annotations

from pathlib import Path

from tests.probes.posix_host import NOBODY, PosixHost
from tests.probes.test_posix import NETWORK, listening
from tests.probes.test_posix_rights import COMPAT, LEGACY, NFT

DATA = Path(__file__).with_name("data")
SETUP = NETWORK + NFT + LEGACY + COMPAT + listening("0.0.0.0,2010,", "::,443,0", "::,80,1")
HOSTS = {
    "posix-root.txt": PosixHost(isolated=True, setup=SETUP),
    "posix-nobody.txt": PosixHost(isolated=True, setup=SETUP, user=NOBODY),
    "posix-busybox.txt": PosixHost(("busybox", "sh"), isolated=True, setup=SETUP),
}

if __name__ == "__main__":
    for name, host in HOSTS.items():
        (DATA / name).write_text(host.ask(files=["/etc/os-release", "/nowhere"]).text, "ascii")
