"""Problems are sorted, printable and never repeat what may be a secret."""

from __future__ import annotations

import pytest

from pytest_wfo.documents.problems import (
    DocumentError,
    Problem,
    did_you_mean,
    either,
    key_text,
    path_text,
    printable,
    shown,
)


def test_an_error_prints_all_its_problems_by_position() -> None:
    error = DocumentError(
        "sites/a.yml",
        [
            Problem(12, 3, "hosts.b", "second"),
            Problem(2, 30, "site", "first"),
            Problem(0, 0, "", "whole file"),
        ],
    )

    assert str(error) == (
        "sites/a.yml: whole file\nsites/a.yml:2:30: site: first\nsites/a.yml:12:3: hosts.b: second"
    )


def test_the_same_problem_is_told_once() -> None:
    assert len(DocumentError("a", [Problem(1, 1, "", "x"), Problem(1, 1, "", "x")]).problems) == 1


def test_a_path_shows_keys_and_indexes() -> None:
    assert path_text(("hosts", "pc.example", "roles", 0)) == "hosts.pc.example.roles[0]"
    assert path_text(()) == ""


@pytest.mark.parametrize("key", ["password:hunter2", "sudo_password=hunter2", "Passphrase hunter2"])
def test_a_key_that_swallowed_a_secret_is_cut(key: str) -> None:
    assert key_text(key) in {"password...", "sudo_password...", "Passphrase..."}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("ssh", '"ssh"'),
        (7, "7"),
        (True, "true"),
        (None, "nothing"),
        ([1], "a list"),
        ({}, "a mapping"),
        ("x" * 61, "another text"),
        ("user password=hunter2", "another text"),
        ("-----BEGIN PRIVATE KEY-----", "another text"),
    ],
)
def test_a_value_is_shown_unless_long_or_perhaps_secret(value: object, words: str) -> None:
    assert shown(value) == words


def test_control_characters_cannot_reach_a_terminal() -> None:
    assert printable("a\x1b[31m\n\ud800é") == "a\\x1b[31m\\n\\ud800é"


def test_suggestions_ignore_case_and_need_nearness() -> None:
    assert did_you_mean("ADRESS", ["address", "port"]) == '; did you mean "address"?'
    assert did_you_mean("zzz", ["address", "port"]) == ""


def test_alternatives_read_as_a_sentence() -> None:
    assert either(["a", "b", "c"]) == "a, b or c"
    assert either(["a"]) == "a"
