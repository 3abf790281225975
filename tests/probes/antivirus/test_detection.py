"""Which products are on a Windows host, which of them count, and when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wfo.core.antivirus.model import NO_LINKS, Reading
from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.antivirus.detection import look, traces
from pytest_wfo.probes.antivirus.windows import READERS, read_antivirus
from pytest_wfo.probes.windows_envelope import Answer
from tests.probes.antivirus.windows_answers import DENIED, answered, antivirus, listed, product

NONE = "av-removed"  # a server without any antivirus
SIGNS = [reader.signs for reader in READERS]


def service(name: str, pid: int = 4242) -> dict[str, Any]:
    state = "Running" if pid else "Stopped"
    return {
        "name": name, "state": state, "start": "Auto", "pid": pid, "path": "C:\\x.exe", "account": "",
    }  # fmt: skip


def process(name: str) -> dict[str, Any]:
    return {"pid": 4242, "name": name, "path": None}


def filters(*rows: str) -> dict[str, Any]:
    text = "Filtername  Instanzen  Höhe  Rahmen\n----------\n" + "\n".join(rows) + "\n"
    return {"ok": True, "value": {"code": 0, "text": text}}


def added(name: str, **sections: Any) -> Answer:
    """The recorded answer ``name`` with rows added to sections that are lists."""
    base = answered(name)
    lists = {
        section: listed(*base.sections[section]["value"]["rows"], *rows)
        for section, rows in sections.items()
    }
    return answered(name, lists)


@pytest.mark.parametrize(
    ("product_name", "name"),
    [(each.product, name) for each in SIGNS for name in sorted(each.services)],
)
def test_a_service_that_runs_shows_its_product(product_name: str, name: str) -> None:
    shown = name.replace("*", "21.3")
    found = product(added(NONE, services=[service(shown)]), product_name)
    assert found.active == Known(True, f"service {shown} runs")


@pytest.mark.parametrize(
    ("product_name", "name"),
    [(each.product, name) for each in SIGNS for name in sorted(each.programs)],
)
def test_a_process_shows_its_product_in_upper_or_lower_case(product_name: str, name: str) -> None:
    found = product(added(NONE, processes=[process(name.upper() + ".EXE")]), product_name)
    assert found.active == Known(True, f"process {name.upper()}.EXE runs")


@pytest.mark.parametrize(
    ("product_name", "name"),
    [(each.product, name) for each in SIGNS for name in sorted(each.filters)],
)
def test_a_filter_alone_leaves_it_open_whether_its_product_is_active(
    product_name: str, name: str
) -> None:
    answer = answered(NONE, {"av_filters": filters(f"{name}  3  321000  0")})
    (found,) = antivirus(answer).products
    assert found.name == product_name
    assert isinstance(found.active, Unknown)
    assert f"minifilter {name} is loaded" in found.active.reason


def test_no_sign_belongs_to_two_products() -> None:
    for kind in ("services", "programs", "filters"):
        names = [name for each in SIGNS for name in getattr(each, kind)]
        assert len(names) == len(set(names)), kind
        assert all(name == name.lower() for name in names)


@pytest.mark.parametrize("name", ["MsMpEng.exe.bak", "xMsMpEng.exe", "avpn.exe", "cb2.exe"])
def test_a_program_of_another_name_is_no_antivirus(name: str) -> None:
    assert antivirus(added(NONE, processes=[process(name)])).products == ()


@pytest.mark.parametrize(
    ("altitude", "counts"),
    [
        ("319999", False),
        ("320000", True),
        ("328010", True),
        ("329999", True),
        ("329350.55", True),
        ("330000", False),
        ("385201", False),
        ("<Legacy>", False),
    ],
)
def test_only_altitudes_of_antivirus_products_count(altitude: str, counts: bool) -> None:
    answer = answered(NONE, {"av_filters": filters("luafv 1 135000 0", f"Acme Flt 4 {altitude} 0")})
    names = [each.name for each in antivirus(answer).products]
    assert names == (["unknown product (minifilter Acme Flt)"] if counts else [])


def test_a_product_that_is_not_known_here_is_never_without_exclusions() -> None:
    answer = answered(NONE, {"av_filters": filters("AcmeFlt 4 322000 0")})
    (found,) = antivirus(answer).products
    assert isinstance(found.active, Known)
    assert found.active.value is True
    assert isinstance(found.exclusions, Unknown)
    assert isinstance(found.removals, Unknown)
    assert found.reading is Reading.NONE


def test_a_product_that_is_only_named_does_not_run() -> None:
    answer = answered(
        "client-11",
        {
            "av_center": listed({"name": "Sophos Endpoint", "state": 266240}),
            "av_installed": listed(
                {"name": "ESET Server Security", "publisher": "ESET", "version": "10.0.12010.0"}
            ),
        },
    )
    stale = product(answer, "Sophos Endpoint").active
    assert isinstance(stale, Known)
    assert stale.value is False
    assert "the Security Center lists Sophos Endpoint (productState 0x41000)" in stale.source
    eset = product(answer, "ESET")
    assert (eset.active, eset.version) == (
        Known(
            False,
            "no service or process of it runs (ESET Server Security 10.0.12010.0 is installed)",
        ),
        "10.0.12010.0",
    )


def test_a_product_whose_services_are_not_known_here_may_run() -> None:
    forti = {"name": "FortiClient", "publisher": "Fortinet", "version": "7.2.4.0972"}
    found = product(answered(NONE, {"av_installed": listed(forti)}), "FortiClient")
    assert isinstance(found.active, Unknown)
    assert "its services and processes are not known here" in found.active.reason


@pytest.mark.parametrize(
    ("name", "state", "own"),
    [
        ("Windows Defender", 0x61100, True),
        ("Antivirus Windows Defender", 0x61100, True),
        ("Microsoft Defender-Antivirenprogramm", 0x61100, True),
        ("Acme Defender", 0x41000, False),
        ("Windows-Schutz", 0x61100, False),
    ],
)
def test_windows_own_antivirus_has_other_names_in_other_languages(
    name: str, state: int, own: bool
) -> None:
    center = {"av_center": listed({"name": name, "state": state})}
    names = [each.name for each in antivirus(answered("client-11", center)).products]
    assert names == ["Microsoft Defender Antivirus", *([] if own else [name])]


def test_what_manages_defender_is_no_product_beside_it() -> None:
    managing = {
        "name": "Microsoft Endpoint Protection Management Components",
        "publisher": "Microsoft Corporation",
        "version": "4.10.209.0",
    }
    (found,) = antivirus(answered("base", {"av_installed": listed(managing)})).products
    assert found.name == "Microsoft Defender Antivirus"


def test_a_guest_of_vmware_is_told_where_to_ask() -> None:
    answer = answered(NONE, {"av_filters": filters("vsepflt 5 328200 0")})
    (found,) = antivirus(answer).products
    assert found.name == "VMware guest introspection (NSX)"
    assert isinstance(found.active, Unknown)
    assert isinstance(found.exclusions, Unknown)
    assert "security appliance" in found.exclusions.reason


@pytest.mark.parametrize("place", ["services", "processes"])
def test_a_product_that_is_only_named_may_run_where_nobody_can_look(place: str) -> None:
    named = listed({"name": "ESET Server Security", "publisher": "ESET", "version": ""})
    host = look(answered(NONE, {"av_installed": named, place: DENIED}))
    signs = next(each for each in SIGNS if each.product == "ESET")
    assert isinstance(traces(host, signs).active(host), Unknown)


def test_no_product_at_all_is_said_with_where_was_looked_and_for_what() -> None:
    found = antivirus(answered(NONE))
    assert found.products == ()
    for word in ("minifilters", "Security Center", "CrowdStrike Falcon", "Microsoft Defender"):
        assert word in found.looked_for


@pytest.mark.parametrize("place", ["services", "processes", "av_filters", "av_installed"])
def test_no_product_is_not_said_where_a_place_was_not_seen(place: str) -> None:
    found = read_antivirus(answered(NONE, {place: DENIED}))
    assert isinstance(found, Unknown)
    assert found.reason.startswith("whether an antivirus runs: ")
    assert "Administrators group" in found.remedy


def test_a_client_whose_security_center_is_not_seen_is_not_without_antivirus() -> None:
    system = answered("client-11").sections["system"]
    assert isinstance(read_antivirus(answered(NONE, {"system": system})), Unknown)
    assert isinstance(read_antivirus(answered(NONE, {"system": DENIED})), Unknown)


def test_a_filter_manager_that_shows_nothing_was_not_understood() -> None:
    assert isinstance(read_antivirus(answered(NONE, {"av_filters": filters()})), Unknown)


def test_what_was_not_seen_beside_an_active_product_is_told() -> None:
    found = antivirus(answered("base", {"av_filters": DENIED}))
    defender, other = found.products
    assert (defender.name, other.name) == ("Microsoft Defender Antivirus", "any other product")
    assert isinstance(other.active, Unknown), "it may be there, and then it counts"
    assert "minifilters" in other.active.reason
    assert "not seen: minifilters" in found.looked_for


def test_names_that_say_nothing_of_an_antivirus_are_passed_over() -> None:
    names = ("Microsoft Endpoint Configuration Manager Console", "Check Point VPN", "Forti Token")
    rows = [{"name": name, "publisher": "", "version": ""} for name in names]
    assert antivirus(answered(NONE, {"av_installed": listed(*rows)})).products == ()


def test_links_on_the_way_to_folders_are_told_or_said_to_be_unseen() -> None:
    rows = listed({"folder": "C:\\temp\\", "link": "C:\\temp"})
    assert antivirus(answered("base")).links == NO_LINKS
    assert antivirus(answered("base", {"av_links": rows})).links == Known(
        {"C:\\temp\\": "C:\\temp"}, "Get-Item"
    )
    unseen = antivirus(answered("base", {"av_links": DENIED})).links
    assert isinstance(unseen, Unknown)
    assert "links on the way to the folders of WFO" in unseen.reason
    lacking = {"asked_antivirus": {"ok": True, "value": {}}}
    assert isinstance(antivirus(answered("base", lacking)).links, Unknown)
