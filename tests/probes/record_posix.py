"""Makes the recorded answers in data/: ``python -m tests.probes.record_posix [NAME...]`` as root."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.clamav import BASE, CANARY, CONFIG, CONTROL, HOME
from tests.lab.clamav_cases import FILES, GOOD
from tests.probes.posix_host import NOBODY, PosixHost
from tests.probes.test_posix import NETWORK, listening
from tests.probes.test_posix_rights import COMPAT, LEGACY, NFT

DATA = Path(__file__).with_name("data")
SETUP = NETWORK + NFT + LEGACY + COMPAT + listening("0.0.0.0,2010,", "::,443,0", "::,80,1")


def clamav(settings: str, options: str) -> str:
    """Starts a real ClamAV, whose control file must get blocked."""
    return f"""
    ip link set lo up
    hostname premises-1
    mount -t tmpfs -o mode=755 none /run
    mount -t tmpfs -o mode=755 none /home
    mkdir -p {HOME}/db {HOME}/run {HOME}/log {HOME}/quar
    chown clamav:clamav {HOME}/run {HOME}/log
    for file in {CONTROL} {" ".join(FILES)}; do
      mkdir -p "$(dirname $file)"; printf %s {CANARY} > $file
    done
    echo 'Lab.WfoCanary:0:*:{CANARY.encode().hex()}' > {HOME}/db/lab.ndb
    cat > {CONFIG} <<'END'
{BASE}{settings}
END
    clamd -c {CONFIG} >/dev/null 2>&1 &
    until [ -S {HOME}/run/clamd.sock ]; do sleep 0.05; done
    clamonacc -F -v -c {CONFIG} {options} >{HOME}/log/onacc.out 2>&1 &
    until grep -q 'waiting to consume' {HOME}/log/onacc.out; do sleep 0.05; done
    while cat {CONTROL} >/dev/null 2>&1; do sleep 0.05; done
    """


RECORDING = next(file for file in FILES if file.endswith("control/a.vid"))
MOVE = f"--fdpass --move={HOME}/quar"
CLAMAV = clamav(GOOD, MOVE) + f"cat {RECORDING} >/dev/null 2>&1; sleep 0.3\n"
HOSTS = {
    "posix-root.txt": PosixHost(isolated=True, setup=SETUP),
    "posix-nobody.txt": PosixHost(isolated=True, setup=SETUP, user=NOBODY),
    "posix-busybox.txt": PosixHost(("busybox", "sh"), isolated=True, setup=SETUP),
    "posix-clamav.txt": PosixHost(isolated=True, setup=CLAMAV),
    "posix-clamav-nobody.txt": PosixHost(isolated=True, setup=CLAMAV, user=NOBODY),
    "posix-clamav-paths.txt": PosixHost(isolated=True, setup=clamav(GOOD, "")),
}

if __name__ == "__main__":
    for name, host in HOSTS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        (DATA / name).write_text(host.ask(files=["/etc/os-release", "/nowhere"]).text, "ascii")
