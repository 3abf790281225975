"""A real OpenSSH server on loopback, for tests and benchmarks.

    with loopback_sshd(tmp_path) as server:
        connect to 127.0.0.1:server.port as server.user with server.key

Any address of 127.0.0.0/8 reaches it, so one server can stand for many hosts.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_wfo.core.hosts import Connection, Host, Role
from tests.support.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
MISSING = "" if SSHD else "needs OpenSSH's sshd on this machine"


@dataclass(frozen=True, slots=True)
class LoopbackSshd:
    """A running server: ``key`` is the user's private key file, ``host_key`` the public host key
    ("ssh-ed25519 AAAA..."), ``log`` sshd's own log, ``pid`` its listening process."""

    port: int
    user: str
    key: Path
    host_key: str
    log: Path
    pid: int

    def connection(self, address: str = "127.0.0.1", **changes: object) -> Connection:
        """How to reach the server; ``changes`` replace fields of the ``Connection``."""
        fields: dict[str, object] = {
            "kind": "ssh",
            "address": address,
            "port": self.port,
            "user": self.user,
            "key": str(self.key),
            "agent": False,
            "host_key": self.host_key,
            "timeouts": PATIENT,
        }
        return Connection(**{**fields, **changes})  # type: ignore[arg-type]

    def host(self, name: str = "srv", address: str = "127.0.0.1", **changes: object) -> Host:
        """The server as a host of an inventory."""
        connection = self.connection(address, **changes)
        return Host(name, frozenset({Role.CLIENT}), (address,), connection)

    def logins(self) -> int:
        """How many logins by key the server's log tells of."""
        return self.log.read_text().count("Accepted publickey")


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "", *options: str) -> Path:
    """A new key pair at ``path`` (and ``path.pub``) by ssh-keygen."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)]
    command += options
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def free_port() -> int:
    """A TCP port that was free a moment ago, for a server that cannot choose one by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def loopback_sshd(
    folder: Path,
    *,
    options: Sequence[str] = (),
    host_keys: Sequence[str] = ("ed25519",),
    address: str = "0.0.0.0",
    key: Path | None = None,
    user: str = "",
    wrapper: Sequence[str] = (),
) -> Iterator[LoopbackSshd]:
    """Run sshd in ``folder``, which must be empty, with its own keys; the current user logs in.

    ``options`` are lines of sshd_config that come first and so win; ``key`` is the user's private
    key if there is one already; ``user`` is another user to log in, whom ``wrapper`` has to provide
    (a command that runs the rest of its arguments, e.g. in a mount namespace). ``host_key`` of the
    result is that of the first of ``host_keys``.
    """
    if SSHD is None:
        raise RuntimeError(MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation wants it
    key = key or make_key(folder / "user_key")
    keys = [make_key(folder / f"host_{kind}", kind) for kind in host_keys]
    # sshd reads this file as the user, and pytest's own folders are closed to others.
    readable = Path(tempfile.mkdtemp(prefix="wfo-sshd-"))
    readable.chmod(0o755)
    authorized = readable / "authorized_keys"
    shutil.copy(f"{key}.pub", authorized)
    log, config = folder / "sshd.log", folder / "sshd_config"
    lines = [
        *options,
        *(f"HostKey {each}" for each in keys),
        f"AuthorizedKeysFile {authorized}",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PidFile none",
        "PrintMotd no",
        "PrintLastLog no",
        "LogLevel VERBOSE",
        "MaxStartups 500:30:1000",
        "PermitRootLogin yes",
        # bash started by sshd reads the developer's .bashrc, which may take long, unless nested
        "SetEnv SHLVL=2",
    ]
    process, port = _started(
        [*wrapper, SSHD, "-D", "-e", "-f", config], address, lines, config, log
    )
    try:
        kind, blob = Path(f"{keys[0]}.pub").read_text().split()[:2]
        yield LoopbackSshd(port, user or getpass.getuser(), key, f"{kind} {blob}", log, process.pid)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(readable)


def _started(
    command: Sequence[str | Path], address: str, lines: Sequence[str], config: Path, log: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """sshd when it listens, and on which port: another one if somebody was quicker."""
    for _ in range(5):
        port = free_port()
        config.write_text("\n".join([*lines, f"ListenAddress {address}:{port}"]) + "\n")
        with log.open("wb") as sink:
            process = subprocess.Popen(command, stderr=sink)
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            if f"Server listening on {address} port {port}." in log.read_text():
                return process, port
            time.sleep(0.01)
        process.kill()
        process.wait()
        if "Address already in use" not in log.read_text():
            break
    raise RuntimeError(f"sshd did not start: {log.read_text()}")
