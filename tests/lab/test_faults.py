"""Every fault of a site leads to exactly the right cells, with the cause in the evidence.

Each test breaks the lab, runs the real command line against it, and compares every cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import faults
from tests.lab.verify import CLIENTS, Cell, Outcome, all_client_ports, cells, ranges, verify

if TYPE_CHECKING:
    from tests.lab.faults import Fault
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

OUT = ("cloud-2010.connects", "premises")
IN = ("cloud-2010.connects-in", "cloud")
NARROW = "least-privilege-2010.narrow"
BOTH_FORWARDS = ranges("forwards-out", "edge") | ranges("forwards-in", "edge")


@dataclass(frozen=True)
class Case:
    """Faults, the cells they must turn, and what those cells must say (by requirement and host)."""

    name: str
    faults: tuple[Fault, ...]
    not_met: set[Cell] = field(default_factory=set)
    not_verified: set[Cell] = field(default_factory=set)
    says: dict[Cell, tuple[str, ...]] = field(default_factory=dict)
    advisory_only: bool = False

    @property
    def verdicts(self) -> dict[Cell, str]:
        """Every cell that is not met or not verified."""
        return {
            **dict.fromkeys(self.not_met, "not met"),
            **dict.fromkeys(self.not_verified, "not verified"),
        }


def _says(cells: set[Cell], *words: str) -> dict[Cell, tuple[str, ...]]:
    return dict.fromkeys(cells, words)


def _edge(how: str, seen: str) -> Case:
    return Case(
        f"edge-{how}",
        (faults.rule("edge", "forward", f"tcp dport 2010 {faults.REJECTIONS[how]}"),),
        not_met={OUT, IN, *BOTH_FORWARDS},
        says={
            **_says(ranges("forwards-out", "edge", 94), "tcp dport 2010", "207.166.94.0/24"),
            **_says(ranges("forwards-in", "edge", 95), "tcp dport 2010", "207.166.95.0/24"),
            OUT: (
                "207.166.94.10:2010",
                "207.166.95.10:2010",
                seen,
                "the firewall of edge stops it",
            ),
            IN: ("203.0.113.1:2010", seen, "the firewall of edge stops it"),
        },
    )


def _client_connections(
    name: str,
    port: int,
    mode: str,
    *words: str,
    listens: str = "",
    hosts: tuple[str, ...] = CLIENTS,
) -> Case:
    broken = cells(port, "connects", *hosts)
    says = _says(broken, f"10.61.0.10:{port}", *words)
    if listens:
        premises = cells(port, "listens", "premises")
        broken, says = broken | premises, says | _says(premises, listens)
    return Case(name, (faults.listener("premises", port, mode),), not_met=broken, says=says)


FIREWALLS = (
    _edge("drop", "timeout"),
    _edge("rst", "ECONNREFUSED"),
    _edge("icmp-port", "ECONNREFUSED"),
    _edge("icmp-admin", "EHOSTUNREACH"),
    Case(
        "edge-half-a-range",
        (faults.rule("edge", "forward", "ip daddr 207.166.94.128/25 tcp dport 2010 drop"),),
        not_met=ranges("forwards-out", "edge", 94),
        says=_says(ranges("forwards-out", "edge", 94), "207.166.94.128/25", "drop"),
    ),
    Case(
        "premises-output-half-a-range",
        (faults.rule("premises", "output", "ip daddr 207.166.94.128/25 reject"),),
        not_met=ranges("permits-out", "premises", 94),
        says=_says(ranges("permits-out", "premises", 94), "207.166.94.128/25", "reject"),
    ),
    Case(
        "premises-input-half-a-range",
        (faults.rule("premises", "input", "ip saddr 207.166.95.0/25 tcp dport 2010 drop"),),
        not_met=ranges("permits-in", "premises", 95),
        says=_says(ranges("permits-in", "premises", 95), "207.166.95.0/25", "drop"),
    ),
    Case(
        "a-rule-that-stops-the-answers-too",
        (faults.nft("premises", "insert rule inet host input ip saddr 207.166.95.64/26 drop"),),
        not_met=ranges("permits-in", "premises", 95) | ranges("permits-out", "premises", 95),
        says={
            **_says(ranges("permits-in", "premises", 95), "207.166.95.64/26"),
            **_says(ranges("permits-out", "premises", 95), "207.166.95.64/26", "answers"),
        },
    ),
    Case(
        "one-address-missing-from-the-set",
        (faults.address_missing("premises", "207.166.94.77"),),
        not_met=ranges("permits-in", "premises", 94) | ranges("permits-out", "premises", 94),
        says=_says(
            ranges("permits-in", "premises", 94) | ranges("permits-out", "premises", 94),
            "207.166.94.77",
            "policy drop",
        ),
    ),
    Case(
        "iptables-legacy",
        (
            faults.iptables(
                *("premises", "legacy", "-A", "OUTPUT", "-d", "207.166.95.0/24"),
                *("-p", "tcp", "--dport", "2010", "-m", "conntrack", "--ctstate", "NEW"),
                *("-j", "DROP"),
            ),
        ),
        not_met={OUT, *ranges("permits-out", "premises", 95)},
        says={
            **_says(ranges("permits-out", "premises", 95), "-d 207.166.95.0/24", "legacy"),
            OUT: ("207.166.95.10:2010", "the firewall of premises stops it"),
        },
    ),
    Case(
        "iptables-nft",
        (
            faults.iptables(
                *("client1", "nft", "-A", "OUTPUT", "-p", "tcp", "--dport", "2012"),
                *("-m", "conntrack", "--ctstate", "NEW"),
                *("-j", "REJECT", "--reject-with", "icmp-admin-prohibited"),
            ),
        ),
        not_met=cells(2012, "permits-out", "client1") | cells(2012, "connects", "client1"),
        says={
            **_says(cells(2012, "permits-out", "client1"), "--dport 2012", "10.61.0.10"),
            **_says(cells(2012, "connects", "client1"), "the firewall of client1 stops it"),
        },
    ),
    Case(
        "a-rule-nobody-can-decide",
        (faults.rule("client1", "output", "tcp dport 2012 limit rate over 1000/second drop"),),
        not_verified=cells(2012, "permits-out", "client1"),
        says=_says(cells(2012, "permits-out", "client1"), "limit"),
    ),
    Case(
        "client-may-not-go-out",
        (faults.rule("client1", "output", "ip daddr 10.61.0.10 tcp dport 2012 drop"),),
        not_met=cells(2012, "permits-out", "client1") | cells(2012, "connects", "client1"),
        says={
            **_says(cells(2012, "permits-out", "client1"), "tcp dport 2012", "drop"),
            **_says(cells(2012, "connects", "client1"), "the firewall of client1 stops it"),
        },
    ),
    Case(
        "client-lets-nobody-in",
        (faults.rule("client2", "input", "tcp dport { 4510, 5638 } drop"),),
        not_met=cells(4510, "permits-in", "client2") | cells(5638, "permits-in", "client2"),
        says=_says(cells(5638, "permits-in", "client2"), "tcp dport", "5638", "drop"),
    ),
    Case(
        "a-device-between",
        (faults.on_the_wire("lan-client1", "tcp dport 2012"),),
        not_met=cells(2012, "connects", "client1"),
        says=_says(cells(2012, "connects", "client1"), "filtered", "a device between"),
    ),
    Case(
        "premises-2010-wide-open",
        (faults.nft("premises", "insert rule inet host from_lan tcp dport 2010 accept"),),
        not_met={(NARROW, "premises")},
        says={(NARROW, "premises"): ("10.61.0.", "2010")},
        advisory_only=True,
    ),
    Case(
        "edge-2010-wide-open",
        (faults.nft("edge", "insert rule inet edge from_cloud tcp dport 2010 accept"),),
        not_met={(NARROW, "edge")},
        says={(NARROW, "edge"): ("2010",)},
        advisory_only=True,
    ),
)

LISTENERS = (
    _client_connections(
        "listener-off", 2012, "off", "ECONNREFUSED", "nothing listens", listens="nothing listens"
    ),
    _client_connections(
        "listener-on-loopback", 5638, "loopback", "loopback only", listens="bound to 127.0.0.1 only"
    ),
    _client_connections(
        "listener-v6only", 2015, "v6only", "ECONNREFUSED", listens="which peers cannot reach"
    ),
    _client_connections("wrong-program", 80, "garbage", "answers with something else"),
    _client_connections("silent", 2012, "silent", "says nothing when asked"),
    _client_connections("closes", 2012, "close", "closes the connection without a word"),
    _client_connections("resets", 2015, "rst", "reset"),
    _client_connections("tls-port-without-tls", 443, "plain", "not HTTPS"),
    _client_connections(
        "policy-without-4510", 943, "grants:4502-4509", "does not grant TCP 4510", "4502-4509"
    ),
    Case("http-500-is-http", (faults.listener("premises", 2012, "http500"),)),
    Case("slow-but-in-time", (faults.listener("premises", 80, "slow:2"),)),
    Case("dual-stack", (faults.listener("premises", 2015, "dual"),)),
    Case(
        "wrong-program-on-2010",
        (faults.listener("premises", 2010, "garbage"),),
        not_met={("cloud-2010.listens", "premises"), IN},
        says={
            ("cloud-2010.listens", "premises"): ("answers with something else", "10.61.0.10:2010"),
            IN: ("answers with something else", "203.0.113.1:2010"),
        },
    ),
)

ROUTING = (
    Case(
        "dnat-missing",
        (faults.nft("edge", "flush chain ip nat prerouting"),),
        not_met={IN, *ranges("forwards-in", "edge", 94, 95)},
        says={
            **_says(ranges("forwards-in", "edge", 94, 95), "an address of the host itself"),
            IN: ("203.0.113.1:2010", "timeout", "the firewall of edge stops it"),
        },
    ),
    Case(
        "forwarding-off",
        (faults.forwarding_off("edge"),),
        not_met={OUT, IN, *BOTH_FORWARDS},
        says={
            **_says(BOTH_FORWARDS, "forward"),
            OUT: ("207.166.94.10:2010", "207.166.95.10:2010"),
        },
    ),
    Case(
        "no-route",
        (faults.no_route("premises", "207.166.94.0/24"),),
        not_met={
            *(OUT, IN),
            *ranges("permits-out", "premises", 94),
            *ranges("permits-in", "premises", 94),
        },
        says={
            **_says(ranges("permits-out", "premises", 94), "207.166.94.0/24", "route"),
            **_says(ranges("permits-in", "premises", 94), "no answer can be sent back"),
            OUT: ("207.166.94.10:2010", "EHOSTUNREACH"),
        },
    ),
    Case("every-fourth-packet-lost", (faults.loss("lan-premises", 4),)),
    # The first 30 SYNs (60 bytes each) vanish: 8 targets, each repeated 3 times or more in 4 s.
    # Only a second attempt gets through.
    Case(
        "the-first-attempts-lost",
        (
            faults.on_the_wire(
                "lan-client1", "tcp flags & (syn | ack) == syn quota until 1800 bytes"
            ),
        ),
    ),
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
        pytest.param(faults.sshd("client1", "hang"), {}, ("hangs-before-banner",), id="sshd-hangs"),
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
    """Without sudo the packet filter cannot be read: never met, and no connection is doubted."""
    faults.sudo_withdrawn("premises")(lab)

    outcome = verify(lab.inventory())

    unread = ranges("permits-in", "premises") | ranges("permits-out", "premises")
    unread |= {("host.access", "premises"), (NARROW, "premises")}
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
