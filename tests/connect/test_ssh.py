"""SSH against a real OpenSSH server."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
import pytest

from pytest_wfo.connect.channel import Exchange, execute
from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.known_hosts import HostKey
from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.script import ScriptOutput
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.connect.ssh import SshBackend
from pytest_wfo.core.hosts import Host, SecretRef, Timeouts
from tests.support.lifeline import Lifeline
from tests.support.ports import closed_port
from tests.support.sshd import LoopbackSshd, loopback_sshd, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(connector: Connector, host: Host, script: bytes, seconds: float = 20.0) -> ScriptOutput:
    """Connect, run, close."""
    connection = connector.open(host)
    try:
        return connection.run_script(script, seconds)
    finally:
        connection.close()


def refusal(connector: Connector, host: Host, script: bytes = b"true\n") -> ConnectError:
    """The error that examining ``host`` ends in."""
    with pytest.raises(ConnectError) as caught:
        run(connector, host, script)
    return caught.value


def test_a_script_runs_over_standard_input(sshd: LoopbackSshd, connector: Connector) -> None:
    output = run(connector, sshd.host(), b"echo out; echo err >&2; exit 7\n")
    assert output == ScriptOutput(b"out\n", b"err\n", 7)


def test_a_long_script_arrives_whole(sshd: LoopbackSshd, connector: Connector) -> None:
    """300 kB of script, far more than a pipe holds, with output while it is still being sent."""
    lines = b"".join(b"echo %06d; : %s\n" % (n, b"x" * 80) for n in range(3000))
    output = run(connector, sshd.host(), lines)
    assert output.stdout == b"".join(b"%06d\n" % n for n in range(3000))


def test_large_outputs_on_both_streams_do_not_block_each_other(
    sshd: LoopbackSshd, connector: Connector
) -> None:
    script = b"head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2\n"
    output = run(connector, sshd.host(), script)
    assert (len(output.stdout), len(output.stderr)) == (5_000_000, 5_000_000)


def test_the_deadline_ends_the_script_on_the_host(
    sshd: LoopbackSshd, connector: Connector, tmp_path: Path
) -> None:
    """At the latest when it says something more, as nobody listens."""
    line = Lifeline(tmp_path / "line")
    script = f"{line.holding}while :; do sleep 0.1; echo x; done\n".encode()
    with pytest.raises(ConnectError) as caught:
        run(connector, sshd.host(), script, 1)
    assert caught.value.reason is Reason.DEADLINE
    assert "no complete answer within 1 s" in caught.value.message
    assert line.was_let_go()
    line.close()


def test_an_answer_past_the_limit_is_cut_off(sshd: LoopbackSshd, connector: Connector) -> None:
    backend = connector.open(sshd.host())
    assert isinstance(backend, SshBackend)

    def end_input(exchange: Exchange) -> None:
        exchange.closing = True

    with pytest.raises(ConnectError) as caught:
        execute(
            backend.connect(),
            b"yes",
            seconds=10,
            on_output=end_input,
            host="srv",
            endpoint="there",
            limit=1_000_000,
        )
    backend.close()
    assert caught.value.reason is Reason.ANSWER_UNREADABLE
    assert "longer than 1000000 bytes" in caught.value.message


def test_noise_of_the_login_shell_is_not_part_of_the_answer(
    tmp_path: Path, connector: Connector
) -> None:
    noise = 'ForceCommand echo hello from rc; eval "$SSH_ORIGINAL_COMMAND"'
    with loopback_sshd(tmp_path / "sshd", options=[noise]) as server:
        assert run(connector, server.host(), b"echo answer\n").stdout == b"answer\n"


def test_a_user_without_a_shell_is_told_apart(tmp_path: Path, connector: Connector) -> None:
    only = "ForceCommand echo This account is not available.; exit 1"
    with loopback_sshd(tmp_path / "sshd", options=[only]) as server:
        error = refusal(connector, server.host())
    assert error.reason is Reason.SCRIPT_FAILED
    assert "sh did not run (exit status 1); it said: This account is not available." in str(error)


def test_a_killed_script_has_no_exit_status(sshd: LoopbackSshd, connector: Connector) -> None:
    assert run(connector, sshd.host(), b"echo a; kill -9 $$\n") == ScriptOutput(b"a\n", b"", -1)


def test_one_session_serves_the_script_and_testinfra(tmp_path: Path, connector: Connector) -> None:
    with loopback_sshd(tmp_path / "sshd") as server:
        connection = connector.open(server.host())
        connection.run_script(b"true\n", 10)
        host = connection.testinfra_host()
        assert host.run("echo %s; echo err >&2; exit 3", "it's").stdout == "it's\n"
        assert host.check_output("id -u") == str(os.getuid())
        assert server.logins() == 1
        connection.close()


def test_testinfra_reconnects_after_the_session_broke(
    sshd: LoopbackSshd, connector: Connector
) -> None:
    backend = connector.open(sshd.host())
    assert isinstance(backend, SshBackend)
    host = backend.testinfra_host()
    assert host.run("echo 1").stdout == "1\n"
    session = backend.connect()
    session.wire.cut()
    session.transport.join(30)  # until its thread has seen it
    assert host.run("echo 2").stdout == "2\n"
    backend.close()


def test_small_packets_are_not_held_back(sshd: LoopbackSshd, connector: Connector) -> None:
    backend = connector.open(sshd.host())
    assert isinstance(backend, SshBackend)
    sock = backend.connect().transport.sock
    assert sock.getsockopt(6, 1) == 1  # type: ignore[union-attr]  # TCP_NODELAY
    backend.close()


def test_an_unknown_host_key_stops_before_the_login(
    sshd: LoopbackSshd, connector: Connector, tmp_path: Path
) -> None:
    before = sshd.log.read_text().count("Accepted")
    nothing = tmp_path / "known_hosts"
    host = sshd.host(address="127.0.0.77", host_key="", known_hosts=str(nothing))
    error = refusal(connector, host)
    seen = HostKey.parse(sshd.host_key)
    assert error.reason is Reason.HOST_KEY_UNKNOWN
    assert seen.fingerprint in error.message
    assert f"[127.0.0.77]:{sshd.port} {sshd.host_key}" in error.message
    assert sshd.log.read_text().count("Accepted") == before


def test_the_line_in_the_message_makes_the_host_known(
    sshd: LoopbackSshd, connector: Connector, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    host = sshd.host(address="127.0.0.77", host_key="", known_hosts=str(known))
    known.write_text(refusal(connector, host).message.rpartition("its line would be: ")[2] + "\n")
    assert run(Connector(Vault()), host, b"echo in\n").stdout == b"in\n"


def test_a_changed_host_key_shows_both_fingerprints(
    sshd: LoopbackSshd, connector: Connector, tmp_path: Path
) -> None:
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text().strip()
    error = refusal(connector, sshd.host(host_key=other))
    assert error.reason is Reason.HOST_KEY_CHANGED
    for key in (sshd.host_key, other):
        assert HostKey.parse(key).fingerprint in error.message


def test_a_host_with_several_keys_shows_the_one_on_record(
    sshd: LoopbackSshd, connector: Connector
) -> None:
    """sshd would rather show its ed25519 key; only the ecdsa key is known."""
    ecdsa = Path(sshd.log.parent / "host_ecdsa.pub").read_text().strip()
    assert run(connector, sshd.host(host_key=ecdsa), b"echo in\n").stdout == b"in\n"


def test_a_known_key_of_a_type_the_host_lost_counts_as_changed(
    tmp_path: Path, connector: Connector
) -> None:
    rsa = Path(f"{make_key(tmp_path / 'rsa', 'rsa')}.pub").read_text().strip()
    with loopback_sshd(tmp_path / "sshd") as server:
        error = refusal(connector, server.host(host_key=rsa))
    assert error.reason is Reason.HOST_KEY_CHANGED


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", ["openssh", "pem"])
def test_encrypted_keys_of_every_kind_log_in(
    tmp_path: Path, connector: Connector, kind: str, form: str
) -> None:
    options = ("-m", "PEM") if form == "pem" else ("-a", "4")
    key = make_key(tmp_path / "key", kind, "open sesame", *options)
    vault = Vault(environ={"PHRASE": "open sesame"})
    with loopback_sshd(tmp_path / "sshd", key=key) as server:
        host = server.host(passphrase=SecretRef("env", "PHRASE"))
        assert run(Connector(vault), host, b"echo in\n").stdout == b"in\n"


def test_keys_that_cannot_be_used_say_why(tmp_path: Path, sshd: LoopbackSshd) -> None:
    locked = make_key(tmp_path / "locked", "ed25519", "open sesame")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "damaged").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    connector = Connector(Vault(environ={"PHRASE": "wrong"}))
    cases = {
        str(locked): "is encrypted and the inventory gives no passphrase",
        str(tmp_path / "none"): "cannot be read (No such file or directory)",
        str(tmp_path / "text"): "is not a private key",
        str(tmp_path / "damaged"): "is damaged or of an unknown format",
    }
    for path, words in cases.items():
        error = refusal(connector, sshd.host(key=path))
        assert error.reason is Reason.SECRET_MISSING
        assert f"the key file {path} {words}" in error.message
    error = refusal(connector, sshd.host(key=str(locked), passphrase=SecretRef("env", "PHRASE")))
    assert "cannot be decrypted with the passphrase given" in error.message
    assert "wrong" not in error.message.replace(str(tmp_path), "")


def test_a_key_the_host_does_not_know_is_refused(
    tmp_path: Path, sshd: LoopbackSshd, connector: Connector
) -> None:
    key = make_key(tmp_path / "stranger")
    error = refusal(connector, sshd.host(key=str(key)))
    assert error.reason is Reason.LOGIN_REFUSED
    assert f"refused the login as {sshd.user} (tried: key {key})" in error.message


def test_nothing_to_log_in_with_is_said(sshd: LoopbackSshd, connector: Connector) -> None:
    error = refusal(connector, sshd.host(key=""))
    assert error.reason is Reason.SECRET_MISSING
    assert "the inventory names no key and no password" in error.message


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A real ssh-agent, empty; gives its socket."""
    path = (
        Path("/tmp") / f"wfo-agent-{os.getpid()}-{time.monotonic_ns()}"
    )  # short enough for AF_UNIX
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield path
        process.kill()
    path.unlink(missing_ok=True)


def test_a_key_of_the_agent_logs_in(
    sshd: LoopbackSshd, connector: Connector, agent: Path, tmp_path: Path
) -> None:
    stranger = make_key(tmp_path / "stranger")
    subprocess.run(["ssh-add", "-q", stranger, sshd.key], check=True)
    host = sshd.host(key="", agent=True)
    assert run(connector, host, b"echo in\n").stdout == b"in\n"


def test_an_agent_that_is_gone_is_no_agent(
    sshd: LoopbackSshd, connector: Connector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    error = refusal(connector, sshd.host(key="", agent=True))
    assert error.reason is Reason.SECRET_MISSING
    assert "no agent offers a key" in error.message


def test_algorithms_no_one_should_use_are_told(tmp_path: Path, connector: Connector) -> None:
    options = ["KexAlgorithms diffie-hellman-group1-sha1"]
    with loopback_sshd(tmp_path / "sshd", options=options) as server:
        error = refusal(connector, server.host())
    assert error.reason is Reason.NO_COMMON_ALGORITHM


def test_a_jump_host_carries_many_hosts_over_one_session(
    tmp_path: Path, connector: Connector
) -> None:
    with (
        loopback_sshd(tmp_path / "jump") as bastion,
        loopback_sshd(tmp_path / "inner") as inner,
    ):
        jump = connector.open(bastion.host("bastion"))
        for number in range(3):
            host = inner.host(f"h{number}", f"127.0.0.{number + 2}", via="bastion")
            connection = connector.open(host, jump)
            assert connection.run_script(b"echo in\n", 10).stdout == b"in\n"
            assert connection.endpoint == f"127.0.0.{number + 2}:{inner.port} through bastion"
            connection.close()
        jump.close()
        assert (bastion.logins(), inner.logins()) == (1, 3)


def test_what_fails_behind_a_jump_host_is_told_apart(tmp_path: Path, connector: Connector) -> None:
    with loopback_sshd(tmp_path / "jump") as bastion:
        jump = connector.open(bastion.host("bastion"))
        cases = {
            ("127.0.0.1", closed_port()): Reason.REFUSED,
            ("wfo.invalid", 22): Reason.NAME_NOT_RESOLVED,
        }
        for (address, port), reason in cases.items():
            host = bastion.host("h", address, port=port, via="bastion")
            with pytest.raises(ConnectError) as caught:
                connector.open(host, jump).connect()
            assert caught.value.reason is reason
            assert "through bastion: the jump host answered: " in caught.value.message
        jump.close()
    forbids = ["AllowTcpForwarding no"]
    with loopback_sshd(tmp_path / "closed", options=forbids) as bastion:
        jump = connector.open(bastion.host("bastion"))
        host = bastion.host("h", "127.0.0.1", via="bastion")
        with pytest.raises(ConnectError) as caught:
            connector.open(host, jump).connect()
        assert caught.value.reason is Reason.JUMP_HOST_FAILED
        jump.close()


def test_paramiko_says_nothing_of_its_own(
    sshd: LoopbackSshd, connector: Connector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    refusal(connector, sshd.host(port=closed_port()))
    run(connector, sshd.host(), b"true\n")
    assert [record for record in caplog.records if "paramiko" in record.name] == []


def test_our_transports_ask_for_no_weaker_algorithms(
    sshd: LoopbackSshd, connector: Connector
) -> None:
    backend = connector.open(sshd.host())
    assert isinstance(backend, SshBackend)
    transport = backend.connect().transport
    assert set(transport.preferred_kex) <= set(paramiko.Transport._preferred_kex)  # type: ignore[attr-defined]
    backend.close()


def test_timeouts_are_the_inventorys(connector: Connector, sshd: LoopbackSshd) -> None:
    host = sshd.host(timeouts=Timeouts(script=0.3))
    backend = connector.open(host)
    with pytest.raises(ConnectError) as caught:
        backend.testinfra_host().run("sleep 60")
    assert caught.value.reason is Reason.DEADLINE
    assert "no complete answer within 0.3 s" in caught.value.message
    backend.close()


def test_many_commands_one_after_the_other_share_the_channel_numbers(sshd: LoopbackSshd) -> None:
    """sshd gives a number again as soon as its channel is closed."""
    connection = Connector(Vault()).open(sshd.host())
    try:
        for number in range(20):
            output = connection.run_script(f"echo {number}\n".encode(), 10)
            assert output.stdout == f"{number}\n".encode()
    finally:
        connection.close()


def test_what_is_sent_too_late_on_a_channel_does_not_end_the_connection(tmp_path: Path) -> None:
    """sshd drops the whole connection for it: behind a jump host that is every host's at once."""
    with loopback_sshd(tmp_path / "sshd") as server:
        connection = Connector(Vault()).open(server.host())
        assert isinstance(connection, SshBackend)
        transport = connection.connect().transport
        channel = transport.open_session()
        late = paramiko.Message()
        late.add_byte(paramiko.common.cMSG_CHANNEL_DATA)
        late.add_int(channel.remote_chanid)
        late.add_string(b"too late")
        channel.close()
        time.sleep(0.3)  # until sshd has forgotten it
        transport._send_user_message(late)

        assert connection.run_script(b"echo alive\n", 10).stdout == b"alive\n"
        assert transport.is_active()
        assert server.logins() == 1
        connection.close()
