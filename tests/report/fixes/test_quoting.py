"""Whatever a text holds, scripts and tables take it for a text."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.report.fixes.quoting import (
    comment,
    powershell_literal,
    shell_literal,
    spreadsheet_cell,
    table_cell,
)
from tests.probes.windows.host import WindowsHost, load, needs_engine

QUOTES = "'‘’‚‛\"“”„`$(){}@&|;#<>*/%!\\ \t\r\n\x00\x1a\x1b\u2028\ufeff\U0001f600"
texts = st.text(st.one_of(st.sampled_from(QUOTES), st.characters(exclude_categories=["Cs"])))
many = st.lists(texts, min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(many)
@pytest.mark.parametrize("shell", ["sh", "bash", "busybox"])
def test_sh_reads_back_every_text(shell: str, values: list[str]) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    values = [value.replace("\0", "") for value in values]
    script = "".join(
        f"printf '%s\\0' {shell_literal(value)}  # {comment(value)}\n" for value in values
    )
    command = [found, "sh"] if shell == "busybox" else [found]
    done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=60)

    assert done.stderr == b""
    assert done.stdout.decode().split("\0")[:-1] == values


def test_a_word_of_sh_loses_only_what_it_cannot_hold() -> None:
    assert shell_literal("a\0b") == "ab"


@needs_engine
@settings(max_examples=4, deadline=None)
@given(st.lists(st.text(st.sampled_from(QUOTES + "aé")) | texts, min_size=100, max_size=100))
def test_powershell_reads_back_every_text(values: list[str]) -> None:
    lines = "\n".join(f"  {powershell_literal(value)}  # {comment(value)}" for value in values)
    script = (
        f"$values = @(\n{lines}\n)\n"
        "foreach ($value in $values) "
        "{ [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($value)) }\n"
    )
    assert script.isascii()
    done = WindowsHost(load("base")).run(script)

    assert done.stderr == b""
    assert [base64.b64decode(line).decode() for line in done.stdout.split(b"\n")[:-1]] == values


@given(texts)
def test_a_comment_stays_one_line_of_ascii(text: str) -> None:
    shown = comment(text)

    assert shown.isascii()
    assert shown.isprintable() or shown == ""


def test_a_long_comment_is_cut() -> None:
    assert len(comment("x" * 10_000)) < 700


@given(texts)
def test_no_cell_is_a_formula_and_a_table_keeps_its_columns(text: str) -> None:
    for start in ("", "=", "+", "-", "@", " =", "\t=", "\n@"):
        cell = spreadsheet_cell(start + text)
        assert not cell.lstrip().startswith(("=", "+", "-", "@")), cell
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL).writerow([cell, "next"])
        assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [cell, "next"]
    row = f"| {table_cell(text)} | next |"
    assert "\n" not in row
    assert row.replace("\\|", "").count("|") == 3


def test_json_shows_what_a_literal_of_powershell_is() -> None:
    assert powershell_literal("it's") == "'it''s'"
    assert powershell_literal("") == "''"
    assert powershell_literal("é") == "('' + [char]233)"
    assert powershell_literal("a\n") == "('' + 'a' + [char]10)"
    assert json.loads('"\\ud83d\\ude00"') == "\U0001f600"
    assert powershell_literal("\U0001f600") == "('' + [char]55357 + [char]56832)"
