"""Trellix and McAfee: Endpoint Security (ENS) 10 and VirusScan Enterprise (VSE) 8.

Both keep their lists in the registry, on-access and on-demand apart (ENS: values named "exclusions"
below ``HKLM\\SOFTWARE\\McAfee\\AVSolution``). Their format is documented nowhere, so nothing is read.
"""

from __future__ import annotations

from pytest_wfo.core.antivirus.model import Product
from pytest_wfo.probes.antivirus.detection import Signs, WindowsHost
from pytest_wfo.probes.antivirus.products import Reader, hidden, product_of

SIGNS = Signs.of(
    "Trellix Endpoint Security",
    "McShield|mfemms|mfetp|McTaskManager",
    "mcshield|mfetp",
    "epdrv|mfencoas|mfehidk|swin",
    "(trellix|mcafee).*(endpoint security|virusscan|threat prevention)",
)


def _read(host: WindowsHost) -> Product | None:
    where = (
        "ePolicy Orchestrator (on-access and on-demand apart), and locally in an undocumented form"
    )
    return product_of(host, SIGNS, exclusions=hidden(SIGNS.product, where))


TRELLIX = Reader(SIGNS, _read)
