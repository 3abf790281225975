"""report.html and summary.md of a run: where they are written, and that no secret stays in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.runs import Run
from tests.support.ssh_server import SshServer, running

SECRET = 'Tr0ub4dor&3<"desk'


def test_a_run_leaves_the_site_report_its_checksum_and_the_summary(
    offline: Run, pytester: pytest.Pytester
) -> None:
    result = offline()
    folder = pytester.path / "wfo-report"
    digest, name = (folder / "report.html.sha256").read_text().split()

    assert result.ret == 1
    assert (name, digest) == (
        "report.html",
        hashlib.sha256((folder / "report.html").read_bytes()).hexdigest(),
    )
    assert (folder / "summary.md").read_text().startswith("# NO-GO")
    wrote = [line for line in result.stdout.lines if line.startswith("wrote ")]
    assert wrote[0] == "wrote wfo-report/report.html", "the ticket's file is named first"


def test_the_site_report_can_be_written_elsewhere(offline: Run, pytester: pytest.Pytester) -> None:
    result = offline("--wfo-report=ticket/CHG1.html")

    assert "wrote ticket/CHG1.html" in result.stdout.str()
    assert (pytester.path / "ticket" / "CHG1.html.sha256").is_file()
    assert not (pytester.path / "wfo-report" / "report.html").exists()


def test_it_needs_a_site(run: Run) -> None:
    result = run("--wfo-report=x.html")

    assert result.ret == 4
    assert "need --wfo-hosts" in result.stderr.str()


def test_a_path_that_moves_rootdir_is_told(run: Run, pytester: pytest.Pytester) -> None:
    elsewhere = pytester.path / "other" / "x.html"
    elsewhere.parent.mkdir()
    (elsewhere.parent / "pytest.ini").write_text("[pytest]\n")
    elsewhere.write_text("")
    result = run("--wfo-demo", "--wfo-report", str(elsewhere))

    assert result.ret == 4
    assert "write --wfo-report=" in result.stderr.str()


@pytest.mark.parametrize("unwritten", [(), ("results.json",)], ids=["all", "no-results"])
def test_a_secret_among_the_findings_takes_the_rendered_files_with_it(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, unwritten: tuple[str, ...]
) -> None:
    """In them it stands packed and escaped, where a search would not find it; in results.json, which
    may be what could not be written, it would.

    The host itself cannot bring this about (its answer is scrubbed), so a test of the user's
    writes the secret into what a check says.
    """
    monkeypatch.setenv("WFO_PASSWORD", SECRET)
    pytester.makeconftest(
        """
        import os
        import pytest
        from pytest_wfo.core.verdicts import Finding, Judgement, Verdict
        from pytest_wfo.plugin.run import RUN

        @pytest.hookimpl(wrapper=True)
        def pytest_runtestloop(session):
            done = yield
            for each in UNWRITTEN:
                os.makedirs(f"wfo-report/{each}")
            run = session.config.stash[RUN]
            said = Judgement(Verdict.NOT_MET, os.environ["WFO_PASSWORD"])
            for cell in run.plan.cells:
                run.recorded[cell.key] = Finding(*cell.key, said)
            return done
        """.replace("UNWRITTEN", repr(unwritten))
    )
    with running(SshServer(password=SECRET)) as server:
        (pytester.path / "inventory.yml").write_text(
            "site: {name: X}\nhosts:\n"
            f"  h: {{role: cloud, address: 127.0.0.1, port: {server.port}, user: qa, agent: false, "
            f"password: 'env:WFO_PASSWORD', host_key: 'ssh-rsa {server.key.get_base64()}'}}\n"
        )
        result = run("--wfo-hosts=inventory.yml")
    folder = pytester.path / "wfo-report"

    assert result.ret == 1
    for name in {"report.html", "summary.md", "results.json"}.difference(unwritten):
        assert f"SECRET FOUND in wfo-report/{name}" in result.stdout.str()
        assert not Path(folder / name).exists()
    assert not (folder / "report.html.sha256").exists()
