"""All antivirus products of a Windows host.

Several can be active, and each counts: a server's Defender does not make way for another product by
itself. That there is none is said only if every place that shows one could be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_wfo.core.antivirus.model import NO_LINKS, Antivirus, Product
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.defender import DEFENDER, PASSIVE
from pytest_wfo.probes.antivirus.detection import WindowsHost, look, unknown_signs
from pytest_wfo.probes.antivirus.managed import MANAGED
from pytest_wfo.probes.antivirus.products import NO_HISTORY, Reader
from pytest_wfo.probes.antivirus.symantec import SYMANTEC
from pytest_wfo.probes.antivirus.trellix import TRELLIX
from pytest_wfo.probes.antivirus.trend import TREND
from pytest_wfo.probes.envelope import printable
from pytest_wfo.probes.reading import fact
from pytest_wfo.probes.windows_envelope import Answer, text

READERS: tuple[Reader, ...] = (DEFENDER, SYMANTEC, TRELLIX, TREND, *MANAGED)
"""Every product that is known on Windows."""

_PASSIVE_ALONE = (
    "find the product that protects this host, or end the passive mode (ForceDefenderPassiveMode)"
)
_PLACES = "services, processes, minifilters, the Security Center and the installed programs"


def read_antivirus(answer: Answer) -> Fact[Antivirus]:
    """The products, active or not; Unknown where none is active and not everything could be seen."""
    host = look(answer)
    known = [product for reader in READERS if (product := reader.read(host)) is not None]
    products = _alone((*known, *_unknown(host), *_unseen(host)))
    unseen = host.unseen
    if unseen and not any(_active(product) for product in products):
        return Unknown(
            f"whether an antivirus runs: {'; '.join(place.reason for place in unseen)}",
            next((place.remedy for place in unseen if place.remedy), ""),
        )
    looked = f"{_PLACES}, for {', '.join(reader.signs.product for reader in READERS)}"
    if unseen:
        looked += f"; not seen: {'; '.join(place.reason for place in unseen)}"
    return Known(Antivirus(products, looked, _links(answer)), _PLACES)


def _links(answer: Answer) -> Fact[Mapping[str, str]]:
    if not {"asked_antivirus", "av_links"} & answer.sections.keys():
        return NO_LINKS
    return fact("links", lambda: Known(_linked(answer), "Get-Item"))


def _linked(answer: Answer) -> Mapping[str, str]:
    rows = answer.rows("av_links", "links on the way to the folders of WFO")
    return {text(row, "folder") or "": printable(text(row, "link") or "") for row in rows}


def _active(product: Product) -> bool:
    return isinstance(product.active, Known) and product.active.value


def _alone(products: tuple[Product, ...]) -> tuple[Product, ...]:
    """A Defender that is passive for the sake of a product that is not there may become active."""
    if any(not isinstance(each.active, Known) or each.active.value for each in products):
        return products
    return tuple(
        replace(each, active=Unknown(f"{each.active.source}, and none is seen", _PASSIVE_ALONE))
        if isinstance(each.active, Known) and each.active.source.endswith(PASSIVE)
        else each
        for each in products
    )


def _unseen(host: WindowsHost) -> list[Product]:
    """Beside those that were found, one that nobody knows may be active where could not be looked."""
    places = (host.services, host.processes, host.filters)
    unseen = [place for place in places if isinstance(place, Unknown)]
    if not unseen:
        return []
    why = "; ".join(place.reason for place in unseen)
    active = Unknown(why, next((place.remedy for place in unseen if place.remedy), ""))
    return [Product("any other product", active=active, exclusions=active, removals=active)]


def _unknown(host: WindowsHost) -> list[Product]:
    found = unknown_signs(host, (reader.signs for reader in READERS))
    return [
        Product(
            name,
            active=active,
            exclusions=Unknown(
                f"{name}: the product is not known here, nor how its settings are read",
                "have its owner export the exclusions for this host, and attest the cells with that export",
            ),
            removals=NO_HISTORY,
            state=(active.source if isinstance(active, Known) else active.reason,),
        )
        for name, active in found.items()
    ]
