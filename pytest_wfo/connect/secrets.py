"""Secrets: read where the inventory says they are kept, held masked, looked for in what we write.

A ``Vault`` lives as long as a run. It reads each secret once, and at the end of the run tells
whether any of them got into an artefact.
"""

from __future__ import annotations

import base64
import html
import json
import math
import os
import stat
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_wfo.connect.errors import ConnectError, Reason

if TYPE_CHECKING:
    from pytest_wfo.core.hosts import SecretRef

SHORTEST_SCANNED = 4  # characters; anything shorter occurs in every report by chance

_REMOVED = b"(secret removed)"

Ask = Callable[[str], str]


class Secret:
    """A secret that does not print, format, copy or pickle; only ``reveal()`` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that sends it to the host."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled")


class Vault:
    """The secrets of one run. Safe to use from several threads.

    ``prompt`` shows a question and returns what the user typed, unechoed; without it a "prompt"
    reference cannot be resolved.
    """

    def __init__(self, prompt: Ask | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._ask = prompt
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], Secret | str] = {}
        self._forms: dict[str, frozenset[bytes]] = {}
        self._too_short: set[str] = set()
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about how the secrets are kept, in the order it was found."""
        return tuple(self._warnings)

    @property
    def unscannable(self) -> tuple[str, ...]:
        """The references whose secrets are too short to be looked for in the artefacts."""
        return tuple(sorted(self._too_short))

    def resolve(
        self, ref: SecretRef, *, host: str, endpoint: str, user: str, purpose: str = "password"
    ) -> Secret:
        """Return the secret behind ``ref``; each is read once per run.

        A prompt is asked once for all hosts with the same user, purpose and prompt name.
        Raises ``ConnectError`` (secret-missing) that names the reference, never a value.
        """
        key: tuple[str, ...] = (ref.scheme, ref.name)
        if ref.scheme == "prompt":
            key += (user, purpose)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._read(ref, host, user, purpose)
            found = self._known[key]
        if isinstance(found, str):
            raise ConnectError(
                Reason.SECRET_MISSING,
                host,
                endpoint,
                f"{host}: the {purpose} of user {user} could not be read: {found}",
            )
        return found

    def leaks_in(self, data: bytes) -> tuple[str, ...]:
        """The references whose secrets occur in ``data``: plain, escaped, encoded or as UTF-16.

        Compressed data must be unpacked before; secrets listed in ``unscannable`` are not found.
        """
        with self._lock:
            forms = dict(self._forms)
        return tuple(sorted(r for r, each in forms.items() if any(form in data for form in each)))

    def scrub(self, text: str) -> str:
        """``text`` without the secrets: a host may send back what we sent it.

        What is left may be damaged, which makes it unreadable, never better.
        """
        with self._lock:
            forms = sorted({form for each in self._forms.values() for form in each}, key=len)
        data = text.encode("utf-8", "surrogatepass")
        if not any(form in data for form in forms):
            return text
        for form in reversed(forms):
            data = data.replace(form, _REMOVED)
        return data.decode("utf-8", "surrogatepass")

    def _read(self, ref: SecretRef, host: str, user: str, purpose: str) -> Secret | str:
        """The secret, or the sentence that says why there is none."""
        readers = {"env": self._from_env, "file": self._from_file, "keyring": _from_keyring}
        if ref.scheme == "prompt":
            found = self._from_prompt(f"{purpose} of {user} (first needed for {host}): ")
        elif ref.scheme in readers:
            found = readers[ref.scheme](ref.name)
        else:
            return f"{ref} is not a reference to a secret (env:, file:, keyring: or prompt)"
        if isinstance(found, str):
            return found
        if not found.reveal():
            return f"{ref} is empty"
        self._remember(str(ref), found.reveal())
        return found

    def _remember(self, name: str, value: str) -> None:
        if len(value) < SHORTEST_SCANNED:
            self._too_short.add(name)
        else:
            self._forms[name] = self._forms.get(name, frozenset()) | forms_of(value)

    def _from_env(self, name: str) -> Secret | str:
        value = self._environ.get(name)
        return f"the environment variable {name} is not set" if value is None else Secret(value)

    def _from_file(self, name: str) -> Secret | str:
        path = Path(name).expanduser()
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8")
        except OSError as error:
            return f"the file {path} cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            return f"the file {path} is not UTF-8 text"
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            self._warnings.append(
                f"the secret file {path} is open to other users (mode {stat.S_IMODE(mode):04o}); "
                "chmod 600 it"
            )
        return Secret(text.removesuffix("\n").removesuffix("\r"))

    def _from_prompt(self, words: str) -> Secret | str:
        if self._ask is None:
            return (
                "it is to be typed in, but this process has no terminal to ask on: run pytest without "
                "-n, or keep it in env:, file: or keyring:"
            )
        try:
            return Secret(self._ask(words))
        except EOFError:
            return "the prompt was closed without an answer"


def _from_keyring(name: str) -> Secret | str:
    service, slash, user = name.rpartition("/")
    if not slash:
        return f"keyring:{name} does not have the form keyring:service/user"
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return "keyring: references need an optional package: pip install pytest-wfo[keyring]"
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        return f"the keyring of this machine refused ({type(error).__name__})"
    return f"the keyring has no entry for {service}/{user}" if value is None else Secret(value)


def forms_of(value: str) -> frozenset[bytes]:
    """The byte strings that betray ``value`` in an artefact, in the encodings reports use."""
    plain = value.encode()
    texts = {value}
    for _ in range(_LAYERS):
        texts |= {escape(text) for text in texts for escape in _ESCAPES}
    texts.add(json.dumps(plain.decode("latin-1"))[1:-1])  # as the collector escapes bytes
    quote = urllib.parse.quote
    for quoted in (quote(value), quote(value, safe=""), urllib.parse.quote_plus(value)):
        texts |= {quoted, _lower_hex(quoted)}
    utf16 = (value.encode("utf-16-le"), value.encode("utf-16-be"))
    forms = {text.encode() for text in texts} | set(utf16)
    for raw in (plain, *utf16):
        forms |= _base64_cores(raw)
    return frozenset(forms)


# pytest-html's page holds HTML in JSON in HTML.
_LAYERS = 3
_ESCAPES: tuple[Callable[[str], str], ...] = (
    html.escape,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
)


def _lower_hex(quoted: str) -> str:
    """``%2F`` as ``%2f``: both spellings are in use."""
    head, *rest = quoted.split("%")
    return head + "".join(f"%{piece[:2].lower()}{piece[2:]}" for piece in rest)


def _base64_cores(raw: bytes) -> set[bytes]:
    """The base64 digits that depend on ``raw`` alone, for its three possible alignments."""
    cores = set()
    for shift in range(3):
        first, last = math.ceil(shift * 8 / 6), (shift + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            cores.add(encode(bytes(shift) + raw)[first:last])
    return cores
