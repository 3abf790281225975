"""Every fault of a site leads to exactly the right cells, with the cause in the evidence.

Each test breaks the lab, runs the real command line against it, and compares every cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import faults
from tests.lab.fault_cases import (
    BOTH_FORWARDS,
    FIREWALLS,
    IN,
    LISTENERS,
    NARROW,
    OUT,
    ROUTING,
    Case,
)
from tests.lab.verify import CLIENTS, Cell, Outcome, all_client_ports, cells, ranges, verify

if TYPE_CHECKING:
    from tests.lab.faults import Fault
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

ANTIVIRUS = (
    ".excluded-memory-resident",
    ".excluded-on-demand",
    ".untouched",
    ".considered",
    "exclusions.narrow",
)


def _check(outcome: Outcome, case: Case) -> None:
    assert outcome.verdicts == case.verdicts, outcome.output
    for cell, words in case.says.items():
        said = outcome.says(*cell)
        missing = [word for word in words if word not in said]
        assert not missing, f"{cell} does not say {missing}:\n{said}"
    assert _go(outcome) is (case.advisory_only or not case.verdicts), outcome.output


def _go(outcome: Outcome) -> bool:
    """What exit code and report agree on."""
    assert (outcome.exit_code, outcome.decision) in {(0, "GO"), (1, "NO-GO")}, outcome.output
    return outcome.exit_code == 0


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in (*FIREWALLS, *LISTENERS, *ROUTING)]
)
def test_a_fault_turns_exactly_its_cells(lab: Lab, case: Case) -> None:
    for fault in case.faults:
        fault(lab)

    outcome = verify(lab.inventory())

    _check(outcome, case)


def test_the_healthy_site_is_go(lab: Lab) -> None:
    """Everything is met, or does not apply (no antivirus runs); nothing else."""
    outcome = verify(lab.inventory())

    assert outcome.verdicts == {}, outcome.output
    assert _go(outcome)
    applicable = {cell for cell, finding in outcome.findings.items() if finding["verdict"] == "met"}
    assert applicable >= {
        OUT,
        IN,
        *BOTH_FORWARDS,
        *all_client_ports("permits-out", *CLIENTS),
        *all_client_ports("permits-in", *CLIENTS),
        *all_client_ports("connects", *CLIENTS),
        *all_client_ports("listens", "premises"),
        *(("host.access", host) for host in lab.hosts),
        (NARROW, "premises"),
        (NARROW, "edge"),
    }


def _others_of(outcome: Outcome, host: str) -> set[Cell]:
    return {cell for cell in outcome.findings if cell[1] == host}


@pytest.mark.parametrize(
    ("fault", "changes", "words"),
    [
        pytest.param(
            faults.sshd("client1", "hang"),
            {"timeouts": {"banner": 3}},
            ("hangs-before-banner",),
            id="sshd-hangs",
        ),
        pytest.param(faults.sshd("client1", "off"), {}, ("refused",), id="sshd-off"),
        pytest.param(
            faults.sshd("client1", "wrongkey"), {}, ("host-key-changed", "SHA256:"), id="wrong-key"
        ),
        pytest.param(faults.login_refused("client1"), {}, ("login-refused", "wfo"), id="login"),
        pytest.param(faults.down("client1"), {}, ("filtered",), id="host-down"),
        pytest.param(
            lambda lab: None, {"user": "nobody"}, ("login-refused", "nobody"), id="wrong-user"
        ),
    ],
)
def test_a_host_that_cannot_be_examined_is_explained_once(
    lab: Lab, fault: Fault, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    """Its access says why; all its cells are not verified; no cell of another host suffers."""
    fault(lab)

    outcome = verify(lab.inventory(client1=changes))

    own = _others_of(outcome, "client1")
    assert outcome.verdicts == dict.fromkeys(own, "not verified"), outcome.output
    said = outcome.says("host.access", "client1")
    assert all(word in said for word in words), said
    assert not _go(outcome)


def test_what_needs_rights_that_were_withdrawn_is_not_verified(lab: Lab) -> None:
    """Without sudo the packet filter cannot be read, nor who scans files: never met, and no connection
    is doubted."""
    faults.sudo_withdrawn("premises")(lab)

    outcome = verify(lab.inventory())

    unread = ranges("permits-in", "premises") | ranges("permits-out", "premises")
    unread |= {("host.access", "premises"), (NARROW, "premises")}
    unread |= {cell for cell in _others_of(outcome, "premises") if cell[0].endswith(ANTIVIRUS)}
    assert len(unread) == 6 + 12 + 8 + 3 + 1
    assert outcome.verdicts == dict.fromkeys(unread, "not verified"), outcome.output
    assert not _go(outcome)


def test_root_needs_no_sudo(lab: Lab) -> None:
    faults.sudo_withdrawn("premises")(lab)

    outcome = verify(lab.inventory(premises={"user": "root"}))

    assert outcome.verdicts == {}, outcome.output
    assert _go(outcome)


def test_a_lost_answer_is_asked_for_again(lab: Lab) -> None:
    """The wire swallows what 2012 says first, for longer than one attempt waits.

    In 4 s a lost answer of 155 bytes is repeated 5 times or so, for two clients.
    """
    match = "tcp sport 2012 tcp flags & psh == psh quota until 2500 bytes"
    faults.on_the_wire("lan-premises", match)(lab)

    outcome = verify(lab.inventory())

    assert outcome.verdicts == {}, outcome.output


def test_several_faults_are_all_found_at_once(lab: Lab) -> None:
    case = Case(
        "several",
        (
            faults.rule("edge", "forward", "ip saddr 207.166.95.0/26 drop"),
            faults.listener("premises", 80, "off"),
            faults.listener("premises", 943, "silent"),
            faults.rule("client1", "output", "tcp dport 5634 reject"),
            faults.sshd("client2", "off"),
        ),
    )
    for fault in case.faults:
        fault(lab)

    outcome = verify(lab.inventory())

    client2 = _others_of(outcome, "client2")
    expected = {
        **dict.fromkeys(client2, "not verified"),
        **dict.fromkeys(ranges("forwards-in", "edge", 95), "not met"),
        **dict.fromkeys(cells(80, "listens", "premises"), "not met"),
        **dict.fromkeys(cells(80, "connects", "client1"), "not met"),
        **dict.fromkeys(cells(943, "connects", "client1"), "not met"),
        **dict.fromkeys(cells(5634, "permits-out", "client1"), "not met"),
        **dict.fromkeys(cells(5634, "connects", "client1"), "not met"),
    }
    assert outcome.verdicts == expected, outcome.output
    assert not _go(outcome)


def test_after_everything_was_healed_the_site_is_go_again(lab: Lab) -> None:
    """Runs last in this file."""
    test_the_healthy_site_is_go(lab)
