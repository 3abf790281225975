"""The JSON Schema for editors is current and agrees with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.problems import DocumentError
from pytest_wfo.documents.schemas import write_schemas
from pytest_wfo.documents.yaml_text import read_yaml
from tests.documents.support import with_host

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "inventory.schema.json"
EXAMPLES = sorted((ROOT / "examples").glob("inventory*.yml"))


def validator() -> Any:
    schema = json.loads(COMMITTED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schemas_are_current(tmp_path: Path) -> None:
    """python -m pytest_wfo.documents.schemas docs"""
    write_schemas(tmp_path)
    written = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}

    assert len(written) == 3
    for name, text in written.items():
        assert (COMMITTED.parent / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.name))
def test_the_examples_satisfy_the_schema_and_the_loader(example: Path) -> None:
    validator().validate(read_yaml(example).value)

    assert load_inventory(example).warnings == ()


def test_there_is_an_example() -> None:
    assert EXAMPLES


@pytest.mark.parametrize(
    "keys",
    [
        "role: client, adress: x",
        "address: x",
        "role: client, roles: [edge]",
        "role: client, address: a, addresses: [b]",
        "role: premise",
        "roles: []",
        "role: client, port: 0",
        "role: client, port: '22'",
        "role: client, sudo: yes",
        "role: client, user: 5",
        "role: client, user: ''",
        "role: client, password: hunter2",
        "role: client, password: 'keyring:x'",
        "role: client, connection: shh",
        "role: client, connection: 'docker://'",
        "role: client, host_key: x",
        "role: client, timeouts: {login: 0}",
        "role: client, timeouts: {x: 1}",
        "role: client, folders: {logging: Logs}",
        "role: client, folders: {logs: /a}",
    ],
)
def test_what_an_editor_can_see_the_schema_refuses_as_the_loader_does(
    tmp_path: Path, keys: str
) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text(with_host(keys))

    with pytest.raises(jsonschema.ValidationError):
        validator().validate(read_yaml(file).value)
    with pytest.raises(DocumentError):
        load_inventory(file)


@pytest.mark.parametrize("name", ["a", "desk-[001:250]", "[1:2]x", "a.b_c-d", "r[1:2]s[1:2]"])
def test_the_schema_knows_host_names(name: str) -> None:
    value = {"site": {"name": "A"}, "hosts": {name: {"role": "client"}}}
    assert validator().is_valid(value)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a[1]", "a[1:]"])
def test_the_schema_knows_what_is_no_host_name(name: str) -> None:
    value = {"site": {"name": "A"}, "hosts": {name: {"role": "client"}}}
    assert not validator().is_valid(value)
