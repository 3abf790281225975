"""JUnit XML: requirement and host where CI servers show them, users' own tests as pytest has them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from tests.support.runs import Run, advice, results, verdicts

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent.parent / "data" / "junit.xsd"))


def cases(folder: Path) -> dict[tuple[str, str], ElementTree.Element]:
    """(class, name) -> test case; the file is held against the schema, and no case stands twice."""
    file = folder / "wfo-report" / "junit.xml"
    SCHEMA.validate(str(file))
    found = list(ElementTree.parse(file).iter("testcase"))
    by_name = {(each.attrib["classname"], each.attrib["name"]): each for each in found}
    assert len(by_name) == len(found)
    return by_name


@pytest.mark.parametrize(
    "options", [(), ("-n", "2"), ("--reruns=1", "-p", "no:xdist")], ids=" ".join
)
def test_every_cell_is_a_case_named_after_requirement_and_host(
    offline: Run, pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    offline("-W", "error", *options)
    found = cases(pytester.path)
    again = {key: found.pop(key) for key in list(found) if "attempt" in key[1]}
    of_verdict = verdicts(pytester.path)

    assert set(found) == {(f"wfo.{requirement}", host) for requirement, host in of_verdict}
    outcomes = {key: {each.tag for each in case} - {"properties"} for key, case in found.items()}
    expected: dict[str, set[str]] = {
        "met": set(),
        "not met": {"failure"},
        "not verified": {"error"},
    }
    advised = advice(pytester.path)
    assert advised
    for cell, verdict in of_verdict.items():
        tags = {"skipped"} if cell in advised else expected[verdict]
        assert outcomes[f"wfo.{cell[0]}", cell[1]] == tags, cell
    assert bool(again) is ("--reruns=1" in options)
    assert {each.tag for case in again.values() for each in case} <= {"skipped", "properties"}
    assert all(case.find("skipped") is not None for case in again.values())


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one", "xdist"])
def test_a_failure_says_verdict_and_fix_in_one_line_and_all_of_it_in_its_text(
    offline: Run, pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    offline(*options)
    found = cases(pytester.path)
    failure = found["wfo.client-2015.listens", "prem01"].find("failure")
    error = found["wfo.host.access", "desk-03"].find("error")
    assert failure is not None
    assert error is not None

    assert failure.attrib["message"] == (
        "prem01: not met: TCP 2015 is bound to 127.0.0.1 only, which peers cannot reach (they use "
        "10.20.0.10); what to do: let the service bind all addresses (0.0.0.0) or the one its peers use "
        "on port 2015"
    )
    text = failure.text or ""
    assert text.startswith("prem01: not met: TCP 2015 is bound to 127.0.0.1 only")
    assert "evidence: " in text
    assert error.attrib["message"].startswith('failed on setup with "desk-03: not verified: ')
    assert "; what to do: " in error.attrib["message"]


def test_only_what_is_not_met_carries_properties(offline: Run, pytester: pytest.Pytester) -> None:
    offline()
    counts = results(pytester.path)["counts"]
    said = Counter(
        each.attrib["value"]
        for case in cases(pytester.path).values()
        for each in case.iter("property")
        if each.attrib["name"] == "wfo_verdict"
    )

    assert "met" not in said
    advised = list(advice(pytester.path).values())
    assert said["not met"] == counts["not met"] + advised.count("not met") > 0


def test_a_prefix_stands_first(offline: Run, pytester: pytest.Pytester) -> None:
    offline("--junitprefix=contoso", "-k", "test_connects and client-80")

    assert ("contoso.wfo.client-80.connects", "desk-01") in cases(pytester.path)


def test_users_own_tests_keep_their_names_and_properties(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_mine="""
        import pytest

        @pytest.mark.wfo_requirement("client-80.connects")
        def test_again(wfo_finding, request):
            request.node.user_properties.append(("mine", "yes"))
            wfo_finding.must_hold()

        def test_plain():
            print("printed")
        """
    )
    run(
        f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}",
        "test_mine.py", "-o", "junit_logging=system-out",
    )  # fmt: skip
    found = cases(pytester.path)

    assert ("test_mine", "test_again[desk-01]") not in found
    case = found["test_mine", "test_again[client-80-desk-01]"]
    assert {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")} == {
        "mine": "yes"
    }
    assert "printed" in (found["test_mine", "test_plain"].findtext("system-out") or "")
