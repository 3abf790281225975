"""A folder that other users may enter, which ``tmp_path`` is not."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="wfo-tools-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
