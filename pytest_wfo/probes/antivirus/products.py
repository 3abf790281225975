"""What readers of Windows products have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_wfo.core.antivirus.model import Product
from pytest_wfo.core.facts import Unknown
from pytest_wfo.probes.antivirus.detection import Signs, Traces, WindowsHost, traces

ATTEST = "export them there for this host and attest the cells with that export"
NO_HISTORY = Unknown(
    "the product's own log of what it removed is not read",
    "look into its log or console, and attest the cells with what they say",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A product: what shows it, and how its settings are read (None: the host shows nothing of it)."""

    signs: Signs
    read: Callable[[WindowsHost], Product | None]


def product_of(host: WindowsHost, signs: Signs, **read: Any) -> Product | None:
    """The product with what was ``read`` of it, and with what every product shows."""
    seen = traces(host, signs)
    if not seen:
        return None
    return Product(
        name=signs.product,
        active=seen.active(host),
        **{"version": seen.version, "removals": NO_HISTORY, "state": _state(seen), **read},
    )


def hidden(product: str, where: str) -> Unknown:
    """The exclusions of a product that is managed elsewhere."""
    return Unknown(
        f"{product} keeps its exclusions in {where}; nothing on the host says them", ATTEST
    )


def _state(seen: Traces) -> tuple[str, ...]:
    return (*seen.running, *seen.loaded, *seen.named)
