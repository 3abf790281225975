"""Private key files, each read and decrypted once per run: decrypting is slow on purpose."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from pytest_wfo.connect.secrets import Secret

_READERS: dict[type[PrivateKeyTypes], type[paramiko.PKey]] = {
    ed25519.Ed25519PrivateKey: paramiko.Ed25519Key,
    ec.EllipticCurvePrivateKey: paramiko.ECDSAKey,
    rsa.RSAPrivateKey: paramiko.RSAKey,
}


class KeyFiles:
    """The private keys of a run, by path. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[tuple[str, str], paramiko.PKey | str] = {}

    def load(self, name: str, passphrase: Secret | None = None) -> paramiko.PKey:
        """Return the key in the file ``name`` (OpenSSH, PEM or PKCS #8; ed25519, ecdsa or rsa).

        Raises ``ValueError`` with the end of a sentence about the file.
        """
        word = passphrase.reveal() if passphrase else ""
        with self._lock:
            if (name, word) not in self._read:
                try:
                    self._read[name, word] = _load(Path(name).expanduser(), word.encode())
                except ValueError as error:
                    self._read[name, word] = str(error)
            found = self._read[name, word]
        if not isinstance(found, str):
            return found
        raise ValueError(found)


def _load(path: Path, passphrase: bytes) -> paramiko.PKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if b"PRIVATE KEY-----" not in data:
        raise ValueError("is not a private key")
    key = _decrypt(data, passphrase)
    for kind, reader in _READERS.items():
        if isinstance(key, kind):
            # paramiko reads fewer formats than cryptography, but always OpenSSH's.
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
            return reader.from_private_key(io.StringIO(text.decode()))
    raise ValueError("is of a type that cannot be used; use ed25519, ecdsa or rsa")


def _decrypt(data: bytes, passphrase: bytes) -> PrivateKeyTypes:
    """The key object. A passphrase given for a key that needs none does no harm."""
    openssh = b"BEGIN OPENSSH" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        return load(data, None)
    except TypeError:  # it is encrypted
        if not passphrase:
            words = "is encrypted and the inventory gives no passphrase: for it"
            raise ValueError(words) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is damaged or of an unknown format") from None
    try:
        return load(data, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("cannot be decrypted with the passphrase given") from None
