"""The faults that turn single cells: what is broken, which cells turn, what they must say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab import faults
from tests.lab.verify import CLIENTS, Cell, cells, ranges

if TYPE_CHECKING:
    from tests.lab.faults import Fault

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
