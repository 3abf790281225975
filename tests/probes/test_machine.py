"""Clock, rights and names where the real machine cannot show them."""

from __future__ import annotations

import pytest

from pytest_wfo.core.facts import Clock, Known, Rights, Unknown
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.machine import read_clock, read_identity, read_rights, read_system


def said(text: str, code: int = 0, error: str = "", power: str = "user") -> Section:
    return Section(text, error, code, power)


def clock(asked: float, answered: float, *times: str) -> Clock:
    sections = {name: said(text) for name, text in zip(("clock", "clock_end"), times, strict=False)}
    fact = read_clock(sections, asked, answered)
    assert isinstance(fact, Known)
    return fact.value


def test_the_offset_is_to_the_middle_and_the_uncertainty_half_the_span() -> None:
    assert clock(1000.0, 1002.0, "1031.000000000") == Clock(30.0, 1.0)


def test_the_time_the_host_itself_spent_is_no_uncertainty() -> None:
    assert clock(1000.0, 1014.0, "1030.5", "1043.5") == Clock(30.0, 0.5)


def test_a_clock_of_whole_seconds_adds_half_a_second_of_doubt() -> None:
    assert clock(1000.0, 1000.0, "1030") == Clock(30.5, 0.5)
    assert clock(1000.0, 1000.0, "1030.%N") == Clock(30.5, 0.5)


@pytest.mark.parametrize("text", ["", "N", "Mon Nov 23"])
def test_a_clock_that_says_no_number_is_unknown(text: str) -> None:
    assert isinstance(read_clock({"clock": said(text)}, 0.0, 1.0), Unknown)


def test_busybox_names_the_user_too() -> None:
    assert read_rights({"id": said("uid=0(root) gid=0(root)")}) == Known(
        Rights("root", "root"), "id"
    )


def test_one_refusal_is_enough_to_have_no_sudo() -> None:
    sections = {
        "id": said("uid=1000(audit) gid=1000(audit)"),
        "ss": said("", power="sudo"),
        "nft": said("", 1, "Sorry, user audit is not allowed to execute nft as root.\n", "sudo"),
    }
    fact = read_rights(sections)
    assert isinstance(fact, Known)
    assert fact.value.elevated == "none"
    assert fact.value.detail.startswith("nft: Sorry, user audit")


@pytest.mark.parametrize("text", ["", "uid", "0"])
def test_an_unclear_id_is_unknown(text: str) -> None:
    assert isinstance(read_rights({"id": said(text)}), Unknown)


def test_a_host_without_os_release_is_named_by_its_kernel() -> None:
    fact = read_system({"ostype": said("FreeBSD"), "osrelease": said("14.1"), "os": said("", 1)})
    assert isinstance(fact, Known)
    assert (fact.value.family, fact.value.name) == ("freebsd", "FreeBSD 14.1")


def test_a_name_that_was_not_read_is_unknown() -> None:
    assert isinstance(read_identity({"hostname": said("", 1, "no")}), Unknown)
