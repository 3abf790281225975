"""Scripts of the fix pack on real packet filters: shown, applied, applied again, undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.fixes.changes import ChainAccept, Fix
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.fixes.posix_shell import shell_script
from tests.lab import faults
from tests.lab.fault_cases import IN, OUT
from tests.lab.verify import Cell, cells, ranges, verify
from tests.support.reports import finding, report
from tests.support.sites import site, the_plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.faults import Fault
    from tests.lab.lab import Lab

_SAVES = (
    ("nft", "--stateless", "list", "ruleset"),
    ("iptables-nft-save",),
    ("iptables-legacy-save",),
)

# What is broken, on which host, the cells that a script must fix, and what else turns with them.
CASES: dict[str, tuple[tuple[Fault, ...], str, set[Cell], set[Cell]]] = {
    "nftables-policy-drop": (
        (faults.address_missing("premises", "207.166.94.77"),),
        "premises",
        ranges("permits-in", "premises", 94) | ranges("permits-out", "premises", 94),
        set(),
    ),
    "nftables-drop-rule-behind-a-jump": (
        (faults.rule("client1", "output", "ip daddr 10.61.0.10 tcp dport 2012 drop"),),
        "client1",
        cells(2012, "permits-out", "client1"),
        cells(2012, "connects", "client1"),
    ),
    "nftables-two-base-chains": (
        (
            faults.nft(
                "client2",
                "add chain inet host later { type filter hook input priority 20; policy accept; }",
                "add rule inet host later tcp dport { 4510, 5638 } drop",
                "add rule inet host input_faults tcp dport 4510 drop",
            ),
        ),
        "client2",
        cells(4510, "permits-in", "client2") | cells(5638, "permits-in", "client2"),
        set(),
    ),
    "nftables-answers-dropped-too": (
        (faults.nft("premises", "insert rule inet host input ip saddr 207.166.95.64/26 drop"),),
        "premises",
        ranges("permits-in", "premises", 95) | ranges("permits-out", "premises", 95),
        set(),
    ),
    "iptables-legacy": (
        (
            faults.iptables(
                *("premises", "legacy", "-A", "OUTPUT", "-d", "207.166.95.0/24"),
                *("-p", "tcp", "--dport", "2010", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"),
            ),
        ),
        "premises",
        ranges("permits-out", "premises", 95),
        {OUT},
    ),
    "iptables-nft": (
        (
            faults.iptables(
                "client1", "nft", "-A", "OUTPUT", "-p", "tcp", "--dport", "2012", "-j", "REJECT"
            ),
        ),
        "client1",
        cells(2012, "permits-out", "client1"),
        cells(2012, "connects", "client1"),
    ),
    "edge-both-ways-behind-translation": (
        (faults.rule("edge", "forward", "tcp dport 2010 drop"),),
        "edge",
        ranges("forwards-in", "edge") | ranges("forwards-out", "edge"),
        {IN, OUT},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_script_shows_applies_once_and_undoes(lab: Lab, name: str) -> None:
    broken, host, fixed, turned = CASES[name]
    for fault in broken:
        fault(lab)
    inventory = lab.inventory()
    before = verify(inventory, "--wfo-fixes=fixes")
    assert set(before.verdicts) == fixed | turned, before.output
    script = inventory.parent / "fixes" / f"{host}.sh"
    found = _rulesets(lab, host)

    shown = _run(lab, host, script)
    assert _rulesets(lab, host) == found
    assert all(f"would be added: WFO {requirement}" in shown for requirement, _ in fixed)

    applied = _run(lab, host, script, "--apply")
    assert "would be" not in applied
    assert verify(inventory).verdicts == {}
    changed = _rulesets(lab, host)
    assert changed != found

    again = _run(lab, host, script, "--apply")
    assert set(_firsts(again)) == {"there already, left as it is"}
    assert _rulesets(lab, host) == changed

    assert "would be removed" in _run(lab, host, script, "--undo", "--dry-run")
    assert _rulesets(lab, host) == changed
    assert set(_firsts(_run(lab, host, script, "--undo"))) == {"removed"}
    assert _rulesets(lab, host) == found
    assert verify(inventory).verdicts == before.verdicts
    assert set(_firsts(_run(lab, host, script, "--undo"))) == {"not there"}


@pytest.mark.parametrize("name", [name for name in CASES if "iptables" not in name])
def test_a_rule_of_an_earlier_pack_for_another_address_is_no_fix_until_it_was_undone(
    lab: Lab, name: str
) -> None:
    """Such as one from before the site had another server: this fix would do nothing and say "done"."""
    broken, host, _, _ = CASES[name]
    for fault in broken:
        fault(lab)
    inventory = lab.inventory()
    verify(inventory, "--wfo-fixes=fixes")
    script = inventory.parent / "fixes" / f"{host}.sh"
    found = _rulesets(lab, host)
    earlier = inventory.parent / "earlier.sh"
    earlier.write_text(script.read_text().replace("10.61.0.10", "10.61.0.9"))
    _run(lab, host, earlier, "--apply")
    changed = _rulesets(lab, host)

    for options in ("", "--apply"):
        said, status = _run_failing(lab, host, script, options)
        assert status == 1
        assert set(_firsts(said)) >= {"FAILED"}
        assert "permits something else: --undo first, then --apply" in said
        assert "ip saddr" in said
        assert "there already" not in said
    assert _rulesets(lab, host) == changed

    _run(lab, host, script, "--undo")
    assert _rulesets(lab, host) == found
    _run(lab, host, script, "--apply")
    assert verify(inventory).verdicts == {}


@pytest.mark.parametrize("answers", [False, True], ids=["there", "back"])
def test_a_rule_for_any_addresses_is_known_again_as_nft_lists_it(
    lab: Lab, tmp_path: Path, answers: bool
) -> None:
    """nft joins adjacent networks, and tells one address without braces."""
    made = report()
    (found,) = finding("client-80.permits-in", "client", Verdict.NOT_MET).values()
    cell = next(
        each for each in the_plan(site()).cells if each.key == (found.requirement, found.host)
    )
    near = AddressSet.of(
        ("10.2.0.0/24", "10.2.1.0/24", "10.3.0.4-10.3.0.8", "10.9.9.9", "10.1.1.1")
    )
    far = AddressSet.of("10.4.0.0/16")
    accept = ChainAccept(
        "client-80.permits-in", "nft", "inet", "host", "input", near, far, 80, answers
    )
    script = tmp_path / "client.sh"
    script.write_text(shell_script(made, "client", [Fix(cell, found, (accept,))]))

    assert set(_firsts(_run(lab, "client1", script, "--apply"))) == {"added"}
    assert set(_firsts(_run(lab, "client1", script, "--apply"))) == {"there already, left as it is"}


def test_what_no_rule_can_mend_is_left_to_people(lab: Lab) -> None:
    """A missing route and a missing translation: no script, but an entry in the checklist."""
    faults.no_route("premises", "207.166.94.0/24")(lab)
    faults.nft("edge", "flush chain ip nat prerouting")(lab)
    inventory = lab.inventory()

    outcome = verify(inventory, "--wfo-fixes=fixes")

    pack = inventory.parent / "fixes"
    assert not list(pack.glob("*.sh"))
    told = (pack / "README.md").read_text()
    for requirement, host in outcome.verdicts:
        (entry,) = [part for part in _of_host(told, host) if f"- [ ] `{requirement}`" in part]
        assert "By hand" in told
        assert entry
    assert "No accept rule in a chain" in told


def _run(lab: Lab, host: str, script: Path, *options: str) -> str:
    return lab.inside(host, "sh", str(script), *options)


def _run_failing(lab: Lab, host: str, script: Path, options: str) -> tuple[str, int]:
    """What it said on both streams, and its exit status."""
    said = lab.inside(host, "sh", "-c", f"sh {script} {options} 2>&1; echo status=$?")
    told, _, status = said.rpartition("status=")
    return told, int(status)


def _rulesets(lab: Lab, host: str) -> str:
    said = "".join(lab.inside(host, *command) for command in _SAVES)
    return re.sub(r"^#.*$|\[\d+:\d+\]", "", said, flags=re.MULTILINE)  # comments and counters


def _firsts(said: str) -> list[str]:
    return [line.partition(":")[0] for line in said.splitlines()]


def _of_host(told: str, host: str) -> list[str]:
    section = told.partition(f"\n## ` {host} `\n")[2].partition("\n## ")[0]
    return section.splitlines()
