"""Waivers, attestations and the gate's level in real runs about the demo site."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from pytest_wfo.gather.snapshot import load_snapshot, save_snapshot
from tests.support.runs import Run, results, verdicts

SOON = str((datetime.now(timezone.utc) + timedelta(days=30)).date())
PAST = str((datetime.now(timezone.utc) - timedelta(days=30)).date())
LOOKED = str((datetime.now(timezone.utc) - timedelta(days=40)).date())
NARROW = ("least-privilege-2010.narrow", "fw01")
FORWARDS = ("cloud-range-94.forwards-out", "fw01")

Judged = Callable[..., pytest.RunResult]


def waiver(requirement: str, host: str = "*", **changes: str) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "hosts": [host],
        "reason": "moves to the new VLAN in March",
        "approver": "R. Ortiz",
        "ticket": "CHG0099",
        "expires": SOON,
        **changes,
    }


def attestation(requirement: str, host: str = "*", **changes: str) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "hosts": [host],
        "who": "K. Lee",
        "when": LOOKED,
        "until": SOON,
        "reference": "DOC-7",
        **changes,
    }


@pytest.fixture
def judged(run: Run, facts: Path, pytester: pytest.Pytester) -> Judged:
    """Judge the demo's facts with these entries. Nobody could read the rules of fw01, and desk-03,
    which is down, is not in the inventory; ``changes`` are made to its text."""
    snapshot = load_snapshot(facts / "facts.json.gz")
    answer = snapshot.answers["fw01"]
    envelope = json.loads(answer.output)
    envelope["sections"]["nft"]["out"] = "cut off"
    blind = {**snapshot.answers, "fw01": replace(answer, output=json.dumps(envelope))}
    save_snapshot(replace(snapshot, answers=blind), pytester.path / "facts.json.gz")
    text = (facts / "inventory.yml").read_text()

    def judge(
        *options: str,
        waivers: list[dict[str, Any]] | None = None,
        attestations: list[dict[str, Any]] | None = None,
        zone: str = "UTC",
        down: bool = False,
    ) -> pytest.RunResult:
        inventory = text.replace("timezone: America/New_York", f"timezone: {zone}")
        if not down:
            inventory = re.sub(r"\n  desk-03:\n(    .*\n)+", "\n", inventory)
        for name, entries in (("waivers", waivers), ("attestations", attestations)):
            if entries is not None:
                # JSON is YAML
                (pytester.path / f"{name}.yml").write_text(json.dumps({name: entries}, indent=1))
                inventory += f"\n{name}: {name}.yml\n"
        (pytester.path / "inventory.yml").write_text(inventory)
        return run("--wfo-hosts=inventory.yml", "--wfo-facts=facts.json.gz", *options)

    return judge


def notes(pytester: pytest.Pytester) -> str:
    return "\n".join(results(pytester.path)["run"]["notes"])


def test_without_entries_the_site_is_no_go(judged: Judged, pytester: pytest.Pytester) -> None:
    assert judged().ret == 1
    found = verdicts(pytester.path)
    assert found[FORWARDS] == found[NARROW] == "not verified"
    assert found["client-2015.listens", "prem01"] == "not met"


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one-process", "workers"])
def test_waived_is_xfailed_attested_passes_and_the_gate_is_go(
    judged: Judged, pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = judged(
        "-v", "-rx", *options, waivers=[waiver("*")], attestations=[attestation("cloud-*", "fw01")]
    )
    data = results(pytester.path)
    counts = data["counts"]
    outcomes = result.parseoutcomes()

    assert (result.ret, data["decision"]) == (0, "GO")
    assert (counts["not met"], counts["not verified"]) == (0, 0)
    assert counts["waived"] >= 6
    assert counts["attested"] >= 4
    assert outcomes["xfailed"] == counts["waived"] + counts["advisory"]
    assert outcomes["passed"] == counts["met"] + counts["attested"]
    text = result.stdout.str()
    assert re.search(r"test_listens\[client-2015-prem01\] WAIVED|WAIVED .*client-2015-prem01", text)
    assert "ATTESTED" in text
    assert f"waived by R. Ortiz, until {SOON}, CHG0099: moves to the new VLAN in March" in text
    assert "measured: TCP 2015 is bound to 127.0.0.1 only" in text


def test_what_was_measured_stays_with_who_accepts_it(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    judged()
    before = {
        (item["requirement"], item["host"]): item for item in results(pytester.path)["results"]
    }
    judged(waivers=[waiver("client-*")], attestations=[attestation("cloud-*", "fw01")])
    after = {
        (item["requirement"], item["host"]): item for item in results(pytester.path)["results"]
    }

    waived, attested = after["client-2015.listens", "prem01"], after[FORWARDS]
    assert (waived["verdict"], attested["verdict"]) == ("waived", "attested")
    for key, item in after.items():
        for field in ("summary", "evidence", "remedy", "advisory"):
            assert item[field] == before[key][field], key
    assert waived["waiver"] == {
        "requirement": "client-*",
        "hosts": ["*"],
        "reason": "moves to the new VLAN in March",
        "approver": "R. Ortiz",
        "ticket": "CHG0099",
        "expires": SOON,
        "place": "waivers.yml:3",
    }
    assert attested["attestation"]["who"] == "K. Lee"
    junit = ElementTree.parse(pytester.path / "wfo-report" / "junit.xml").getroot()
    said = {
        item.get("value")
        for item in junit.iter("property")
        if item.get("name") == "wfo_accepted_by"
    }
    assert any("R. Ortiz" in str(words) for words in said)
    assert any("K. Lee" in str(words) for words in said)


def test_an_expired_waiver_does_not_count_and_is_named(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    result = judged(waivers=[waiver("client-2015.listens", "prem01", expires=PAST)])

    assert result.ret == 1
    assert verdicts(pytester.path)["client-2015.listens", "prem01"] == "not met"
    assert (
        "waivers.yml:3: the waiver of client-2015.listens on prem01 (R. Ortiz, CHG0099) expired on "
        f"{PAST} and does not count; 1 of its checks is not met"
    ) in notes(pytester)


def test_the_last_day_is_that_of_the_site(judged: Judged, pytester: pytest.Pytester) -> None:
    """At any moment it is a later day on Kiritimati (UTC+14) than at UTC-12."""
    key = ("client-2015.listens", "prem01")
    seen = []
    for zone in ("Etc/GMT+12", "Pacific/Kiritimati"):
        today = None
        while today != datetime.now(ZoneInfo("Etc/GMT+12")).date():  # again where midnight passed
            today = datetime.now(ZoneInfo("Etc/GMT+12")).date()
            judged("-k", "client-2015", waivers=[waiver(*key, expires=str(today))], zone=zone)
        seen.append(verdicts(pytester.path)[key])

    assert seen == ["waived", "not met"]


def test_a_waiver_does_not_help_what_was_not_verified(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    result = judged(waivers=[waiver("cloud-range-94.forwards-out"), waiver("client-*")])

    assert result.ret == 1
    assert verdicts(pytester.path)[FORWARDS] == "not verified"
    assert "1 of its checks is not verified, and a waiver accepts only what was measured" in notes(
        pytester
    )


def test_an_attestation_does_not_help_what_is_not_met_and_is_contradicted(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    result = judged(attestations=[attestation("client-2015.listens")])
    text = result.stdout.str()

    assert result.ret == 1
    assert verdicts(pytester.path)["client-2015.listens", "prem01"] == "not met"
    assert "is contradicted: measured as not met on prem01; the measurement counts" in notes(
        pytester
    )
    assert "attested by: K. Lee, who looked on" in text
    assert "The measurement says otherwise" in text


def test_a_host_that_is_down_cannot_be_vouched_for(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    result = judged(down=True, attestations=[attestation("*", "desk-03")])
    found = verdicts(pytester.path)

    assert result.ret == 1
    assert {verdict for (_, host), verdict in found.items() if host == "desk-03"} == {
        "not verified"
    }
    assert "a host that was not reached" in notes(pytester)


def test_entries_that_are_no_longer_needed_are_listed(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    judged(
        waivers=[waiver("client-80.listens", "prem01"), waiver("client-80.listens", "fw01")],
        attestations=[attestation("client-80.listens", "prem01")],
    )
    said = notes(pytester)

    assert (
        "waiver of client-80.listens on prem01 (R. Ortiz, CHG0099) is no longer needed: 1 met"
        in said
    )
    assert "is no longer needed: nothing it speaks of is planned" in said
    assert (
        "attestation of client-80.listens on prem01 (K. Lee, DOC-7) is no longer needed: 1 met"
        in said
    )


def test_in_a_part_of_the_plan_entries_for_the_rest_are_no_news(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    result = judged("-k", "client-2012 and desk-01", waivers=[waiver("client-2015.*")])

    assert result.ret == 1
    assert results(pytester.path)["decision"] == "INCOMPLETE"
    assert "waivers.yml" not in notes(pytester)


def test_the_command_line_goes_before_the_inventory(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    other = json.dumps({"waivers": [waiver("client-2015.listens", approver="Other")]})
    (pytester.path / "other.yml").write_text(other)
    judged("--wfo-waivers=other.yml", "-n", "2", waivers=[waiver("client-2015.listens")])
    found = {
        (item["requirement"], item["host"]): item for item in results(pytester.path)["results"]
    }

    assert found["client-2015.listens", "prem01"]["waiver"]["approver"] == "Other"
    assert results(pytester.path)["run"]["accepted"] == [
        {"file": "other.yml", "sha256": hashlib.sha256(other.encode()).hexdigest()}
    ]


def test_a_live_run_takes_them_too(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "w.yml").write_text(json.dumps({"waivers": [waiver("client-2015.listens")]}))
    result = run("--wfo-demo", "--wfo-waivers=w.yml", "-k", "client-2015 and listens")

    assert result.parseoutcomes()["xfailed"] == 1
    assert verdicts(pytester.path)["client-2015.listens", "prem01"] == "waived"


def test_what_people_write_stays_text_on_every_screen_and_page(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    markup = "<img src=x onerror=alert(1)>{{ 7*7 }}`|"
    reason = markup + "\x1b]0;owned\x07\x1b[31m\u202e\n- [x](javascript:1)"
    result = judged(
        "-v", "-rA",
        waivers=[waiver("client-*", reason=reason, approver=markup, ticket=markup)],
        attestations=[attestation("*", who=markup, reference=markup)],
    )  # fmt: skip
    folder = pytester.path / "wfo-report"
    pages = (folder / "report.html").read_text() + (folder / "pytest.html").read_text()

    assert verdicts(pytester.path)["client-2015.listens", "prem01"] == "waived"
    assert "INTERNALERROR" not in result.stdout.str()
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout.str())
    assert "<img src=x" not in pages
    assert "&lt;img src=x" in pages
    junit = ElementTree.parse(folder / "junit.xml").getroot()
    assert not list(junit.iter("img"))


def test_problems_of_both_files_are_told_at_once_with_exit_code_4(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    (pytester.path / "proof.txt").write_text("changed")
    result = judged(
        waivers=[waiver("client-80.listen", "prem1")],
        attestations=[attestation("client-*", file="proof.txt", sha256="0" * 64)],
    )
    said = " ".join((result.stderr.str() + result.stdout.str()).split())

    assert result.ret == 4
    assert "waivers.yml:4:19: waivers[0].requirement: no requirement of edition 16.1" in said
    assert 'did you mean "client-80.listens"?' in said
    assert 'waivers.yml:6:5: waivers[0].hosts[0]: no host of the inventory is "prem1"' in said
    assert (
        "attestations.yml:13:14: attestations[0].sha256: the attached file is another one" in said
    )
    assert not (pytester.path / "wfo-report" / "results.json").exists()


def test_a_file_that_is_not_there(judged: Judged) -> None:
    result = judged("--wfo-waivers=nowhere.yml")

    assert result.ret == 4
    assert "nowhere.yml: no such file" in result.stderr.str() + result.stdout.str()


def test_they_need_a_site(run: Run) -> None:
    for option in ("--wfo-waivers=x", "--wfo-attestations=x"):
        result = run(option)
        assert result.ret == 4
        assert "need --wfo-hosts" in result.stderr.str()


def test_advice_does_not_block_unless_the_gate_is_strict(
    judged: Judged, pytester: pytest.Pytester
) -> None:
    accepted: dict[str, Any] = {
        "waivers": [waiver("client-*"), waiver("av-extension-log.*"), waiver("file-type-cav.*")],
        "attestations": [attestation("cloud-*", "fw01")],
    }
    lenient = judged(**accepted)
    assert results(pytester.path)["run"]["gate"] == "advisory"
    strict = judged("--wfo-gate=strict", **accepted)
    data = results(pytester.path)

    assert (lenient.ret, strict.ret) == (0, 1)
    assert data["run"]["gate"] == "strict"
    assert data["counts"]["advisory"] == 0
    assert verdicts(pytester.path)[NARROW] == "not verified"
    assert "test_narrow[least-privilege-2010-fw01]" in strict.stdout.str()
    assert "strict" in strict.stdout.str()
    assert strict.parseoutcomes()["errors"] >= 1
    accepted["attestations"] += [attestation(*NARROW)]
    accepted["waivers"] += [waiver("*-files.considered")]
    assert judged("--wfo-gate=strict", **accepted).ret == 0


def test_an_unknown_gate_is_refused(run: Run) -> None:
    assert run("--wfo-demo", "--wfo-gate=loose").ret == 4


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one-process", "workers"])
def test_nothing_that_leaves_tests_out_makes_the_gate_green(
    judged: Judged, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Everything is accepted here, so a full run is GO; each of these is not."""
    accepted: dict[str, Any] = {
        "waivers": [waiver("*")],
        "attestations": [attestation("cloud-*", "fw01")],
    }
    one = "wfo/test_client_ports.py::test_listens[client-80-prem01]"
    assert judged(*workers, **accepted).ret == 0
    assert judged(*workers, f"--deselect={one}", **accepted).ret == 1
    assert results(pytester.path)["decision"] == "INCOMPLETE"
    assert judged(*workers, "--deselect=wfo/test_client_ports.py", **accepted).ret == 1
    assert judged(*workers, "-k", "nothing_like_it", **accepted).ret != 0
    assert judged(*workers, "--deselect=wfo", **accepted).ret != 0
    assert judged(*workers, "-m", "nosuch", "--strict-markers", **accepted).ret != 0


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ("def pytest_runtest_setup(item): pytest.skip('all')", ()),
        ("def pytest_runtest_setup(item): pytest.exit('enough')", ()),
        ("def pytest_runtest_setup(item): raise KeyboardInterrupt", ()),
        (
            "def pytest_runtest_call(item):\n    if 'client-80-prem01' in item.nodeid: os._exit(0)",
            ("-n", "2"),
        ),
        (
            "def pytest_runtest_call(item):\n    if 'client-80-prem01' in item.nodeid: assert 0",
            ("-x",),
        ),
        ("def pytest_runtest_protocol(item, nextitem):\n    return True", ()),
        ("def pytest_collection_modifyitems(items): del items[5:]", ()),
    ],
    ids=["skipped", "exit", "interrupt", "crash", "first-failure", "not-run", "dropped"],
)
def test_nothing_that_loses_tests_makes_the_gate_green(
    judged: Judged, pytester: pytest.Pytester, body: str, options: tuple[str, ...]
) -> None:
    pytester.makeconftest(f"import os\nimport pytest\n{body}\n")
    result = judged(
        *options, f"--confcutdir={pytester.path}", "-p", "conftest",
        waivers=[waiver("*")], attestations=[attestation("cloud-*", "fw01")],
    )  # fmt: skip

    assert result.ret != 0
    assert results(pytester.path)["decision"] in ("NO-GO", "INCOMPLETE")
