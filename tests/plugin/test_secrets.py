"""A secret of the inventory appears in no file, no terminal line and no process argument of a run."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path

import paramiko
import pytest

from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.hosts import SecretRef
from tests.support.runs import Run, verdicts
from tests.support.ssh_server import SshServer, running

SECRET = "Tr0ub4dor&3<é>-correct"


def telling(channel: paramiko.Channel, command: bytes) -> None:
    """A host that sends the password back wherever it can."""
    script = b""
    while data := channel.recv(65536):
        script += data
    ready = script.partition(b"\n")[0].removeprefix(b"echo ")
    told = SECRET.encode().decode("latin-1")
    section = {"rc": 0, "as": "root", "err": told, "out": told}
    names = ("hostname", "os", "id", "ss", "nft", "addresses", "routes", "processes", "probes")
    envelope = {"v": 1, "sections": dict.fromkeys(names, section), "complete": True}
    channel.sendall(ready + b"\n" + json.dumps(envelope).encode() + b"\n")
    channel.sendall_stderr(SECRET.encode())
    channel.send_exit_status(0)


def screaming(channel: paramiko.Channel, command: bytes) -> None:
    """A host that answers with nothing but the password."""
    channel.sendall(SECRET.encode() * 3)
    channel.sendall_stderr(SECRET.encode())
    channel.send_exit_status(1)


@pytest.mark.parametrize("saved", ["facts.json.gz", "facts.json"])
def test_no_secret_leaves_the_run(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    monkeypatch.setenv("WFO_PASSWORD", SECRET)
    arguments: set[str] = set()
    with (
        running(SshServer(password=SECRET, behaviour=telling)) as good,
        running(SshServer(password="another", behaviour=telling)) as refusing,
        running(SshServer(password=SECRET, behaviour=screaming)) as bad,
    ):
        hosts = "".join(
            f"  h{number}: {{role: client, address: 127.0.0.1, port: {server.port}, "
            f"host_key: 'ssh-rsa {server.key.get_base64()}'}}\n"
            for number, server in enumerate((good, refusing, bad))
        )
        (pytester.path / "inventory.yml").write_text(
            "site: {name: X}\ndefaults: {user: qa, password: 'env:WFO_PASSWORD', agent: false}\n"
            f"hosts:\n{hosts}  p: {{role: premises, address: 127.0.0.1, connection: local}}\n"
        )
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(arguments, stop))
        watcher.start()
        result = run(
            *("--wfo-hosts=inventory.yml", f"--wfo-save-facts={saved}", "--wfo-fixes=fixes"),
            *("-vv", "-l", "--showlocals"),
        )
        stop.set()
        watcher.join()
        assert [kind for kind, _ in good.attempts] == ["password"], "the secret was really used"

    found = verdicts(pytester.path)
    assert found["host.access", "h1"] == "not verified"
    assert found["host.access", "h2"] == "not verified"
    vault = Vault(environ={"WFO_PASSWORD": SECRET})
    vault.resolve(SecretRef("env", "WFO_PASSWORD"), host="h", endpoint="h:22", user="qa")
    said = result.stdout.str() + result.stderr.str()
    assert not vault.leaks_in(said.encode())
    assert "SECRET FOUND" not in said
    for argument in arguments:
        assert not vault.leaks_in(argument.encode("utf-8", "surrogateescape"))
    written = [file for file in pytester.path.rglob("*") if file.is_file()]
    assert len(written) >= 5
    for file in written:
        assert not vault.leaks_in(_content(file)), file.name


def test_an_artefact_that_holds_a_secret_is_deleted_and_fails_the_run(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user's own test prints the password: the last fence."""
    monkeypatch.setenv("WFO_PASSWORD", SECRET)
    with running(SshServer(password=SECRET, behaviour=screaming)) as server:
        (pytester.path / "inventory.yml").write_text(
            "site: {name: X}\nhosts:\n"
            f"  h: {{role: cloud, address: 127.0.0.1, port: {server.port}, user: qa, agent: false, "
            f"password: 'env:WFO_PASSWORD', host_key: 'ssh-rsa {server.key.get_base64()}'}}\n"
        )
        pytester.makepyfile(
            test_mine="""
            import os, pytest
            @pytest.mark.wfo_requirement("host.access")
            def test_it(wfo_findings):
                print(os.environ["WFO_PASSWORD"])
                assert wfo_findings == 1

            @pytest.mark.wfo_requirement("host.access")
            def test_access(wfo_finding):
                pass
            """
        )
        result = run("--wfo-hosts=inventory.yml", "test_mine.py")

    assert "SECRET FOUND in wfo-report/pytest.html (env:WFO_PASSWORD): the file was deleted" in (
        result.stdout.str()
    )
    assert not (pytester.path / "wfo-report" / "pytest.html").exists()
    assert result.ret == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("-p", "failing"), 3),
        (("-p", "no:terminal"), 1),
        (("--no-summary",), 1),
        (("--wfo-facts=facts.json.gz",), 1),
        (("--wfo-facts=facts.json.gz", "-n2"), 1),
    ],
    ids=["internal-error", "no-terminal", "no-summary", "facts", "workers"],
)
def test_no_way_to_end_a_run_avoids_the_last_fence(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
) -> None:
    """Nor does it matter whether this process has needed the secret, or whether there is a verdict."""
    monkeypatch.setenv("WFO_PASSWORD", SECRET)
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  h: {role: cloud, address: 127.0.0.1, port: 9, user: qa, "
        "agent: false, password: 'env:WFO_PASSWORD'}\n"
    )
    pytester.makepyfile(
        failing="def pytest_runtest_logfinish(): raise RuntimeError('mine')",
        test_mine="""
        import os
        def test_it(wfo_host):
            print(os.environ["WFO_PASSWORD"])
            assert 0
        """,
    )
    if "--wfo-facts=facts.json.gz" in options:
        run("--wfo-hosts=inventory.yml", "--wfo-save-facts=facts.json.gz", "test_mine.py")
    result = run("--wfo-hosts=inventory.yml", "test_mine.py", *options)

    assert "SECRET FOUND in wfo-report/pytest.html (env:WFO_PASSWORD): the file was deleted" in (
        result.stdout.str() + result.stderr.str()
    )
    assert result.ret == code
    for file in (pytester.path / "wfo-report").rglob("*"):
        assert SECRET.encode()[:12] not in file.read_bytes(), file.name


def _watch(arguments: set[str], stop: threading.Event) -> None:
    """Collect the arguments of every process on this machine while the run lasts."""
    while not stop.is_set():
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments.add(file.read_bytes().decode("utf-8", "surrogateescape"))
            except OSError:
                continue
        time.sleep(0.02)


def _content(file: Path) -> bytes:
    import gzip

    data = file.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def test_the_watch_would_see_an_argument() -> None:
    """Guards the tests above: forms of the secret are found where they stand."""
    vault = Vault(environ={"WFO_PASSWORD": SECRET})
    vault.resolve(SecretRef("env", "WFO_PASSWORD"), host="h", endpoint="h:22", user="qa")

    assert vault.leaks_in(base64.b64encode(SECRET.encode()))
    assert vault.leaks_in(f"x{SECRET}y".encode())
