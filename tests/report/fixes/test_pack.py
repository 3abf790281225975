"""The pack is complete: each not-met cell once, by a script or by hand, and a request for the rest."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import Known, Probe, Reach
from pytest_wfo.core.packet_filter import Action, BaseChain, Hook, Match, PacketFilter, Rule, Verb
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.report.fixes.pack import pack, write_pack
from tests.core.windows.hosts import ETHERNET, local
from tests.core.windows.hosts import host as windows
from tests.report.fixes.saying import saying
from tests.support.reports import finding, report
from tests.support.sites import (
    CLIENT,
    PREMISES,
    access,
    healthy_site,
    host,
    listener,
    site,
    the_plan,
    with_facts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_wfo.core.site_facts import SiteFacts
    from pytest_wfo.report.model import SiteReport

OF = site()
CELLS = the_plan(OF).cells
BLOCK = "v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=2012|Name==cmd('x')|"
DROPPING = PacketFilter(
    (BaseChain("inet edge forward", Hook.FORWARD, 0, policy=Verb.DROP),),
    {"inet edge forward": (Rule(Match(), Action(Verb.DROP), "inet edge forward: drop"),)},
)


def broken() -> SiteFacts:
    """A client with one block rule, an edge that drops, a service on loopback, a cloud that is down."""
    facts = healthy_site(OF)
    here = replace(ETHERNET, addresses=(f"{CLIENT}/24",), gateways=("10.61.0.1",))
    firewall = windows(*local(BLOCK), interfaces=[here])
    facts = with_facts(facts, "client", firewall=Known(firewall, "registry"))
    facts = with_facts(facts, "edge", firewall=Known(DROPPING, "nft"))
    deaf = tuple(listener(port, "127.0.0.1") for port in (2010, 2012))
    facts = with_facts(facts, "premises", listeners=Known(deaf, "ss"))
    return with_facts(facts, "cloud", access=access("cloud", "filtered"))


def made(facts: SiteFacts, of: SiteReport | None = None) -> Mapping[str, str]:
    return pack(of or report(OF, facts), CELLS, facts)


def rows(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(texts["change-request.csv"], newline="")))


def test_each_not_met_cell_stands_once_in_the_checklist_and_in_a_script_if_it_says_so() -> None:
    facts = broken()
    found = judge(CELLS, facts)
    texts = made(facts)

    entries: Counter[tuple[str, str]] = Counter()
    for section in texts["README.md"].split("\n## ` ")[1:]:
        name = section.partition(" `")[0]
        fixing = section.partition("Verify again first")[0]
        entries.update((each, name) for each in re.findall(r"^- \[ \] `(\S+)`", fixing, re.M))
        by_script = fixing.partition("By hand:")[0]
        for requirement in re.findall(r"^- \[ \] `(\S+)`", by_script, re.M):
            script = re.search(r"By ` (\S+) `:", by_script)
            assert script is not None
            assert f"\n# {requirement}: " in texts[script[1]]
    not_met = [key for key, each in found.items() if each.verdict is Verdict.NOT_MET]
    assert entries == Counter(not_met)
    assert {name for _, name in not_met} == {"premises", "client", "edge"}
    assert texts.keys() == {
        *("README.md", "change-request.md", "change-request.csv", "client.ps1", "edge.sh"),
    }
    assert "client-2012.permits-in" not in texts["client.ps1"], "a block rule goes before it"


def test_what_was_not_verified_is_to_be_verified_again_and_never_fixed() -> None:
    texts = made(broken())

    _, _, again = texts["README.md"].partition("\n## ` cloud `\n")
    assert again.lstrip().startswith("Verify again first")
    assert "`host.access`" in again
    assert not any(name.startswith("cloud") for name in texts)


def test_waived_and_met_cells_are_left_out() -> None:
    facts = healthy_site(OF)
    waived = finding("client-2012.permits-in", "client", Verdict.WAIVED)
    narrow = {
        **finding("least-privilege-2010.narrow", "premises", Verdict.MET),
        **finding("least-privilege-2010.narrow", "edge", Verdict.MET),
    }
    texts = made(facts, report(OF, facts, {**waived, **narrow}))

    assert "- [ ]" not in texts["README.md"]
    assert rows(texts) == []


def test_the_request_names_the_ends_the_port_the_reason_and_the_requirement() -> None:
    asked = {(row["requirement"], row["host"]): row for row in rows(made(broken()))}

    row = asked["cloud-range-95.forwards-out", "edge"]
    assert (row["request"], row["source"], row["destination"], row["port"], row["protocol"]) == (
        *("permit", PREMISES, "207.166.95.0/24", "2010", "TCP"),
    )
    assert row["direction"] == "through, to the cloud"
    assert "inet edge forward" in row["why"]
    assert row["section"].startswith("Environmental Requirements: ")
    assert asked["client-2012.permits-in", "client"]["source"] == PREMISES
    assert not any(host == "cloud" for _, host in asked)


def test_an_edge_that_could_not_be_read_is_to_be_confirmed() -> None:
    facts = with_facts(healthy_site(OF), "edge", access=access("edge", "login-refused"))

    asked = [row for row in rows(made(facts)) if row["host"] == "edge"]

    assert {row["requirement"].partition(".")[2] for row in asked} == {
        "forwards-in",
        "forwards-out",
    }
    assert {row["request"] for row in asked} == {"confirm or permit"}


def test_a_connection_that_something_between_drops_is_in_the_request_and_one_explained_is_not() -> (
    None
):
    facts = healthy_site(OF)
    probes = facts.hosts["client"].probes
    assert isinstance(probes, Known)
    dropped: tuple[Probe, ...] = tuple(
        replace(probe, reach=Reach.FILTERED) if probe.target.port in (2012, 80) else probe
        for probe in probes.value
    )
    rule = Rule(Match(destination_ports=((80, 80),)), Action(Verb.DROP), "drop")
    blocking = PacketFilter(
        (BaseChain("inet host output", Hook.OUTPUT, 0),), {"inet host output": (rule,)}
    )
    facts = with_facts(
        facts, "client", probes=Known(dropped, "python3"), firewall=Known(blocking, "nft")
    )

    asked = {row["requirement"]: row for row in rows(made(facts))}

    assert asked["client-2012.connects"]["host"] == "on the way from client to premises"
    assert asked["client-2012.connects"]["destination"] == PREMISES
    assert asked["client-80.permits-out"]["host"] == "client"
    assert "client-80.connects" not in asked


@pytest.mark.parametrize("words", ["=cmd|' /C calc'!A0", "@SUM(1)", "a | b ` c\n| d", "-1+1"])
def test_words_of_hosts_are_no_formula_and_no_markup(words: str) -> None:
    facts = broken()
    texts = made(facts, saying(report(OF, facts), words))

    for row in rows(texts):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    table = [line for line in texts["change-request.md"].splitlines() if line.startswith("|")]
    assert len(table) == len(rows(texts)) + 2
    assert {line.replace("\\|", "").count("|") for line in table} == {11}


def test_hosts_whose_names_differ_in_case_only_have_scripts_of_their_own() -> None:
    role = next(iter(OF.hosts["edge"].roles))
    both = site(hosts={**OF.hosts, "EDGE": host("EDGE", role, "10.61.0.2")})
    facts = healthy_site(both)
    for name in ("edge", "EDGE"):
        facts = with_facts(facts, name, firewall=Known(DROPPING, "nft"))
    cells = the_plan(both).cells

    texts = pack(report(both, facts), cells, facts)

    assert {"edge.sh", "EDGE~2.sh"} <= texts.keys()
    assert "host: EDGE" in texts["EDGE~2.sh"]


def test_a_pack_is_written_whole_into_a_new_or_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "deep/new"):
        files = write_pack({"a.sh": "one\n", "b.csv": "two\r\n"}, tmp_path / name)
        assert [file.read_bytes() for file in files] == [b"one\n", b"two\r\n"]
        assert sorted(files) == sorted((tmp_path / name).iterdir())
    assert not list(tmp_path.rglob("*.part"))


def test_a_pack_is_never_written_over_anything(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a.sh").write_text("edited")

    with pytest.raises(FileExistsError, match="is not empty"):
        write_pack({"a.sh": "new"}, tmp_path / "pack")

    assert [file.read_text() for file in (tmp_path / "pack").iterdir()] == ["edited"]
    assert [each.name for each in tmp_path.iterdir()] == ["pack"]


def test_what_was_begun_is_gone_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_pack({"a.sh": "one", "nowhere/b.sh": "two"}, tmp_path / "pack")

    assert list(tmp_path.iterdir()) == []
