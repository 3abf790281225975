"""Any text may come back from a host; only a whole answer is believed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts, Known, Reach, Target, Transport, Unknown
from pytest_wfo.probes.posix import read_posix
from tests.probes.posix_host import REACHED

DATA = Path(__file__).with_name("data")
RECORDED = {path.stem: path.read_text("ascii") for path in sorted(DATA.glob("posix-*.txt"))}
TARGETS = (Target("192.0.2.1", 2010, Transport.HTTP, "premises"),)
FACTS = [each.name for each in fields(HostFacts) if each.name not in {"access", "files"}]


def read(text: str) -> HostFacts:
    return read_posix(text, REACHED, TARGETS, asked=1000.0, answered=1001.0)


def assert_nothing_is_claimed(facts: HostFacts) -> None:
    assert facts.access.reason == "answer-unreadable"
    assert not facts.access.reached
    assert facts.files == {}
    for name in FACTS:
        fact = getattr(facts, name)
        assert isinstance(fact, Unknown)
        assert fact.reason.startswith("answer unreadable: ")


@given(st.text())
@settings(max_examples=200)
def test_any_text_is_unreadable_and_nothing_is_claimed(text: str) -> None:
    assert_nothing_is_claimed(read(text))


@pytest.mark.parametrize("name", RECORDED)
def test_a_cut_off_answer_claims_nothing(name: str) -> None:
    text = RECORDED[name].rstrip("\n")
    for size in range(0, len(text), 61):
        assert_nothing_is_claimed(read(text[:size]))
    assert_nothing_is_claimed(read(text[:-1]))


@pytest.mark.parametrize("name", RECORDED)
@given(data=st.data())
@settings(max_examples=150)
def test_a_damaged_answer_never_raises(name: str, data: st.DataObject) -> None:
    text = RECORDED[name]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        size = data.draw(st.integers(0, 40))
        text = text[:at] + data.draw(st.text(max_size=20)) + text[at + size :]
    assert isinstance(read(text), HostFacts)


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
NAMES = sorted(
    {
        *json.loads(RECORDED["posix-root"])["sections"],
        *json.loads(RECORDED["posix-nobody"])["sections"],
        *("probes", "tcp", "tcp6", "ifconfig", "clock_end", "ip_tables_names", "iptables"),
    }
)
LINES = st.sampled_from(
    [line for text in RECORDED.values() for s in json.loads(text)["sections"].values()
     for line in s["out"].splitlines()] + ["0\topen\tsaid\t1\t0\t\tzz\t", "*filter", "engine\tx"]
)  # fmt: skip
WORDS = st.lists(LINES | st.text(), max_size=6).map("\n".join)


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.fixed_dictionaries(
            {
                "rc": st.sampled_from([0, 1, 126, 127]),
                "as": st.sampled_from(["user", "root", "sudo", "none"]),
                "out": WORDS,
                "err": WORDS,
            }
        )
        | ANYTHING,
    )
)
@settings(max_examples=300)
def test_sections_of_any_content_never_raise(sections: dict[str, Any]) -> None:
    facts = read(json.dumps({"v": 1, "sections": sections, "complete": True}))
    assert isinstance(facts, HostFacts)
    if isinstance(facts.probes, Known):
        assert {each.target for each in facts.probes.value} <= set(TARGETS)


def test_no_sections_give_no_fact_at_all() -> None:
    facts = read('{"v":1,"sections":{},"complete":true}')
    assert facts.access.reached
    for name in FACTS:
        assert isinstance(getattr(facts, name), Unknown), name


# Without "iptables_nft" the same rules are read as nft shows them.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "iptables_nft"])
def test_a_lost_section_is_never_read_as_nothing(name: str) -> None:
    """Taking one section away may only make facts unknown, never change what is known."""
    document = json.loads(RECORDED["posix-root"])
    whole = read(json.dumps(document))
    document["sections"].pop(name, None)
    without = read(json.dumps(document))
    for fact in FACTS:
        before, after = getattr(whole, fact), getattr(without, fact)
        if isinstance(after, Known) and before != after:
            # What is left of identity and system is less; a packet filter names what is missing.
            assert fact in {"identity", "system"} or after.value.unread, fact


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": 2}, "another version"),
        ({"complete": False}, "not complete"),
        ({"sections": []}, "not complete"),
        ({"error": "awk is not installed"}, "awk is not installed"),
    ],
)
def test_the_reason_is_said(change: dict[str, Any], why: str) -> None:
    text = json.dumps({"v": 1, "sections": {}, "complete": True} | change)
    facts = read(text)
    assert_nothing_is_claimed(facts)
    assert why in facts.access.message


def test_what_the_host_said_instead_is_shown_without_its_control_characters() -> None:
    facts = read("This account is not available.\x1b[31m\n")
    assert 'the host said "This account is not available.\\x1b[31m"' in facts.access.message


def test_a_banner_around_the_answer_is_passed_over() -> None:
    text = "Welcome!\n" + RECORDED["posix-root"] + "logout\n"
    assert read(text) == read(RECORDED["posix-root"])


def test_a_host_that_tried_nothing_leaves_every_target_unmeasured() -> None:
    empty = {"rc": 0, "as": "user", "out": "0 192.0.2.1 2010 http\nengine\tnone", "err": ""}
    facts = read(json.dumps({"v": 1, "sections": {"probes": empty}, "complete": True}))
    assert isinstance(facts.probes, Known)
    assert [each.reach for each in facts.probes.value] == [Reach.UNMEASURED]
