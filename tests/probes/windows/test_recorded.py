"""The reader on recorded answers, whole, cut off, damaged and invented. Needs no PowerShell."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import Heard, HostFacts, Known, Reach, Target, Transport, Unknown
from pytest_wfo.probes.envelope import UnreadableError
from pytest_wfo.probes.windows import read_windows
from pytest_wfo.probes.windows_envelope import read_answer
from tests.probes.windows.cells import cells_of
from tests.probes.windows.expected import summary
from tests.probes.windows.host import REACHED, RECORDED, load

ANSWERS = {path.stem: path.read_text("ascii") for path in sorted(RECORDED.glob("*.txt"))}
TARGETS = (Target("127.0.0.1", 1, Transport.TCP, "premises"),)
FACTS = [each.name for each in fields(HostFacts) if each.name not in {"access", "files"}]


def read(text: str) -> HostFacts:
    return read_windows(text, REACHED, TARGETS, asked=1000.0, answered=1001.0)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_recorded_answer_means_what_its_state_expects(name: str) -> None:
    text, state = ANSWERS[name], load(name)
    expected = dict(state["expected"])
    cells = expected.pop("cells")
    facts = read(text)
    found = summary(text, facts)
    assert {key: found[key] for key in expected} == expected
    assert cells_of(facts, state["flows"]) == cells


@pytest.mark.parametrize("name", ["german", "japanese", "powershell-3", "powershell-7"])
def test_language_and_version_change_no_fact(name: str) -> None:
    base, other = read(ANSWERS["base"]), read(ANSWERS[name])
    assert {each: getattr(base, each) for each in FACTS if each not in {"clock", "probes"}} == {
        each: getattr(other, each) for each in FACTS if each not in {"clock", "probes"}
    }


def test_connections_are_told_or_why_there_are_none() -> None:
    def probe(name: str) -> tuple[Reach, Heard, str]:
        fact = read(ANSWERS[name]).probes
        assert isinstance(fact, Known)
        (only,) = fact.value
        return only.reach, only.heard, only.detail

    assert probe("base") == (Reach.REFUSED, Heard.NOT_ASKED, "WSAECONNREFUSED")
    reach, heard, detail = probe("constrained")
    assert (reach, heard) == (Reach.UNMEASURED, Heard.UNMEASURED)
    assert "ConstrainedLanguage" in detail


def test_lines_around_the_answer_are_passed_over() -> None:
    text = ANSWERS["base"]
    banner = 'Authorized use only {"v":1}\r\n'
    assert read(banner + text + "\nbye\n") == read(text)


def assert_nothing_is_claimed(facts: HostFacts) -> None:
    assert facts.access.reason == "answer-unreadable"
    assert facts.files == {}
    for name in FACTS:
        fact = getattr(facts, name)
        assert isinstance(fact, Unknown)
        assert fact.reason.startswith("answer unreadable: ")


@given(st.text())
@settings(max_examples=200)
def test_any_text_is_unreadable_and_nothing_is_claimed(text: str) -> None:
    assert_nothing_is_claimed(read(text))


@pytest.mark.parametrize("name", ["base", "japanese"])
def test_a_cut_off_answer_claims_nothing(name: str) -> None:
    text = ANSWERS[name].rstrip()
    for size in [*range(0, len(text), 61), len(text) - 1]:
        assert_nothing_is_claimed(read(text[:size]))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the host said nothing"),
        ("The term 'x' is not recognized\x1b[0m", "the host said \"The term 'x' is not rec"),
        ('{"v":1,"sections":{},"complete":true}', "not one of the Windows collector"),
        ('{"v":1,"platform":"windows","error":"PowerShell is older"}', "could not work: Power"),
        ('{"v":2,"platform":"windows"}', "another version"),
        ('{"v":1,"platform":"windows"}', "not complete"),
        ('{"v":1,"platform":"windows","x":' + "[" * 400 + "]" * 400 + "}", "not complete"),
        (
            '{"v":1,"platform":"windows","x":' + "[" * 99999 + "]" * 99999 + "}",
            "cut off or damaged",
        ),
        ('{"v":1,"platform":"windows","complete":true,"sections":[],"registry":{}}', "damaged"),
        (
            '{"v":1,"platform":"windows","complete":true,"sections":{"a":1},"registry":{}}',
            "damaged",
        ),
    ],
)
def test_what_is_no_answer_is_named(text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_answer(text)
    assert why in str(caught.value)
    assert str(caught.value).isprintable()


@given(data=st.data())
@settings(max_examples=200)
def test_a_damaged_answer_never_raises(data: st.DataObject) -> None:
    text = ANSWERS[data.draw(st.sampled_from(["base", "non-admin", "client-11"]))]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        size = data.draw(st.integers(0, 40))
        text = text[:at] + data.draw(st.text(max_size=20)) + text[at + size :]
    assert isinstance(read(text), HostFacts)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something is in a JSON document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in inner:
        found.append((*path, key))
        if isinstance(item, (dict, list)):
            found += places(item, (*path, key))
    return found


DOCUMENT = json.loads(ANSWERS["base"])
PLACES = [
    *places(DOCUMENT["sections"], ("sections",)),
    *places(DOCUMENT["registry"], ("registry",)),
]


@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=5))
@settings(max_examples=300)
def test_an_answer_with_anything_anywhere_never_raises(changes: list[tuple[Any, Any]]) -> None:
    document = json.loads(ANSWERS["base"])
    for path, value in changes:
        place = document
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    facts = read(json.dumps(document))
    assert isinstance(facts, HostFacts)
    json.dumps(repr(facts)).encode("utf-8")
