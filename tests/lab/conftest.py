"""One lab for the whole session, healed after each test, taken down completely at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.lab import Lab, running_lab, why_not
from tests.lab.rights import sudoers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The running lab. Its end checks that nothing leaked and nothing is left."""
    if reason := why_not():
        pytest.skip(reason)
    with running_lab(tmp_path_factory.mktemp("lab"), sudoers()) as lab:
        yield lab


@pytest.fixture
def lab(lab_session: Lab) -> Iterator[Lab]:
    """The healthy lab; whatever the test breaks is healed, and the healing is checked."""
    yield lab_session
    lab_session.heal()
