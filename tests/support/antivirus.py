"""What the facts about an antivirus say of a single file."""

from __future__ import annotations

from pytest_wfo.core.antivirus.model import Covered, Product, Scan
from pytest_wfo.core.antivirus.patterns import best
from pytest_wfo.core.facts import Known, Unknown

SCANNED, FREE, MAYBE, UNKNOWN = "scanned", "free", "maybe", "unknown"


def predicted(product: Product, scan: Scan, file: str) -> str:
    """Whether the product scans the file in this way, as far as that is known."""
    scanning = product.scanning[scan]
    if isinstance(scanning, Unknown):
        return UNKNOWN
    watched = product.watched.get(scan)
    if not scanning.value or (watched and best(each.file(file) for each in watched) is Covered.NO):
        return FREE
    assert isinstance(product.exclusions, Known)
    covered = best(
        each.pattern.file(file)
        for each in product.exclusions.value
        if scan in each.scans and not each.void
    )
    return {Covered.YES: FREE, Covered.MAYBE: MAYBE, Covered.NO: SCANNED}[covered]
