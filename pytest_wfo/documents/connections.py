"""Connection keys of a host and the defaults of its inventory -> ``core.hosts.Connection``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.hosts import Connection, SecretRef, Timeouts

if TYPE_CHECKING:
    from pytest_wfo.documents.inventory_types import ConnectionKeys, SshKeys

SSH_PORT, WINRM_PORT, WINRM_TLS_PORT = 22, 5985, 5986
PSRP_KEYS = (
    "auth", "tls", "ca_file", "certificate", "certificate_key", "proxy", "configuration_name",
)  # fmt: skip
_KEYS = (
    "port", "user", "password", "key", "passphrase", "agent", "host_key", "known_hosts", "via",
    "sudo", "sudo_password", *PSRP_KEYS,
)  # fmt: skip
_FILES = {"key", "known_hosts", "ca_file", "certificate", "certificate_key"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """The ``defaults`` of an inventory in ``folder``, to which its relative paths refer.

    Two defaults do not fit every host: ``port`` is for hosts reached the way the defaults say,
    ``via`` for SSH hosts that are not themselves the one to jump through.
    """

    keys: ConnectionKeys
    folder: str

    def way(self, keys: ConnectionKeys) -> tuple[str, str]:
        """The connection word ("ssh", "docker://name") and the platform of a host."""
        platform = keys.platform or self.keys.platform
        word = keys.connection or self.keys.connection
        word = word or ("psrp" if platform == "windows" else "ssh")
        return word, platform or ("windows" if word == "psrp" else "posix")

    def for_host(self, entry: ConnectionKeys) -> Connection:
        """How a host is reached, still without its address."""
        word, _ = self.way(entry)
        if "://" in word:
            return replace(self._filled_up(entry, "testinfra"), spec=word)
        return self._filled_up(entry, word)

    def for_jump_host(self, entry: SshKeys, address: str) -> Connection:
        """How a jump host is reached: by SSH, and through another only if it says so itself."""
        connection = self._filled_up(entry, "ssh")
        via = entry.via or ""
        return replace(connection, address=address, via=via, sudo=False, sudo_password=None)

    def _filled_up(self, entry: SshKeys, kind: str) -> Connection:
        values: dict[str, Any] = {}
        for keys in (self.keys, entry):
            given = {name: getattr(keys, name, None) for name in _KEYS}
            if keys is self.keys and kind != self.way(self.keys)[0]:
                del given["port"]
            if keys is self.keys and kind != "ssh":
                del given["via"]
            if keys is self.keys and kind != "psrp":
                given = {name: value for name, value in given.items() if name not in PSRP_KEYS}
            values |= {name: value for name, value in given.items() if value is not None}
        values.setdefault("port", _default_port(kind, tls=values.get("tls", True)))
        for name, value in values.items():
            if name in _FILES:
                values[name] = self._file(value)
            if isinstance(value, SecretRef) and value.scheme == "file":
                values[name] = SecretRef("file", self._file(value.name))
        return Connection(kind, timeouts=self._timeouts(entry), **values)

    def _timeouts(self, entry: SshKeys) -> Timeouts:
        given = {
            field.name: float(value)
            for keys in (self.keys.timeouts, entry.timeouts)
            if keys is not None
            for field in fields(keys)
            if (value := getattr(keys, field.name)) is not None
        }
        return Timeouts(**given)

    def _file(self, name: str) -> str:
        # os.path leaves an unknown "~user" alone; pathlib raises
        return str(Path(self.folder, os.path.expanduser(name)))  # noqa: PTH111


def _default_port(kind: str, *, tls: bool) -> int:
    if kind != "psrp":
        return SSH_PORT
    return WINRM_TLS_PORT if tls else WINRM_PORT


def psrp_problem(connection: Connection) -> tuple[str, str] | None:
    """The key and the words of what cannot work in a psrp connection; None if nothing."""
    if connection.auth == "basic" and not connection.tls:
        return "auth", "basic sends the password in clear text without TLS; use negotiate"
    if connection.auth == "certificate" and not connection.tls:
        return "auth", "a certificate logs in over TLS only; leave tls out"
    if connection.auth == "certificate" and not (
        connection.certificate and connection.certificate_key
    ):
        return "auth", "logging in by certificate needs certificate and certificate_key"
    return None
