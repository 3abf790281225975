"""Rules of real Windows clients, read from regedit exports where there are any.

``WFO_SHARED_DATA`` names the folder with ``windows-firewall/*.reg``; without it, ``shared/data``
beside the checkout is tried.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_parse import KNOWN_CONDITIONS, parse_rule
from pytest_wfo.core.windows_rules import Store, WindowsRule, format_rule
from tests.core.windows.hosts import ask, host, listener

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
_FOLDER = Path(os.environ.get("WFO_SHARED_DATA") or _BESIDE) / "windows-firewall"
EXPORTS = sorted(_FOLDER.glob("*.reg"))
KEYS = {
    "\\Parameters\\FirewallPolicy\\FirewallRules]": Store.LOCAL,
    "\\RestrictedServices\\Static\\System]": Store.WSH_STATIC,
    "\\RestrictedServices\\AppIso\\FirewallRules]": Store.WSH_CONFIG,
    "\\Defaults\\FirewallPolicy\\FirewallRules]": Store.LOCAL,
}

pytestmark = pytest.mark.skipif(
    not EXPORTS, reason="no regedit exports here: set WFO_SHARED_DATA to a folder that has them"
)


def rules_of(path: Path) -> Iterator[tuple[str, WindowsRule]]:
    """The key's ending and the rule."""
    key = ""
    for line in path.read_text("utf-16").splitlines():
        if line.startswith("["):
            key = next((ending for ending in KEYS if line.endswith(ending)), "")
        value = re.fullmatch(r'"(.*?)"="(.*)"', line)
        if key and value:
            text = value[2].replace('\\"', '"').replace("\\\\", "\\")
            yield key, parse_rule(KEYS[key], value[1].replace("\\\\", "\\"), text)


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_every_rule_is_understood_and_valid(path: Path) -> None:
    found = [rule for _, rule in rules_of(path)]
    assert len(found) >= 31
    unknown = {
        token.partition("=")[0]
        for rule in found
        for token in rule.conditions
        if token.partition("=")[0].lower() not in KNOWN_CONDITIONS
    }
    assert unknown == set()
    assert [(rule.id, rule.problems) for rule in found if rule.problems] == []


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_every_rule_survives_writing(path: Path) -> None:
    for _, rule in rules_of(path):
        assert parse_rule(rule.store, rule.id, format_rule(rule)) == rule


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_no_client_opens_the_vendors_port_to_the_cloud_by_itself(path: Path) -> None:
    rules = [
        rule for key, rule in rules_of(path) if "\\Defaults\\" not in key and "AppIso" not in key
    ]
    pieces = ask(host(*rules), listener("C:\\Program Files\\CallCopy\\cc_screencapserver.exe"))
    assert {piece.decision for piece in pieces} <= {Decision.DENIED, Decision.UNDECIDED}
    outbound = ask(host(*rules), listener("C:\\x.exe"), Direction.OUT)
    assert all(piece.decision is not Decision.DENIED for piece in outbound)
