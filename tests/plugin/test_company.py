"""In company: xdist, rerunfailures, random order, users' own tests and settings, testinfra's plugin."""

from pathlib import Path

import pytest

from tests.support.runs import Run, judged, results, verdicts


@pytest.mark.parametrize(
    "options",
    [
        ("-n", "2"),
        ("-n", "2", "--dist=loadscope"),
        ("-p", "randomly", "-p", "no:xdist"),
        ("--reruns=2", "-p", "no:xdist"),
        ("-p", "no:pytest11.testinfra"),
        ("-p", "no:html", "-p", "no:junitxml"),
        ("-p", "no:terminal"),
        ("-o", "python_files=check_*.py", "-o", "python_functions=check_*"),
        ("-W", "error", "-o", "strict=true", "--import-mode=importlib"),
        ("-s", "-vv"),
        ("-qq",),
    ],
    ids=" ".join,
)
def test_the_findings_are_the_same(
    offline: Run, facts: Path, pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = offline(*options)

    assert result.ret == 1
    assert verdicts(pytester.path) == judged(facts)


def test_workers_do_not_gather_each(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--wfo-demo", "-n", "2")

    assert result.stdout.str().count("gathered facts of") == 1
    assert results(pytester.path)["decision"] == "NO-GO"


def test_a_crashed_worker_can_not_make_the_gate_green(
    offline: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        import os
        def pytest_runtest_call(item):
            if "test_connects[client-80-desk-01]" in item.nodeid:
                os._exit(3)
        """
    )
    result = offline("-n", "2", f"--confcutdir={pytester.path}", "-p", "conftest")
    found = verdicts(pytester.path)

    assert found["client-80.connects", "desk-01"] == "not verified"
    assert result.ret == 1
    assert results(pytester.path)["decision"] == "NO-GO"


def test_users_own_tests_share_the_facts(run: Run, facts: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mine="""
        import pytest

        @pytest.mark.wfo_role("premises")
        def test_server(wfo_host):
            assert wfo_host.facts.identity.value.hostname == wfo_host.name
            assert wfo_host.finding("client-80.listens").verdict.value == "met"

        def test_clients(client_host, wfo_site, wfo_edition):
            assert client_host.name in wfo_site.hosts
            assert wfo_edition.id == "16.1"

        @pytest.mark.wfo_requirement("client-80.*")
        def test_again(wfo_finding):
            wfo_finding.must_hold()

        def test_all(wfo_findings):
            assert wfo_findings
        """
    )
    result = run(
        f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}", "test_mine.py",
        "-v",
    )  # fmt: skip

    text = result.stdout.str()
    assert "test_mine.py::test_server[prem01] PASSED" in text
    assert "test_mine.py::test_clients[desk-02] PASSED" in text
    assert "test_mine.py::test_again[client-80.connects-desk-01] PASSED" in text
    assert "test_mine.py::test_all PASSED" in text


def test_only_own_tests_without_requirements_give_no_verdict(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_mine="def test_site(wfo_site): assert wfo_site.name")
    result = run(
        f"--wfo-hosts={facts / 'inventory.yml'}",
        f"--wfo-facts={facts / 'facts.json.gz'}",
        "test_mine.py",
    )

    assert result.ret == 0
    assert not (pytester.path / "wfo-report" / "results.json").exists()


def test_a_live_testinfra_host_is_opened_on_first_use(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  me: {role: cloud, address: 127.0.0.1, connection: local}\n"
    )
    pytester.makepyfile(
        test_mine="def test_live(cloud_host):\n"
        "    assert cloud_host.testinfra.check_output('echo hello') == 'hello'\n"
    )
    result = run("--wfo-hosts=inventory.yml", "test_mine.py")

    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_a_finding_fixture_without_a_marker_is_explained(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_mine="def test_it(wfo_finding): pass")
    result = run(f"--wfo-hosts={facts / 'inventory.yml'}", "--collect-only", "test_mine.py")

    assert result.ret == 2, "pytest's own code for a file that cannot be collected"
    assert "without @pytest.mark.wfo_requirement" in result.stdout.str()


def test_testinfra_knows_our_backend_in_every_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import testinfra.backend
        def test_known():
            assert testinfra.backend.get_backend_class("psrp").NAME == "psrp"
        """
    )

    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)


def test_runs_that_are_not_about_a_site_pay_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_lean():
            loaded = [name for name in ("paramiko", "pydantic", "ruamel.yaml", "pytest_wfo.core")
                      if name in sys.modules]
            assert not loaded
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:pytest11.testinfra", "-p", "no:randomly")

    result.assert_outcomes(passed=1)
