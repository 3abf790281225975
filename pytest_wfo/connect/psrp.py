"""``connection: psrp``: PowerShell remoting over WinRM, one session and one thread a host."""

from __future__ import annotations

import importlib.util
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_wfo.connect.channel import guard
from pytest_wfo.connect.endpoints import address_of, endpoint_to_dial
from pytest_wfo.connect.errors import ConnectError, Reason, endpoint_of, excerpt
from pytest_wfo.connect.powershell_errors import explain_script_error
from pytest_wfo.connect.script import ScriptOutput

if TYPE_CHECKING:
    import ssl

    import testinfra.host

    from pytest_wfo.connect.psrp_session import PsrpSession, Ran
    from pytest_wfo.connect.secrets import Secret, Vault
    from pytest_wfo.core.hosts import Host

# What a broken TCP connection looks like when it is made anew in the middle of a session.
_UNREACHED = {Reason.FILTERED, Reason.REFUSED, Reason.UNREACHABLE, Reason.NAME_NOT_RESOLVED}

# What a session configuration made for us offers where it lets no script run (docs/jea.md).
COMMAND = "Get-WfoFact"
NO_SCRIPTS = "ScriptsNotAllowed"
_KIT = "install the kit that has it: python -m pytest_wfo.probes.jea"
_REQUEST = re.compile(r"\A\$WfoRequest = '([^'\n]*)'\n")

AUTHS = ("negotiate", "ntlm", "kerberos", "credssp", "certificate", "basic")

# The module an auth needs beyond what pypsrp brings; the extra has the auth's name.
_EXTRAS = {"kerberos": "gssapi", "credssp": "requests_credssp"}


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in how: ``auth`` as in ``Connection``. For "negotiate" and "kerberos", "" and None
    stand for the tickets this machine has."""

    auth: str
    user: str = ""
    password: Secret | None = None


def login_of(host: Host, vault: Vault) -> Login:
    """Read the secrets of ``host``. Raises ``ConnectError``: secret-missing, unsupported."""
    connection, where = host.connection, str(endpoint_to_dial(host))
    auth, user, password = connection.auth, connection.user, None

    def error(reason: Reason, words: str) -> ConnectError:
        return ConnectError(reason, host.name, where, f"{host.name}: {words}")

    if auth not in AUTHS:
        raise error(Reason.UNSUPPORTED, f"there is no auth {auth!r}; one of {', '.join(AUTHS)}")
    if auth == "basic" and not connection.tls:
        raise error(Reason.UNSUPPORTED, "basic without TLS would send the password in clear text")
    if auth == "certificate" and not (connection.tls and connection.certificate):
        raise error(Reason.UNSUPPORTED, "a login by certificate needs TLS and a certificate")
    if _EXTRAS.get(auth) and importlib.util.find_spec(_EXTRAS[auth]) is None:
        words = f"{auth} needs an optional package: pip install pytest-wfo[{auth}]"
        raise error(Reason.UNSUPPORTED, words)
    if connection.password is not None:
        password = vault.resolve(connection.password, host=host.name, endpoint=where, user=user)
    if auth in {"ntlm", "credssp", "basic"} and not (user and password):
        words = f"{auth} needs a user and a password, and the inventory names only one or none"
        raise error(Reason.SECRET_MISSING, words)
    return Login(auth, user, password)


class PsrpConnection:
    """One Windows host over one PowerShell session, opened on first use.

    Every failure is a ``ConnectError``. One thread at a time may run commands; ``abort`` may be
    called from any.
    """

    host_key = ""

    def __init__(self, host: Host, login: Login, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._login = login
        self._tls = tls
        self._dialed: socket.socket | None = None
        self._session: PsrpSession | None = None
        self._aborted = threading.Event()

    @property
    def endpoint(self) -> str:
        """Where the host is reached, for messages."""
        connection = self._host.connection
        where = endpoint_of(address_of(self._host), connection.port)
        return f"{where} through {connection.proxy}" if connection.proxy else where

    def use(self, stream: socket.socket) -> None:
        """Connect over ``stream``, which stands already, instead of making a connection."""
        self._dialed = stream

    def connect(self) -> None:
        """Open the session unless it stands. Raises ``ConnectError``."""
        self._opened()

    def _opened(self) -> PsrpSession:
        if self._session is not None:
            return self._session
        from pytest_wfo.connect.psrp_session import PsrpSession

        connection = replace(self._host.connection, address=address_of(self._host))
        dialed, self._dialed = self._dialed, None
        self._session = session = PsrpSession(
            connection, self._login, endpoint_to_dial(self._host), self._tls
        )
        if dialed is not None:
            session.wire.use(dialed)
        seconds = connection.timeouts.banner + connection.timeouts.login
        try:
            with self._told(session, seconds, f"no PowerShell session within {seconds:g} s"):
                session.open()
        except BaseException:
            self.close()
            raise
        return session

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` (UTF-8) in the session, for at most ``seconds``; its output is one text
        a line. Where the session configuration lets no script run, its command ``Get-WfoFact`` gets
        the request with which the script begins.

        Raises ``ConnectError``, also if the script ends by an error.
        """
        deadline = time.monotonic() + seconds
        text = script.decode("utf-8")
        ran = self.run(text, seconds)
        request = _REQUEST.match(text)
        if ran.failed and ran.error_id == NO_SCRIPTS and request:
            parameters = {"Request": request[1]}
            ran = self.run(COMMAND, deadline - time.monotonic(), parameters=parameters)
            if ran.failed and ran.error_id == "CommandNotFoundException":
                words = f"its session configuration lets no script run and has no {COMMAND}; {_KIT}"
                raise self._error(Reason.CONSTRAINED_LANGUAGE, words)
        if ran.failed:
            message = ran.errors[-1][1] if ran.errors else "it gave no reason"
            raise self._error(*explain_script_error(ran.error_id, message))
        stdout = "\n".join(ran.output).encode("utf-8", "replace")
        stderr = "\n".join(message for _, message in ran.errors).encode("utf-8", "replace")
        return ScriptOutput(stdout, stderr, ran.status)

    def run(
        self,
        script: str,
        seconds: float,
        *,
        as_text: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run ``script``, or the command of this name with ``parameters``, and return all it gave.

        A session which stood, but broke before the script began, is built anew once.
        Raises ``ConnectError``.
        """
        stood = self._session
        try:
            return self._run(script, seconds, as_text, parameters)
        except ConnectError as error:
            lost = error.reason is Reason.CONNECTION_LOST and not self._aborted.is_set()
            if stood is None or stood.began or not lost:
                raise
        return self._run(script, seconds, as_text, parameters)

    def _run(
        self, script: str, seconds: float, as_text: bool, parameters: Mapping[str, str] | None
    ) -> Ran:
        session = self._opened()
        try:
            late = f"no complete answer within {seconds:g} s; the script was ended"
            with self._told(session, seconds, late):
                return session.run(script, seconds, as_text=as_text, parameters=parameters)
        except ConnectError:
            self.close()  # whatever state it is in, the next command starts anew
            raise

    def testinfra_host(self) -> testinfra.host.Host:
        """The live testinfra host on this very session."""
        import testinfra.host

        from pytest_wfo.connect.psrp_backend import PsrpBackend

        return testinfra.host.Host(PsrpBackend.over(self, self._host))

    def abort(self) -> None:
        """End whatever is under way, from any thread."""
        self._aborted.set()
        session = self._session
        if session is not None:
            session.wire.cut()

    def close(self) -> None:
        """End the session. The next command opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
        if self._dialed is not None:
            self._dialed.close()
            self._dialed = None

    @contextmanager
    def _told(self, session: PsrpSession, seconds: float, late: str) -> Iterator[None]:
        """Make a ``ConnectError`` of whatever goes wrong in the block, and end it in time."""
        from pytest_wfo.connect.psrp_errors import explain

        answers = session.wire.answers
        with guard(seconds, session.wire.cut) as cut:
            if self._aborted.is_set():
                session.wire.cut()
            try:
                yield
            except Exception as error:
                failure = error
            else:
                return
        if self._aborted.is_set():
            raise self._error(Reason.CONNECTION_LOST, "the run was stopped") from None
        if cut.is_set() or type(failure) is TimeoutError:
            raise self._error(Reason.DEADLINE, late) from None
        if isinstance(failure, ConnectError):
            if answers and failure.reason in _UNREACHED:
                words = f"the connection broke, and there is no new one: {failure.message}"
                raise self._error(Reason.CONNECTION_LOST, words) from None
            raise self._error(failure.reason, failure.message, complete=True) from None
        login = self._login
        found = explain(failure, answers=session.wire.answers, user=login.user, auth=login.auth)
        raise self._error(*found) from None

    def _error(self, reason: Reason, words: str, *, complete: bool = False) -> ConnectError:
        password = self._login.password
        if password is not None and password.reveal():  # a host may repeat what it was told
            words = words.replace(password.reveal(), "***")
        message = (
            words if complete else f"{self._host.name}: {self.endpoint}: {excerpt(words, 400)}"
        )
        return ConnectError(reason, self._host.name, self.endpoint, message)
