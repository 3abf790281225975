"""Users' own tests beside the suites: they never make, mend or worsen what the suites found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import Run, results, verdicts

ACCESS = "wfo/test_access.py::test_access[host-prem01]"
WORDS = """
import pytest

@pytest.mark.wfo_requirement("*")
def test_zz_words(wfo_finding):
    assert wfo_finding.finding.requirement
"""


@pytest.fixture
def both(offline: Run, pytester: pytest.Pytester) -> Run:
    """The suites and a test of the user's about the same cells, which runs after them."""
    pytester.makepyfile(test_zz=WORDS)
    (pytester.path / "pytest.ini").write_text("[pytest]\n")  # not this repository's

    def run_both(*options: str, suites: str = "test_*.py") -> pytest.RunResult:
        files = sorted((Path(__file__).parents[2] / "suites").glob(suites))
        return offline("-c", "pytest.ini", *options, *map(str, files), "test_zz.py")

    return run_both


def with_conftest(pytester: pytest.Pytester, text: str) -> tuple[str, ...]:
    pytester.makeconftest(text)
    return f"--confcutdir={pytester.path}", "-p", "conftest"


@pytest.mark.parametrize("phase", ["crash", "teardown"])
def test_a_lost_finding_is_not_mended_by_a_test_of_the_users(
    both: Run, pytester: pytest.Pytester, phase: str
) -> None:
    hook, act, workers = {
        "crash": ("call", "os._exit(3)", ("-n2",)),
        "teardown": ("teardown", "raise OSError('torn')", ()),
    }[phase]
    conftest = with_conftest(
        pytester,
        f"import os\ndef pytest_runtest_{hook}(item):\n    if item.nodeid == {ACCESS!r}: {act}\n",
    )
    result = both(*workers, *conftest)

    assert verdicts(pytester.path)["host.access", "prem01"] == "not verified"
    assert result.ret == 1


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_test_about_a_finding_that_is_not_met_changes_no_verdict(
    both: Run, offline: Run, pytester: pytest.Pytester, workers: str
) -> None:
    offline()
    alone = results(pytester.path)
    result = both(workers)
    data = results(pytester.path)

    assert data["results"] == alone["results"]
    assert data["counts"] == alone["counts"]
    assert result.ret == 1


def test_a_test_of_the_users_that_fails_changes_no_verdict_but_the_exit_code(
    both: Run, offline: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "waivers.yml").write_text(
        '{"waivers": [{"requirement": "*", "hosts": ["prem01", "desk-01", "desk-02", "fw01"], '
        '"reason": "r", "approver": "A", "ticket": "T", "permanent": true}]}'
    )
    options = "--wfo-waivers=waivers.yml", "-k", "not desk-03"
    offline(*options)
    alone = results(pytester.path)
    assert alone["decision"] == "INCOMPLETE", "nothing blocks but that it is a part"
    pytester.makepyfile(test_zz=WORDS.replace("assert ", "assert not "))
    result = both(*options)

    assert results(pytester.path)["results"] == alone["results"]
    assert results(pytester.path)["decision"] == "INCOMPLETE"
    assert result.ret == 1


def test_tests_of_the_users_alone_give_no_verdict(offline: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_zz=WORDS.replace('"*"', '"client-80.connects"'))
    result = offline("test_zz.py", "-k", "desk-01")

    assert result.ret == 0
    assert "no requirement was selected: this run gives no verdict" in result.stdout.str()
    assert not (pytester.path / "wfo-report" / "results.json").exists()


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_only_a_test_of_the_users_asks_for_is_judged_but_not_selected(
    both: Run, pytester: pytest.Pytester, workers: str
) -> None:
    pytester.makepyfile(test_zz=WORDS.replace('"*"', '"client-80.*"'))
    result = both(workers, suites="test_access.py")
    data = results(pytester.path)

    assert "not verified: " in result.stdout.str(), "desk-03 is down"
    assert data["plan"]["selected"] == 5
    assert {item["host"] for item in data["results"] if item["selected"]} == {
        *("prem01", "desk-01", "desk-02", "desk-03", "fw01"),
    }


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_paths_of_the_projects_configuration_do_not_take_the_verdict_away(
    offline: Run, pytester: pytest.Pytester, workers: str
) -> None:
    pytester.makepyfile(**{"own/test_own": "def test_own(): pass"})
    (pytester.path / "pytest.ini").write_text("[pytest]\naddopts = -ra own\n")
    result = offline(workers)

    assert result.ret == 1
    assert results(pytester.path)["plan"]["selected"] == 155
    assert result.parseoutcomes()["passed"] == results(pytester.path)["counts"]["met"] + 1


def test_the_value_of_an_option_is_no_path(offline: Run, pytester: pytest.Pytester) -> None:
    """-k takes the suites away; it must not pass for a choice of the tests in addopts."""
    pytester.makepyfile(**{"own/test_own": "def test_own(): pass"})
    (pytester.path / "pytest.ini").write_text("[pytest]\naddopts = own\n")
    result = offline("-k", "own")

    assert result.ret == 4
    assert "no requirement was selected" in result.stderr.str() + result.stdout.str()


def test_paths_in_a_file_of_arguments_are_a_choice_of_this_run(
    offline: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    (pytester.path / "chosen.txt").write_text("test_own.py\n")
    result = offline("@chosen.txt")

    assert result.parseoutcomes() == {"passed": 1}
    assert "this run gives no verdict" in result.stdout.str()
