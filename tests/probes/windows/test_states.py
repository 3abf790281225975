"""The real script in a real engine, in every state a host can be in, and what is read from it."""

from __future__ import annotations

import json
from functools import cache

import pytest

from pytest_wfo.core.facts import Known, Unknown
from tests.probes.windows.cells import cells_of
from tests.probes.windows.expected import summary
from tests.probes.windows.host import STATES, Answer, WindowsHost, load, needs_engine

FILES = (
    "C:\\temp",
    "C:\\temp\\busy.log",
    "C:\\Program Files\\CallCopy\\Logs\\a.log",
    "C:\\nowhere",
)
NAMES = sorted(path.stem for path in STATES.glob("*.json"))


@cache
def answer_of(name: str) -> Answer:
    return WindowsHost(load(name)).ask(files=FILES)


@needs_engine
@pytest.mark.parametrize("name", NAMES)
def test_a_host_is_described_as_it_is(name: str) -> None:
    answer = answer_of(name)
    assert answer.complaints == ""
    assert answer.text.isascii()
    assert answer.text.count("\n") == 1
    assert answer.facts.access.reached
    found = summary(answer.text, answer.facts)
    expected = dict(load(name)["expected"])
    expected.pop("cells")
    assert {key: found[key] for key in expected} == expected


@needs_engine
@pytest.mark.parametrize("name", NAMES)
def test_its_firewall_does_with_each_flow_what_windows_would(name: str) -> None:
    answer, state = answer_of(name), load(name)
    assert cells_of(answer.facts, state["flows"]) == state["expected"]["cells"]


@needs_engine
@pytest.mark.parametrize("name", ["german", "japanese", "powershell-3", "powershell-7"])
def test_language_and_version_change_no_fact(name: str) -> None:
    base, other = answer_of("base"), answer_of(name)
    for fact in (
        "identity",
        "system",
        "rights",
        "addresses",
        "routes",
        "listeners",
        "processes",
        "services",
        "antivirus",
        "firewall",
    ):
        assert getattr(other.facts, fact) == getattr(base.facts, fact), fact


@needs_engine
def test_constrained_language_costs_only_what_needs_dotnet() -> None:
    sections = json.loads(answer_of("constrained").text)["sections"]
    assert {name for name, body in sections.items() if not body["ok"]} == {
        "products",
        "security_center",
        "av_center",
        "av_events",
    }


@needs_engine
def test_the_clock_is_read_to_the_fraction_of_a_second() -> None:
    clock = answer_of("base").facts.clock
    assert isinstance(clock, Known)
    assert abs(clock.value.offset) <= clock.value.uncertainty + 0.001


@needs_engine
def test_what_a_lesser_user_may_not_see_is_said() -> None:
    facts = answer_of("non-admin").facts
    assert isinstance(facts.rights, Known)
    assert facts.rights.value.elevated == "none"
    facts = answer_of("uac-filtered").facts
    assert isinstance(facts.rights, Known)
    assert "UAC" in facts.rights.value.detail


@needs_engine
def test_a_silent_wmi_is_named_with_its_number() -> None:
    fact = answer_of("broken-wmi").facts.listeners
    assert isinstance(fact, Unknown)
    assert "Initialization failure (HRESULT 0x80041014" in fact.reason
