"""The door to a host, whatever it is reached by."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from pytest_wfo.connect.endpoints import address_of, endpoint_to_dial
from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.keys import KeyFiles
from pytest_wfo.connect.known_hosts import DEFAULT_FILE, HostKey, KnownHosts, KnownKeys
from pytest_wfo.connect.local import LocalConnection
from pytest_wfo.connect.login import credentials_of
from pytest_wfo.connect.psrp import PsrpConnection, login_of
from pytest_wfo.connect.psrp_backend import register
from pytest_wfo.connect.ssh import SshBackend
from pytest_wfo.connect.testinfra import TestinfraConnection
from pytest_wfo.connect.tls import TlsContexts
from pytest_wfo.connect.windows_ssh import WindowsSshBackend
from pytest_wfo.core.hosts import Host

if TYPE_CHECKING:
    import testinfra.host

    from pytest_wfo.connect.script import ScriptOutput
    from pytest_wfo.connect.secrets import Vault
    from pytest_wfo.core.hosts import Connection, Site


register()


class OpenConnection(Protocol):
    """A way to one host. Nothing is sent before ``connect`` or the first use."""

    @property
    def endpoint(self) -> str:
        """Where the host is reached, for messages."""

    @property
    def host_key(self) -> str:
        """The fingerprint that was accepted; "" if there is none."""

    def connect(self) -> object:
        """Get as far as a command could be run. Raises ``ConnectError``."""

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` by ``sh`` or PowerShell, for at most ``seconds``.

        Raises ``ConnectError``.
        """

    def testinfra_host(self) -> testinfra.host.Host:
        """The live testinfra host on the same connection."""

    def abort(self) -> None:
        """End whatever is under way; any thread may call it."""

    def close(self) -> None:
        """Leave nothing open."""


class Connector:
    """Opens connections for a run: secrets, key files, certificates and known_hosts are each read
    once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys = KeyFiles()
        self._tls = TlsContexts()
        self._lock = threading.Lock()
        self._known_hosts: dict[str, KnownHosts] = {}

    def open(self, host: Host, jump: OpenConnection | None = None) -> OpenConnection:
        """The connection to ``host``; ``jump`` is the one to ``host.connection.via``, if any.

        Nothing is sent yet. Reads secrets, so a prompt may appear.
        Raises ``ConnectError``: secret-missing, unsupported.
        """
        connection = host.connection
        if connection.kind == "psrp":
            return self._psrp(host)
        if host.platform != "posix" and connection.kind != "ssh":
            words = f"a {host.platform} host is examined by psrp or ssh, not by {connection.kind}"
            raise unsupported(host, words)
        if connection.kind == "local":
            return LocalConnection(host)
        if connection.kind == "testinfra":
            return TestinfraConnection(host)
        if connection.kind != "ssh":
            raise unsupported(host, f"there is no connection of kind {connection.kind!r}")
        if connection.via and not isinstance(jump, SshBackend):
            raise unsupported(host, f"its jump host {connection.via} is not reached by SSH")
        credentials = credentials_of(host, str(endpoint_to_dial(host)), self._vault, self._keys)
        backend = jump if isinstance(jump, SshBackend) else None
        kind = SshBackend if host.platform == "posix" else WindowsSshBackend
        return kind(host, credentials, self._known_keys(host), backend)

    def _psrp(self, host: Host) -> PsrpConnection:
        connection = host.connection
        if connection.via:
            raise unsupported(host, "only SSH hosts are reached through a jump host")
        login, passphrase = login_of(host, self._vault), None
        if not connection.tls:
            return PsrpConnection(host, login, None)
        if connection.passphrase is not None:
            where = str(endpoint_to_dial(host))
            passphrase = self._vault.resolve(
                connection.passphrase,
                host=host.name,
                endpoint=where,
                user=connection.user,
                purpose="passphrase",
            )
        try:
            context = self._tls.context_for(connection, passphrase)
        except ValueError as error:
            where, words = str(endpoint_to_dial(host)), f"{host.name}: {error}"
            raise ConnectError(Reason.SECRET_MISSING, host.name, where, words) from None
        return PsrpConnection(host, login, context)

    def _known_keys(self, host: Host) -> KnownKeys:
        connection = host.connection
        if connection.host_key:
            try:
                return KnownKeys((HostKey.parse(connection.host_key),))
            except ValueError as error:
                raise unsupported(host, f"its host_key is {error}") from None
        with self._lock:
            known = self._known_hosts.get(connection.known_hosts)
            if known is None:
                files = [connection.known_hosts] if connection.known_hosts else []
                known = KnownHosts.load([*files, DEFAULT_FILE])
                self._known_hosts[connection.known_hosts] = known
        return known.keys_for(address_of(host), connection.port)


def unsupported(host: Host, words: str) -> ConnectError:
    """The error for a host the inventory reaches in a way that cannot work."""
    dialed = host.connection.kind in {"ssh", "psrp"}
    where = str(endpoint_to_dial(host)) if dialed else host.connection.kind
    return ConnectError(Reason.UNSUPPORTED, host.name, where, f"{host.name}: {words}")


class LiveHost:
    """One host outside a gathering, with whatever must be open to reach it."""

    def __init__(self, connections: list[OpenConnection]) -> None:
        self._connections = connections  # jump hosts first, the host itself last

    def testinfra_host(self) -> testinfra.host.Host:
        """The live testinfra host; it connects with its first command. Raises ``ConnectError``."""
        return self._connections[-1].testinfra_host()

    def close(self) -> None:
        """End the sessions, the jump hosts' last."""
        while self._connections:
            self._connections.pop().close()


def open_host(host: Host, site: Site, vault: Vault) -> LiveHost:
    """The way to ``host``, over its jump hosts. Raises ``ConnectError``: secret-missing,
    unsupported."""
    chain = [host]
    while via := chain[0].connection.via:
        if via in {each.name for each in chain}:
            raise unsupported(host, f"its jump host {via} is reached through {chain[0].name}")
        if via in site.hosts:
            chain.insert(0, site.hosts[via])
        elif via in site.jump_hosts:
            chain.insert(0, jump_host(via, site.jump_hosts[via]))
        else:
            raise unsupported(host, f"its jump host {via} is not in the inventory")
    connector = Connector(vault)
    connections: list[OpenConnection] = []
    for each in chain:
        connections.append(connector.open(each, connections[-1] if connections else None))
    return LiveHost(connections)


def jump_host(name: str, connection: Connection) -> Host:
    """A machine that is only passed through, as a host."""
    return Host(name, frozenset(), (connection.address or name,), connection)
