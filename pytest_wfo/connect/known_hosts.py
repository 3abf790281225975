"""Known host keys: known_hosts files read once for all hosts, and the strict comparison.

The format is the one of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": names with wildcards and negation,
``[host]:port``, hashed names, ``@revoked``. ``@cert-authority`` lines are not supported: they are
ignored and noted. Reading is linear and look-ups of plain names are immediate; a look-up compares
every hashed name, because that is what hashing them is for.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_FILE = "~/.ssh/known_hosts"
SSH_PORT = 22

_HASHED = "|1|"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key: its type ("ssh-ed25519") and the key blob in base64."""

    kind: str
    base64: str

    @classmethod
    def parse(cls, text: str) -> HostKey:
        """Read ``ssh-ed25519 AAAA... [comment]``. Raises ``ValueError`` with what is wrong."""
        kind, _, rest = text.strip().partition(" ")
        blob = rest.split(None, 1)[0] if rest.strip() else ""
        try:
            raw = base64.b64decode(blob, validate=True)
        except binascii.Error:
            raw = b""
        if not raw or _name_inside(raw) != kind.encode():
            raise ValueError(f"not a public host key: {text[:60]!r} (wanted: ssh-ed25519 AAAA...)")
        return cls(kind, blob)

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ssh-keygen and ssh print it."""
        digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.kind} {self.base64}"


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """What is known for one host: keys to trust, and keys never to trust."""

    trusted: tuple[HostKey, ...] = ()
    revoked: tuple[HostKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """One usable line, its key still undecoded: most lines are never asked for."""

    revoked: bool
    key: str


class KnownHosts:
    """The lines of any number of known_hosts files. Read it once; look-ups change nothing.

    ``notes`` says what was skipped, with file and line.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._named: dict[str, list[_Line]] = {}
        self._patterns: list[tuple[tuple[str, ...], _Line]] = []
        self._hashed: list[tuple[bytes, bytes, _Line]] = []

    @classmethod
    def load(cls, paths: Iterable[str]) -> KnownHosts:
        """Read the files at ``paths``; ``~`` is expanded. A file that is absent has no lines; one
        that cannot be read is noted."""
        known = cls()
        for name in dict.fromkeys(paths):
            path = Path(name).expanduser()
            try:
                text = path.read_text("utf-8", "replace")
            except FileNotFoundError:
                continue
            except OSError as error:
                known.notes.append(f"{path}: cannot be read ({error.strerror})")
                continue
            known.add(text, str(path))
        return known

    def add(self, text: str, source: str) -> None:
        """Read the lines of ``text``; ``source`` names them in the notes."""
        for number, line in enumerate(text.splitlines(), 1):
            fields = line.split(None, 2)
            if not fields or fields[0].startswith("#"):
                continue
            marker = fields[0] if fields[0].startswith("@") else ""
            if marker:
                fields = line.split(None, 3)[1:]
            if marker not in {"", "@revoked"}:
                self.notes.append(f"{source}:{number}: {marker} is not supported, line ignored")
            elif len(fields) < 3:
                self.notes.append(f"{source}:{number}: not a known_hosts line, ignored")
            else:
                entry = _Line(marker == "@revoked", f"{fields[1]} {fields[2]}")
                self._index(fields[0], entry, f"{source}:{number}")

    def keys_for(self, host: str, port: int = SSH_PORT) -> KnownKeys:
        """The keys on record for ``host`` at ``port``; malformed ones are left out."""
        name = name_on_record(host, port)
        wanted = name.encode("utf-8", "replace")
        lines = list(self._named.get(name, ()))
        lines += [line for patterns, line in self._patterns if _matches(name, patterns)]
        lines += [
            line
            for salt, digest, line in self._hashed
            if hmac.digest(salt, wanted, "sha1") == digest
        ]
        keys: dict[bool, dict[HostKey, None]] = {False: {}, True: {}}
        for line in lines:
            try:
                keys[line.revoked][HostKey.parse(line.key)] = None
            except ValueError:
                continue
        return KnownKeys(tuple(keys[False]), tuple(keys[True]))

    def _index(self, names: str, line: _Line, where: str) -> None:
        if names.startswith(_HASHED):
            try:
                salt, digest = (base64.b64decode(part) for part in names[3:].split("|"))
            except (ValueError, binascii.Error):
                self.notes.append(f"{where}: malformed hashed name, line ignored")
            else:
                self._hashed.append((salt, digest, line))
            return
        patterns = tuple(name.lower() for name in names.split(",") if name)
        if any(set(name) & set("*?!") for name in patterns):
            self._patterns.append((patterns, line))
            return
        for name in dict.fromkeys(patterns):
            self._named.setdefault(name, []).append(line)


def name_on_record(host: str, port: int) -> str:
    """How known_hosts names an end point: ``host``, or ``[host]:port`` off the standard port."""
    host = host.lower()
    return host if port == SSH_PORT else f"[{host}]:{port}"


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """One pattern matches and no negated one does. Only ``*`` and ``?`` are special, not ``[``."""
    hit = False
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if re.match(fnmatch.translate(bare.replace("[", "[[]")), name):
            if bare != pattern:
                return False
            hit = True
    return hit


def _name_inside(raw: bytes) -> bytes:
    """The key type a key blob states about itself (RFC 4253, section 6.6)."""
    return raw[4 : 4 + int.from_bytes(raw[:4], "big")]
