"""What TLS trusts: the system's certificates, or those of a file; always verified."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_wfo.connect.secrets import Secret
    from pytest_wfo.core.hosts import Connection


class TlsContexts:
    """One context for all hosts that trust and show the same: loading a system's certificates
    takes some 20 ms of CPU. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[tuple[str, str, str], ssl.SSLContext] = {}

    def context_for(self, connection: Connection, passphrase: Secret | None) -> ssl.SSLContext:
        """The context for ``connection``. Raises ``ValueError`` that says which file is wrong."""
        key = (connection.ca_file, connection.certificate, connection.certificate_key)
        with self._lock:
            if key not in self._contexts:
                self._contexts[key] = _context(*key, passphrase)
            return self._contexts[key]


def _context(ca_file: str, certificate: str, key: str, passphrase: Secret | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ValueError(f"the ca_file {ca_file} {_why(error)}") from None
    if certificate:
        # Without a password OpenSSL would ask on the terminal.
        word = passphrase.reveal() if passphrase else ""
        try:
            context.load_cert_chain(certificate, key or None, password=lambda: word)
        except (OSError, ValueError) as error:
            raise ValueError(f"the certificate {certificate} with its key {_why(error)}") from None
        # WinRM asks for a certificate only after it has seen the request.
        context.post_handshake_auth = True
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "holds no usable PEM text, or the passphrase is wrong"
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    return "cannot be used (is the passphrase right?)"
