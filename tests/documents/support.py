"""Shared by the tests of documents: an inventory from text, and the problems of a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.problems import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_wfo.core.hosts import Site


def load(folder: Path, text: str | bytes) -> Site:
    """The site of an inventory with this content."""
    file = folder / "inventory.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_inventory(file)


def problems(folder: Path, text: str | bytes) -> list[str]:
    """The lines of the error for an inventory with this content, without the folder."""
    with pytest.raises(DocumentError) as caught:
        load(folder, text)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def with_host(keys: str) -> str:
    """An inventory of one host with these keys, which start at line 3, column 10."""
    return f"site: {{name: A}}\nhosts:\n  pc-1: {{{keys}}}\n"
