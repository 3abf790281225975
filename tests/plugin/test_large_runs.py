"""Large runs: what pytest prints is bounded, and suites' tests stay tests like any others."""

from __future__ import annotations

import pytest

from tests.support.runs import Run, advice, results, verdicts

BOUND = """
import pytest_wfo.plugin.outcomes
pytest_wfo.plugin.outcomes.SECTIONS = 2
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_only_the_first_findings_get_a_section_and_all_are_counted(
    offline: Run, pytester: pytest.Pytester, workers: str
) -> None:
    pytester.makepyfile(bound=BOUND)
    result = offline("-n", workers, "-p", "bound")
    counted, outcomes = results(pytester.path)["counts"], result.parseoutcomes()

    assert sum(line.startswith("  what to do: ") for line in result.outlines) == 2
    assert outcomes.get("failed", 0) + outcomes.get("error", outcomes.get("errors", 0)) == 2
    assert result.ret == 1
    last = result.outlines[-1]
    assert sum(
        int(part.split()[0])
        for part in last.strip("= ").partition(" in ")[0].split(", ")
        if part.split(maxsplit=1)[1] in ("failed", "error", "errors", "not met", "not verified")
    ) == (counted["not met"] + counted["not verified"])


def test_last_failed_knows_those_without_a_section(offline: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bound=BOUND)
    offline("-p", "bound", "-p", "cacheprovider")
    advised = advice(pytester.path)
    failing = [
        cell
        for cell, verdict in verdicts(pytester.path).items()
        if verdict != "met" and cell not in advised
    ]
    again = offline("-p", "bound", "-p", "cacheprovider", "--lf", "--collect-only", "-q")

    assert sum("::" in line for line in again.outlines) == len(failing)


def test_marks_hooks_and_fixtures_of_users_reach_the_suites_tests(
    offline: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        import pytest

        seen = []

        def pytest_collection_modifyitems(items):
            for item in items:
                if "client-443" in item.name:
                    item.add_marker(pytest.mark.skip("mine"))

        def pytest_runtest_setup(item):
            seen.append(item)

        @pytest.fixture(autouse=True)
        def mine(request, wfo_finding):
            assert wfo_finding.finding.requirement.endswith(request.function.__name__[5:].replace("_", "-"))

        def pytest_sessionfinish():
            assert all(isinstance(item, pytest.Function) and item.callspec.params for item in seen)
            print("seen", len(seen))
        """
    )
    result = offline(f"--confcutdir={pytester.path}", "-p", "conftest", "-s")
    of = verdicts(pytester.path)

    skipped = [key for key in of if "client-443." in key[0]]

    assert f"seen {len(of) - len(skipped)}" in result.stdout.str()
    assert of["client-443.connects", "desk-01"] == "not verified"
    assert of["client-80.connects", "desk-01"] == "met"


def test_set_up_can_be_shown(offline: Run) -> None:
    text = offline("--setup-show", "-k", "test_connects and client-80 and desk-01").stdout.str()

    assert "SETUP    F wfo_finding[" in text
    assert "(fixtures used: request, wfo_finding)" in text


def test_judging_saved_facts_loads_no_connections(offline: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import sys
        def pytest_sessionfinish():
            print("loaded:", [name for name in ("paramiko", "pypsrp") if name in sys.modules])
        """
    )
    result = offline(
        "-p", "no:pytest11.testinfra", "-s", f"--confcutdir={pytester.path}", "-p", "conftest"
    )

    assert "loaded: []" in result.stdout.str()
