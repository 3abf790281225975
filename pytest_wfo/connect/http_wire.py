"""The HTTP connections under a WinRM session: dialled by us, bounded, and cut from any thread."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pytest_wfo.connect.dial import dial
from pytest_wfo.connect.errors import ConnectError, Reason

if TYPE_CHECKING:
    import ssl

    from urllib3.response import BaseHTTPResponse

    from pytest_wfo.connect.dial import Endpoint

# One command's answer, as it comes over the wire. pypsrp joins pieces at quadratic cost: 50 MB
# would take half a minute of CPU, and a collector's answer is some hundred kilobytes.
ANSWER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
REFUSAL_BYTES = 65536  # of a 401, whose body pypsrp reads itself


class Wire:
    """One TCP connection at a time to ``endpoint``, made anew when the server closes it.

    ``answers`` counts the HTTP answers that came; ``patience`` is for the first of them, in seconds;
    ``severed`` tells that ``cut`` was called. Only ``cut`` may be called from another thread.
    """

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, patience: float) -> None:
        self.patience = patience
        self.answers = 0
        self.severed = False
        self._endpoint = endpoint
        self._tls = tls
        self._lock = threading.Lock()
        self._dialed: socket.socket | None = None
        self._line: socket.socket | None = None
        self._refusal: requests.Response | None = None
        self._received = 0

    def use(self, sock: socket.socket) -> None:
        """Make the next connection over ``sock``, which stands already."""
        self._dialed = sock

    def begin(self) -> None:
        """A new command: its answer may again have ``ANSWER_BYTES``."""
        self._received = 0

    def connect(self, timeout: float | None) -> socket.socket:
        """A connected socket. Raises ``ConnectError``, and ``OSError`` once cut."""
        sock, self._dialed = self._dialed, None
        sock = sock or dial(self._endpoint).sock
        sock.settimeout(timeout)
        with self._lock:
            self._drop_line()
            if self.severed:
                sock.close()
                raise ConnectionAbortedError("the connection was cut")
            # TLS moves the descriptor to an object of its own; what is needed to cut stays here.
            self._line = sock.dup()
        return sock

    def cut(self) -> None:
        """End the connection at once, and for good: whoever waits for it gets an error."""
        with self._lock:
            self.severed = True
            for sock in (self._line, self._dialed):
                if sock is not None:
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of what ``cut`` would need, and of a refusal that no one read."""
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            refusal.close()
        with self._lock:
            self._drop_line()
            if self._dialed is not None:
                self._dialed.close()
                self._dialed = None

    def _drop_line(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def session(self, proxy: str) -> requests.Session:
        """A new HTTP session over this wire, which takes nothing from the environment."""
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 0  # a redirect would carry the login to wherever it points
        session.headers.update({"User-Agent": "pytest-wfo", "Accept-Encoding": "identity"})
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        adapter = _Adapter(self, self._tls)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def take(self, response: requests.Response) -> None:
        """Read the body of ``response``, within the limits. Raises ``ConnectError``: not-winrm,
        answer-unreadable."""
        self.answers += 1
        self._refusal = None
        raw: BaseHTTPResponse = response.raw
        if response.status_code == requests.codes.unauthorized:
            self._refusal = response
            # pypsrp binds the login to the TLS channel through the unread body's socket.
            length = raw.length_remaining
            if length is None or length > REFUSAL_BYTES:
                raise self._error(Reason.NOT_WINRM, "refused the login with a page of text")
            return
        if response.ok and "html" in response.headers.get("Content-Type", ""):
            raise self._error(Reason.NOT_WINRM, "answered with a web page")
        body = bytearray()
        # To its end: only there it shows that a body is shorter than it was said to be.
        while chunk := raw.read(CHUNK_BYTES, decode_content=False):
            body += chunk
            self._received += len(chunk)
            if self._received > ANSWER_BYTES:
                words = f"the answer is longer than {ANSWER_BYTES} bytes"
                raise self._error(Reason.ANSWER_UNREADABLE, words)
        response._content = bytes(body)
        response._content_consumed = True

    def _error(self, reason: Reason, words: str) -> ConnectError:
        at = self._endpoint
        return ConnectError(reason, at.host, str(at), f"{at.host}: {at}: {words}")


class _Adapter(HTTPAdapter):
    """requests' adapter whose connections come from a ``Wire`` and trust what ``tls`` trusts."""

    def __init__(self, wire: Wire, tls: ssl.SSLContext | None) -> None:
        self._wire = wire
        self._tls = tls
        self._pools = _pools_over(wire)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}  # the context says it all

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing: the context verifies. requests would add its own list of authorities."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        if not self._wire.answers:
            kwargs["timeout"] = self._wire.patience
        response = super().send(request, *args, **kwargs)
        try:
            self._wire.take(response)
        except BaseException:
            response.close()
            raise
        return response


def _pools_over(wire: Wire) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's connection pools, by scheme, with connections over ``wire``."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(_seconds(self.timeout))

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(_seconds(self.timeout))

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _seconds(timeout: Any) -> float | None:
    return timeout if isinstance(timeout, int | float) else None
