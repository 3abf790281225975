"""The real collector in a real PowerShell, over both ways to a Windows host: the facts are those
that each state of the lab Windows expects, and a whole host costs no more than it may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.probes.windows import read_windows, windows_script
from tests.probes.windows.cells import cells_of
from tests.probes.windows.expected import summary
from tests.probes.windows.host import REACHED, STATES, TASK, environment, load
from tests.probes.windows.test_states import FILES
from tests.support.sshd import MISSING, loopback_sshd
from tests.winrm.server import WinRmServer
from tests.winrm.support import run
from tests.winrm.test_windows_ssh import lab

pytestmark = pytest.mark.lab

# What an antivirus makes of a host is not a matter of the way to it.
NAMES = sorted(path.stem for path in STATES.glob("*.json") if not path.stem.startswith("av-"))
OVER_SSH = ("base", "constrained", "german", "japanese", "powershell-3")
SCRIPT = windows_script((), FILES, TASK).encode("ascii")


def expect(name: str, stdout: bytes) -> None:
    """The answer says of the host what its state expects."""
    state, text = load(name), stdout.decode()
    facts = read_windows(text, REACHED, (), asked=0.0, answered=0.0)
    assert facts.access.reached
    found, expected = summary(text, facts), dict(state["expected"])
    assert cells_of(facts, state["flows"]) == expected.pop("cells")
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_over_powershell_remoting(name: str, pwsh: str, tmp_path: Path) -> None:
    played = environment(load(name), tmp_path)
    with WinRmServer(engine=[pwsh], environment=played) as server:
        output = run(server.host(), SCRIPT, 60)
        assert server.requests <= 10
        assert (server.opened, len(server.shells)) == (1, 0)
    assert (output.stderr, output.exit_status) == (b"", 0)
    expect(name, output.stdout)


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("name", OVER_SSH)
def test_over_ssh(name: str, pwsh: str, tmp_path: Path) -> None:
    played = environment(load(name), tmp_path)
    exports = (f"{key}={value}" for key, value in played.items())
    with loopback_sshd(
        tmp_path / "sshd", options=[lab(tmp_path / "bin", pwsh, *exports)]
    ) as server:
        connection = Connector(Vault()).open(replace(server.host(), platform="windows"))
        output = connection.run_script(SCRIPT, 60)
        connection.close()
    assert (output.stderr, output.exit_status) == (b"", 0)
    expect(name, output.stdout)
