"""Ours, advisory: no exclusion is far wider than the document asks."""

from __future__ import annotations

from pytest_wfo.core.antivirus.breadth import Wide, wide
from pytest_wfo.core.antivirus.coverage import effective
from pytest_wfo.core.antivirus.items import items_of
from pytest_wfo.core.antivirus.model import Covered, Product
from pytest_wfo.core.antivirus.subjects import Subject, subject
from pytest_wfo.core.antivirus.words import entry_words, named
from pytest_wfo.core.checks.answers import met, not_applicable, not_met, not_verified, unseen
from pytest_wfo.core.facts import Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Evidence, Judgement


def check_breadth(cell: Cell, site_facts: SiteFacts) -> Judgement:
    """Met: what is excluded for WFO excludes little else, in every active product."""
    facts = site_facts.of(cell.host)
    if isinstance(facts.antivirus, Unknown):
        return unseen(facts.antivirus, "whether exclusions are wider than the document asks")
    antivirus = facts.antivirus
    subjects = tuple(subject(item, (), facts) for item in items_of(cell))
    evidence: list[Evidence] = []
    found: list[tuple[Product, Wide]] = []
    hidden: Unknown | None = None
    counting = False
    for product in antivirus.value.products:
        if not isinstance(product.active, Unknown) and not product.active.value:
            continue
        counting = True
        if isinstance(product.exclusions, Unknown):
            name, why = named(product), product.exclusions
            hidden = hidden or Unknown(f"the exclusions of {name}: {why.reason}", why.remedy)
            continue
        own = _wide(product, subjects)
        found += [(product, item) for item in own]
        source = product.exclusions.source
        evidence += [Evidence(_words(product, item), source) for item in own]
        others = len(product.exclusions.value) - len(own)
        evidence.append(
            Evidence(f"{named(product)}: {others} entries that are not too wide", source)
        )
    if not counting:
        looked = Evidence(f"looked for: {antivirus.value.looked_for}", antivirus.source)
        return not_applicable("no antivirus is active on this host", [looked])
    sure = [pair for pair in found if pair[1].covered is Covered.YES]
    if sure:
        product, worst = sure[0]
        narrower = "; ".join(_instead(each, item) for each, item in sure)
        return not_met(
            f"{product.name} excludes {worst.entry.text}, and with it {worst.besides}",
            evidence,
            narrower,
        )
    if hidden is not None:
        return unseen(hidden, "whether exclusions are wider than the document asks", evidence)
    if found:
        product, worst = found[0]
        return not_verified(
            f"{worst.entry.text} in {product.name} may exclude {worst.besides} as well",
            _instead(product, worst),
            evidence,
        )
    return met("what is excluded for WFO excludes little else", evidence)


def _wide(product: Product, subjects: tuple[Subject, ...]) -> list[Wide]:
    exclusions = product.exclusions
    entries = () if isinstance(exclusions, Unknown) else exclusions.value
    results = (wide(entry, subjects) for entry in effective(entries))
    return [item for item in results if item is not None]


def _words(product: Product, item: Wide) -> str:
    sure = "also excludes" if item.covered is Covered.YES else "may also exclude"
    return f"{named(product)}: {entry_words(item.entry)}: {sure} {item.besides}"


def _instead(product: Product, item: Wide) -> str:
    return f"in {product.name}, replace {item.entry.text} by {item.narrower}"
