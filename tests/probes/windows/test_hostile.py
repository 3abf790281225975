"""Whatever a Windows host holds in names and texts, its answer stays whole and forges nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_wfo.core.facts import Known, Unknown
from pytest_wfo.probes.windows import read_windows, windows_script
from tests.probes.windows.cells import firewall_of
from tests.probes.windows.host import (
    REACHED,
    Answer,
    State,
    WindowsHost,
    engine_missing,
    exports,
    load,
    needs_engine,
)

NASTY = (
    "<script>alert('x')</script> & \"q\" \\u0041 \\ `$(Get-Date) \x1b[31m\x07\x01\r\n"
    '","complete":true}\n{"v":1,"platform":"windows","sections":{},"registry":{},"complete":true}\n'
    "日本語 ß é ‘’ “” \u2028 \U0001f4a5"
)
LONG = "x" * 1_000_000
XML_NASTY = "".join(char for char in NASTY if ord(char) >= 32)  # XML 1.0 has no others
DEFENDER = "root/Microsoft/Windows/Defender"
RULES = (
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
)
CULTURES = [("", ""), ("de-DE", "850"), ("ja-JP", "932"), ("tr-TR", "857"), ("ar-SA", "720")]


def rule(name: str) -> str:
    return f"v2.29|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2010|Name={name}|"


def hostile(culture: str = "", page: str = "") -> State:
    """The base state with nasty texts wherever somebody could put one."""
    state = load("base")
    cim = state["cim"]
    cim["root/cimv2:Win32_Process"]["rows"] += [
        {"ProcessId": 7001, "Name": NASTY, "ExecutablePath": f"C:\\{NASTY}"},
        {"ProcessId": 7002, "Name": LONG, "ExecutablePath": LONG},
    ]
    cim["root/cimv2:Win32_Service"]["rows"] += [
        {"Name": NASTY, "State": "Running", "StartMode": "Auto", "ProcessId": 7001,
         "PathName": f'"C:\\x.exe" --password=hunter2 {NASTY}', "StartName": NASTY},
    ]  # fmt: skip
    listener = {"LocalAddress": "0.0.0.0", "LocalPort": 4510, "OwningProcess": 7001, "State": 2}
    cim["root/StandardCimv2:MSFT_NetTCPConnection"]["rows"] += [listener]
    state["registry"][RULES][NASTY] = rule(NASTY.replace("|", ""))
    infest_antivirus(state)
    if culture:
        state["environment"] |= {"WINDOWSLAB_CULTURE": culture, "WINDOWSLAB_CODEPAGE": page}
    return state


def infest_antivirus(state: State) -> None:
    """Nasty texts wherever an antivirus or who sets it up could put one."""
    cim, registry = state["cim"], state["registry"]
    preferences = cim[f"{DEFENDER}:MSFT_MpPreference"]["rows"][0]
    for name in ("ExclusionPath", "ExclusionExtension", "ExclusionProcess"):
        preferences[name] = [NASTY, LONG[:2000]]
    status = cim[f"{DEFENDER}:MSFT_MpComputerStatus"]["rows"][0]
    status |= {"AMRunningMode": f"Normal {NASTY}", "AMProductVersion": NASTY}
    cim[f"{DEFENDER}:MSFT_MpThreatDetection"]["rows"] = [
        {"ThreatID": 1, "DetectionID": NASTY, "InitialDetectionTime": 1, "CleaningActionID": 2,
         "ActionSuccess": True, "Resources": [f"file:_C:\\{NASTY}.vid"]},
    ]  # fmt: skip
    cim[f"{DEFENDER}:MSFT_MpThreat"]["rows"] = [{"ThreatID": 1, "ThreatName": NASTY}]
    cim["root/SecurityCenter2:AntiVirusProduct"] = {
        "rows": [{"displayName": NASTY, "productState": 397568}]
    }
    uninstall = r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\x"
    registry[uninstall] = {"DisplayName": f"Antivirus {NASTY}", "DisplayVersion": NASTY}
    policy = r"HKLM\SOFTWARE\Policies\Microsoft\Windows Defender\Exclusions\Paths"
    registry[policy] |= {NASTY: "0"}
    state["tools"]["fltmc filters"]["text"] += f"{NASTY}    3   321000   0\n"
    fields = {"Path": f"file:_C:\\{XML_NASTY}", "Threat Name": XML_NASTY, "Detection ID": "x"}
    state["events"]["rows"] = [{"Id": 1117, "TimeCreated": 2, "Message": NASTY, "fields": fields}]


def ask(state: State) -> Answer:
    answer = WindowsHost(state).ask()
    assert answer.complaints == ""
    assert answer.text.isascii()
    assert answer.text.count("\n") == 1
    assert answer.facts.access.reached
    return answer


@needs_engine
@pytest.mark.parametrize(("culture", "page"), CULTURES)
@pytest.mark.parametrize("version", ["5.1.17763.5830", "7.4.6"])
def test_hostile_texts_come_through_as_text(culture: str, page: str, version: str) -> None:
    state = hostile(culture, page)
    state["environment"]["WINDOWSLAB_VERSION"] = version
    answer = ask(state)
    assert isinstance(answer.facts.processes, Known)
    named = {each.pid: each for each in answer.facts.processes.value}
    assert named[7001].name == NASTY
    assert named[7002].name == "x" * 256 + " [cut]"
    assert named[7002].command == "x" * 512 + " [cut]"
    assert isinstance(answer.facts.listeners, Known)
    (listener,) = [each for each in answer.facts.listeners.value if each.port == 4510][1:]
    assert isinstance(listener.owner, Known)
    assert listener.owner.value.process.isprintable()
    assert "\\x1b[31m" in listener.owner.value.process
    rules = {each.id: each.text for each in firewall_of(answer.facts).rules}
    assert rules[NASTY] == rule(NASTY.replace("|", ""))
    assert len(answer.text) < 80_000
    assert isinstance(answer.facts.antivirus, Known)
    found = {each.name: each for each in answer.facts.antivirus.value.products}
    assert all(name.isprintable() for name in found)
    assert len(found) == 4, "Defender, the listed, the installed and the filter"
    defender = found["Microsoft Defender Antivirus"]
    assert isinstance(defender.exclusions, Known)
    texts = [each.text for each in defender.exclusions.value]
    assert texts.count(NASTY) == 3
    assert texts.count("x" * 1024 + " [cut]") == 3
    assert isinstance(defender.removals, Known)
    assert len(defender.removals.value) == 2
    shown = [*defender.state, *defender.warnings, defender.version, *found]
    shown += [text for each in defender.removals.value for text in (each.path, each.threat)]
    assert all(text.isprintable() for text in shown)


@needs_engine
def test_arguments_of_programs_stay_on_the_host() -> None:
    assert "hunter2" not in ask(hostile()).text


@needs_engine
def test_half_a_character_becomes_a_sign_that_can_be_written() -> None:
    """Windows has such names; the lab's registry files have not, so the answer is changed."""
    state = load("base")
    state["registry"][RULES]["half HIGH"] = rule("half LOW")
    text = ask(state).text.replace("HIGH", "\\ud83d").replace("LOW", "\\udca5")
    facts = read_windows(text, REACHED, (), asked=0.0, answered=0.0)
    (found,) = [each for each in firewall_of(facts).rules if each.id.startswith("half ")]
    assert (found.id, found.text) == ("half \ufffd", rule("half \ufffd"))


@needs_engine
def test_a_value_that_hides_behind_a_name_of_powershell_is_missed_aloud() -> None:
    state = load("base")
    state["registry"][RULES]["PSPath"] = rule("hidden").replace("Allow", "Block")
    unread = firewall_of(ask(state).facts).unread
    assert [(each.area.value, each.reason) for each in unread] == [
        ("firewall rules", "local store: PowerShell does not show every one of them")
    ]


@needs_engine
def test_more_rules_than_are_carried_are_said_to_be_unread() -> None:
    state = load("base")
    state["registry"][RULES] |= {f"rule {at}": rule("y" * 900_000) for at in range(4)}
    answer = ask(state)
    reasons = [each.reason for each in firewall_of(answer.facts).unread]
    assert reasons
    assert "more text of this kind than the collector carries" in reasons[0]
    assert len(answer.text) < 8_000_000


@needs_engine
def test_a_list_that_is_cut_is_unknown() -> None:
    state = load("base")
    row: dict[str, Any] = {"Name": "x.exe", "ExecutablePath": None}
    state["cim"]["root/cimv2:Win32_Process"]["rows"] = [
        row | {"ProcessId": 4 * at} for at in range(3001)
    ]
    fact = ask(state).facts.processes
    assert isinstance(fact, Unknown)
    assert fact.reason == "processes: the host has 3001, of which 3000 were reported"


@needs_engine
def test_a_wmi_that_hangs_costs_its_own_time_only() -> None:
    state = load("base")
    slow = "root/StandardCimv2:MSFT_NetIPAddress"
    state["cim"][slow] = {"rows": state["cim"][slow]["rows"], "seconds": 3.5}
    script = windows_script(())
    assert "seconds = 40" in script
    done = WindowsHost(state).run(script.replace("seconds = 40", "seconds = 3"))
    facts = read_windows(done.stdout.decode("ascii"), REACHED, (), asked=0.0, answered=0.0)
    assert isinstance(facts.addresses, Known)
    assert isinstance(facts.identity, Known)
    assert isinstance(facts.rights, Known)
    assert isinstance(facts.processes, Unknown)
    assert "was not asked" in facts.processes.reason


@needs_engine
def test_values_of_other_types_are_unread_and_never_a_text() -> None:
    state = load("base")
    state["registry"][RULES] |= {"number": 5, "bytes": {"hex": "00ff"}, "list": ["a", "b"]}
    reasons = {each.reason for each in firewall_of(ask(state).facts).unread}
    assert reasons == {
        f"local store: the rule {name} is not a text" for name in ("number", "bytes", "list")
    }


# Not of the lab: the exports belong to others, so a machine may do without them.
@pytest.mark.skipif(bool(engine_missing()), reason=engine_missing() or "-")
@pytest.mark.skipif(exports() is None, reason="no regedit exports: set WFO_SHARED_DATA")
@pytest.mark.parametrize(
    ("name", "local", "static"),
    [("client-318-rules.reg", 318, 123), ("client-31-rules.reg", 31, 0)],
)
def test_every_rule_of_a_real_pc_arrives(name: str, local: int, static: int) -> None:
    folder = exports()
    assert folder is not None
    state = load("base")
    state["registry"] = {
        path: values for path, values in state["registry"].items() if "SharedAccess" not in path
    }
    answer = WindowsHost(state, registry=(folder / name,)).ask()
    rules = firewall_of(answer.facts).rules
    stores = [each.store.name for each in rules]
    assert (stores.count("LOCAL"), stores.count("WSH_STATIC")) == (local, static)
    assert len(rules) == local + static
    assert json.loads(answer.text)["complete"] is True
