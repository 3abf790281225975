"""The demo, started once for all tests that only ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_wfo.demo.site import DemoSite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_wfo.core.hosts import Site


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSite]:
    """A running demo."""
    started = DemoSite(tmp_path_factory.mktemp("demo"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def site(demo: DemoSite) -> Site:
    """Its inventory, read as any other."""
    from pytest_wfo.documents.inventory import load_inventory

    return load_inventory(demo.inventory)
