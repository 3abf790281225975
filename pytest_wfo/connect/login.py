"""Stage three of a connection: logging in with the keys and the password the inventory names."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import paramiko

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_wfo.connect.handshake import Session
    from pytest_wfo.connect.keys import KeyFiles
    from pytest_wfo.connect.secrets import Secret, Vault
    from pytest_wfo.core.hosts import Host

# sshd hangs up after MaxAuthTries (6) attempts; one stays for the key file, one for the password.
AGENT_KEYS = 4


@dataclass(frozen=True, slots=True)
class Credentials:
    """What there is to log in with, and for sudo. Read before connecting: a prompt must not run
    into the host's login deadline."""

    user: str
    key: paramiko.PKey | None = None
    key_file: str = ""
    password: Secret | None = None
    sudo_password: Secret | None = None
    agent: bool = True


def credentials_of(host: Host, endpoint: str, vault: Vault, keys: KeyFiles) -> Credentials:
    """Read the secrets and the key file of ``host``. Raises ``ConnectError`` (secret-missing)."""
    connection = host.connection
    user = connection.user or getpass.getuser()

    def secret(purpose: str) -> Secret | None:
        ref = getattr(connection, purpose)
        if ref is None:
            return None
        words = purpose.replace("_", " ")
        return vault.resolve(ref, host=host.name, endpoint=endpoint, user=user, purpose=words)

    passphrase = secret("passphrase")
    key = None
    if connection.key:
        try:
            key = keys.load(connection.key, passphrase)
        except ValueError as error:
            words = f"{host.name}: the key file {connection.key} {error}"
            raise ConnectError(Reason.SECRET_MISSING, host.name, endpoint, words) from None
    return Credentials(
        user, key, connection.key, secret("password"), secret("sudo_password"), connection.agent
    )


@dataclass(slots=True)
class _Attempts:
    """What was tried and what the host said, for the message."""

    tried: list[str] = field(default_factory=list)
    permitted: list[str] = field(default_factory=list)
    asked: str = ""  # a question no one could answer


def log_in(session: Session, credentials: Credentials, *, host: str, endpoint: str) -> None:
    """Log in: key file, then agent keys, then password (or keyboard-interactive with it).

    A host that wants a key and a password gets both. Raises ``ConnectError``: secret-missing
    (nothing to try), login-refused, deadline, connection-lost.
    """
    attempts = _Attempts()
    transport = session.transport
    for method, what, attempt in _ways(transport, credentials, attempts):
        if not _worth(method, attempts):
            continue
        attempts.tried.append(what)
        try:
            attempts.permitted = attempt() or attempts.permitted
        except paramiko.BadAuthenticationType as error:
            attempts.permitted = list(error.allowed_types)
        except paramiko.AuthenticationException as error:
            if "timeout" in str(error).lower():
                words = f"no answer to the login as {credentials.user} ({what})"
                raise _error(Reason.DEADLINE, host, endpoint, words) from None
        except (paramiko.SSHException, EOFError, OSError):
            pass  # this key could not be used, or the connection is gone: told apart below
        if transport.is_authenticated():
            return
        if not transport.is_active():
            break
    if not attempts.tried:
        words = "nothing to log in with: the inventory names no key and no password"
        words += ", and no agent offers a key" if credentials.agent else ""
        raise _error(Reason.SECRET_MISSING, host, endpoint, words)
    if not transport.is_active() and len(attempts.tried) == 1:
        words = f"the connection broke during the login as {credentials.user} ({what})"
        raise _error(Reason.CONNECTION_LOST, host, endpoint, words)
    raise _refusal(transport, credentials.user, attempts, host, endpoint)


def _worth(method: str, attempts: _Attempts) -> bool:
    """Whether the host may accept ``method`` now. A wrong password is not sent a second time as
    the answer to a question: two failures a run lock accounts twice as fast."""
    permitted = attempts.permitted
    if method == "keyboard-interactive":
        return method in permitted and "password" not in permitted
    return not permitted or method in permitted


def _ways(
    transport: paramiko.Transport, credentials: Credentials, attempts: _Attempts
) -> Iterator[tuple[str, str, Callable[[], list[str]]]]:
    """The ways to log in that are at hand, in order: SSH's method name, words, what to call."""
    user = credentials.user
    if credentials.key is not None:
        login = partial(transport.auth_publickey, user, credentials.key)
        yield "publickey", f"key {credentials.key_file}", login
    if credentials.agent:
        with _agent() as agent:
            for key in agent.get_keys()[:AGENT_KEYS] if agent else ():
                login = partial(transport.auth_publickey, user, key)
                yield "publickey", f"agent key {key.get_name()} {key.fingerprint}", login
    if credentials.password is not None:
        word = credentials.password.reveal()
        yield "password", "password", partial(transport.auth_password, user, word, fallback=False)
        answers = _Answers(credentials.password, attempts)
        login = partial(transport.auth_interactive, user, answers)
        yield "keyboard-interactive", "keyboard-interactive", login


@contextmanager
def _agent() -> Iterator[paramiko.Agent | None]:
    """The SSH agent, or None where there is none."""
    try:
        _try_agent_socket()
        agent = paramiko.Agent()
    except (paramiko.SSHException, OSError):
        yield None
        return
    try:
        yield agent
    finally:
        agent.close()


def _try_agent_socket() -> None:
    """Raise ``OSError`` if an agent is named but gone: paramiko would leave a socket open."""
    path = os.environ.get("SSH_AUTH_SOCK")
    if path and hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)


class _Answers:
    """Answers the first unechoed question with the password; anything else is left unanswered
    (a one-time code, a demand for a new password) and told to the user."""

    def __init__(self, password: Secret, attempts: _Attempts) -> None:
        self._password: Secret | None = password
        self._attempts = attempts

    def __call__(self, title: str, instructions: str, fields: list[tuple[str, bool]]) -> list[str]:
        answers = []
        for prompt, echo in fields:
            if self._password is not None and not echo:
                answers.append(self._password.reveal())
                self._password = None
            else:
                answers.append("")
                self._attempts.asked = prompt
        return answers


def _refusal(
    transport: paramiko.Transport, user: str, attempts: _Attempts, host: str, endpoint: str
) -> ConnectError:
    tried = ", ".join(attempts.tried)
    words = f"refused the login as {user} (tried: {tried})"
    if attempts.permitted:
        words += f"; it permits only: {', '.join(attempts.permitted)}"
    if attempts.asked:
        words += f'; it also asked "{excerpt(attempts.asked, 80)}", which cannot be answered here'
    if not transport.is_active():
        said = transport.get_exception()
        words += "; then it closed the connection"
        if isinstance(said, paramiko.SSHException) and str(said):
            words += f" ({excerpt(str(said))})"
    return _error(Reason.LOGIN_REFUSED, host, endpoint, words)


def _error(reason: Reason, host: str, endpoint: str, words: str) -> ConnectError:
    return ConnectError(reason, host, endpoint, f"{host}: {endpoint}: {words}")
