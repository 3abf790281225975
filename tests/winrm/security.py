"""WinRM's logins on the server's side: Basic, NTLM and SPNEGO, and the sealing of messages."""

from __future__ import annotations

import atexit
import base64
import os
import re
import shutil
import struct
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spnego
import spnego.channel_bindings

_BOUNDARY = b"--Encrypted Boundary"
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"
_NTLM = b"NTLMSSP\0"

_lock = threading.Lock()
_known: dict[str, str] = {}


def accept_users(users: Mapping[str, str]) -> None:
    """Make the passwords of ``users`` known to pyspnego, which reads them from one file a process:
    all servers share it."""
    with _lock:
        if not _known:
            folder = tempfile.mkdtemp(prefix="wfo-winrm-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            os.environ["NTLM_USER_FILE"] = str(Path(folder, "users"))
        _known.update(users)
        lines = []
        for user, password in _known.items():
            domain, _, name = user.rpartition("\\")
            lines.append(f"{domain}:{name}:{password}\n")
        Path(os.environ["NTLM_USER_FILE"]).write_text("".join(lines), encoding="utf-8")


class Refused(Exception):
    """The login did not succeed; ``challenge`` goes back in WWW-Authenticate ("": none)."""

    def __init__(self, challenge: str = "") -> None:
        super().__init__(challenge)
        self.challenge = challenge


class LoginState:
    """The login of one TCP connection. ``user`` is who logged in."""

    def __init__(self, users: Mapping[str, str], binding: bytes | None) -> None:
        self.user = ""
        self.handshakes = 0
        self._users = users
        self._binding = binding
        self._context: Any = None

    def authorize(self, header: str) -> str:
        """Take an Authorization header; the challenge to send back. Raises ``Refused``."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "basic":
            user, _, password = base64.b64decode(token).decode().partition(":")
            if self._users.get(user) != password:
                raise Refused
            self.user = user
            return ""
        if scheme.lower() not in {"negotiate", "ntlm"} or not token:
            if not self.user:
                raise Refused
            return ""
        raw = base64.b64decode(token)
        if self._context is None or self._context.complete:
            self._context = self._acceptor(raw)
            self.user = ""
            self.handshakes += 1
        try:
            answer = self._context.step(raw)
        except spnego.exceptions.SpnegoError:
            self._context = None
            raise Refused from None
        challenge = f"{scheme} {base64.b64encode(answer or b'').decode()}"
        if not self._context.complete:
            raise Refused(challenge)
        self.user = str(self._context.client_principal)
        return challenge if answer else ""

    def _acceptor(self, token: bytes) -> Any:
        bindings = None
        if self._binding:
            bindings = spnego.channel_bindings.GssChannelBindings(application_data=self._binding)
        ntlm = token.startswith(_NTLM)
        return spnego.server(
            protocol="ntlm" if ntlm else "negotiate",
            channel_bindings=bindings,
            options=spnego.NegotiateOptions.use_ntlm
            if ntlm
            else spnego.NegotiateOptions.use_negotiate,
        )

    def opened(self, body: bytes) -> bytes:
        """The message in a sealed ``body``. Raises an exception of pyspnego or ``ValueError``."""
        parts = [part for part in body.split(_BOUNDARY + b"\r\n") if part]
        message = b""
        for head, sealed in zip(parts[::2], parts[1::2], strict=True):
            if self._context is None:
                raise ValueError("no login on this connection")
            payload = sealed.removesuffix(_BOUNDARY + b"--\r\n").removeprefix(_OCTETS)
            size = struct.unpack("<i", payload[:4])[0]
            part = self._context.unwrap_winrm(payload[4 : 4 + size], payload[4 + size :])
            wanted = re.search(rb"Length=(\d+)", head)
            if wanted is None or len(part) != int(wanted[1]):
                raise ValueError("another length than it says")
            message += part
        return message

    def sealed(self, message: bytes, content_type: str) -> tuple[bytes, str]:
        """``message`` sealed as the request was, and its content type."""
        found = re.search(r'protocol="([^"]+)"', content_type)
        protocol = found[1] if found else ""
        wrapped = self._context.wrap_winrm(message)
        length = len(message) + wrapped.padding_length
        head = f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
        body = b"".join(
            [
                _BOUNDARY + b"\r\n\tContent-Type: " + protocol.encode() + b"\r\n" + head.encode(),
                _BOUNDARY + b"\r\n" + _OCTETS,
                struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data,
                _BOUNDARY + b"--\r\n",
            ]
        )
        kind = f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"'
        return body, kind
