"""Allow rules for the Windows Firewall, as far as an allow rule can help.

Block goes before Allow ([MS-FASP] 2.2.34), and a policy may make local rules void or shut out all
inbound connections (2.2.38): so each rule is put into the model of the host, and the check is asked
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_wfo.core.checks import judge_cell
from pytest_wfo.core.checks.firewall import question_of
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.changes import Fix, WindowsAllow, rule_name
from pytest_wfo.core.hosts import Host
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.policy import Direction, Flow
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Finding, Judgement, Verdict
from pytest_wfo.core.windows_firewall import WindowsFirewall
from pytest_wfo.core.windows_rules import (
    ALL_PROFILES,
    TCP,
    Action,
    Addresses,
    Ports,
    Store,
    WindowsRule,
)

_KEEPER = (
    "A rule or setting of a GPO or of MDM is changed by those who keep that policy; a local block "
    "rule by those who keep this host."
)


def fix_windows(
    host: Host,
    firewall: Known[WindowsFirewall],
    asked: Iterable[tuple[Cell, Finding]],
    site_facts: SiteFacts,
) -> list[Fix]:
    """An allow rule for each not-met cell of one host that it helps; by hand for the others."""
    helpless: list[Fix] = []
    left = {}
    for cell, finding in asked:
        question = question_of(cell, site_facts)
        if isinstance(question, Judgement):
            helpless.append(Fix(cell, finding, by_hand=finding.judgement.remedy))
        else:
            left[cell.key] = (cell, finding, _allow(cell, question, firewall.value))
    # Only rules that help are written, so those that help are asked again without the others.
    while left:
        rules = tuple(_as_rule(allow) for _, _, allow in left.values())
        supposed = _with_rules(host, firewall, rules, site_facts)
        judged = {key: judge_cell(cell, supposed).judgement for key, (cell, _, _) in left.items()}
        failed = [key for key, judgement in judged.items() if judgement.verdict is not Verdict.MET]
        if not failed:
            break
        for key in failed:
            cell, finding, _ = left.pop(key)
            helpless.append(Fix(cell, finding, by_hand=_told(finding, judged[key])))
    return [*(Fix(cell, finding, (allow,)) for cell, finding, allow in left.values()), *helpless]


def _allow(cell: Cell, question: Flow, firewall: WindowsFirewall) -> WindowsAllow:
    inward = question.direction is Direction.IN
    profiles = [interface.profile for interface in firewall.interfaces]
    known = frozenset(profile for profile in profiles if profile is not None)
    return WindowsAllow(
        rule_name(cell.requirement.id),
        question.direction,
        question.port,
        question.sources if inward else question.destinations,
        known if known and None not in profiles else ALL_PROFILES,
    )


def _as_rule(allow: WindowsAllow) -> WindowsRule:
    ports = Ports(((allow.port, allow.port),))
    inward = allow.direction is Direction.IN
    return WindowsRule(
        Store.LOCAL,
        allow.name,
        action=Action.ALLOW,
        active=True,
        direction=allow.direction,
        protocol=TCP,
        profiles=allow.profiles,
        local_ports=ports if inward else None,
        remote_ports=None if inward else ports,
        remote=Addresses(allow.remote.intervals),
        name=allow.name,
    )


def _with_rules(
    host: Host,
    firewall: Known[WindowsFirewall],
    rules: tuple[WindowsRule, ...],
    site_facts: SiteFacts,
) -> SiteFacts:
    supposed = replace(firewall.value, rules=(*firewall.value.rules, *rules))
    facts = replace(site_facts.of(host), firewall=Known(supposed, firewall.source))
    return replace(site_facts, hosts={**site_facts.hosts, host.name: facts})


def _told(finding: Finding, supposed: Judgement) -> str:
    """What is to blame, in the words of the check that was asked about the host with the rule."""
    seen = supposed.evidence[0].statement if supposed.evidence else supposed.summary
    return (
        f"A local allow rule does not help: with one, still {supposed.verdict.value}: {seen}. "
        f"{_KEEPER} {finding.judgement.remedy}"
    )
