"""Windows hosts over OpenSSH: a real sshd that starts the lab's PowerShell."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.opening import Connector
from pytest_wfo.connect.script import ScriptOutput
from pytest_wfo.connect.secrets import Vault
from pytest_wfo.connect.windows_ssh import BOOTSTRAP, COMMAND, unframed
from tests.support.sshd import MISSING, LoopbackSshd, loopback_sshd

REPORT = """
$facts = @{ text = "h$([char]0xe4)$([char]0xdf) $([char]0x6f22)$([char]7)'q' <&>"; list = @(1) }
ConvertTo-Json -InputObject $facts -Compress
"""
# How OpenSSH on Windows starts a command depends on the host's DefaultShell.
SHELLS = {
    "sh": 'sh -c "$SSH_ORIGINAL_COMMAND"',
    "powershell": 'powershell.exe -NoProfile -Command "$SSH_ORIGINAL_COMMAND"',
}


def lab(folder: Path, pwsh: str, *exports: str) -> str:
    """A folder with the lab's PowerShell under the name it has on Windows."""
    folder.mkdir(exist_ok=True)
    program = folder / "powershell.exe"
    lines = "".join(f"export {shlex.quote(each)}\n" for each in exports)
    program.write_text(f'#!/bin/sh\n{lines}exec {shlex.quote(pwsh)} "$@"\n')
    program.chmod(0o755)
    return f"SetEnv PATH={folder}:/usr/bin:/bin SHLVL=2"


@pytest.fixture(scope="module", params=SHELLS)
def sshd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pwsh: str
) -> Iterator[LoopbackSshd]:
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("windows")
    options = [lab(folder / "bin", pwsh), f"ForceCommand {SHELLS[request.param]}"]
    with loopback_sshd(folder / "sshd", options=options) as server:
        yield server


def run(server: LoopbackSshd, script: str, seconds: float = 30) -> ScriptOutput:
    connection = Connector(Vault()).open(replace(server.host(), platform="windows"))
    try:
        return connection.run_script(script.encode(), seconds)
    finally:
        connection.close()


def failure(server: LoopbackSshd, script: str, seconds: float = 30) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        run(server, script, seconds)
    return caught.value


def test_one_script_one_json_text_in_ascii(sshd: LoopbackSshd) -> None:
    output = run(sshd, REPORT)
    assert output.stdout.isascii()
    assert json.loads(output.stdout) == {"text": "häß 漢\x07'q' <&>", "list": [1]}
    assert (output.exit_status, output.stderr) == (0, b"")


def test_long_scripts_and_long_answers_arrive_whole(sshd: LoopbackSshd) -> None:
    script = "# " + "x" * 200_000 + "\n'abc%' * 250000\n"
    assert run(sshd, script, 60).stdout == b"abc%" * 250_000


def test_blocks_over_many_lines_run_as_they_do_in_a_file(sshd: LoopbackSshd) -> None:
    """PowerShell's own way to read standard input loses them."""
    script = (
        "function f {\n  param($a)\n\n  if ($a) {\n    'yes'\n  }\n  else {\n    'no'\n  }\n}\n"
    )
    script += "f 1\nf 0\n"
    assert run(sshd, script).stdout == rb"yes\u000ano"


@pytest.mark.parametrize(
    ("script", "reason", "words"),
    [
        ("throw 'kaputt'", Reason.SCRIPT_FAILED, "kaputt"),
        ("'half'; if (", Reason.SCRIPT_FAILED, "script failed"),
    ],
)
def test_how_a_script_ends_is_told(
    sshd: LoopbackSshd, script: str, reason: Reason, words: str
) -> None:
    error = failure(sshd, script)
    assert error.reason is reason
    assert words in error.message


def test_a_script_that_hangs_ends_at_its_deadline(sshd: LoopbackSshd) -> None:
    assert failure(sshd, "foreach ($n in 1..15) { Start-Sleep 1 }", 3).reason is Reason.DEADLINE


def test_noise_around_the_answer_is_passed_over(sshd: LoopbackSshd) -> None:
    assert run(sshd, "[Console]::Out.WriteLine('noise'); '{}'").stdout == b"{}"


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_constrained_language_and_a_german_code_page(tmp_path: Path, pwsh: str) -> None:
    exports = ("WINDOWSLAB_LANGUAGE=ConstrainedLanguage", "WINDOWSLAB_CODEPAGE=850")
    with loopback_sshd(
        tmp_path / "sshd", options=[lab(tmp_path / "bin", pwsh, *exports)]
    ) as server:
        script = 'ConvertTo-Json @{ a = "h$([char]0xe4)$([char]0xdf)" } -Compress'
        assert json.loads(run(server, script).stdout) == {"a": "häß"}
        error = failure(server, "$ErrorActionPreference = 'Stop'; [math]::Sqrt(4)")
    assert error.reason is Reason.CONSTRAINED_LANGUAGE


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_host_without_powershell_says_so(tmp_path: Path) -> None:
    with loopback_sshd(tmp_path / "sshd") as server:
        error = failure(server, "'x'")
    assert error.reason is Reason.SCRIPT_FAILED
    assert "the login worked, but PowerShell did not run" in error.message


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_script_beyond_ascii_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with loopback_sshd(tmp_path / "sshd") as server:
        assert failure(server, "'ä'").reason is Reason.UNSUPPORTED
        assert server.logins() == 0


def test_any_shell_takes_the_command_as_it_is() -> None:
    """No character that cmd, PowerShell or a POSIX shell interprets, and short enough for cmd."""
    assert re.fullmatch(r"[A-Za-z0-9 .+/=-]+", COMMAND)
    assert len(COMMAND) < 8191
    encoded = COMMAND.rpartition(" ")[2]
    assert base64.b64decode(encoded).decode("utf-16-le") == BOOTSTRAP.strip()
    assert BOOTSTRAP.isascii()


def refusal(reason: Reason, words: str) -> ConnectError:
    return ConnectError(reason, "win", "win:22", words)


def framed(text: bytes, mark: str = "wfo-1", kind: str = "ok", digest: str = "") -> bytes:
    seen = hashlib.sha1(text).hexdigest().upper()
    digest = digest or "-".join(re.findall("..", seen))
    return b"%s %s %d %s\r\n%s\r\n%s end\r\n" % (
        mark.encode(), kind.encode(), len(text), digest.encode(), text, mark.encode(),
    )  # fmt: skip


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_a_console_may_fold_the_answer_anywhere(text: str, width: int) -> None:
    whole = text.encode()
    lines = b"\r\n".join(whole[at : at + width] for at in range(0, len(whole), width))
    sent = b"banner\r\n" + framed(whole).replace(
        b"\r\n" + whole + b"\r\n", b"\r\n" + lines + b"\r\n", 1
    )
    assert unframed(ScriptOutput(sent, b"", 0), "wfo-1", refusal) == whole


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", Reason.SCRIPT_FAILED),
        (b"Welcome\r\n", Reason.SCRIPT_FAILED),
        (framed(b"answer", mark="wfo-2"), Reason.SCRIPT_FAILED),
        (framed(b"answer")[:-10], Reason.ANSWER_UNREADABLE),
        (framed(b"answer")[:40], Reason.SCRIPT_FAILED),
        (framed(b"answer").replace(b"\r\nanswer", b"\r\nanswers"), Reason.ANSWER_UNREADABLE),
        (framed(b"answer").replace(b"\r\nanswer", b"\r\nanswes"), Reason.ANSWER_UNREADABLE),
        (framed(rb"ScriptContainedMaliciousContent\u000ablocked", kind="error"),
         Reason.BLOCKED_BY_ANTIVIRUS),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_whole_is_none(sent: bytes, reason: Reason) -> None:
    with pytest.raises(ConnectError) as caught:
        unframed(ScriptOutput(sent, b"", 1), "wfo-1", refusal)
    assert caught.value.reason is reason


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_an_answer_or_a_reason(noise: bytes) -> None:
    for sent in (noise, framed(b"{}") + noise, framed(b"{}")[:30] + noise):
        message = ""
        try:
            unframed(ScriptOutput(sent, noise, 0), "wfo-1", refusal)
        except ConnectError as error:
            message = error.message
        assert message.isprintable()
