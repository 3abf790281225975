"""testinfra over PowerShell remoting: ``testinfra.get_host("psrp://user@host", password=...)``."""

from __future__ import annotations

import re
from typing import Any

import testinfra.backend
from testinfra.backend.base import BaseBackend, CommandResult

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.psrp import PsrpConnection, login_of
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.connect.tls import TlsContexts
from pytest_wfo.core.hosts import Connection, Host, SecretRef

PASSWORD = SecretRef("env", "WFO_PASSWORD")

# All of PowerShell's quotation marks; inside single ones each is doubled (about_Quoting_Rules).
_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


def register() -> None:
    """Make ``psrp://`` known to testinfra."""
    testinfra.backend.BACKENDS["psrp"] = f"{__name__}.{PsrpBackend.__name__}"


class PsrpBackend(BaseBackend):
    """Commands are PowerShell's, run one after the other in one session."""

    NAME = "psrp"

    def __init__(
        self,
        hostspec: str,
        *args: Any,
        password: SecretRef | None = None,
        ssl: bool = True,
        no_ssl: bool = False,
        vault: Vault | None = None,
        connection: str = "psrp",
        options: tuple[tuple[str, Any], ...] = (),
        **kwargs: Any,
    ) -> None:
        """``hostspec`` is "user@host:port", without a password: that is read where ``password``
        says, $WFO_PASSWORD by default. ``options`` are further fields of ``Connection`` (auth,
        ca_file ...), as (name, value) pairs because testinfra hashes what it is given. ``vault``
        reads the secrets; give one that knows how to prompt.

        Raises ``ConnectError``.
        """
        spec = self.parse_hostspec(hostspec)
        tls = ssl and not no_ssl
        fields: dict[str, Any] = {
            "address": spec.name,
            "port": int(spec.port or (5986 if tls else 5985)),
            "user": spec.user or "",
            "password": password or (PASSWORD if spec.user else None),
            "tls": tls,
            **dict(options),
        }
        host = Host(spec.name, frozenset(), (spec.name,), Connection("psrp", **fields), "windows")
        if spec.password:
            words = f"{host.name}: no password in an address; name where it is kept: password="
            raise ConnectError(Reason.UNSUPPORTED, host.name, host.name, words)
        vault = vault or Vault()
        login = login_of(host, vault)
        try:
            context = TlsContexts().context_for(host.connection, None) if tls else None
        except ValueError as error:
            words = f"{host.name}: {error}"
            raise ConnectError(Reason.SECRET_MISSING, host.name, host.name, words) from None
        self._set_up(PsrpConnection(host, login, context), host)

    @classmethod
    def over(cls, connection: PsrpConnection, host: Host) -> PsrpBackend:
        """A backend that shares ``connection``."""
        backend = cls.__new__(cls)
        backend._set_up(connection, host)
        return backend

    def _set_up(self, connection: PsrpConnection, host: Host) -> None:
        super().__init__(host.name)
        self._connection = connection
        self._seconds = host.connection.timeouts.script
        self._encoding = "utf-8"  # testinfra would ask the host's Python

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        """Run PowerShell's ``command``; the exit status is that of ``exit`` or of the last program,
        else 1 if an error ended it. Raises ``ConnectError``."""
        command = self.get_command(command, *args)
        ran = self._connection.run(
            f"$global:LASTEXITCODE = 0\n{command}\n"
            "if ($global:LASTEXITCODE) { exit $global:LASTEXITCODE }",
            self._seconds,
            as_text=True,
        )
        lines = [line.removesuffix("\n").removesuffix("\r") + "\n" for line in ran.output]
        errors = "".join(message + "\n" for _, message in ran.errors)
        status = ran.status or int(ran.failed)
        stdout, stderr = (
            "".join(lines).encode("utf-8", "replace"),
            errors.encode("utf-8", "replace"),
        )
        return self.result(status, self.encode(command), stdout, stderr)

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    @staticmethod
    def quote(command: str, *args: str) -> str:
        """Put ``args``, quoted for PowerShell, into ``command``."""
        quoted = tuple("'" + _QUOTES.sub(r"\1\1", arg) + "'" for arg in args)
        return command % quoted if args else command
