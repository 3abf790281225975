"""YAML text: plain values, positions, and a clear word on whatever is not YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.documents.problems import DocumentError
from pytest_wfo.documents.yaml_text import MAX_BYTES, Document, parse_yaml, read_yaml
from pytest_wfo.documents.yaml_values import WrittenFloat, WrittenInt

if TYPE_CHECKING:
    from pathlib import Path


def parsed(text: str) -> Document:
    return parse_yaml(text.encode(), "a.yml")


def refused(data: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        parse_yaml(data if isinstance(data, bytes) else data.encode(), "a.yml").raise_problems()
    return str(caught.value)


def test_values_are_those_of_yaml_1_2() -> None:
    document = parsed(
        "{a: yes, b: true, c: 0x1F, d: 0o17, e: 1_000, f: 1.5, g: .inf, h: 12:30, i: 0755,"
        " j: 2026-12-31, k: 'x', l: -3, 0012: x}"
    )

    assert document.value == {
        "a": "yes",
        "b": True,
        "c": 31,
        "d": 15,
        "e": 1000,
        "f": 1.5,
        "g": float("inf"),
        "h": "12:30",
        "i": 755,
        "j": "2026-12-31",
        "k": "x",
        "l": -3,
        "0012": "x",
    }
    assert document.problems == []


def test_numbers_remember_how_they_were_written() -> None:
    whole, fraction = parsed("[0012, 16.10]").value

    assert isinstance(whole, WrittenInt)
    assert isinstance(fraction, WrittenFloat)
    assert (whole.text, fraction.text) == ("0012", "16.10")


@pytest.mark.parametrize(
    ("path", "at_key", "place"),
    [
        (("hosts", "pc-1", "port"), False, "a.yml:3:11: hosts.pc-1.port: x"),
        (("hosts", "pc-1", "port"), True, "a.yml:3:5: hosts.pc-1.port: x"),
        (("hosts", "pc-1", "role"), False, "a.yml:2:3: hosts.pc-1.role: x"),
        (("hosts", "pc-1", "roles", 1), False, "a.yml:4:16: hosts.pc-1.roles[1]: x"),
        (("site",), False, "a.yml:1:1: site: x"),
    ],
)
def test_a_problem_stands_at_its_value_its_key_or_the_parent_of_what_is_missing(
    path: tuple[str | int, ...], at_key: bool, place: str
) -> None:
    document = parsed("hosts:\n  pc-1:\n    port: ssh\n    roles: [a, b]\n")

    document.add(path, "x", at_key=at_key)

    with pytest.raises(DocumentError) as caught:
        document.raise_problems()
    assert str(caught.value) == place


def test_all_duplicate_keys_are_found_with_both_positions() -> None:
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\n1: x\n'1': y\n") == (
        'a.yml:2:11: b.c: duplicate key "c", first written at 2:5\n'
        'a.yml:3:1: a: duplicate key "a", first written at 1:1\n'
        'a.yml:5:1: 1: duplicate key "1", first written at 4:1'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yml:1:1: the file is empty"),
        ("# only a comment\n", "a.yml:1:1: the file is empty"),
        ("a:\n\tb: 1\n", "a.yml:2:1: a tab is used for indentation; use spaces"),
        ("a: 1\n---\nb: 2\n", 'a.yml:2:1: a second document starts here; write one, without "---"'),
        (
            "a: [1,\n",
            "a.yml:2:1: not valid YAML: expected the node content, but found '<stream end>'",
        ),
        (
            "a: b: c\n",
            'a.yml:1:5: a ":" is not expected here; check the indentation and the space after'
            ' each ":", or put the text in quotes',
        ),
        (
            "a: @x\n",
            "a.yml:1:4: not valid YAML: found character '@' that cannot start any token;"
            " put the text in quotes",
        ),
        (
            "password: *hunter2\n",
            "a.yml:1:11: not valid YAML: found undefined alias; a text that starts with"
            ' "*" needs quotes',
        ),
        ("a: &x [*x]\n", "a.yml:1:4: an alias (*) that contains itself"),
        ("a: \x07\n", "a.yml:1:4: a control character (U+0007) is not allowed"),
        ("é: 1\r\na: \x1b\n", "a.yml:2:4: a control character (U+001B) is not allowed"),
        (b"a: 1\nb: \xff\n", "a.yml:2:4: not UTF-8 text; save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "a.yml: saved as UTF-16; save it as UTF-8"),
        (b" " * (MAX_BYTES + 1), "a.yml: larger than 5 MB; is this the right file?"),
        ("[" * 5000, "a.yml:1:1: nested too deeply"),
        ("a:\n", "a.yml:1:1: a: no value; write one or leave the key out"),
        ("a: [1, ~]\n", "a.yml:1:8: a[1]: no value; write one or leave it out"),
        ("[a]: 1\n", "a.yml:1:1: a key must be text, not a list or a mapping"),
        ("a: !hunter2 b\n", "a.yml:1:4: a: a tag (!) has no meaning here; put the text in quotes"),
        ("a: !hunter2 [b]\n", "a.yml:1:4: a: a tag (!) has no meaning here"),
        ("a: !!int x\n", "a.yml:1:4: a: this cannot be read as int; put it in quotes"),
        ("a: !!bool x\n", "a.yml:1:4: a: this cannot be read as bool; put it in quotes"),
        ("a: {<<: x}\n", "a.yml:1:9: a.<<: only mappings can be merged"),
    ],
    ids=lambda value: None,
)
def test_what_cannot_be_read_is_explained_at_its_place(text: str | bytes, message: str) -> None:
    assert refused(text) == message


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_yaml(b"\xef\xbb\xbfa: 1\n", "a.yml").value == {"a": 1}


def test_aliases_and_merge_keys_work_and_keep_the_positions_of_what_they_copy() -> None:
    document = parsed("x: &x {port: 1, user: a}\ny: {<<: *x, user: b}\nz: *x\n")
    document.add(("y", "port"), "bad")

    assert document.value["y"] == {"user": "b", "port": 1}
    assert document.value["z"] == document.value["x"]
    assert str(document.problems[0]) == "1:14: y.port: bad"


def test_of_several_merged_mappings_the_first_wins() -> None:
    document = parsed("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b]}\n")

    assert document.value["c"] == {"k": 1, "l": 3}


def test_an_anchor_may_be_set_twice() -> None:
    assert parsed("a: &x 1\nb: &x 2\nc: *x\n").value == {"a": 1, "b": 2, "c": 2}


def test_aliases_that_multiply_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 200)]

    assert "aliases (*) make this larger than 1,000,000 values" in refused("\n".join(lines))


def test_merge_keys_that_multiply_are_refused_quickly() -> None:
    lines = ["a0: &a0 {k0: 1}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}" for n in range(1, 2000)]

    assert "merge keys (<<) make this larger than 1,000,000 values" in refused("\n".join(lines))


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    for name, message in (
        ("none.yml", "no such file"),
        (".", "this is a folder; name the file in it"),
    ):
        with pytest.raises(DocumentError) as caught:
            read_yaml(tmp_path / name)

        assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_a_file_name_with_a_nul_is_refused() -> None:
    with pytest.raises(DocumentError, match="this is not a file name"):
        read_yaml("a\0b")


YAML_LIKE = st.text(st.sampled_from("ab01 \n\n:-[]{},&*!'\"|>%@#?<~.\t\\\x00é\u2028"), max_size=60)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=80), YAML_LIKE.map(str.encode)))
def test_any_bytes_give_a_document_or_a_document_error(data: bytes) -> None:
    try:
        told = parse_yaml(data, "a.yml").problems
    except DocumentError as error:
        told = list(error.problems)

    assert all(str(problem).isprintable() for problem in told)
