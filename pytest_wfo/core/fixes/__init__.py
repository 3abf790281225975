"""From the not-met findings of a run to what would fix them. Pure: nothing is changed anywhere.

A change is proposed only if the check itself, asked about the host as it would be after the change,
answers "met". Everything else is left to people, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.changes import Fix
from pytest_wfo.core.fixes.defender import fix_defender
from pytest_wfo.core.fixes.linux import fix_linux
from pytest_wfo.core.fixes.windows import fix_windows
from pytest_wfo.core.packet_filter import PacketFilter
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.core.windows_firewall import WindowsFirewall

POLICY_CLAIMS = frozenset(
    (Claim.PERMITS_IN, Claim.PERMITS_OUT, Claim.FORWARDS_IN, Claim.FORWARDS_OUT)
)
_EXCLUSIONS = (Claim.EXCLUDED_MEMORY_RESIDENT, Claim.EXCLUDED_ON_DEMAND)


def fixes(
    cells: Iterable[Cell], findings: Iterable[Finding], site_facts: SiteFacts
) -> tuple[Fix, ...]:
    """One fix for each not-met finding, in the order of ``cells``; no other cell has one."""
    found = {(finding.requirement, finding.host): finding for finding in findings}
    order = [cell for cell in cells if _is_not_met(found.get(cell.key))]
    by_host: dict[str, list[tuple[Cell, Finding]]] = {}
    for cell in order:
        by_host.setdefault(cell.host.name, []).append((cell, found[cell.key]))
    fixed: dict[tuple[str, str], Fix] = {}
    for asked in by_host.values():
        for fix in _of_host(asked, site_facts):
            fixed[fix.cell.key] = fix
    return tuple(fixed[cell.key] for cell in order)


def by_host(fixes: Iterable[Fix]) -> Mapping[str, tuple[Fix, ...]]:
    """The fixes of each host, in their order."""
    grouped: dict[str, list[Fix]] = {}
    for fix in fixes:
        grouped.setdefault(fix.cell.host.name, []).append(fix)
    return {name: tuple(group) for name, group in grouped.items()}


def _is_not_met(finding: Finding | None) -> bool:
    return finding is not None and finding.verdict is Verdict.NOT_MET


def _of_host(asked: list[tuple[Cell, Finding]], site_facts: SiteFacts) -> list[Fix]:
    host = asked[0][0].host
    firewall = site_facts.of(host).firewall
    policy = [each for each in asked if each[0].requirement.claim in POLICY_CLAIMS]
    found: list[Fix] = []
    if isinstance(firewall, Known) and isinstance(firewall.value, WindowsFirewall):
        known = Known(firewall.value, firewall.source)
        found += fix_windows(host, known, policy, site_facts)
    elif isinstance(firewall, Known) and isinstance(firewall.value, PacketFilter):
        rules = Known(firewall.value, firewall.source)
        found += [fix_linux(*each, rules, site_facts) for each in policy]
    antivirus = site_facts.of(host).antivirus
    if isinstance(antivirus, Known):
        found += [
            fix_defender(*each, antivirus, site_facts)
            for each in asked
            if each[0].requirement.claim in _EXCLUSIONS
        ]
    done = {fix.cell.key for fix in found}
    found += [
        Fix(cell, finding, by_hand=finding.judgement.remedy or finding.judgement.summary)
        for cell, finding in asked
        if cell.key not in done
    ]
    return found
