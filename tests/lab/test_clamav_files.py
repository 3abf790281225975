"""The real command line and the files it writes: harmless ones, and the canary with the real text.

Several hosts play a PREMISES server with a ClamAV each, so that one run shows them all.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pytest_wfo.probes.survival import PAYLOAD
from tests.lab.clamav import CANARY, DATA, HOME, ClamAv, why_not
from tests.lab.clamav_cases import FDPASS, GOOD, WATCH
from tests.lab.clamav_site import FOLDERS, MET, NOT_MET, NOT_VERIFIED, server
from tests.lab.topology import TEMPORARY
from tests.lab.verify import Outcome, run_pytest, verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(why_not()), reason=why_not())]

TYPES = ("cav", "ccp", "log", "vid", "vox", "vox8", "wav", "xml")
PLACES = (f"{DATA}/temp", f"{DATA}/logs", TEMPORARY)
RESIDENT, DEMAND = "excluded-memory-resident", "excluded-on-demand"
SELECTED = ("-k", "antivirus or file")
FACTS = "facts.json.gz"
WATCH_TEMPORARY = f"OnAccessIncludePath {TEMPORARY}\n"
SERVER: dict[str, Any] = {"role": "premises", "folders": FOLDERS}

EICAR_MD5 = "44d88612fea8a8f36de82e1278abb02f"
TICKET = "CHG0012399"


def start(clamav: ClamAv, settings: str, *options: str) -> None:
    """Both daemons, when they block what the signature names also in the temporary folder."""
    clamav.start_clamd(settings + WATCH_TEMPORARY)
    clamav.start_clamonacc(*options)
    ready = f"{TEMPORARY}/ready.bin"
    clamav.write({ready: CANARY})
    assert clamav.blocks()
    assert clamav.blocks(ready)
    clamav.run("rm", "-f", ready)  # which --move may have moved


def found(outcome: Outcome, requirement: str, host: str) -> str:
    verdict = outcome.findings[requirement, host]["verdict"]
    assert isinstance(verdict, str)
    return verdict


def untouched(outcome: Outcome, host: str) -> dict[str, str]:
    return {kind: found(outcome, f"file-type-{kind}.untouched", host) for kind in TYPES}


# -- level safe -------------------------------------------------------------------------------------

# The header of a WAVE file, which in truth is no threat.
SOUND = "Lab.Sound:0:0:52494646????????57415645666d7420\n"
LARGE, LOCKED = f"{DATA}/temp/archive.dat", f"{DATA}/logs/open.dat"
WRITER = f"n=0; while :; do n=$((n + 1)); : >{DATA}/temp/work$n; sleep 0.05; done"


def busy(clamav: ClamAv) -> None:
    """A file of 1.2 GiB that is all hole, and one that a program holds open."""
    clamav.run("truncate", "-s", "1229M", LARGE)
    clamav.host.tell("start", "holder", f'["sh", "-c", "exec sleep 600 >>{LOCKED}"]')


@dataclass(frozen=True)
class Safe:
    """One run over "premises", whose ClamAV leaves out what it should, and "client1", whose ClamAV leaves
    out nothing and takes sounds for a threat; and its facts judged again, by the host."""

    outcome: Outcome
    advice: Outcome


@pytest.fixture(scope="module")
def safe(lab_session: Lab) -> Safe:
    """It heals the lab itself, so that all its tests share the run."""
    try:
        return _safe(lab_session)
    finally:
        lab_session.heal()


def _safe(lab: Lab) -> Safe:
    good, bad = (server(lab.hosts[name]) for name in ("premises", "client1"))
    bad.write({f"{HOME}/db/sound.ndb": SOUND})
    for clamav, settings in ((good, GOOD), (bad, WATCH)):
        busy(clamav)
        start(clamav, settings)
        clamav.host.tell("start", "writer", f'["sh", "-c", "{WRITER}"]')
    root = {**SERVER, "user": "root"}  # who alone sees which files others hold open
    inventory = lab.inventory(premises=root, client1=root, client2=None)
    outcome = verify(inventory, *SELECTED, f"--wfo-save-facts={FACTS}")
    advice = verify(inventory, f"--wfo-facts={FACTS}", "-k", "considered and client1")
    assert [left(clamav) for clamav in (good, bad)] == [[], []]
    return Safe(outcome, advice)


def left(clamav: ClamAv) -> list[str]:
    """Test files of ours on the host."""
    said = clamav.run("find", DATA, TEMPORARY, "-name", "wfo-*")
    return said.splitlines()


def test_every_type_survives_where_clamav_leaves_out_what_it_should(safe: Safe) -> None:
    assert untouched(safe.outcome, "premises") == dict.fromkeys(TYPES, MET), safe.outcome.output
    for kind in TYPES:
        said = safe.outcome.says(f"file-type-{kind}.untouched", "premises")
        survived = re.findall(
            rf"^(\S+)/wfo-probe-\S+\.{kind}: unchanged after (\d+) s$", said, re.M
        )
        assert {re.sub("/wfo-probe-.*", "", place) for place, _ in survived} == set(PLACES), said
        assert all(int(seconds) >= 10 for _, seconds in survived)
        assert "nothing of the type in the history of 90 days" in said


def test_extensions_are_left_out_of_both_kinds_of_scanning_by_default(safe: Safe) -> None:
    for row in ("av-folder-temp", "av-folder-logs", "av-extension-vid", "av-extension-log"):
        for scan in (RESIDENT, DEMAND):
            assert found(safe.outcome, f"{row}.{scan}", "premises") == MET


def test_a_type_that_clamav_blocks_is_not_met_and_no_other_is(safe: Safe) -> None:
    assert untouched(safe.outcome, "client1") == {**dict.fromkeys(TYPES, MET), "wav": NOT_MET}
    summary = safe.outcome.findings["file-type-wav.untouched", "client1"]["summary"]
    assert summary.startswith("a harmless .wav file was not left alone: ")
    for place in PLACES:
        assert re.search(rf"{place}/\S+\.wav could not be read again", summary), summary


def test_files_worth_excluding_that_no_entry_covers_are_named_as_advice(safe: Safe) -> None:
    named = {
        "locked-files": f"{LOCKED} (held open for writing by sleep)",
        "large-files": f"{LARGE} (1.2 GiB)",
        "temporary-files": rf"{DATA}/temp (",
    }
    for row, words in named.items():
        finding = safe.outcome.findings[f"{row}.considered", "client1"]
        assert (finding["verdict"], finding["advisory"]) == (NOT_MET, True)
        assert words in finding["summary"]
    fresh = re.search(
        r"temp \((\d+) new files in \d+ s\)",
        safe.outcome.says("temporary-files.considered", "client1"),
    )
    assert fresh
    assert int(fresh[1]) > 1


def test_files_that_an_entry_covers_are_counted_and_not_named(safe: Safe) -> None:
    for row in ("locked-files", "large-files", "temporary-files"):
        requirement = f"{row}.considered"
        assert found(safe.outcome, requirement, "premises") == MET
        said = safe.outcome.says(requirement, "premises")
        assert "1 more were found and are excluded" in said
        assert not any(path in said for path in (LARGE, LOCKED, "new files"))
    said = safe.outcome.says("temporary-files.considered", "premises")
    assert "such a look never sees files that came and went between the two looks" in said


def test_advice_never_blocks_the_gate(safe: Safe) -> None:
    assert set(safe.advice.verdicts.values()) >= {NOT_MET}
    assert safe.advice.decision == "INCOMPLETE", safe.advice.output
    assert safe.outcome.decision == "NO-GO"


# -- level canary -----------------------------------------------------------------------------------


def window(opens: timedelta, closes: timedelta) -> dict[str, Any]:
    """The site's keys for a window that opens and closes so long from now."""
    now = datetime.now(timezone.utc)
    ends = "/".join(f"{now + each:%Y-%m-%dT%H:%M}" for each in (opens, closes))
    return {"timezone": "Etc/UTC", "av_canary": {"ticket": TICKET, "window": ends}}


@dataclass(frozen=True)
class Tried:
    """One run with the canary over three hosts: "premises" leaves out all but the folder of logs;
    on "client1" clamonacc does not run; on "client2" it gets no names, so that it can leave out no
    extension, and moves what it finds. ``left`` and ``quarantine`` are files there after the run, these
    with their MD5; ``late`` is a run after the window; connections were counted after each."""

    outcome: Outcome
    folder: Path
    left: dict[str, list[str]]
    quarantine: dict[str, str]
    late_exit: int
    late_output: str
    late_connections: int
    connections: int


@pytest.fixture(scope="module")
def tried(lab_session: Lab) -> Tried:
    """It heals the lab itself, so that all its tests share the run."""
    try:
        return _tried(lab_session)
    finally:
        lab_session.heal()


def _tried(lab: Lab) -> Tried:
    hosts = {name: server(lab.hosts[name]) for name in ("premises", "client1", "client2")}
    for clamav in hosts.values():
        clamav.write({f"{HOME}/db/eicar.hdb": f"{EICAR_MD5}:68:Lab.Eicar\n"})
    half = "\n".join(line for line in GOOD.splitlines() if "/logs" not in line) + "\n"
    start(hosts["premises"], half)
    hosts["client1"].start_clamd(GOOD)
    start(hosts["client2"], GOOD, *FDPASS, f"--move={HOME}/quar")
    count_connections(lab)
    keys: dict[str, Any] = {
        **dict.fromkeys(hosts, SERVER),
        "defaults": {"timeouts": {"connect": 2, "banner": 3, "login": 10, "script": 120}},
    }
    options = (*SELECTED, "--wfo-probe=canary", f"--wfo-save-facts={FACTS}")
    hour = timedelta(hours=1)
    late = run_pytest(lab.inventory(site=window(-2 * hour, -hour), **keys), *options)
    late_connections = connections(lab)
    inventory = lab.inventory(site=window(-hour, hour), **keys)
    outcome = verify(inventory, *options)
    kept = hosts["client2"].run("sh", "-c", f"md5sum {HOME}/quar/wfo-*").splitlines()
    return Tried(
        outcome,
        inventory.parent,
        {name: left(clamav) for name, clamav in hosts.items()},
        {line.split("/")[-1]: line.split()[0] for line in kept},
        late.returncode,
        late.stdout + late.stderr,
        late_connections,
        connections(lab),
    )


def count_connections(lab: Lab) -> None:
    rule = "tcp dport 22 tcp flags & (syn | ack) == syn counter"
    chain = "add chain inet seen in { type filter hook input priority -300; }"
    lab.nft("premises", f"add table inet seen\n{chain}\nadd rule inet seen in {rule}")


def connections(lab: Lab) -> int:
    said = re.search(
        r"packets (\d+)", lab.inside("premises", "nft", "list", "chain", "inet", "seen", "in")
    )
    assert said
    return int(said[1])


def says(tried: Tried, requirement: str, host: str = "premises") -> str:
    return tried.outcome.says(requirement, host)


@pytest.mark.parametrize("scan", [RESIDENT, DEMAND])
def test_the_canary_shows_which_exclusions_have_effect(tried: Tried, scan: str) -> None:
    for row, name in (
        ("av-folder-temp", f"{DATA}/temp/wfo-canary-"),
        ("av-extension-vid", ".vid"),
        ("av-extension-log", ".log"),
    ):
        assert found(tried.outcome, f"{row}.{scan}", "premises") == MET, tried.outcome.output
        said = says(tried, f"{row}.{scan}")
        assert re.search(rf"control file {TEMPORARY}/wfo-canary-\S+\.com: detected", said)
        assert re.search(rf"test file \S*{re.escape(name)}\S*: intact", said), said


@pytest.mark.parametrize("scan", [RESIDENT, DEMAND])
def test_a_folder_in_which_the_canary_is_detected_is_not_met(tried: Tried, scan: str) -> None:
    requirement = f"av-folder-logs.{scan}"
    assert found(tried.outcome, requirement, "premises") == NOT_MET
    finding = tried.outcome.findings[requirement, "premises"]
    detected = rf"the canary {DATA}/logs/wfo-canary-\w+\.com was detected"
    assert re.search(detected, finding["summary"])
    entry = {RESIDENT: f"OnAccessExcludePath {DATA}/logs", DEMAND: f"ExcludePath ^{DATA}/logs(/|$)"}
    assert f"add {entry[scan]} to clamd.conf" in finding["remedy"]


def test_without_clamonacc_the_canary_shows_nothing_of_memory_resident_scanning(
    tried: Tried,
) -> None:
    for row in ("av-folder-temp", "av-folder-logs", "av-extension-vid", "av-extension-log"):
        assert found(tried.outcome, f"{row}.{RESIDENT}", "client1") == NOT_VERIFIED
        said = says(tried, f"{row}.{RESIDENT}", "client1")
        assert "the canary test is inconclusive here and counts for nothing" in said
        assert found(tried.outcome, f"{row}.{DEMAND}", "client1") == MET
        assert "clamdscan" in says(tried, f"{row}.{DEMAND}", "client1")


def test_an_extension_that_only_clamds_expressions_name_is_detected_on_access(tried: Tried) -> None:
    for kind in ("vid", "log"):
        requirement = f"av-extension-{kind}.{RESIDENT}"
        assert found(tried.outcome, requirement, "client2") == NOT_MET
        assert "the canary" in tried.outcome.findings[requirement, "client2"]["summary"]
        assert found(tried.outcome, f"av-folder-temp.{RESIDENT}", "client2") == MET


@pytest.mark.parametrize("host", ["premises", "client1", "client2"])
def test_harmless_files_survive_beside_the_canary_which_is_no_file_of_wfo(
    tried: Tried, host: str
) -> None:
    """ClamAV's own log tells of canary files, by the same extensions."""
    assert untouched(tried.outcome, host) == dict.fromkeys(TYPES, MET), tried.outcome.output


def test_watchers_of_alerts_find_their_line_in_the_reports(tried: Tried) -> None:
    for name in ("report.html", "summary.md", "results.json"):
        text = (tried.folder / "wfo-report" / name).read_text("utf-8")
        for host in ("premises", "client1", "client2"):
            line = re.search(rf"canary test on {host}, ticket {TICKET}: [^\n]+", text)
            assert line, name
            ends = re.search(r"(20\S+Z) to (20\S+Z), run ([0-9a-f]{12})", line[0])
            assert ends
            assert ends[1] < ends[2]
            assert f"wfo-canary-{ends[3]}.*" in line[0]
            assert all(place in line[0] for place in PLACES)


def test_the_real_text_was_tried_and_stands_in_nothing_that_the_run_wrote(tried: Tried) -> None:
    text = bytes(33 + (ord(letter) - 33 + 47) % 94 for letter in PAYLOAD)
    assert (len(text), hashlib.md5(text).hexdigest()) == (68, EICAR_MD5)
    assert set(tried.quarantine.values()) == {EICAR_MD5}
    assert {name.rpartition(".")[2] for name in tried.quarantine} == {"com", "vid", "log"}
    written = [path for path in tried.folder.rglob("*") if path.is_file()]
    assert {"report.html", "results.json", "junit.xml", FACTS} <= {path.name for path in written}
    texts = {path.name: path.read_bytes() for path in written}
    texts |= {FACTS: gzip.decompress(texts[FACTS]), "terminal": tried.outcome.output.encode()}
    assert b"wfo-canary-" in texts[FACTS]
    # Its longest part that no kind of escaping would change, so that none can hide it.
    telling = text[text.index(b"EICAR") : text.index(b"!$")]
    assert len(telling) > 30
    assert [name for name, content in texts.items() if telling in content] == []


def test_nothing_is_left_on_the_hosts(tried: Tried) -> None:
    assert tried.left == {"premises": [], "client1": [], "client2": []}


def test_after_the_window_nobody_is_contacted(tried: Tried) -> None:
    assert tried.late_exit == 4, tried.late_output
    assert f"outside its window (ticket {TICKET})" in tried.late_output
    assert (tried.late_connections, tried.connections) == (0, 1)
