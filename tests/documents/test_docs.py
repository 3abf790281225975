"""What the documents tell a user to type is right."""

import re
from pathlib import Path

import pytest

from pytest_wfo.documents.inventory import load_inventory

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = ["README.md", "docs/inventory.md", "docs/windows.md"]


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


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(re.findall(r"^    python3 -m venv .*$", text, re.MULTILINE)) == 2
