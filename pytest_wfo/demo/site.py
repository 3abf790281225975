"""The demo site: simulated hosts that are reached, asked and judged as any others.

A PREMISES server and three client PCs with Windows, an edge firewall with Linux. Everything is real
but the hosts: the inventory, the SSH connections with their keys, the collectors that are sent, the
readers and checks.
"""

from __future__ import annotations

import io
import os
from importlib import resources
from pathlib import Path
from string import Template

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pytest_wfo.demo.server import Login, SshServers
from pytest_wfo.demo.shell import shell_of

USER = "demo"
ANSWERING = ("prem01", "desk-01", "desk-02", "fw01")
DEAD = ("desk-03",)


class DemoSite:
    """The servers and the inventory that leads to them. ``folder`` is private and exists."""

    def __init__(self, folder: Path) -> None:
        self.inventory = folder / "inventory.yml"
        self._key = folder / "demo_key"
        self._servers: SshServers | None = None

    def start(self) -> None:
        """Start one server a host, on free ports with new keys, and write the inventory."""
        user_key = _new_key(self._key)
        servers = self._servers = SshServers(Login(USER, user_key))
        try:
            values = {"key": self._key.name}
            for name in (*ANSWERING, *DEAD):
                host_key = _new_key()
                port = servers.add_dead() if name in DEAD else servers.add(host_key, shell_of(name))
                prefix = name.replace("-", "_")
                values[f"{prefix}_port"] = str(port)
                values[f"{prefix}_host_key"] = f"{host_key.get_name()} {host_key.get_base64()}"
            template = resources.files("pytest_wfo.demo").joinpath("inventory.yml")
            text = Template(template.read_text(encoding="utf-8")).substitute(values)
            self.inventory.write_text(text, encoding="utf-8")
            servers.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all servers and connections; may be called again."""
        servers, self._servers = self._servers, None
        if servers is not None:
            servers.stop()


def _new_key(file: Path | None = None) -> paramiko.PKey:
    """A new Ed25519 key, the private part also in ``file`` that only the user may read."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    if file is not None:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            sink.write(pem)
    return paramiko.Ed25519Key(file_obj=io.StringIO(pem.decode()))
