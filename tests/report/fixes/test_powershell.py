"""Scripts for Windows hosts in a real PowerShell engine, over cmdlets that record what they change."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.facts import Known
from pytest_wfo.core.fixes.changes import DefenderExclusion, ExclusionList, Fix, WindowsAllow
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_rules import ALL_PROFILES
from pytest_wfo.report.fixes.pack import pack
from pytest_wfo.report.fixes.powershell import powershell_script
from tests.core.windows.hosts import ETHERNET
from tests.core.windows.hosts import host as windows
from tests.probes.windows.host import PWSH, WindowsHost, load, needs_engine
from tests.report.fixes.saying import saying
from tests.support.reports import report
from tests.support.sites import CLIENT, PREMISES, healthy_site, site, the_plan, with_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
GRAMMAR = HERE.parents[1] / "probes" / "windows" / "grammar.ps1"
OF = site()
CELLS = the_plan(OF).cells
INTERFACE = replace(ETHERNET, addresses=(f"{CLIENT}/24",), gateways=("10.61.0.1",))
FACTS = with_facts(
    healthy_site(OF), "client", firewall=Known(windows(interfaces=[INTERFACE]), "registry")
)
HOSTILE = (
    "x'; New-Item C:\\pwned; 'y ’; Remove-Item C:\\ ‘ “ $(Stop-Computer) `$(1) #> */ \r\n"
    'Write-Call "pwned"\u2028Write-Call pwned\n# SIG # Begin signature block\n# <STEPS>\n'
)
OTHERS = {"Name": "Other", "Description": "somebody's", "Enabled": "True"}


def script(words: str = "") -> str:
    made = report(OF, FACTS)
    return pack(saying(made, words) if words else made, CELLS, FACTS)["client.ps1"]


@dataclass(frozen=True)
class Host:
    """A Windows host that has the script, and the rules of its firewall."""

    folder: Path

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        # The lab's -File loses the script's exit code.
        call = f"& '{self.folder}/client.ps1' {' '.join(options)}; exit $LASTEXITCODE"
        return subprocess.run(
            [str(PWSH), "-NoProfile", "-OutputFormat", "Text", "-Command", call],
            capture_output=True,
            text=True,
            timeout=120,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "WINDOWSLAB_MODULES": str(HERE / "windows.psm1"),
                "WFO_RULES": str(self.folder / "rules.json"),
                "WFO_LISTS": str(self.folder / "lists.json"),
                "WFO_CALLS": str(self.folder / "calls"),
                **environment,
            },
        )

    @property
    def rules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "rules.json").read_text())
        return found

    @property
    def lists(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "lists.json").read_text())
        return found

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


def host(
    folder: Path, text: str, *rules: Mapping[str, object], lists: Mapping[str, object] | None = None
) -> Host:
    (folder / "client.ps1").write_text(text, "ascii")
    (folder / "rules.json").write_text(json.dumps(rules))
    (folder / "lists.json").write_text(json.dumps(lists or {}))
    (folder / "calls").touch()
    return Host(folder)


WANTED = {f"WFO {cell.requirement.id}" for cell in CELLS if cell.requirement.claim == "permits-in"}
WANTED = {name for name in WANTED if "cloud-range" not in name}


@needs_engine
def test_without_options_it_shows_everything_and_changes_nothing(tmp_path: Path) -> None:
    client = host(tmp_path, script(), OTHERS)

    done = client.run()

    assert (done.returncode, done.stderr) == (0, "")
    assert all(f'on target "{name}: TCP' in done.stdout for name in WANTED), done.stdout
    assert done.stdout.count("What if:") == len(WANTED)
    assert (client.rules, client.calls) == ([OTHERS], [])


@needs_engine
@pytest.mark.parametrize("words", ["", HOSTILE], ids=["plain", "hostile"])
def test_apply_adds_exactly_the_rules_once_and_undo_takes_them_back(
    tmp_path: Path, words: str
) -> None:
    client = host(tmp_path, script(words), OTHERS)

    done = client.run("-Apply")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(client.calls) == sorted(f"new {name}" for name in WANTED)
    added = {rule["Name"]: rule for rule in client.rules if rule != OTHERS}
    assert added.keys() == WANTED
    rule = added["WFO client-2012.permits-in"]
    assert rule.pop("Description").startswith("Made by pytest-wfo")
    assert rule == {
        "Name": "WFO client-2012.permits-in",
        "DisplayName": "WFO client-2012.permits-in",
        "Direction": "Inbound",
        "Action": "Allow",
        "Enabled": "True",
        "Protocol": "TCP",
        "LocalPort": ["2012"],
        "RemotePort": None,
        "RemoteAddress": [PREMISES],
        "Profile": "Domain",
    }

    again = client.run("-Apply")
    assert (again.returncode, again.stdout.count("there already")) == (0, len(WANTED))
    assert len(client.calls) == len(WANTED)

    assert client.run("-Undo", "-WhatIf").stdout.count("What if:") == len(WANTED)
    assert len(client.calls) == len(WANTED)

    undone = client.run("-Undo")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert client.rules == [OTHERS]
    assert client.run("-Undo").stdout.count("not there") == len(WANTED)


@needs_engine
@pytest.mark.parametrize("option", ["-Apply", "-Undo"])
def test_a_rule_of_the_same_name_by_somebody_else_is_left_alone_and_told(
    tmp_path: Path, option: str
) -> None:
    theirs = {**OTHERS, "Name": "WFO client-2012.permits-in"}
    client = host(tmp_path, script(), theirs)

    done = client.run(option)

    assert done.returncode == 1
    assert "not made by this tool" in done.stdout + done.stderr
    assert theirs in client.rules
    assert not any("client-2012.permits-in" in call for call in client.calls)


@needs_engine
def test_a_rule_of_ours_that_was_disabled_is_no_fix(tmp_path: Path) -> None:
    ours = {
        "Name": "WFO client-2012.permits-in",
        "Description": "Made by pytest-wfo: x",
        "Enabled": "False",
    }
    client = host(tmp_path, script(), ours)

    done = client.run("-Apply")

    assert done.returncode == 1
    assert "disabled" in done.stdout + done.stderr


@needs_engine
@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            {"RemoteAddress": ["10.61.0.9", PREMISES]},
            f"RemoteAddress 10.61.0.9, {PREMISES} instead of {PREMISES}",
        ),
        ({"RemoteAddress": None}, f"RemoteAddress Any instead of {PREMISES}"),
        ({"LocalPort": ["2013"]}, "LocalPort 2013 instead of 2012"),
        ({"RemotePort": ["2012"]}, "RemotePort 2012 instead of Any"),
        ({"Profile": "Private"}, "Profile Private instead of Domain"),
        ({"Action": "Block"}, "Action Block instead of Allow"),
        ({"Direction": "Outbound"}, "Direction Outbound instead of Inbound"),
    ],
    ids=["earlier-server-too", "anybody", "port", "far-port", "profile", "block", "direction"],
)
def test_a_rule_of_ours_for_something_else_is_no_fix_until_it_was_undone(
    tmp_path: Path, other: Mapping[str, object], told: str
) -> None:
    """Such as one of an earlier pack, from before the site had another server."""
    name = "WFO client-2012.permits-in"
    client = host(tmp_path, script(), OTHERS)
    assert client.run("-Apply").returncode == 0
    wanted = client.rules
    changed = [{**rule, **other} if rule["Name"] == name else rule for rule in wanted]
    (tmp_path / "rules.json").write_text(json.dumps(changed))

    for options in ((), ("-Apply",)):
        done = client.run(*options)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 1
        assert f"FAILED: {name}: it is there, but with {told}: -Undo first, then -Apply" in said
        assert said.count("there already") == len(WANTED) - 1
    assert client.rules == changed

    assert client.run("-Undo").returncode == 0
    assert client.run("-Apply").returncode == 0
    assert {rule["Name"]: rule for rule in client.rules} == {rule["Name"]: rule for rule in wanted}


@needs_engine
def test_networks_and_ranges_are_the_same_however_windows_tells_them(tmp_path: Path) -> None:
    made = report(OF, FACTS)
    found = {(finding.requirement, finding.host): finding for finding in made.findings}
    cell = next(cell for cell in CELLS if cell.requirement.claim == "permits-in")
    remote = AddressSet.of(("207.166.94.0/24", "10.0.0.1-10.0.0.6", "10.9.0.0/16", "10.1.2.3"))
    allow = WindowsAllow("WFO x", Direction.IN, 2010, remote, ALL_PROFILES)
    client = host(
        tmp_path, powershell_script(made, "client", [Fix(cell, found[cell.key], (allow,))])
    )

    assert client.run("-Apply").returncode == 0
    (rule,) = client.rules
    rule["RemoteAddress"] = [
        "10.9.0.0/255.255.0.0", "207.166.94.0-207.166.94.255", "10.1.2.3/255.255.255.255",
        "10.0.0.1", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32",
    ]  # fmt: skip
    (tmp_path / "rules.json").write_text(json.dumps([rule]))
    again = client.run("-Apply")

    assert (again.returncode, again.stdout.count("there already")) == (0, 1)


@needs_engine
def test_without_rights_each_step_says_that_it_failed(tmp_path: Path) -> None:
    client = host(tmp_path, script(), OTHERS)

    done = client.run("-Undo", WFO_DENIED="1")

    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("Access is denied") == len(WANTED)
    assert "not there" not in done.stdout


@needs_engine
def test_apply_and_undo_together_are_refused(tmp_path: Path) -> None:
    client = host(tmp_path, script(), OTHERS)

    done = client.run("-Apply", "-Undo")

    assert done.returncode != 0
    assert client.calls == []


LISTS = {"ExclusionPath": ["D:\\own"], "ExclusionExtension": ["log"], "ExclusionProcess": None}
ENTRIES = (
    DefenderExclusion(ExclusionList.PATH, "C:\\temp"),
    DefenderExclusion(ExclusionList.PATH, "C:\\it’s $(odd) é\\Logs"),
    DefenderExclusion(ExclusionList.EXTENSION, "log"),
    DefenderExclusion(ExclusionList.EXTENSION, "vid"),
    DefenderExclusion(ExclusionList.PROCESS, "cc_loggerservice.exe"),
)
EXCLUDED = {
    "ExclusionPath": ["D:\\own", "C:\\temp", "C:\\it’s $(odd) é\\Logs"],
    "ExclusionExtension": ["log", "vid"],
    "ExclusionProcess": ["cc_loggerservice.exe"],
}


def excluding() -> str:
    """A script that only adds exclusions; ".log" is there before."""
    made = report(OF, FACTS)
    found = {(finding.requirement, finding.host): finding for finding in made.findings}
    cell = next(cell for cell in CELLS if cell.requirement.claim == "excluded-on-demand")
    return powershell_script(made, "premises", [Fix(cell, found[cell.key], ENTRIES)])


def as_lists(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """PowerShell writes a list of one as its element in some places."""
    return {
        name: [value] if isinstance(value, str) else value or [] for name, value in found.items()
    }


@needs_engine
def test_exclusions_are_shown_added_once_and_taken_back_but_for_those_there_before(
    tmp_path: Path,
) -> None:
    server = host(tmp_path, excluding(), lists=LISTS)

    shown = server.run()
    assert (shown.returncode, shown.stderr, shown.stdout.count("What if:")) == (0, "", 4)
    assert (as_lists(server.lists), server.calls) == (as_lists(LISTS), [])
    assert not list(tmp_path.glob("*.added.txt"))

    done = server.run("-Apply")
    assert (done.returncode, done.stderr, done.stdout.count("added: ")) == (0, "", 4)
    assert as_lists(server.lists) == EXCLUDED

    again = server.run("-Apply")
    assert (again.returncode, again.stdout.count("there already")) == (0, 5)
    assert len(server.calls) == 4

    assert server.run("-Undo", "-WhatIf").stdout.count("What if:") == 4
    assert as_lists(server.lists) == EXCLUDED
    undone = server.run("-Undo")
    assert (undone.returncode, undone.stderr, undone.stdout.count("removed: ")) == (0, "", 4)
    assert as_lists(server.lists) == as_lists(LISTS)
    assert server.run("-Undo").stdout.count("not added by this script") == 5
    assert not list(tmp_path.glob("*.added.txt"))


@needs_engine
def test_an_exclusion_that_a_policy_keeps_out_is_no_success(tmp_path: Path) -> None:
    server = host(tmp_path, excluding(), lists=LISTS)

    done = server.run("-Apply", WFO_MANAGED="1")

    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("a policy or tamper protection") == 4
    assert "added: " not in done.stdout


@needs_engine
def test_lists_that_are_hidden_are_not_taken_for_empty(tmp_path: Path) -> None:
    hidden = {name: ["N/A: Must be an administrator to view exclusions"] for name in LISTS}
    server = host(tmp_path, excluding(), lists=hidden)

    done = server.run("-Apply")

    assert (done.returncode, server.calls) == (1, [])
    assert "cannot be read" in done.stdout + done.stderr


@needs_engine
@pytest.mark.parametrize(
    "text", [script(), script(HOSTILE), excluding()], ids=["plain", "hostile", "exclusions"]
)
def test_the_parser_finds_no_error_and_nothing_newer_than_powershell_3(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "client.ps1"
    file.write_text(text, "ascii")
    state = load("base")
    state["environment"] = {"WFO_SCRIPT": str(file)}
    done = WindowsHost(state).run(GRAMMAR.read_text("ascii"))
    assert done.stderr == b""
    found = json.loads(done.stdout)

    assert (found["errors"], found["newer"]) == ([], [])
    assert {command["name"] for command in found["commands"]} <= {
        *("Set-StrictMode", "Get-NetFirewallRule", "New-NetFirewallRule", "Remove-NetFirewallRule"),
        *("Get-NetFirewallPortFilter", "Get-NetFirewallAddressFilter"),
        *(
            "Where-Object",
            "ForEach-Object",
            "Sort-Object",
            "Write-Output",
            "Write-Warning",
            "Out-Null",
        ),
        *("Find-WfoFirewallRule", "Compare-WfoFirewallRule", "Set-WfoFirewallRule"),
        *("Get-WfoNumber", "Get-WfoRange", "Set-WfoExclusion", "Test-WfoExclusion"),
        *("Get-MpPreference", "Add-MpPreference", "Remove-MpPreference"),
        *("Read-WfoJournal", "Save-WfoJournal"),
        *("Test-Path", "Get-Content", "Set-Content", "Remove-Item"),
    }


@pytest.mark.parametrize(
    "text", [script(), script(HOSTILE), excluding()], ids=["plain", "hostile", "exclusions"]
)
def test_another_parser_finds_no_error_either(text: str) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))

    assert not parser.parse(text.encode()).root_node.has_error
