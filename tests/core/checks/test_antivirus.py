"""Exclusions: what every product says, what behaviour proves, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.antivirus.model import (
    CanaryOutcome,
    Covered,
    Exclusion,
    Product,
    Reading,
    Scan,
)
from pytest_wfo.core.antivirus.patterns import UNCLEAR, OpenedBy, PathGlob
from pytest_wfo.core.checks import judge, judge_cell
from pytest_wfo.core.facts import Known, Process, Service, Unknown
from pytest_wfo.core.hosts import Folder
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Judgement, Verdict
from tests.support.products import (
    ALL,
    CAPTURE,
    DEMAND,
    LOGGER,
    LOGS,
    MEMORY,
    RUNNING,
    TEMP,
    antivirus,
    canary,
    canary_file,
    concerns,
    extension,
    file,
    folder,
    process,
    product,
    survival,
)
from tests.support.sites import cell, protected_site, site, the_plan, with_facts

OF = site()
PROTECTED = protected_site(OF)
CELLS = [
    item for item in the_plan(OF).cells if item.requirement.chapter in ("antivirus", "file_types")
]
EXCLUDED = [item for item in CELLS if item.requirement.row.startswith("av-")]
MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_VERIFIED, NOT_APPLICABLE = Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE
RESIDENT, ON_DEMAND = "excluded-memory-resident", "excluded-on-demand"


def judged(requirement: str, *products: Product, **facts: Any) -> Judgement:
    """The PREMISES server's judgement with these products."""
    known = with_facts(PROTECTED, "premises", **({"antivirus": antivirus(*products)} | facts))
    return judge_cell(cell(requirement, "premises", OF), known).judgement


def said(judgement: Judgement) -> str:
    return "\n".join(item.statement for item in judgement.evidence)


def test_everything_that_is_excluded_is_met_with_the_entry_as_evidence() -> None:
    found = judge(CELLS, PROTECTED)

    assert {finding.verdict for finding in found.values()} == {MET}
    judgement = found["av-folder-temp.excluded-on-demand", "premises"].judgement
    assert (
        judgement.summary == "C:\\temp\\ is excluded from on-demand scanning by Example Antivirus"
    )
    assert said(judgement).splitlines() == [
        "Example Antivirus 5.1, on-demand: C:\\temp\\ and everything below: excluded by C:\\temp\\",
        "Example Antivirus 5.1, on-demand: 7 other entries, not shown",
    ]


@pytest.mark.parametrize("at", range(len(EXCLUDED)), ids=[item.requirement.id for item in EXCLUDED])
def test_without_its_entry_each_cell_is_not_met_and_the_remedy_names_it(at: int) -> None:
    item = EXCLUDED[at]
    rest = tuple(entry for entry in ALL if not _is_for(entry, item))
    judgement = judge_cell(
        item, with_facts(PROTECTED, "premises", antivirus=antivirus(product(*rest)))
    ).judgement

    assert judgement.verdict is NOT_MET
    assert judgement.remedy.startswith("in Example Antivirus, exclude the ")
    assert "scanning" in judgement.remedy


def _is_for(entry: Exclusion, item: Cell) -> bool:
    assert item.requirement.item is not None
    wanted = item.requirement.item.text.lower().strip(".\\")
    on_demand = item.requirement.claim is Claim.EXCLUDED_ON_DEMAND
    if wanted.endswith(".exe"):
        return entry.text.lower().endswith("\\" + wanted if on_demand else wanted)
    return entry.text.lower().strip(".\\") == wanted


def test_a_product_that_says_how_an_entry_is_added_is_quoted() -> None:
    own = {
        (Scan.MEMORY_RESIDENT, "folder"): "add ExclusionPath {}",
        (Scan.ON_DEMAND, "folder"): "write ExcludePath ^{regex}(/|$)",
    }
    bare = product(name="Other", advice=own)

    assert (
        judged(f"av-folder-temp.{RESIDENT}", bare).remedy == "in Other, add ExclusionPath C:\\temp"
    )
    assert judged(f"av-folder-temp.{ON_DEMAND}", bare).remedy == (
        "in Other, write ExcludePath ^C:\\\\temp(/|$)"
    )


def test_an_entry_without_effect_is_named_in_summary_and_remedy() -> None:
    void = folder("C:\\temp", origin="local", void="DisableLocalAdminMerge is 1")
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(void))

    assert judgement.summary == (
        "C:\\temp\\ is not excluded from memory-resident scanning: Example Antivirus 5.1 has no entry in "
        "force for C:\\temp\\ and everything below; nearly: C:\\temp (it has no effect: "
        "DisableLocalAdminMerge is 1)"
    )
    assert judgement.remedy.endswith("; C:\\temp (local) does not do: DisableLocalAdminMerge is 1")


def test_one_product_of_two_without_an_entry_is_not_met_and_named() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL), product(name="Second"))

    assert judgement.verdict is NOT_MET
    assert "Second" in judgement.summary
    assert "Example Antivirus 5.1, memory-resident: C:\\temp\\ and everything below: excluded" in (
        said(judgement)
    )


def test_one_product_of_two_that_hides_its_entries_is_not_verified() -> None:
    hidden = product(name="Hidden", exclusions=Unknown("only the console has them", "export them"))
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL), hidden)

    assert judgement.verdict is NOT_VERIFIED
    assert "the exclusions of Hidden 5.1: only the console has them" in judgement.summary
    assert judgement.remedy == "export them"


def test_a_missing_entry_counts_for_more_than_a_hidden_list() -> None:
    hidden = product(exclusions=Unknown("hidden"))

    assert judged(f"av-extension-vid.{RESIDENT}", hidden, product()).verdict is NOT_MET


def test_without_any_product_nothing_is_asked_and_what_was_looked_for_is_said() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}")

    assert judgement.verdict is NOT_APPLICABLE
    assert "looked for: 3 processes, for all that is known" in said(judgement)


def test_while_products_are_not_known_the_reason_is_told() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", antivirus=Unknown("hidepid", "be root"))

    assert judgement.verdict is NOT_VERIFIED
    assert judgement.summary.endswith("from memory-resident scanning: hidepid")
    assert judgement.remedy == "be root"


def test_a_passive_product_is_named_and_does_not_count() -> None:
    passive = product(name="Passive", active=Known(False, "AMRunningMode: Passive"))
    warned = product(*ALL, warnings=("it is old",))
    judgement = judged(f"av-folder-temp.{RESIDENT}", passive, warned)

    assert judgement.verdict is MET
    assert "Passive 5.1 is not active (AMRunningMode: Passive)" in said(judgement)
    assert "Example Antivirus 5.1: it is old" in said(judgement)
    assert judged(f"av-folder-temp.{RESIDENT}", passive).verdict is NOT_APPLICABLE


def test_whether_a_product_is_active_must_be_known() -> None:
    unclear = product(*ALL, active=Unknown("its service is hidden"))

    assert judged(f"av-folder-temp.{RESIDENT}", unclear).verdict is NOT_VERIFIED


def test_a_kind_of_scanning_that_is_not_done_needs_no_exclusion() -> None:
    scanning = {Scan.MEMORY_RESIDENT: Known(False, "off"), Scan.ON_DEMAND: Known(True, "on")}
    only = product(name="OnDemand", scanning=scanning)
    judgement = judged(f"av-folder-temp.{RESIDENT}", only)

    assert judgement.verdict is NOT_APPLICABLE
    assert "OnDemand 5.1 does no memory-resident scanning here" in judgement.summary
    assert judged(f"av-folder-temp.{RESIDENT}", only, product(*ALL)).verdict is MET
    assert judged(f"av-folder-temp.{ON_DEMAND}", only).verdict is NOT_MET


def test_whether_it_scans_at_all_matters_only_where_nothing_is_excluded() -> None:
    unclear: dict[Scan, Any] = dict.fromkeys(Scan, Unknown("no word of it"))

    assert judged(f"av-folder-temp.{RESIDENT}", product(*ALL, scanning=unclear)).verdict is MET
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(scanning={}))
    assert judgement.verdict is NOT_VERIFIED


def test_what_is_only_stored_passes_with_a_note() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL, reading=Reading.STORED))

    assert judgement.verdict is MET
    assert "whether it is in force, the product alone knows" in said(judgement)


def test_a_reading_of_nothing_is_no_reading() -> None:
    judgement = judged(f"av-folder-temp.{RESIDENT}", product(*ALL, reading=Reading.NONE))

    assert judgement.verdict is NOT_VERIFIED
    assert "managed elsewhere" in judgement.summary


def test_an_entry_that_is_not_understood_is_never_a_pass() -> None:
    unclear = product(Exclusion("C:\\te[m]p", UNCLEAR))

    judgement = judged(f"av-folder-temp.{RESIDENT}", unclear)
    assert judgement.verdict is NOT_VERIFIED
    assert "perhaps excluded by C:\\te[m]p" in said(judgement)


def test_entries_that_have_nothing_to_do_with_wfo_are_counted_and_not_shown() -> None:
    secret = folder("D:\\payroll\\secrets")
    for verdict, entries in ((MET, (*ALL, secret)), (NOT_MET, (secret,))):
        for item in EXCLUDED:
            facts = with_facts(PROTECTED, "premises", antivirus=antivirus(product(*entries)))
            judgement = judge_cell(item, facts).judgement
            assert judgement.verdict is verdict
            assert "payroll" not in str(judgement)
            assert "not shown" in said(judgement)


def test_a_folder_that_was_moved_is_asked_for_where_it_is() -> None:
    host = replace(OF.hosts["premises"], folders={Folder.SCREEN_RECORDING: "D:\\wfo\\temp\\"})
    moved = Cell(cell(f"av-folder-temp.{RESIDENT}", "premises", OF).requirement, host)

    judgement = judge_cell(moved, PROTECTED).judgement
    assert judgement.verdict is NOT_MET
    assert "D:\\wfo\\temp\\ is not excluded" in judgement.summary
    there = with_facts(PROTECTED, "premises", antivirus=antivirus(product(folder("D:\\wfo\\temp"))))
    assert judge_cell(moved, there).verdict is MET


# -- programs ---------------------------------------------------------------------------------------

CAPTURES = "av-process-screencapserver"
ITS_FILES = (file(CAPTURE), folder(TEMP))


def test_a_program_needs_its_own_kind_of_entry_for_each_kind_of_scanning() -> None:
    by_name, by_path = process("cc_screencapserver.exe"), product(*ITS_FILES)

    assert judged(f"{CAPTURES}.{RESIDENT}", product(by_name)).verdict is MET
    assert judged(f"{CAPTURES}.{ON_DEMAND}", product(by_name)).verdict is NOT_MET
    assert judged(f"{CAPTURES}.{RESIDENT}", by_path).verdict is NOT_MET
    assert judged(f"{CAPTURES}.{ON_DEMAND}", by_path).verdict is MET


def test_on_demand_a_program_needs_its_file_and_the_folder_it_writes_to() -> None:
    for entry, missing in ((file(CAPTURE), "the folder C:\\temp\\"), (folder(TEMP), CAPTURE)):
        judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(entry))
        assert judgement.verdict is NOT_MET
        assert missing in judgement.remedy


def test_a_program_whose_path_is_not_known_is_not_verified_on_demand() -> None:
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), processes=Known((), "ps"))

    assert judgement.verdict is NOT_VERIFIED
    assert "it does not run, and no service of this name is registered" in judgement.summary
    assert judgement.remedy.startswith("see that cc_screencapserver.exe runs")
    by_name = judged(f"{CAPTURES}.{RESIDENT}", product(*ALL), processes=Known((), "ps"))
    assert by_name.verdict is MET, "an entry by name is right wherever it lies"


def test_a_path_entry_for_a_program_that_was_not_found_is_open() -> None:
    entry = Exclusion(CAPTURE, OpenedBy(PathGlob.of(CAPTURE)), MEMORY)

    assert judged(f"{CAPTURES}.{RESIDENT}", product(entry)).verdict is MET
    unknown = judged(f"{CAPTURES}.{RESIDENT}", product(entry), processes=Known((), "ps"))
    assert unknown.verdict is NOT_VERIFIED


def test_the_path_of_a_service_that_does_not_run_counts_as_well() -> None:
    elsewhere = "D:\\old\\cc_screencapserver.exe"
    services = Known((Service("CcScreen", elsewhere, 0),), "services")
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), services=services)

    assert judgement.verdict is NOT_MET
    assert elsewhere in judgement.remedy


def test_a_program_whose_path_is_hidden_from_the_account_is_said_so() -> None:
    hidden = Known((Process(5, "CC_ScreenCapServer.exe"),), "ps")
    judgement = judged(f"{CAPTURES}.{ON_DEMAND}", product(*ALL), processes=hidden)

    assert "it runs, but its path is not shown to this account" in judgement.summary


# -- behaviour --------------------------------------------------------------------------------------

CONTROL = canary_file(
    "C:\\wfo-ab12\\c.com", CanaryOutcome.DETECTED, Scan.MEMORY_RESIDENT, control=True
)
DEAF = replace(CONTROL, outcome=CanaryOutcome.INTACT)
SUBJECT = canary_file(f"{TEMP}wfo-ab12.com", CanaryOutcome.INTACT, Scan.MEMORY_RESIDENT)
FOUND = replace(SUBJECT, outcome=CanaryOutcome.DETECTED)
HIDDEN = product(exclusions=Unknown("hidden"))
FOLDER = f"av-folder-temp.{RESIDENT}"


@pytest.mark.parametrize(
    ("products", "files", "verdict"),
    [
        ([product(*ALL)], [CONTROL, SUBJECT], MET),
        ([HIDDEN], [CONTROL, SUBJECT], MET),
        ([product(*ALL, reading=Reading.NONE)], [CONTROL, SUBJECT], MET),
        ([product(*ALL)], [DEAF, SUBJECT], MET),
        ([HIDDEN], [DEAF, SUBJECT], NOT_VERIFIED),
        ([HIDDEN], [SUBJECT], NOT_VERIFIED),
        ([HIDDEN], [CONTROL], NOT_VERIFIED),
        ([HIDDEN], [CONTROL, replace(SUBJECT, scan=Scan.ON_DEMAND)], NOT_VERIFIED),
        ([HIDDEN], [CONTROL, replace(SUBJECT, outcome=CanaryOutcome.UNKNOWN)], NOT_VERIFIED),
        ([HIDDEN, product(*ALL)], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([product()], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([product()], [DEAF, SUBJECT], NOT_MET),
        ([product(*ALL)], [CONTROL, FOUND], NOT_MET),
        ([HIDDEN], [CONTROL, FOUND], NOT_MET),
        ([], [CONTROL, FOUND], NOT_MET),
        ([], [CONTROL, SUBJECT], NOT_VERIFIED),
        ([], [DEAF, SUBJECT], NOT_APPLICABLE),
        ([product(Exclusion("x", UNCLEAR))], [CONTROL, SUBJECT], MET),
    ],
)
def test_behaviour_counts_for_more_than_settings(
    products: list[Product], files: list[Any], verdict: Verdict
) -> None:
    judgement = judged(FOLDER, *products, canary=canary(*files))

    assert judgement.verdict is verdict
    if SUBJECT in files or FOUND in files:
        assert "canary run ab12" in said(judgement)


def test_a_detected_canary_asks_for_the_entry_that_is_missing_if_one_is() -> None:
    seen = canary(CONTROL, FOUND)

    missing = judged(FOLDER, product(), canary=seen).remedy
    assert missing == judged(FOLDER, product()).remedy
    there = judged(FOLDER, product(*ALL), canary=seen).remedy
    assert "look for why the entries that are there have no effect" in there


def test_a_run_without_an_effective_control_is_called_inconclusive() -> None:
    assert "inconclusive" in said(judged(FOLDER, HIDDEN, canary=canary(DEAF, SUBJECT)))


def test_a_canary_does_not_settle_what_lies_deeper_than_it() -> None:
    shallow = product(Exclusion("C:\\temp\\*", PathGlob.of("C:\\temp\\*", Covered.MAYBE)))

    assert judged(FOLDER, shallow, canary=canary(CONTROL, SUBJECT)).verdict is NOT_VERIFIED


def test_a_detected_canary_counts_even_where_no_product_is_known() -> None:
    judgement = judged(FOLDER, antivirus=Unknown("-"), canary=canary(FOUND))

    assert judgement.verdict is NOT_MET
    assert "wfo-ab12.com was detected" in judgement.summary


def test_a_control_of_the_same_file_tells_more_than_another() -> None:
    scan = Scan.ON_DEMAND
    own = canary_file(SUBJECT.path, CanaryOutcome.DETECTED, scan, control=True)
    other = canary_file("C:\\x.com", CanaryOutcome.UNKNOWN, scan, control=True)
    files = canary(own, other, replace(SUBJECT, scan=scan))

    assert judged(f"av-folder-temp.{ON_DEMAND}", HIDDEN, canary=files).verdict is MET


def test_an_extension_is_shown_by_a_file_with_it() -> None:
    inside = replace(SUBJECT, path="C:\\wfo-ab12\\x.VID")
    vid = f"av-extension-vid.{RESIDENT}"

    assert judged(vid, HIDDEN, canary=canary(CONTROL, inside)).verdict is MET
    assert judged(vid, HIDDEN, canary=canary(CONTROL, SUBJECT)).verdict is NOT_VERIFIED


def test_no_canary_shows_anything_of_a_program() -> None:
    inside = replace(SUBJECT, path=CAPTURE)

    assert judged(f"{CAPTURES}.{RESIDENT}", HIDDEN, canary=canary(CONTROL, inside)).verdict is (
        NOT_VERIFIED
    )


# -- what holds for any settings --------------------------------------------------------------------

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


def test_the_logger_and_its_folder_are_the_ones_of_the_document() -> None:
    entries = product(file(LOGGER), folder(LOGS))

    assert judged(f"av-process-loggerservice.{ON_DEMAND}", entries).verdict is MET
