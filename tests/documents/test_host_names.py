"""Ranges in host names and addresses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.documents.host_names import (
    check_ipv4,
    check_management_address,
    check_name,
    check_service_address,
    parse_pattern,
)

NUMBER = st.integers(0, 5000)


def names(text: str) -> list[str]:
    return list(parse_pattern(text))


@settings(max_examples=60)
@given(NUMBER, st.integers(0, 300), st.integers(1, 6))
def test_a_padded_range_holds_every_number_once_in_order(first: int, more: int, width: int) -> None:
    width = max(width, len(str(first + more)))
    texts = names(f"pc-[{first:0{width}}:{first + more:0{width}}].x")

    assert [int(text[3:-2]) for text in texts] == list(range(first, first + more + 1))
    assert {len(text) for text in texts} == {3 + width + 2}


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBER, st.integers(0, 4)), min_size=1, max_size=4))
def test_several_ranges_multiply_and_the_last_runs_fastest(ends: list[tuple[int, int]]) -> None:
    pattern = parse_pattern("-".join(f"[{first}:{first + more}]" for first, more in ends))
    texts = [tuple(int(part) for part in text.split("-")) for text in pattern]

    assert len(texts) == pattern.count
    assert texts == sorted(set(texts))
    assert texts[0] == tuple(first for first, _ in ends)
    assert texts[-1] == tuple(first + more for first, more in ends)


@given(st.text(st.characters(exclude_characters="[]"), max_size=20))
def test_a_text_without_ranges_stands_for_itself(text: str) -> None:
    assert names(text) == [text]


def test_a_huge_range_is_counted_without_being_written_out() -> None:
    assert parse_pattern("a[0:999999999][0:999999999]").count == 10**18


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[]", '"[]" is not a range; write two numbers of at most 9 digits: [001:250]'),
        ("a[1-5]", '"[1-5]" is not a range; write two numbers of at most 9 digits: [001:250]'),
        ("a[٣:٤]", '"[٣:٤]" is not a range; write two numbers of at most 9 digits: [001:250]'),
        ("a[5:1]", '"[5:1]" runs backwards; write [1:5]'),
        ("a[01:100]", '"[01:100]" mixes leading zeros; write [001:100]'),
        ("a[1:5", "a bracket without its partner; a range is written [001:250]"),
        ("a1:5]", "a bracket without its partner; a range is written [001:250]"),
        ("a[[1:5]]", "a bracket without its partner; a range is written [001:250]"),
    ],
)
def test_bad_ranges_are_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  compared as a whole
        parse_pattern(text)

    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["a", "A1", "pc-1.contoso.example", "x_y", "1", "a" * 253])
def test_good_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a/b", "é", "a" * 254, "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="a host name"):
        check_name(name)


@pytest.mark.parametrize("text", ["10.20.0.300", "10.20.0", "10.20.0.010", "10.0.0.0/8", "x"])
def test_what_is_no_ipv4_address(text: str) -> None:
    with pytest.raises(ValueError, match="expected an IPv4 address, got"):
        check_ipv4(text)


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "255.255.255.255"])
def test_addresses_of_no_one_machine(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of one machine"):
        check_ipv4(text)


def test_peers_use_ipv4_or_names_and_only_management_may_be_ipv6() -> None:
    check_service_address("10.20.0.10")
    check_service_address("pc-1.contoso.example")
    check_management_address("fd00::1")
    check_management_address("10.99.0.1")
    check_management_address("bastion")

    with pytest.raises(ValueError, match="only management_address may be IPv6"):
        check_service_address("fd00::1")
    with pytest.raises(ValueError, match="an IPv4 address or a DNS name"):
        check_service_address("a b")
    with pytest.raises(ValueError, match="an IP address"):
        check_management_address("fd00::x")
    with pytest.raises(ValueError, match="an IP address or a DNS name"):
        check_management_address("a b")
    with pytest.raises(ValueError, match="an IPv4 address"):
        check_management_address("10.99.0.300")
