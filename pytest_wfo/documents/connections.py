"""Connection keys of a host and the defaults of its inventory -> ``core.hosts.Connection``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.hosts import Connection, SecretRef, Timeouts

if TYPE_CHECKING:
    from pytest_wfo.documents.inventory_types import ConnectionKeys, SshKeys

_PORTS = {"psrp": 5986}
_SSH_PORT = 22
_KEYS = (
    "port", "user", "password", "key", "passphrase", "agent", "host_key", "known_hosts", "via",
    "sudo", "sudo_password",
)  # fmt: skip


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
        values: dict[str, Any] = {"port": _PORTS.get(kind, _SSH_PORT)}
        for keys in (self.keys, entry):
            given = {name: getattr(keys, name, None) for name in _KEYS}
            if keys is self.keys and kind != self.way(self.keys)[0]:
                del given["port"]
            if keys is self.keys and kind != "ssh":
                del given["via"]
            values |= {name: value for name, value in given.items() if value is not None}
        for name, value in values.items():
            if name in {"key", "known_hosts"}:
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
