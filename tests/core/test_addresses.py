"""Address sets against plain Python sets, and their words for people."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core import intervals
from pytest_wfo.core.addresses import AddressSet

pairs = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))),
    max_size=12,
)


def members(found: intervals.Intervals) -> set[int]:
    return {value for low, high in found for value in range(low, high + 1)}


@settings(max_examples=300, deadline=None)
@given(pairs, pairs)
def test_algebra_equals_that_of_plain_sets(
    a: list[tuple[int, int]], b: list[tuple[int, int]]
) -> None:
    one, other = intervals.normalize(a), intervals.normalize(b)
    plain, plain_other = members(tuple(a)), members(tuple(b))
    assert members(one) == plain
    assert members(intervals.union(one, other)) == plain | plain_other
    assert members(intervals.intersection(one, other)) == plain & plain_other
    assert members(intervals.difference(one, other)) == plain - plain_other
    assert intervals.count(one) == len(plain)
    assert [value for value in range(62) if intervals.contains(one, value)] == sorted(plain)


@settings(max_examples=200, deadline=None)
@given(pairs, pairs)
def test_results_are_sorted_disjoint_and_merged(
    a: list[tuple[int, int]], b: list[tuple[int, int]]
) -> None:
    """So that equal sets are equal tuples."""
    one, other = intervals.normalize(a), intervals.normalize(b)
    for result in (
        one,
        intervals.union(one, other),
        intervals.intersection(one, other),
        intervals.difference(one, other),
    ):
        assert result == intervals.normalize((v, v) for v in members(result))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 300)), max_size=5))
def test_cidrs_are_the_fewest_that_cover_exactly(starts: list[tuple[int, int]]) -> None:
    found = AddressSet.from_pairs((low, min(low + size, 2**32 - 1)) for low, size in starts)
    assert AddressSet.of(found.cidrs()) == found
    fewest = [
        network
        for low, high in found.intervals
        for network in ipaddress.summarize_address_range(
            ipaddress.IPv4Address(low), ipaddress.IPv4Address(high)
        )
    ]
    assert found.cidrs() == tuple(map(str, fewest))


def test_texts_of_every_form_are_read() -> None:
    found = AddressSet.of(["207.166.94.0/24", "10.0.0.1", "10.0.0.2-10.0.0.9", "192.0.2.77/26"])
    assert len(found) == 256 + 9 + 64
    assert "192.0.2.64" in found
    assert "10.0.0.10" not in found
    assert "no address" not in found
    assert AddressSet.of("10.0.0.1") <= found
    assert not AddressSet.of("10.0.0.10") <= found


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.9-10.0.0.1", "10.0.0.0/33", "::1", "10.0.0.1-", "x-y"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AddressSet.of(text)


def test_numbers_outside_ipv4_are_refused() -> None:
    with pytest.raises(ValueError, match="not an IPv4"):
        AddressSet.from_pairs([(0, 2**32)])


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "no address"),
        (["207.166.94.128/25", "207.166.95.7"], "207.166.94.128/25, 207.166.95.7"),
        (["0.0.0.0/0"], "0.0.0.0/0"),
        (
            [f"10.0.0.{n}" for n in range(1, 19, 2)],
            "10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9, 10.0.0.11, 10.0.0.13, 10.0.0.15, "
            "10.0.0.17",
        ),
        (
            [f"10.0.0.{n}" for n in range(1, 25, 2)],
            "10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9, 10.0.0.11, 10.0.0.13, 10.0.0.15 "
            "and 4 more",
        ),
    ],
)
def test_a_person_reads_blocks_and_is_spared_long_lists(texts: list[str], words: str) -> None:
    assert str(AddressSet.of(texts)) == words


def test_complement_and_everything() -> None:
    half = AddressSet.of("0.0.0.0/1")
    assert ~half == AddressSet.of("128.0.0.0/1")
    assert half | ~half == AddressSet.everything()
    assert not half & ~half
    assert {half: 1}[AddressSet.of(["0.0.0.0/2", "64.0.0.0/2"])] == 1
