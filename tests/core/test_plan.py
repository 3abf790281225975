"""The plan follows from edition and inventory alone."""

import re

from pytest_wfo.core.facts import Target, Transport
from pytest_wfo.core.hosts import Feature, Role, SetAside
from pytest_wfo.core.plan import plan, targets_of
from tests.support.sites import EDITION, host, site


def ids(of: set[tuple[str, str]], name: str) -> set[str]:
    return {requirement for requirement, host_name in of if host_name == name}


def test_a_host_gets_the_requirements_of_its_roles_and_no_others() -> None:
    cells = {cell.key for cell in plan(EDITION, site()).cells}

    assert ids(cells, "edge") == {
        "host.access",
        "cloud-range-94.forwards-out",
        "cloud-range-94.forwards-in",
        "cloud-range-95.forwards-out",
        "cloud-range-95.forwards-in",
        "least-privilege-2010.narrow",
    }
    assert ids(cells, "cloud") == {"host.access", "cloud-2010.connects-in"}
    assert "client-2012.connects" in ids(cells, "client")
    assert "client-2012.connects" not in ids(cells, "premises")
    assert "client-2012.listens" in ids(cells, "premises")


def test_a_feature_that_is_not_in_use_is_left_out_and_said_so() -> None:
    planned = plan(EDITION, site(features=frozenset({Feature.SCREEN_RECORDING})))

    rows = {cell.requirement.row for cell in planned.cells}
    assert "client-recording-5638" in rows
    assert "client-analytics-5634" not in rows
    reasons = {item.requirement: item.reason for item in planned.not_planned}
    assert reasons["client-analytics-5634.connects"] == "the site does not use desktop analytics"


def test_without_a_cloud_endpoint_the_connection_out_is_not_planned() -> None:
    planned = plan(EDITION, site(cloud_endpoints=()))

    assert "cloud-2010.connects" not in {cell.requirement.id for cell in planned.cells}
    assert any(item.requirement == "cloud-2010.connects" for item in planned.not_planned)


def test_an_overlay_sets_requirements_aside_with_its_justification() -> None:
    overlay = SetAside("client-*.permits-in", "clients never accept connections", "J. Doe")
    planned = plan(EDITION, site(set_aside=(overlay,)))

    assert not any(
        cell.requirement.id.endswith("permits-in")
        for cell in planned.cells
        if Role.CLIENT in cell.host.roles
    )
    reasons = {item.requirement: item.reason for item in planned.not_planned}
    assert reasons["client-80.permits-in"] == (
        "set aside by J. Doe: clients never accept connections"
    )


def test_roles_without_hosts_are_named() -> None:
    only = site(hosts={"p": host("p", Role.PREMISES, "10.0.0.1")})
    reasons = {item.requirement: item.reason for item in plan(EDITION, only).not_planned}

    assert reasons["cloud-range-94.forwards-out"] == "the inventory has no edge host"


def test_cell_ids_are_unique_within_a_claim_and_safe() -> None:
    cells = plan(EDITION, site()).cells

    assert len({(cell.requirement.claim, cell.id) for cell in cells}) == len(cells)
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]+", cell.id) for cell in cells)


def test_clients_try_every_address_of_every_premises_server() -> None:
    hosts = {
        "p1": host("p1", Role.PREMISES, "10.0.0.1"),
        "p2": host("p2", Role.PREMISES, "10.0.0.2"),
        "c": host("c", Role.CLIENT, "10.0.0.9"),
    }
    of = site(hosts=hosts, features=frozenset())
    targets = targets_of(plan(EDITION, of).cells, of, {})

    assert Target("10.0.0.2", 943, Transport.SILVERLIGHT_POLICY, "p2") in targets["c"]
    assert len(targets["c"]) == 2 * 7
    assert Target("10.0.0.1", 2010, Transport.HTTP, "p1") in targets["p1"], "it asks itself"
    assert Target("207.166.94.10", 2010, Transport.HTTP, "") in targets["p1"]


def test_the_cloud_side_tries_the_public_address() -> None:
    of = site()
    targets = targets_of(plan(EDITION, of).cells, of, {})

    assert targets["cloud"] == (Target("203.0.113.1", 2010, Transport.HTTP, "premises"),)


def test_a_name_is_tried_at_all_its_addresses() -> None:
    hosts = {
        "p": host("p", Role.PREMISES, "prem.example"),
        "c": host("c", Role.CLIENT, "10.0.0.9"),
    }
    of = site(hosts=hosts, features=frozenset())
    cells = plan(EDITION, of).cells
    resolved = {"prem.example": ("10.0.0.1", "10.0.0.2")}

    assert Target("10.0.0.2", 80, Transport.HTTP, "p") in targets_of(cells, of, resolved)["c"]
    assert Target("prem.example", 80, Transport.HTTP, "p") in targets_of(cells, of, {})["c"]
