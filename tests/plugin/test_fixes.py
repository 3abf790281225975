"""``--wfo-fixes``: the pack of the demo site, where it may be written, and the last fence."""

from __future__ import annotations

import re

import pytest

from tests.support.runs import Run, verdicts
from tests.support.ssh_server import SshServer, running

SECRET = "Tr0ub4dor-3-correct"


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_the_demo_gets_its_scripts_its_request_and_its_checklist(
    offline: Run, pytester: pytest.Pytester, workers: str
) -> None:
    result = offline("--wfo-fixes=fixes", workers)

    folder = pytester.path / "fixes"
    assert "wrote fixes" in result.stdout.str()
    assert {file.name for file in folder.iterdir()} == {
        *("README.md", "change-request.csv", "change-request.md", "desk-01.ps1", "fw01.sh"),
    }
    told = (folder / "README.md").read_text()
    fixing = re.sub(r"Verify again first.*?(?=\n## |\Z)", "", told, flags=re.DOTALL)
    not_met = [key for key, verdict in verdicts(pytester.path).items() if verdict == "not met"]
    assert sorted(re.findall(r"- \[ \] `(\S+)`", fixing)) == sorted(each for each, _ in not_met)
    assert "No media players" in told, "the block rule that makes a script useless"


def test_a_folder_that_holds_something_is_refused_before_anything_runs(
    offline: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "fixes").mkdir()
    (pytester.path / "fixes" / "mine").touch()

    result = offline("--wfo-fixes=fixes")

    assert result.ret == 4
    assert "writes no pack over anything" in result.stderr.str()
    assert not (pytester.path / "wfo-report").exists()


def test_without_the_option_there_is_no_pack(offline: Run, pytester: pytest.Pytester) -> None:
    offline()

    assert not list(pytester.path.rglob("change-request*"))


def test_a_pack_that_holds_a_secret_is_deleted(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody wrote the password into the ticket field as well."""
    monkeypatch.setenv("WFO_PASSWORD", SECRET)
    with running(SshServer(password="another")) as server:
        (pytester.path / "inventory.yml").write_text(
            f"site: {{name: X, ticket: {SECRET}}}\nhosts:\n"
            f"  h: {{role: cloud, address: 127.0.0.1, port: {server.port}, user: qa, agent: false, "
            f"password: 'env:WFO_PASSWORD', host_key: 'ssh-rsa {server.key.get_base64()}'}}\n"
        )
        result = run("--wfo-hosts=inventory.yml", "--wfo-fixes=fixes")

    assert "SECRET FOUND in fixes/README.md" in result.stdout.str()
    assert list((pytester.path / "fixes").iterdir()) == []
    assert result.ret == 1
