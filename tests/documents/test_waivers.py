"""Files of waivers and attestations: what they mean, and every problem with its place."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_wfo.core.waivers import Accepted, AcceptedFile, Attestation, Scope, Waiver
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.documents.problems import DocumentError
from pytest_wfo.documents.schemas import attestations_schema, waivers_schema
from pytest_wfo.documents.waivers import load_attestations, load_waivers
from pytest_wfo.documents.yaml_text import read_yaml
from tests.documents.support import problems as inventory_problems
from tests.support.sites import EDITION

TODAY = date(2026, 11, 23)
INVENTORY = """\
site: {name: A}
hosts:
  prem01: {role: premises, address: 10.0.0.1}
  desk-[001:005]: {role: client}
"""
WAIVER = {
    "requirement": "client-943.*",
    "hosts": "[desk-002]",
    "reason": "Silverlight is not used",
    "approver": "R. Ortiz",
    "ticket": "CHG1",
    "expires": "2026-12-31",
}
ATTESTATION = {
    "requirement": "av-*",
    "hosts": "['role:premises']",
    "who": "K. Lee",
    "when": "2026-11-02",
    "until": "2027-05-01",
    "reference": "DOC-7",
}


def load(folder: Path, text: str, kind: str = "waivers") -> Accepted:
    (folder / "inventory.yml").write_text(INVENTORY)
    file = folder / f"{kind}.yml"
    file.write_text(text)
    site = load_inventory(folder / "inventory.yml")
    if kind == "waivers":
        return load_waivers(file, site, EDITION)
    return load_attestations(file, site, EDITION, TODAY)


def problems(folder: Path, text: str, kind: str = "waivers") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(folder, text, kind)
    return str(caught.value).replace(f"{folder}/{kind}.yml:", "").splitlines()


def entry(keys: dict[str, Any], kind: str = "waivers") -> str:
    """A file of one entry; its n-th key stands in line n + 1, keys in column 5."""
    lines = [f"{name}: {value}" for name, value in keys.items()]
    return f"{kind}:\n  - " + "\n    ".join(lines) + "\n"


def test_a_waiver_says_who_accepts_what_until_when(tmp_path: Path) -> None:
    text = entry({**WAIVER, "ticket": "0012", "reason": "not\n      used"})
    made = load(tmp_path, text)

    ids = frozenset(name for name in EDITION.by_id if name.startswith("client-943."))
    assert len(ids) > 2
    scope = Scope("client-943.*", ("desk-002",), ids, frozenset({"desk-002"}), "waivers.yml:2")
    assert made.waivers == (Waiver(scope, "not used", "R. Ortiz", "0012", date(2026, 12, 31)),)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert made.files == (AcceptedFile("waivers.yml", digest),)


def test_a_waiver_can_be_permanent(tmp_path: Path) -> None:
    keys = {name: value for name, value in WAIVER.items() if name != "expires"}
    (waiver,) = load(tmp_path, entry({**keys, "permanent": "true"})).waivers

    assert waiver.expires is None
    assert waiver.holds_on(date(2999, 1, 1))


def test_an_expired_waiver_is_no_problem_of_the_file(tmp_path: Path) -> None:
    (waiver,) = load(tmp_path, entry({**WAIVER, "expires": "2020-01-01"})).waivers

    assert not waiver.holds_on(TODAY)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("[desk-002]", {"desk-002"}),
        ('["desk-[002:004]"]', {"desk-002", "desk-003", "desk-004"}),
        ('["desk-*"]', {f"desk-00{number}" for number in range(1, 6)}),
        ('["desk-00?", prem01]', {"prem01", *(f"desk-00{number}" for number in range(1, 6))}),
        ("['role:premises']", {"prem01"}),
        ("[role:premises, desk-001]", {"prem01", "desk-001"}),
        ('["*"]', {"prem01", *(f"desk-00{number}" for number in range(1, 6))}),
    ],
)
def test_hosts_are_names_ranges_globs_and_roles(
    tmp_path: Path, words: str, names: set[str]
) -> None:
    (waiver,) = load(tmp_path, entry({**WAIVER, "hosts": words})).waivers

    assert waiver.scope.host_names == names


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"requirement": "clent-943.*"}, '2:18: waivers[0].requirement: no requirement of edition 16.1'
         ' matches; did you mean "client-943.listens"?'),
        ({"hosts": "[desk-02]"}, '3:13: waivers[0].hosts[0]: no host of the inventory is "desk-02";'
         ' did you mean "desk-002"?'),
        ({"hosts": '["desk-[004:009]"]'}, '3:13: waivers[0].hosts[0]: no host of the inventory is'
         ' "desk-006" (and 3 more of them); did you mean "desk-005"?'),
        ({"hosts": '["x*"]'}, '3:13: waivers[0].hosts[0]: no host of the inventory is "x*"'),
        ({"hosts": "[prem01, role:client, role:clinet]"},
         "3:34: waivers[0].hosts[2]: expected role:premises, role:client, role:edge or role:cloud,"
         ' got "role:clinet"; did you mean "role:client"?'),
        ({"hosts": "['role:edge']"},
         "3:13: waivers[0].hosts[0]: no host of the inventory has the role edge"),
        ({"hosts": '["desk-[1:999999999]"]'},
         "3:13: waivers[0].hosts[0]: stands for more than 100,000 hosts"),
        ({"hosts": '["desk-[ab]"]'}, '3:13: waivers[0].hosts[0]: "[ab]" is not a range; write two'
         " numbers of at most 9 digits: [001:250]"),
        ({"hosts": "desk-002"}, '3:12: waivers[0].hosts: expected a list ("[a, b]"), got text'),
        ({"hosts": "[]"}, "3:12: waivers[0].hosts: expected at least one, got an empty list"),
        ({"reason": "' '"}, "4:13: waivers[0].reason: expected a sentence, got an empty text"),
        ({"approver": ""}, "5:5: waivers[0].approver: no value; write one or leave the key out"),
        ({"approver": '"R.\\nOrtiz"'}, "5:15: waivers[0].approver: expected one line of text"
         " without control characters"),
        ({"ticket": '"\\e[31m"'}, "6:13: waivers[0].ticket: expected one line of text without"
         " control characters"),
        ({"expires": "tomorrow"}, "7:14: waivers[0].expires: expected a day such as 2026-12-31, got"
         ' "tomorrow"'),
        ({"expires": "2026-02-30"}, "7:14: waivers[0].expires: the calendar has no day 2026-02-30"),
        ({"expires": "20261231"}, "7:14: waivers[0].expires: expected a day such as 2026-12-31, got"
         " 20261231"),
        ({"expires": "2026-12-31T10:00:00Z"}, "7:14: waivers[0].expires: expected a day such as"
         ' 2026-12-31, got "2026-12-31T10:00:00Z"'),
        ({"expires": "2026-12-31\n    permanent: true"},
         "8:5: waivers[0].permanent: write expires or permanent, not both"),
        ({"expires": "2026-12-31\n    permanent: false"},
         "8:5: waivers[0].permanent: write expires or permanent, not both"),
        ({"expires": "2026-12-31\n    aprover: x"}, '8:5: waivers[0].aprover: unknown key; did you'
         ' mean "approver"?'),
    ],
)  # fmt: skip
def test_a_problem_with_a_waiver(tmp_path: Path, change: dict[str, str], expected: str) -> None:
    assert expected in problems(tmp_path, entry({**WAIVER, **change}))


@pytest.mark.parametrize("key", ["requirement", "hosts", "reason", "approver", "ticket"])
def test_a_waiver_needs(tmp_path: Path, key: str) -> None:
    keys = {name: value for name, value in WAIVER.items() if name != key}

    assert problems(tmp_path, entry(keys)) == [f"2:5: waivers[0].{key}: missing"]


def test_a_waiver_needs_an_end_or_the_word_that_it_has_none(tmp_path: Path) -> None:
    keys = {name: value for name, value in WAIVER.items() if name != "expires"}

    assert problems(tmp_path, entry(keys)) == [
        "2:5: waivers[0].expires: missing; write the last day it holds (expires: 2026-12-31) or"
        " permanent: true"
    ]
    for other in ("false", "1", "1.0", '"true"'):
        (problem,) = problems(tmp_path, entry({**keys, "permanent": other}))
        assert problem.startswith(f"7:16: waivers[0].permanent: expected true, got {other}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty"),
        ("[]", '1:1: expected a mapping ("waivers:"), got a list'),
        ("{}", "1:1: waivers: missing"),
        ("waivers:", "1:1: waivers: no value; write one or leave the key out"),
        ("waivers: {}", '1:10: waivers: expected a list ("- requirement: ..."), got a mapping'),
        ("waivers: []\nwaiver: []", '2:1: waiver: unknown key; did you mean "waivers"?'),
        ("waivers: [text]", '1:11: waivers[0]: expected a mapping ("key: value"), got text'),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problems(tmp_path, text)


def test_a_file_without_entries_is_fine(tmp_path: Path) -> None:
    assert load(tmp_path, "waivers: []").waivers == ()


def test_all_problems_of_all_entries_are_told_at_once(tmp_path: Path) -> None:
    bad = {**WAIVER, "hosts": "[nowhere]", "expires": "soon", "aprover": "x"}
    text = entry(bad) + entry({**bad, "requirement": "nosuch"}).removeprefix("waivers:\n")
    found = problems(tmp_path, text)

    assert [line.split(": ")[0] for line in found] == [
        "3:13", "7:14", "8:5", "9:18", "10:13", "14:14", "15:5",
    ]  # fmt: skip


def test_an_attestation_says_who_vouches_for_what_and_where_the_proof_lies(tmp_path: Path) -> None:
    (tmp_path / "proof.pdf").write_bytes(b"signed")
    digest = hashlib.sha256(b"signed").hexdigest()
    keys = {**ATTESTATION, "file": "proof.pdf", "sha256": digest.upper()}
    (made,) = load(tmp_path, entry(keys, "attestations"), "attestations").attestations

    assert made == Attestation(
        made.scope, "K. Lee", date(2026, 11, 2), date(2027, 5, 1), "DOC-7", "proof.pdf", digest
    )
    assert made.scope.host_names == {"prem01"}
    assert made.scope.requirement_ids == {name for name in EDITION.by_id if name.startswith("av-")}
    assert made.scope.place == "attestations.yml:2"


def test_a_hash_of_digits_alone_is_text(tmp_path: Path) -> None:
    digits = "1" * 64
    (tmp_path / "proof.pdf").write_bytes(b"signed")
    keys = {**ATTESTATION, "file": "proof.pdf", "sha256": digits}

    (line,) = problems(tmp_path, entry(keys, "attestations"), "attestations")
    assert line.startswith("9:13: attestations[0].sha256: the attached file is another one")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"when": "2026-11-24"}, "5:11: attestations[0].when: 2026-11-24 lies in the future: today is"
         " 2026-11-23 at the site"),
        ({"until": "2026-11-01"}, "6:12: attestations[0].until: 2026-11-01 is before the day of"
         " looking, 2026-11-02"),
        ({"until": "never"}, '6:12: attestations[0].until: expected a day such as 2026-12-31, got'
         ' "never"'),
        ({"file": "nowhere.pdf", "sha256": "0" * 64}, "8:11: attestations[0].file: no such file"),
        ({"file": ".", "sha256": "0" * 64}, "8:11: attestations[0].file: not a file"),
        ({"file": "inventory.yml", "sha256": "abc"}, "9:13: attestations[0].sha256: expected a"
         " SHA-256: 64 hexadecimal digits, as sha256sum prints them"),
        ({"file": "inventory.yml", "sha256": "0" * 64}, "9:13: attestations[0].sha256: the attached"
         " file is another one or was changed: its SHA-256 is "
         + hashlib.sha256(INVENTORY.encode()).hexdigest()),
        ({"file": "inventory.yml"}, "2:5: attestations[0].sha256: missing; of the file as it is now"
         f" it is {hashlib.sha256(INVENTORY.encode()).hexdigest()}"),
        ({"sha256": "0" * 64}, "2:5: attestations[0].file: missing; sha256 is of an attached file"),
        ({"hosts": "[desk-9]"}, '3:13: attestations[0].hosts[0]: no host of the inventory is "desk-9";'
         ' did you mean "desk-005"?'),
    ],
)  # fmt: skip
def test_a_problem_with_an_attestation(
    tmp_path: Path, change: dict[str, str], expected: str
) -> None:
    found = problems(tmp_path, entry({**ATTESTATION, **change}, "attestations"), "attestations")

    assert expected in found


@pytest.mark.parametrize("key", list(ATTESTATION))
def test_an_attestation_needs(tmp_path: Path, key: str) -> None:
    keys = {name: value for name, value in ATTESTATION.items() if name != key}
    found = problems(tmp_path, entry(keys, "attestations"), "attestations")

    assert found == [f"2:5: attestations[0].{key}: missing"]


def test_an_attestation_of_today_is_not_in_the_future(tmp_path: Path) -> None:
    keys = {**ATTESTATION, "when": str(TODAY), "until": str(TODAY)}
    (made,) = load(tmp_path, entry(keys, "attestations"), "attestations").attestations

    assert made.holds_on(TODAY)


def test_the_inventory_names_both_files_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text(INVENTORY + "waivers: accepted/w.yml\nattestations: /srv/a.yml\n")
    site = load_inventory(file)

    assert site.waivers == str(tmp_path / "accepted" / "w.yml")
    assert site.attestations == "/srv/a.yml"
    file.write_text(INVENTORY)
    assert load_inventory(file).waivers == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("waivers: [a]", "inventory.yml:5:10: waivers: expected text, got a list"),
        ("waiver: a.yml", 'inventory.yml:5:1: waiver: unknown key; did you mean "waivers"?'),
        (
            "attestations:",
            "inventory.yml:5:1: attestations: no value; write one or leave the key out",
        ),
    ],
)
def test_an_inventory_that_names_no_file(tmp_path: Path, line: str, expected: str) -> None:
    assert inventory_problems(tmp_path, f"{INVENTORY}{line}\n") == [expected]


@pytest.mark.parametrize(
    ("kind", "keys", "valid"),
    [
        ("waivers", WAIVER, True),
        ("waivers", {**WAIVER, "permanent": "true"}, False),
        ("waivers", {**WAIVER, "expires": "2026-1-1"}, False),
        ("waivers", {**WAIVER, "hosts": "a"}, False),
        ("waivers", {**WAIVER, "hosts": "[]"}, False),
        ("waivers", {**WAIVER, "until": "2026-12-31"}, False),
        ("attestations", ATTESTATION, True),
        ("attestations", {**ATTESTATION, "file": "a"}, False),
        ("attestations", {**ATTESTATION, "sha256": "0" * 63 + "a"}, False),
        ("attestations", {**ATTESTATION, "when": "today"}, False),
    ],
)
def test_what_an_editor_can_see_the_schema_refuses_as_the_loader_does(
    tmp_path: Path, kind: str, keys: dict[str, str], valid: bool
) -> None:
    schema = waivers_schema() if kind == "waivers" else attestations_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    text = entry(keys, kind)
    (tmp_path / "file.yml").write_text(text)
    value = read_yaml(tmp_path / "file.yml").value

    assert jsonschema.Draft202012Validator(schema).is_valid(value) is valid
    if valid:
        load(tmp_path, text, kind)
    else:
        assert problems(tmp_path, text, kind)
