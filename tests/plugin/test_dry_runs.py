"""What pytest says executes nothing contacts no host and touches no report of an earlier run."""

from __future__ import annotations

import pytest

from tests.support.runs import Run
from tests.support.ssh_server import SshServer, running

OLD = "the report of an earlier run"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
@pytest.mark.parametrize(
    ("option", "asked"), [("--collect-only", 0), ("--setup-plan", 0), ("--setup-only", 1)]
)
def test_a_run_without_tests_leaves_hosts_and_reports_alone(
    run: Run, pytester: pytest.Pytester, option: str, asked: int, workers: str
) -> None:
    """--setup-only sets fixtures up, for which the host must have been asked."""
    pytester.mkdir("wfo-report")
    reports = [pytester.path / "wfo-report" / name for name in ("report.html", "pytest.html")]
    for file in reports:
        file.write_text(OLD)
    with running(SshServer(password="another")) as server:
        (pytester.path / "inventory.yml").write_text(
            "site: {name: X}\nhosts:\n"
            f"  h: {{role: cloud, address: 127.0.0.1, port: {server.port}, user: qa, agent: false, "
            f"password: 'env:WFO_PASSWORD', host_key: 'ssh-rsa {server.key.get_base64()}'}}\n"
        )
        result = run("--wfo-hosts=inventory.yml", option, workers)

    assert ("gathered facts" in result.stdout.str()) is bool(asked)
    assert [file.read_text() for file in reports] == [OLD, OLD]
    told = "no test ran: this run gives no verdict" in result.stdout.str()
    assert told is (option != "--collect-only")
