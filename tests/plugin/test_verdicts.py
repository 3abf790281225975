"""Verdicts become pytest outcomes; the gate decides the exit code."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.runs import Run, results, verdicts


def test_verdicts_are_outcomes(offline: Run, pytester: pytest.Pytester) -> None:
    result = offline()
    counts = results(pytester.path)["counts"]

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == counts["met"]
    assert outcomes["failed"] == counts["not met"]
    assert outcomes.get("skipped", 0) == counts["not applicable"]
    assert outcomes.get("xfailed", 0) == counts["advisory"]
    junit = ElementTree.parse(pytester.path / "wfo-report" / "junit.xml").getroot()
    errors = list(junit.iter("error"))
    assert len(errors) == counts["not verified"]
    assert result.ret == 1


def test_what_does_not_apply_is_skipped_with_its_reason(
    run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  p: {role: premises, address: 127.0.0.1, connection: local}\n"
    )
    result = run("--wfo-hosts=inventory.yml", "--wfo-probe=none", "-k", "av-folder-temp", "-rs")
    found = verdicts(pytester.path)
    verdict = found["av-folder-temp.excluded-on-demand", "p"]

    assert verdict in ("not applicable", "not verified"), "as this machine runs an antivirus or not"
    assert ("not applicable: no antivirus" in result.stdout.str()) is (verdict == "not applicable")


def test_an_unreachable_host_is_explained_once(offline: Run) -> None:
    result = offline()
    text = result.stdout.str()

    assert text.count("ERROR at setup of") == 1
    assert "ERROR at setup of test_access[host-desk-03]" in text
    result.stdout.re_match_lines([r".*1 error, 35 not verified.*"])


def test_a_failure_shows_the_finding_and_no_traceback(offline: Run) -> None:
    text = offline("-k", "test_listens and 2015").stdout.str()

    assert "prem01: not met: TCP 2015 is bound to 127.0.0.1 only" in text
    assert "what to do: let the service bind all addresses" in text
    assert "Traceback" not in text
    assert "fixtures.py" not in text
    assert "outcomes.py" not in text


def test_a_part_of_the_plan_is_never_go(offline: Run, pytester: pytest.Pytester) -> None:
    result = offline("-k", "test_connects and client-2012 and desk-01")

    assert result.parseoutcomes() == {"passed": 1, "deselected": 154}
    assert result.ret == 1
    data = results(pytester.path)
    assert data["decision"] == "INCOMPLETE"
    assert data["plan"]["selected"] == 1
    assert data["counts"]["met"] == 1
    assert "a part is never GO" in " ".join(result.stdout.str().split())


def test_a_run_that_ends_early_leaves_the_rest_not_verified(
    offline: Run, pytester: pytest.Pytester
) -> None:
    offline("-x")
    found = verdicts(pytester.path)

    assert results(pytester.path)["decision"] == "NO-GO"
    assert found["client-2015.listens", "prem01"] == "not verified"
    assert len(found) == 155


def test_a_test_that_ends_otherwise_than_its_verdict_demands_does_not_count(
    offline: Run, pytester: pytest.Pytester
) -> None:
    """A user's hook that turns failures into passes cannot turn the gate green."""
    pytester.makeconftest(
        """
        import pytest
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if "test_listens" in item.nodeid:
                report.outcome, report.longrepr = "passed", None
            return report
        """
    )
    result = offline(f"--confcutdir={pytester.path}", "-p", "conftest")
    found = verdicts(pytester.path)

    assert found["client-2015.listens", "prem01"] == "not verified"
    assert result.ret == 1


def test_a_fixture_of_the_users_that_fails_leaves_the_cell_not_verified(
    offline: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        import pytest
        @pytest.fixture(autouse=True)
        def broken(request):
            if "client-2012" in request.node.name:
                raise RuntimeError("mine")
        """
    )
    offline(f"--confcutdir={pytester.path}", "-p", "conftest")
    found = verdicts(pytester.path)

    assert found["client-2012.connects", "desk-01"] == "not verified"
    assert found["client-80.connects", "desk-01"] == "met"


def test_nothing_selected_is_a_usage_error(offline: Run) -> None:
    result = offline("-k", "nothing_like_it")

    assert result.ret == 4
    assert "no requirement was selected" in result.stderr.str() + result.stdout.str()


def test_test_ids_are_those_of_the_plan_and_need_no_network(
    run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\n"
        "hosts:\n"
        "  prem01: {role: premises, address: 192.0.2.10}\n"
        "  desk-[001:002]: {role: client, address: '192.0.2.[21:22]'}\n"
    )
    result = run("--wfo-hosts=inventory.yml", "--collect-only", "-q")
    ids = [line for line in result.outlines if "::" in line]

    assert result.ret == 0
    assert f"{len(ids)} tests collected" in result.outlines[-1], "what nobody is asked is no test"
    assert "wfo/test_client_ports.py::test_connects[client-2012-desk-001]" in ids
    assert all(
        re.fullmatch(r"wfo/test_\w+\.py::test_\w+\[[A-Za-z0-9._:-]+\]", line) for line in ids
    )
    assert len(ids) == len(set(ids))
    assert not (pytester.path / "wfo-report").exists()


def test_every_requirement_belongs_to_exactly_one_suite_test(
    run: Run, pytester: pytest.Pytester
) -> None:
    from pytest_wfo.core.plan import plan
    from pytest_wfo.documents.editions import load_edition
    from pytest_wfo.documents.inventory import load_inventory

    inventory = pytester.path / "inventory.yml"
    inventory.write_text(
        "site: {name: X, features: [screen_recording, desktop_analytics], cloud_endpoints: [207.166.94.10]}\n"
        "hosts:\n"
        "  p: {role: premises, address: 192.0.2.10}\n"
        "  c: {role: client, address: 192.0.2.11}\n"
        "  e: {role: edge, address: 192.0.2.1}\n"
        "  v: {role: cloud, address: 192.0.2.99}\n"
    )
    site = load_inventory(inventory)
    cells = plan(load_edition("16.1"), site).cells
    result = run("--wfo-hosts=inventory.yml", "--collect-only", "-q")
    ids = sorted(line.split("::", 1)[1] for line in result.outlines if "::" in line)

    assert ids == sorted(
        f"test_{cell.requirement.claim.value.replace('-', '_')}[{cell.id}]" for cell in cells
    )


def test_facts_saved_and_judged_again_give_the_same_findings(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--wfo-demo", "--wfo-save-facts=facts.json.gz")
    live = verdicts(pytester.path)
    assert (pytester.path / "facts.json.gz").stat().st_size > 1000
    assert set(live.values()) == {"met", "not met", "not verified"}


def test_facts_of_another_inventory_are_said_to_be(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    text = (facts / "inventory.yml").read_text() + "\n# changed\n"
    (facts / "changed.yml").write_text(text)
    result = run(f"--wfo-hosts={facts / 'changed.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}")

    assert "the inventory changed since the facts were gathered" in result.stdout.str()
    assert results(pytester.path)["run"]["notes"]
