"""Which antivirus a Linux host shows, and when it is said to have none."""

from __future__ import annotations

import pytest

from pytest_wfo.core.antivirus.model import Antivirus, Reading
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.posix import read_antivirus
from pytest_wfo.probes.envelope import Section
from pytest_wfo.probes.reading import fact


def said(text: str, code: int = 0, error: str = "", power: str = "user") -> Section:
    return Section(text, error, code, power)


def host(*programs: str, fanotify: Section | None = None, flags: str = "") -> Fact[Antivirus]:
    """Process 100 is the first of the programs, 101 the next."""
    lines = [
        f"/proc/{pid}/comm:{path.rpartition('/')[2][:15]}\n/proc/{pid}/cmdline:{path}"
        for pid, path in enumerate(programs, 100)
    ]
    sections = {
        "processes": said("\n".join(["/proc/1/comm:systemd", *lines])),
        "clamav": said(""),
        "fanotify": fanotify or said("", power="sudo"),
    }
    if flags:
        sections["fanotify_flags"] = said(flags, power="root")
    return fact("the antivirus", lambda: read_antivirus(sections))


# findutils 4.9.0, as root, of a zombie and of processes that end meanwhile.
ENDED = """\
find: '/proc/31463/net': Invalid argument
find: '/proc/32244': No such file or directory
find: '/proc/32247/task': No such process"""


def test_none_is_said_where_root_looked() -> None:
    antivirus = host("/usr/sbin/sshd")

    assert isinstance(antivirus, Known)
    assert antivirus.value.products == ()
    assert "CrowdStrike Falcon" in antivirus.value.looked_for
    assert "fanotify" in antivirus.value.looked_for


def test_processes_that_ended_meanwhile_hide_none() -> None:
    seen = host("/usr/sbin/sshd", fanotify=said("", 1, ENDED, "root"))
    beside = host("/usr/sbin/sshd", fanotify=said("/proc/7/fd/3", 1, ENDED, "root"))

    assert isinstance(seen, Known)
    assert seen.value.products == ()
    assert isinstance(beside, Known)
    assert [each.name for each in beside.value.products] == ["process 7"]


def test_a_remark_of_sudo_beside_processes_that_ended_hides_none_either() -> None:
    remark = f"sudo: unable to resolve host edge1: Name or service not known\n{ENDED}"
    seen = host("/usr/sbin/sshd", fanotify=said("", 1, remark, "sudo"))
    alone = host("/usr/sbin/sshd", fanotify=said("", 1, remark.partition("\n")[0], "sudo"))

    assert isinstance(seen, Known)
    assert isinstance(alone, Unknown), "why it failed is not known"


@pytest.mark.parametrize("links", [None, said("", 127, "links: not found")])
def test_links_that_were_asked_for_and_not_told_are_not_seen(links: Section | None) -> None:
    sections = {
        "processes": said("/proc/1/comm:systemd"),
        "clamav": said(""),
        "fanotify": said("", power="root"),
        "asked_antivirus": said("{}"),
    }
    found = read_antivirus(sections if links is None else {**sections, "links": links})

    assert isinstance(found, Known)
    assert isinstance(found.value.links, Unknown)


def test_complaints_that_fill_the_answer_may_hide_one() -> None:
    antivirus = host("/usr/sbin/sshd", fanotify=said("", 1, "\n".join([ENDED] * 334), "root"))

    assert isinstance(antivirus, Unknown)
    assert "too long to be seen whole" in antivirus.reason


@pytest.mark.parametrize(
    "refused",
    [
        said("", 1, "sudo: a password is required", "sudo"),
        said("", 126, "needs root, and sudo is not installed", "none"),
        said("", 1, "find: unrecognized: -lname", "root"),
        said("", 1, f"{ENDED}\nfind: '/proc/1/fd': Permission denied", "root"),
        said("", 137, ENDED, "root"),
    ],
)
def test_none_is_not_said_where_nobody_could_look(refused: Section) -> None:
    antivirus = host("/usr/sbin/sshd", fanotify=refused)

    assert isinstance(antivirus, Unknown)
    assert "a program that is not known here" in antivirus.reason
    assert "docs/rights.md" in antivirus.remedy


def test_beside_a_known_product_another_counts_where_nobody_could_look() -> None:
    refused = said("", 1, "sudo: a password is required", "sudo")
    antivirus = host("/opt/CrowdStrike/falcon-sensor", fanotify=refused)

    assert isinstance(antivirus, Known)
    known, other = antivirus.value.products
    assert (known.name, other.name) == ("CrowdStrike Falcon", "any other product")
    assert isinstance(other.active, Unknown), "it may be there, and then it counts"
    assert "docs/rights.md" in other.active.remedy


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/opt/CrowdStrike/falcon-sensor", "CrowdStrike Falcon"),
        ("/opt/CrowdStrike/falcon-sensor-bpf", "CrowdStrike Falcon"),
        ("/opt/sophos-spl/plugins/av/sbin/sophos_threat_detector", "Sophos Protection for Linux"),
        ("/opt/microsoft/mdatp/sbin/wdavdaemon", "Microsoft Defender for Endpoint"),
    ],
)
@pytest.mark.parametrize("rights", [0, 1])
def test_a_product_that_is_managed_elsewhere_is_named_and_nothing_claimed_of_it(
    path: str, name: str, rights: int
) -> None:
    antivirus = host(path, path, fanotify=said("/proc/100/fd/5", rights, power="sudo"))

    assert isinstance(antivirus, Known)
    product, *others = antivirus.value.products
    assert len(others) == rights, "where nobody could look, any other product counts too"
    assert (product.name, product.active, product.reading) == (
        name,
        Known(True, "/proc"),
        Reading.NONE,
    )
    assert isinstance(product.exclusions, Unknown)
    assert all(isinstance(each, Unknown) for each in product.scanning.values())
    assert path.rpartition("/")[2][:15] in product.state[0]


def test_a_program_that_may_block_files_is_an_unknown_product() -> None:
    antivirus = host(
        "/opt/acme/guardd", "/usr/sbin/sshd", fanotify=said("/proc/100/fd/7", power="sudo")
    )

    assert isinstance(antivirus, Known)
    (product,) = antivirus.value.products
    assert product.name == "/opt/acme/guardd"
    assert isinstance(product.active, Unknown)
    assert "process 100" in product.active.reason
    assert product.active.remedy.startswith("log in as root, who sees whether it may block files")


def test_a_list_of_programs_that_may_run_is_no_antivirus() -> None:
    antivirus = host("/usr/sbin/fapolicyd", fanotify=said("/proc/100/fd/5", power="sudo"))

    assert isinstance(antivirus, Known)
    assert antivirus.value.products == ()


def test_root_tells_who_only_listens_from_who_may_block() -> None:
    """FAN_CLASS_NOTIF is 0, FAN_CLASS_CONTENT 4 (linux/fanotify.h)."""
    links = said("/proc/100/fd/7\n/proc/101/fd/3", power="root")
    flags = "/proc/100/fdinfo/7:fanotify flags:4 event-flags:8000\n/proc/101/fdinfo/3:fanotify flags:200"

    antivirus = host("/opt/acme/guardd", "/usr/bin/indexer", fanotify=links, flags=flags)

    assert isinstance(antivirus, Known)
    assert [each.name for each in antivirus.value.products] == ["/opt/acme/guardd"]


def test_an_answer_that_was_cut_says_so() -> None:
    links = "\n".join(f"/proc/{pid}/fd/3" for pid in range(200, 300))

    antivirus = host("/usr/sbin/sshd", fanotify=said(links, power="root"))

    assert isinstance(antivirus, Known)
    *watching, other = antivirus.value.products
    assert len(watching) == 100
    assert other.name == "any other product"
    assert "not seen: whether a program that is not known here" in antivirus.value.looked_for


@pytest.mark.parametrize("lost", ["processes", "clamav", "fanotify"])
def test_an_answer_without_a_section_says_nothing(lost: str) -> None:
    sections = {
        "processes": said("/proc/1/comm:systemd"),
        "clamav": said(""),
        "fanotify": said("", power="root"),
    }
    del sections[lost]

    assert isinstance(fact("the antivirus", lambda: read_antivirus(sections)), Unknown)
