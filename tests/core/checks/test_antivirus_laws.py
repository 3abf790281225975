"""Exclusions: what holds for any settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.antivirus.model import (
    Exclusion,
    Product,
    Reading,
    Scan,
)
from pytest_wfo.core.antivirus.patterns import UNCLEAR
from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known, OperatingSystem, Process, Service, Unknown
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from tests.support.antivirus_cells import (
    CELLS,
    EXCLUDED,
    MET,
    NOT_MET,
    NOT_VERIFIED,
    PROTECTED,
)
from tests.support.products import (
    ALL,
    DEMAND,
    LOGS,
    MEMORY,
    RUNNING,
    antivirus,
    concerns,
    extension,
    folder,
    process,
    product,
    survival,
)
from tests.support.sites import with_facts

ENTRIES = st.lists(
    st.sampled_from(
        [
            *ALL,
            folder("C:\\"),
            folder("C:\\temp", void="DisableLocalAdminMerge=1"),
            folder("C:\\temp", scans=MEMORY),
            folder(LOGS, scans=DEMAND),
            extension("*"),
            process("*"),
            folder("C:\\Program Files\\CallCopy"),
            Exclusion("?", UNCLEAR),
        ]
    ),
    max_size=8,
)
ACTIVE = st.sampled_from([Known(True, "-"), Known(False, "-"), Unknown("-")])
SCANNING = st.fixed_dictionaries({}, optional=dict.fromkeys(Scan, ACTIVE))
PRODUCTS = st.builds(
    lambda entries, active, scanning, reading, known: product(
        *entries,
        active=active,
        scanning=scanning,
        reading=reading,
        **({} if known else {"exclusions": Unknown("-")}),
    ),
    ENTRIES,
    ACTIVE,
    SCANNING,
    st.sampled_from(Reading),
    st.booleans(),
)


def verdicts(facts: SiteFacts, cells: list[Cell] = CELLS) -> dict[tuple[str, str], Verdict]:
    return {key: finding.verdict for key, finding in judge(cells, facts).items()}


def with_products(products: list[Product], **more: Any) -> SiteFacts:
    return with_facts(PROTECTED, "premises", **({"antivirus": antivirus(*products)} | more))


@settings(max_examples=150)
@given(st.lists(PRODUCTS, max_size=2), st.data())
def test_one_more_entry_never_turns_met_into_not_met(
    products: list[Product], data: st.DataObject
) -> None:
    known = [index for index, one in enumerate(products) if isinstance(one.exclusions, Known)]
    if not known:
        return
    index = data.draw(st.sampled_from(known))
    entry = data.draw(st.sampled_from([*ALL, folder("C:\\"), process("cc_loggerservice.exe")]))
    before = verdicts(with_products(products))
    exclusions = products[index].exclusions
    assert isinstance(exclusions, Known)
    at = data.draw(st.integers(0, len(exclusions.value)))
    longer = (*exclusions.value[:at], entry, *exclusions.value[at:])
    products[index] = replace(products[index], exclusions=Known(longer, "-"))
    after = verdicts(with_products(products))

    for key, verdict in after.items():
        if before[key] is MET and not key[0].startswith("least-privilege"):
            assert verdict is MET, (key, entry.text)


DROPS = ("active", "scanning", "exclusions", "removals")
FACTS = ("antivirus", "survival", "concerns", "processes", "services", "system")


@settings(max_examples=200)
@given(st.lists(PRODUCTS, min_size=1, max_size=2), st.booleans(), st.data())
def test_a_fact_that_is_not_known_never_makes_a_pass(
    products: list[Product], other_path: bool, data: st.DataObject
) -> None:
    running = (*RUNNING, Process(12, "cc_loggerservice.exe", "D:\\x\\cc_loggerservice.exe"))
    services = Known((Service("s", "E:\\cc_screencapserver.exe", 0),) if other_path else (), "-")
    facts = {
        "processes": Known(running if other_path else RUNNING, "-"),
        "services": services,
        "system": Known(OperatingSystem("windows", "Windows Server 2019", "10.0.17763"), "-"),
        "survival": survival(),
        "concerns": concerns(),
    }
    before = verdicts(with_products(products, **facts))
    for index in range(len(products)):
        for name in data.draw(st.sets(st.sampled_from(DROPS))):
            value: Any = {} if name == "scanning" else Unknown("dropped")
            products[index] = replace(products[index], **{name: value})
    dropped = data.draw(st.sets(st.sampled_from(FACTS)))
    lost: dict[str, Any] = {name: Unknown("dropped") for name in dropped}
    after = verdicts(with_products(products, **{**facts, **lost}))

    for key, verdict in after.items():
        if before[key] in (NOT_MET, NOT_VERIFIED):
            assert verdict in (NOT_MET, NOT_VERIFIED), (key, dropped)


@settings(max_examples=100)
@given(ENTRIES, st.data())
def test_a_narrower_set_of_entries_never_covers_more(
    entries: list[Exclusion], data: st.DataObject
) -> None:
    fewer = data.draw(st.lists(st.sampled_from(entries), unique_by=id)) if entries else []
    narrow = verdicts(with_products([product(*fewer)]), EXCLUDED)
    broad = verdicts(with_products([product(*entries)]), EXCLUDED)

    order = (NOT_MET, NOT_VERIFIED, MET)
    assert all(order.index(narrow[key]) <= order.index(broad[key]) for key in broad)
