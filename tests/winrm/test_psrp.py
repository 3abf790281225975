"""Scripts over PowerShell remoting: every login, what it costs, how scripts end."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_wfo.connect.errors import Reason
from pytest_wfo.core.hosts import SecretRef
from tests.support.ports import closed_port
from tests.winrm.certificates import make_certificate
from tests.winrm.server import WinRmServer
from tests.winrm.shells import Answer
from tests.winrm.support import failure, opened, run

Files = tuple[Path, Path]


def echo(script: str) -> Answer:
    return Answer(output=(json.dumps({"script": script}, ensure_ascii=False),))


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_a_script_runs_over_http_with_every_message_sealed(auth: str) -> None:
    with WinRmServer(respond=echo) as server:
        output = run(server.host(auth=auth), "'häß漢\U0001f600'\n".encode())
        assert json.loads(output.stdout) == {"script": "'häß漢\U0001f600'\n"}
        assert (output.stderr, output.exit_status) == (b"", 0)
        assert server.sealed == sum(server.verbs.values())
        assert not server.shells


@pytest.mark.parametrize("auth", ["ntlm", "negotiate", "basic"])
def test_a_script_runs_over_https_bound_to_its_channel(auth: str, certificate: Files) -> None:
    with WinRmServer(certificate=certificate, bound=True) as server:
        assert run(server.host(auth=auth)).stdout == b'{"length": 14}'
        assert (server.sealed, len(server.shells)) == (0, 0)


def test_a_certificate_is_a_login(certificate: Files, tmp_path: Path) -> None:
    ours = make_certificate(tmp_path, "wfo-audit")
    other = make_certificate(tmp_path, "other")
    with WinRmServer(certificate=certificate, trusted=ours[0]) as server:
        fields: dict[str, Any] = {"auth": "certificate", "user": "", "password": None}
        own = {"certificate": str(ours[0]), "certificate_key": str(ours[1])}
        assert run(server.host(**fields, **own)).stdout == b'{"length": 14}'
        wrong = {"certificate": str(other[0]), "certificate_key": str(other[1])}
        assert failure(server.host(**fields, **wrong)).reason is Reason.WINRM_LOGIN_REFUSED


@pytest.mark.parametrize("size", [100, 400_000])
def test_a_whole_run_takes_at_most_ten_requests(size: int) -> None:
    """HTTP, NTLM, sealed: three to log in, three to open, a command, its answer, the end."""
    with WinRmServer(respond=lambda script: Answer(output=("x" * size,))) as server:
        assert len(run(server.host()).stdout) == size
        assert server.requests <= 10
        assert (server.connections, server.handshakes, server.opened) == (1, 1, 1)
        assert not server.shells


def test_the_first_address_is_used_where_the_connection_names_none() -> None:
    with WinRmServer() as server:
        assert run(server.host(address="127.0.0.7", name="win")).stdout
        assert run(replace(server.host(), connection=server.connection(""))).stdout


def test_one_session_serves_many_scripts() -> None:
    with WinRmServer(respond=echo) as server:
        connection = opened(server.host())
        for number in range(5):
            output = connection.run_script(f"script {number}".encode(), 5)
            assert json.loads(output.stdout) == {"script": f"script {number}"}
        assert (server.opened, len(server.shells)) == (1, 1)
        connection.close()
        assert not server.shells


def test_a_script_larger_than_a_message_arrives_whole() -> None:
    with WinRmServer(respond=echo) as server:
        script = "# ä" * 400_000
        output = run(server.host(), script.encode(), 30)
        assert json.loads(output.stdout) == {"script": script}
        assert server.verbs["Send"] > 1


def test_what_is_no_error_of_the_whole_is_on_stderr() -> None:
    answer = Answer(output=("{}", "more"), errors=[("Some.Id", "one cmdlet is missing")])
    with WinRmServer(respond=lambda script: answer) as server:
        output = run(server.host())
    assert output.stdout == b"{}\nmore"
    assert output.stderr == b"one cmdlet is missing"


@pytest.mark.parametrize(
    ("error_id", "reason"),
    [
        ("ScriptContainedMaliciousContent", Reason.BLOCKED_BY_ANTIVIRUS),
        ("ScriptsNotAllowed", Reason.CONSTRAINED_LANGUAGE),
        ("MethodInvocationNotSupportedInConstrainedLanguage", Reason.CONSTRAINED_LANGUAGE),
        ("CannotCreateTypeConstrainedLanguage,Microsoft.PowerShell.Commands.NewObjectCommand",
         Reason.CONSTRAINED_LANGUAGE),
        ("System.OutOfMemoryException", Reason.QUOTA),
        ("CommandNotFoundException", Reason.SCRIPT_FAILED),
        ("", Reason.SCRIPT_FAILED),
    ],
)  # fmt: skip
def test_how_a_script_fails_is_told_by_its_error_id(error_id: str, reason: Reason) -> None:
    """Ids are the same in every language."""
    answer = Answer(output=("half",), error=(error_id, "die Meldung\x1b[31m auf Deutsch"))
    with WinRmServer(respond=lambda script: answer) as server:
        error = failure(server.host())
        assert not server.shells
    assert error.reason is reason
    assert error_id in error.message
    assert "die Meldung" in error.message
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("user", "password"), [("alice", "wrong"), ("nobody", "x"), ("X\\alice", "wrong")]
)
@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_a_wrong_password_is_refused_once(auth: str, user: str, password: str) -> None:
    """A second try would lock accounts twice as fast."""
    with WinRmServer() as server:
        error = failure(server.host(auth=auth, user=user), password=password)
        assert (server.handshakes, server.opened) == (1, 0)
    assert error.reason is Reason.WINRM_LOGIN_REFUSED
    assert f"refused the login as {user} by {auth}" in error.message
    assert "winrm get winrm/config/service/auth" in error.remedy


def test_a_wrong_password_by_basic(certificate: Files) -> None:
    with WinRmServer(certificate=certificate) as server:
        error = failure(server.host(auth="basic"), password="wrong")
    assert error.reason is Reason.WINRM_LOGIN_REFUSED


def test_a_login_the_host_does_not_offer_is_said() -> None:
    with WinRmServer(schemes=("Basic",)) as server:
        error = failure(server.host())
    assert error.reason is Reason.WINRM_LOGIN_REFUSED
    assert "it offers 'Basic'" in error.message


def test_a_certificate_that_is_not_trusted(certificate: Files, tmp_path: Path) -> None:
    with WinRmServer(certificate=certificate) as server:
        for ca_file in ("", str(make_certificate(tmp_path, "stranger")[0])):
            error = failure(server.host(ca_file=ca_file))
            assert error.reason is Reason.TLS_UNTRUSTED
            assert "its certificate is not trusted: self-signed certificate" in error.message
            assert "ca_file" in error.remedy
        error = failure(server.host("win", "127.0.0.2"))
        assert error.reason is Reason.TLS_UNTRUSTED
        assert "127.0.0.2" in error.message
        assert server.handshakes == 0, "nothing that could be a secret was sent"


def test_https_and_http_mixed_up(certificate: Files) -> None:
    with WinRmServer() as server:
        error = failure(server.host(tls=True))
    assert error.reason is Reason.NOT_WINRM
    assert "plain HTTP there?" in error.message
    with WinRmServer(certificate=certificate) as server:
        error = failure(server.host(tls=False))
    assert error.reason in {Reason.NOT_WINRM, Reason.CONNECTION_LOST}


def test_no_listener_is_refused_as_with_ssh() -> None:
    port = closed_port()
    with WinRmServer() as server:
        error = failure(server.host(port=port))
    assert error.reason is Reason.REFUSED
    assert f"win: no TCP connection to 127.0.0.1:{port}" in error.message
    assert "Enable-PSRemoting" in error.remedy


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"auth": "basic", "tls": False}, Reason.UNSUPPORTED, "clear text"),
        ({"auth": "certificate"}, Reason.UNSUPPORTED, "TLS and a certificate"),
        ({"auth": "digest"}, Reason.UNSUPPORTED, "there is no auth 'digest'"),
        ({"password": None}, Reason.SECRET_MISSING, "a user and a password"),
        ({"password": SecretRef("env", "NONE")}, Reason.SECRET_MISSING, "NONE is not set"),
        ({"tls": True, "ca_file": "/none.pem"}, Reason.SECRET_MISSING, "/none.pem cannot be read"),
        ({"tls": True, "ca_file": __file__}, Reason.SECRET_MISSING, "no usable PEM text"),
        ({"via": "bastion"}, Reason.UNSUPPORTED, "jump host"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(
    changes: dict[str, Any], reason: Reason, words: str
) -> None:
    with WinRmServer() as server:
        error = failure(server.host(**changes))
        assert server.connections == 0
    assert error.reason is reason
    assert words in error.message


@pytest.mark.parametrize(
    ("auth", "module"), [("kerberos", "gssapi"), ("credssp", "requests_credssp")]
)
def test_an_extra_that_is_not_installed_is_named(
    auth: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with WinRmServer() as server:
        error = failure(server.host(auth=auth))
    assert error.reason is Reason.UNSUPPORTED
    assert f"pip install pytest-wfo[{auth}]" in error.message


def test_the_environment_of_the_machine_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No proxy, no .netrc: the inventory says how a host is reached."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with WinRmServer() as server:
        assert run(server.host()).stdout


def test_a_proxy_is_used_for_https(certificate: Files) -> None:
    seen: list[str] = []

    def relay(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def proxy(listener: socket.socket, target: int) -> None:
        sock, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096)
        seen.append(head.split(b"\r\n")[0].decode())
        with sock, socket.create_connection(("127.0.0.1", target)) as onward:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=relay, args=(onward, sock), daemon=True)
            back.start()
            relay(sock, onward)
            back.join(5)

    with (
        WinRmServer(certificate=certificate) as server,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        thread = threading.Thread(target=proxy, args=(listener, server.port), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        assert run(server.host(proxy=f"http://127.0.0.1:{port}")).stdout == b'{"length": 14}'
        thread.join(5)
        assert seen[0].startswith(f"CONNECT 127.0.0.1:{server.port} ")
        error = failure(server.host(proxy=f"http://127.0.0.1:{closed_port()}"))
    assert error.reason is Reason.REFUSED
