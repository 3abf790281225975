"""One PowerShell session over WinRM: a runspace pool with one runspace, used by one thread.

pypsrp speaks the protocol; deadlines, limits and the end of everything are kept here. What it
raises is raised on; ``psrp_errors`` knows what it means.
"""

from __future__ import annotations

import importlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.host import PSHost
from pypsrp.messages import Message
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.powershell import DEFAULT_CONFIGURATION_NAME, PowerShell, RunspacePool
from pypsrp.wsman import SelectorSet, WSMan
from requests.auth import AuthBase, HTTPBasicAuth

from pytest_wfo.connect.channel import guard
from pytest_wfo.connect.errors import ConnectError
from pytest_wfo.connect.http_wire import Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import requests

    from pytest_wfo.connect.dial import Endpoint
    from pytest_wfo.connect.psrp import Login
    from pytest_wfo.core.hosts import Connection

# The server answers a request at the latest after this; a script may take several such times.
OPERATION_SECONDS = 20

# A host that is still busy so shortly before the deadline is late: the time is needed to end it.
MARGIN_SECONDS = 1.0

# A session that we could not end is ended by the host after this. WinRM refuses less than 60 s.
IDLE_SECONDS = 120

# How long ending a session may take that answers slowly or not at all.
CLOSE_SECONDS = 3.0

# What WinRM wants to read when the TLS certificate is the login.
CERTIFICATE_LOGIN = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

# These log every failure with its traceback, and at DEBUG every message; our errors say it all.
for _name in ("pypsrp", "spnego", "requests_credssp"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a script gave: its output as text, its errors as (id, message), whether it ended by
    one of them, and the status it asked to exit with."""

    output: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    failed: bool
    status: int

    @property
    def error_id(self) -> str:
        """The FullyQualifiedErrorId of the last error; "" if there is none."""
        return self.errors[-1][0] if self.errors else ""


class PsrpSession:
    """A session on one host; nothing is sent before ``open``. ``wire`` can cut it at any time."""

    def __init__(
        self, connection: Connection, login: Login, endpoint: Endpoint, tls: ssl.SSLContext | None
    ) -> None:
        self._connection = connection
        self._login = login
        self.wire = Wire(endpoint, tls, connection.timeouts.banner)
        self.began = False  # the last script, as far as we know
        self._host = PSHost(None, None, False, "pytest-wfo", None, None, "1.0")
        self._may_exist = False
        self._wsman = WSMan(
            connection.address,
            port=connection.port,
            ssl=connection.tls,
            username=self._login.user or None,
            auth=self._login.auth,
            operation_timeout=OPERATION_SECONDS,
            read_timeout=OPERATION_SECONDS + 10,
            reconnection_backoff=0.0,
            no_proxy=True,
        )
        self._pool = _Pool(
            self._wsman,
            host=self._host,
            configuration_name=connection.configuration_name or DEFAULT_CONFIGURATION_NAME,
            no_profile=True,
            idle_timeout=IDLE_SECONDS,
        )

    def open(self) -> None:
        """Log in and open the pool."""
        self._renew()
        self._may_exist = True
        try:
            self._pool.open()
        except (ConnectError, AuthenticationError, WSManFaultError):
            self._may_exist = False  # it was refused
            raise

    def run(
        self,
        script: str,
        seconds: float,
        *,
        as_text: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run ``script``, or the one command of this name with ``parameters``. Raises
        ``TimeoutError`` when a host that still answers has not finished in ``seconds``.
        ``as_text`` formats what is no text the way a console shows it."""
        deadline = time.monotonic() + seconds
        self.wire.begin()
        self.began = False
        self._host.rc = None
        shell = PowerShell(self._pool)
        if parameters is None:
            shell.add_script(script)
        else:
            shell.add_cmdlet(script).add_parameters(dict(parameters))
        if as_text:
            shell.add_cmdlet("Out-String").add_parameter("Stream")
        shell.begin_invoke()
        self.began = True
        left = seconds
        while shell.state == PSInvocationState.RUNNING:
            # A host that lives answers before the deadline, if only that it has nothing to say.
            shell.poll_invoke(timeout=min(OPERATION_SECONDS, max(1, int(left - MARGIN_SECONDS))))
            left = deadline - time.monotonic()
            if left < MARGIN_SECONDS and shell.state == PSInvocationState.RUNNING:
                raise TimeoutError
        # Ending the pool ends the pipeline as well, so nothing is sent to say that it is read.
        errors = tuple((str(each.fq_error or ""), _message(each)) for each in shell.streams.error)
        output = tuple("" if each is None else str(each) for each in shell.output)
        failed = shell.state != PSInvocationState.COMPLETED
        return Ran(output, errors, failed, int(self._host.rc or 0))

    def close(self) -> None:
        """End the session here and, if it can be reached, on the host. Never raises."""
        if self._may_exist and self.wire.answers and not self.wire.severed:
            with guard(CLOSE_SECONDS, self.wire.cut):
                self._delete()
        self._may_exist = False
        self.wire.close()
        self._wsman.close()

    def _delete(self) -> None:
        self.wire.begin()
        selectors = SelectorSet()
        selectors.add_option("ShellId", self._pool.id)
        for again in (True, False):
            try:
                self._wsman.delete(self._pool.shell.resource_uri, selector_set=selectors)
            except (WSManFaultError, AuthenticationError, ConnectError):
                return  # it is gone, or no longer ours to end
            except Exception:
                # The connection broke, and with it the key of the messages: log in again.
                if not again or self.wire.severed:
                    return
                self._renew()
            else:
                return

    def _renew(self) -> None:
        """Start over with a new HTTP session, which will log in again."""
        transport = self._wsman.transport
        transport.close()
        transport.session = self._logged_in(self.wire.session(self._connection.proxy))
        transport.encryption = None

    def _logged_in(self, session: requests.Session) -> requests.Session:
        if self._login.auth == "certificate":
            session.headers["Authorization"] = CERTIFICATE_LOGIN
        else:
            session.auth = self._auth(sealed=self._wsman.transport.wrap_required)
        return session

    def _auth(self, *, sealed: bool) -> AuthBase:
        login = self._login
        word = login.password.reveal() if login.password else None
        if login.auth == "basic":
            return HTTPBasicAuth(login.user.encode(), (word or "").encode())
        if login.auth == "credssp":
            credssp: Any = importlib.import_module("requests_credssp")
            auth: AuthBase = credssp.HttpCredSSPAuth(username=login.user, password=word)
            return auth
        return HTTPNegotiateAuth(
            login.user or None, word, auth_provider=login.auth, wrap_required=sealed
        )


class _Pool(RunspacePool):
    """pypsrp's, which would make Python warnings of the host's: where warnings are errors, a host
    that warns of something could not be examined."""

    def _process_runspacepool_warning(self, message: Message) -> None:
        return


def _message(record: Any) -> str:
    """The words of an error record, whatever the host put in it."""
    return str(getattr(record, "details_message", None) or record)
