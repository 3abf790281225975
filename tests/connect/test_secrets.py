"""Secrets: where they come from, and that they go nowhere else."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import urllib.parse
from typing import TYPE_CHECKING

import keyring
import keyring.backend
import keyring.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.secrets import Secret, Vault
from pytest_wfo.core.hosts import SecretRef

if TYPE_CHECKING:
    from pathlib import Path

VALUE = 'S3cr%t "&<ü> pass/word+1'


def resolve(vault: Vault, ref: SecretRef, host: str = "prem01", user: str = "qa") -> Secret:
    return vault.resolve(ref, host=host, endpoint="10.0.0.1:22", user=user)


def vault_knowing(value: str) -> Vault:
    """A vault that has read ``value`` from the variable PW."""
    vault = Vault(environ={"PW": value})
    resolve(vault, SecretRef("env", "PW"))
    return vault


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(VALUE)
    assert secret.reveal() == VALUE
    assert VALUE not in f"{secret} {secret!r} {secret:>40} {[secret]} {secret!s}"


@pytest.mark.parametrize(
    "leave",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps],
    ids=["pickle", "copy", "deepcopy", "json"],
)
def test_a_secret_is_not_copied(leave: object) -> None:
    with pytest.raises(TypeError):
        leave(Secret(VALUE))  # type: ignore[operator]


def test_a_variable_is_read_once() -> None:
    environ = {"PW": VALUE}
    vault = Vault(environ=environ)
    assert resolve(vault, SecretRef("env", "PW")).reveal() == VALUE
    environ["PW"] = "changed"
    assert resolve(vault, SecretRef("env", "PW"), "other").reveal() == VALUE


@pytest.mark.parametrize(
    ("content", "value"),
    [("word\n", "word"), ("word\r\n", "word"), ("word\n\n", "word\n"), (" w ", " w ")],
)
def test_a_file_loses_one_line_end(tmp_path: Path, content: str, value: str) -> None:
    path = tmp_path / "pw"
    path.write_bytes(content.encode())
    path.chmod(0o600)
    vault = Vault()
    assert resolve(vault, SecretRef("file", str(path))).reveal() == value
    assert vault.warnings == ()


def test_a_file_open_to_others_is_used_and_told(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text(VALUE)
    path.chmod(0o644)
    vault = Vault()
    assert resolve(vault, SecretRef("file", str(path))).reveal() == VALUE
    assert vault.warnings == (
        f"the secret file {path} is open to other users (mode 0644); chmod 600 it",
    )


class Ring(keyring.backend.KeyringBackend):
    """A keyring with one entry, and one it will not give."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        if service == "locked":
            raise keyring.errors.KeyringLocked(VALUE)
        return VALUE if (service, username) == ("wfo/audit", "qa") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring() -> object:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def test_the_keyring_is_asked_for_service_and_user(ring: object) -> None:
    assert resolve(Vault(), SecretRef("keyring", "wfo/audit/qa")).reveal() == VALUE


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (SecretRef("env", "NONE"), "the environment variable NONE is not set"),
        (SecretRef("env", "EMPTY"), "env:EMPTY is empty"),
        (SecretRef("file", "/no/such"), "the file /no/such cannot be read (No such file"),
        (SecretRef("keyring", "service"), "keyring:service does not have the form"),
        (SecretRef("keyring", "wfo/other"), "the keyring has no entry for wfo/other"),
        (SecretRef("keyring", "locked/qa"), "the keyring of this machine refused (KeyringLocked)"),
        (SecretRef("prompt"), "this process has no terminal to ask on"),
        (SecretRef("vault", "x"), "vault:x is not a reference to a secret"),
    ],
)
def test_a_missing_secret_says_where_it_was_looked_for(
    ring: object, ref: SecretRef, words: str
) -> None:
    with pytest.raises(ConnectError) as caught:
        resolve(Vault(environ={"EMPTY": ""}), ref)
    assert caught.value.reason is Reason.SECRET_MISSING
    assert words in caught.value.message
    assert caught.value.message.startswith("prem01: the password of user qa could not be read: ")
    assert VALUE not in caught.value.message


def test_without_the_optional_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(ConnectError, match=r"pip install pytest-wfo\[keyring\]"):
        resolve(Vault(), SecretRef("keyring", "a/b"))


def test_a_prompt_is_asked_once_for_all_hosts_of_a_user() -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return f"answer {len(asked)}"

    vault = Vault(ask)
    prompt = SecretRef("prompt")
    assert resolve(vault, prompt, "a").reveal() == resolve(vault, prompt, "b").reveal()
    assert resolve(vault, prompt, "c", "other").reveal() == "answer 2"
    assert asked == [
        "password of qa (first needed for a): ",
        "password of other (first needed for c): ",
    ]


def test_a_closed_prompt_is_asked_no_second_time() -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        raise EOFError

    vault = Vault(ask)
    for _ in range(2):
        with pytest.raises(ConnectError, match="closed without an answer"):
            resolve(vault, SecretRef("prompt"))
    assert len(asked) == 1


def disguises(value: str) -> list[bytes]:
    """How ``value`` may look in an artefact, written without the code under test."""
    texts = [
        value,
        html.escape(value),
        json.dumps({"k": value}),
        json.dumps({"k": value}, ensure_ascii=False),
        urllib.parse.quote(value),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        urllib.parse.urlencode({"q": value}),
    ]
    raw = [value.encode("utf-16-le"), value.encode("utf-16-be")]
    for before in ("", "x", "xy", "user:"):
        for encoding in ("utf-8", "utf-16-le"):
            text = f"{before}{value}tail".encode(encoding)
            raw += [base64.b64encode(text), base64.urlsafe_b64encode(text)]
    return [text.encode() for text in texts] + raw


@pytest.mark.parametrize("value", [VALUE, "abcd", "-_-_-_", "ÄÖÜß", "p" * 200])
def test_every_disguise_is_found(value: str) -> None:
    vault = vault_knowing(value)
    for form in disguises(value):
        assert vault.leaks_in(b"<p>before " + form + b" after</p>") == ("env:PW",), form


@given(st.text(st.characters(codec="utf-8"), min_size=4, max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_disguise_of_any_secret_is_found(value: str) -> None:
    vault = vault_knowing(value)
    for form in disguises(value):
        assert vault.leaks_in(form) == ("env:PW",)


def test_other_text_is_no_leak() -> None:
    vault = vault_knowing(VALUE)
    other = disguises("Another.password.2")
    assert [vault.leaks_in(form) for form in other] == [()] * len(other)


def test_a_secret_too_short_to_look_for_is_named() -> None:
    vault = vault_knowing("abc")
    assert vault.unscannable == ("env:PW",)
    assert vault.leaks_in(b"abc") == ()


@pytest.mark.parametrize(
    "secret", ["hunter2-secret", 'quo"te\\back', "passwört-é", "a/b+c=d&e f"], ids=range(4)
)
def test_what_a_host_sends_back_is_scrubbed_of_secrets(secret: str) -> None:
    vault = Vault(environ={"WFO_PW": secret})
    vault.resolve(SecretRef("env", "WFO_PW"), host="h", endpoint="h:22", user="u")
    for sent in (
        json.dumps({"out": f"before {secret} after"}),
        json.dumps({"out": secret.encode().decode("latin-1")}),
        base64.b64encode(f"x{secret}y".encode()).decode(),
    ):
        scrubbed = vault.scrub(sent)
        assert vault.leaks_in(sent.encode()), "the test sends a secret"
        assert not vault.leaks_in(scrubbed.encode())
    assert vault.scrub("nothing of ours") == "nothing of ours"
