"""Snapshots: what is saved is what is loaded, and nothing else is taken for one."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import Access
from pytest_wfo.core.hosts import Connection, Host, Role, Site
from pytest_wfo.gather.answers import HostAnswer
from pytest_wfo.gather.snapshot import Snapshot, SnapshotError, load_snapshot, save_snapshot

if TYPE_CHECKING:
    from pathlib import Path

ACCESS = Access("", "prem01: answered", "", "10.0.0.1:22", "2026-01-02T03:04:05Z", 1.25, "SHA256:x")
SNAPSHOT = Snapshot(
    tool_version="0.1.0",
    site="Contoso",
    inventory_sha256="ab" * 32,
    edition="16.1",
    taken_at="2026-01-02T03:04:05Z",
    probe="canary",
    resolved={"prem01.example": ("10.0.0.1", "10.0.0.2")},
    answers={
        "prem01": HostAnswer(ACCESS, '{"v":1,"é":"\x00\\u00ff"}', 1.5, 2.25),
        "desk-1": HostAnswer(replace(ACCESS, reason="filtered", remedy="Open it.")),
    },
)


@pytest.mark.parametrize("name", ["facts.json.gz", "facts.json", "facts"])
def test_what_is_saved_is_loaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_snapshot(SNAPSHOT, path)
    assert load_snapshot(path) == SNAPSHOT
    assert (path.read_bytes()[:1] == b"{") == (name == "facts.json")
    assert list(tmp_path.iterdir()) == [path]


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_output_survives(tmp_path_factory: pytest.TempPathFactory, output: str) -> None:
    path = tmp_path_factory.mktemp("s") / "facts.json.gz"
    snapshot = replace(SNAPSHOT, answers={"h": HostAnswer(ACCESS, output)})
    save_snapshot(snapshot, path)
    assert load_snapshot(path) == snapshot


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "facts.json.gz"
    save_snapshot(SNAPSHOT, path)
    broken = replace(SNAPSHOT, answers={"h": HostAnswer(ACCESS, "x", asked=object())})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        save_snapshot(broken, path)
    assert load_snapshot(path) == SNAPSHOT
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_snapshot_says_why(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    save_snapshot(SNAPSHOT, path)
    document = json.loads(path.read_text())
    packed = gzip.compress(path.read_bytes())
    cases: list[tuple[bytes, str]] = [
        (b"", "not a facts file, or cut off"),
        (b"hello", "not a facts file, or cut off"),
        (path.read_bytes()[:-20], "not a facts file, or cut off"),
        (b"[]", "not a facts file of pytest-wfo"),
        (b'{"schema": "other"}', "not a facts file of pytest-wfo"),
        (packed[:-20], "cut off or damaged"),
        (packed[:30] + b"\0" * 20 + packed[50:], "cut off or damaged"),
        (
            json.dumps({**document, "version": 1}).encode(),
            "version 1; this program reads 2: gather",
        ),
        (json.dumps({**document, "probe": "all"}).encode(), "probe is none of none, safe, canary"),
        (json.dumps({**document, "answers": {"h": {}}}).encode(), "a damaged facts file"),
        (json.dumps({**document, "answers": []}).encode(), "a damaged facts file"),
        (json.dumps({**document, "site": 7}).encode(), "a damaged facts file"),
        (b"\xff\xfe", "not a facts file, or cut off"),
        (b"[" * 100_000, "not a facts file, or cut off"),
    ]
    for data, words in cases:
        path.write_bytes(data)
        with pytest.raises(SnapshotError) as caught:
            load_snapshot(path)
        assert words in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(SnapshotError, match="cannot be read"):
        load_snapshot(tmp_path / "none")


def test_facts_of_another_site_are_told() -> None:
    names = ("prem01", "desk-1", "desk-2")
    connection = Connection("local")
    hosts = {n: Host(n, frozenset({Role.CLIENT}), ("10.0.0.1",), connection) for n in names}
    same = Site("Contoso", "", "16.1", hosts, sha256="ab" * 32)
    assert SNAPSHOT.mismatches(replace(same, hosts={"prem01": hosts["prem01"]})) == ()
    other = replace(same, name="Fabrikam", edition="17.0", sha256="cd")
    assert SNAPSHOT.mismatches(other) == (
        "the facts were gathered for the site Contoso, not Fabrikam",
        "the inventory changed since the facts were gathered (2026-01-02T03:04:05Z)",
        "the facts were gathered for edition 16.1, not 17.0",
        "the facts hold no answer of 1 hosts: desk-2",
    )
