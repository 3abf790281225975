"""What the documents tell a user to type is right."""

import json
import re
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.waivers import load_attestations, load_waivers
from pytest_wfo.documents.yaml_text import read_yaml

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = ["README.md", "docs/inventory.md", "docs/windows.md", "docs/waivers.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_inventory_in_a_document_loads(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inventories = [block for block in blocks if re.search(r"^hosts:", block, re.MULTILINE)]

    assert inventories
    for block in inventories:
        site = "" if re.search(r"^site:", block, re.MULTILINE) else "site:\n  name: X\n"
        file = tmp_path / "inventory.yml"
        file.write_text(site + block, encoding="utf-8")
        assert load_inventory(file).hosts


def test_the_waivers_and_attestations_in_their_document_load(tmp_path: Path) -> None:
    """Beside the inventory of the same document, with the schemas editors use."""
    text = (ROOT / "docs" / "waivers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for name in ("hosts", "waivers", "attestations"):
        (block,) = (each for each in blocks if re.search(rf"^{name}:$", each, re.MULTILINE))
        (tmp_path / f"{name}.yml").write_text(block, encoding="utf-8")
        if name != "hosts":
            schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text("utf-8"))
            jsonschema.validate(read_yaml(tmp_path / f"{name}.yml").value, schema)
    site = load_inventory(tmp_path / "hosts.yml")

    assert len(load_waivers(site.waivers, site, load_edition("16.1")).waivers) == 2
    made = load_attestations(site.attestations, site, load_edition("16.1"), date(2026, 11, 23))
    assert len(made.attestations) == 1


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(re.findall(r"^    python3 -m venv .*$", text, re.MULTILINE)) == 2
