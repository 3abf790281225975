"""Windows hosts behind OpenSSH: the script goes to PowerShell over standard input.

The host's default shell may be cmd, PowerShell or anything else: the command is a program and
words without a character that any of them would interpret. It is the same in every run, so that a
host's owner can review and permit it; what differs from run to run comes over standard input.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from pytest_wfo.connect.channel import Exchange, execute
from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.powershell_errors import explain_script_error
from pytest_wfo.connect.script import ScriptOutput
from pytest_wfo.connect.ssh import SshBackend

if TYPE_CHECKING:
    from collections.abc import Callable

# Reads all lines: a marker, then the script. Where the language is constrained no block can be
# made of a text, so Invoke-Expression runs it there. What comes back is one text in a frame of two
# marked lines, which say its kind, length and hash; all of it ASCII, because no one knows the code
# page of the host's console: other characters become JSON's \uXXXX. In the constrained language
# there is no hash, and [regex]::Replace would not call a block: hence the loop.
BOOTSTRAP = r"""
$ProgressPreference = 'SilentlyContinue'
$lines = @($input)
$mark = $lines[0]
$text = $lines[1..($lines.Count - 1)] -join "`n"
$kind = 'ok'
try {
  if ($ExecutionContext.SessionState.LanguageMode -eq 'FullLanguage') {
    $answer = @(& ([ScriptBlock]::Create($text))) -join "`n"
  } else {
    $answer = @(Invoke-Expression $text) -join "`n"
  }
} catch {
  $kind = 'error'
  $answer = ([string]$_.FullyQualifiedErrorId) + "`n" + [string]$_
}
$codes = @{}
foreach ($match in [regex]::Matches($answer, '[^ -~]')) { $codes[[int][char]$match.Value] = 1 }
foreach ($code in @($codes.Keys)) {
  $answer = $answer.Replace([string][char]$code, ('\u{0:x4}' -f $code))
}
$hash = '-'
try {
  $bytes = [Text.Encoding]::ASCII.GetBytes($answer)
  $hash = [BitConverter]::ToString([Security.Cryptography.SHA1]::Create().ComputeHash($bytes))
} catch { }
"$mark $kind $($answer.Length) $hash"
$answer
"$mark end"
"""

COMMAND = (
    "powershell.exe -NoLogo -NoProfile -NonInteractive -InputFormat Text -OutputFormat Text "
    "-EncodedCommand " + base64.b64encode(BOOTSTRAP.strip().encode("utf-16-le")).decode()
)


class WindowsSshBackend(SshBackend):
    """As ``SshBackend``, but scripts are PowerShell's. testinfra's commands go to the host's
    default shell as they are."""

    NAME = "wfo-windows-ssh"

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` (ASCII) by Windows PowerShell, for at most ``seconds``; its output is one
        text a line. Characters outside ASCII come as JSON writes them: ``\\u00e4``.

        Raises ``ConnectError``, also if the script ends by an error.
        """
        if not script.isascii():
            raise self._error(Reason.UNSUPPORTED, "the script has characters outside of ASCII")
        mark = f"wfo-{secrets.token_hex(8)}"
        told = False

        def on_output(exchange: Exchange) -> None:
            nonlocal told
            if not told:
                exchange.outgoing += mark.encode() + b"\n" + script.rstrip(b"\n") + b"\n"
                exchange.closing = told = True

        output = execute(
            self.connect(),
            COMMAND.encode(),
            seconds=seconds,
            on_output=on_output,
            host=self.hostname,
            endpoint=self.endpoint,
        )
        answer = unframed(output, mark, self._error)
        return ScriptOutput(answer, output.stderr, output.exit_status)


def unframed(
    output: ScriptOutput, mark: str, error: Callable[[Reason, str], ConnectError]
) -> bytes:
    """The script's own text out of what the bootstrap printed.

    Raises what ``error`` makes of a reason: script-failed and its kin, answer-unreadable.
    """
    text = output.stdout.decode("latin-1")
    begun = re.search(rf"{mark} (ok|error) ([0-9]{{1,9}}) ([0-9A-F-]+)\s", text)
    if begun is None:
        said = excerpt(output.stderr or output.stdout) or "nothing"
        words = f"the login worked, but PowerShell did not run (exit status {output.exit_status})"
        raise error(Reason.SCRIPT_FAILED, f"{words}; it said: {said}")
    body, ended, _ = text[begun.end() :].partition(f"{mark} end")
    # The text is one line, which a console may have folded.
    body = body.replace("\r", "").replace("\n", "")
    if not ended or len(body) != int(begun[2]):
        words = f"{len(body)} of {begun[2]} characters of the answer came"
        raise error(Reason.ANSWER_UNREADABLE, words)
    answer = body.encode("latin-1")
    seen = hashlib.sha1(answer, usedforsecurity=False).hexdigest().upper()
    if begun[3] not in {"-", "-".join(re.findall("..", seen))}:
        raise error(Reason.ANSWER_UNREADABLE, "the answer was changed on its way (hash)")
    if begun[1] == "error":
        error_id, _, message = body.partition(r"\u000a")
        raise error(*explain_script_error(error_id, message))
    return answer
