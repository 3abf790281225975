"""What the reader says of ClamAV's settings is what the running ClamAV does, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.clamav import ClamAv, why_not
from tests.lab.clamav_cases import CASES, DEMAND, FILES, RESIDENT, Case
from tests.support.antivirus import MAYBE, UNKNOWN, predicted

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def clamav(lab: Lab) -> ClamAv:
    if reason := why_not():
        pytest.skip(reason)
    return ClamAv(lab.hosts["premises"])


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_is_read_is_what_clamav_does(clamav: ClamAv, case: Case) -> None:
    files = tuple({*FILES, *case.late})
    real = clamav.try_out(case, files)

    (product,) = clamav.antivirus().products

    told = {
        scan: {file: predicted(product, scan, file) for file in files}
        for scan in (RESIDENT, DEMAND)
    }
    table = [
        f"{case.name:40} {file.removeprefix('/home/site/'):22} "
        f"resident {told[RESIDENT][file]:8} {real.resident[file]:8} "
        f"on demand {told[DEMAND][file]:8} {real.by_path[file]:8} {real.by_content[file]:8}"
        for file in files
    ]
    for scan, seen in (
        (RESIDENT, real.resident),
        (DEMAND, real.by_path),
        (DEMAND, real.by_content),
    ):
        doubted = case.maybe.get(scan, ())
        if scan in case.unknown:
            assert set(told[scan].values()) == {UNKNOWN}, table
            continue
        assert {file: kind for file, kind in told[scan].items() if file not in doubted} == {
            file: kind for file, kind in seen.items() if file not in doubted
        }, table
        assert all(told[scan][file] in {MAYBE, seen[file]} for file in doubted), table
        assert not doubted or MAYBE in told[scan].values()
    assert case.says in repr(product)
