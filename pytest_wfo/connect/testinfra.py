"""Any other testinfra connection (``docker://name``, ``chroot:///srv`` ...), with fewer guarantees.

testinfra runs commands, not scripts, and knows no deadline: the script goes into the command, and a
command that hangs is left behind in a daemon thread.
"""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import testinfra
import testinfra.host

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.script import ANSWER_BYTES, ScriptOutput

if TYPE_CHECKING:
    from pytest_wfo.core.hosts import Host

# Linux takes arguments of up to 128 KiB each (MAX_ARG_STRLEN); beyond that nothing would start.
COMMAND_BYTES = 128 * 1024 - 1024


class TestinfraConnection:
    """Runs scripts through one of testinfra's own backends."""

    __test__ = False  # the name is no invitation to pytest
    host_key = ""

    def __init__(self, host: Host) -> None:
        self._name = host.name
        self._spec = host.connection.spec
        self._host: testinfra.host.Host | None = None
        self._done = threading.Event()

    @property
    def endpoint(self) -> str:
        """The connection spec, without any password in it."""
        parts = urlsplit(self._spec)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def connect(self) -> None:
        """Choose the backend; most connect with the first command. Raises ``ConnectError``."""
        self.testinfra_host()

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` by ``sh``, waiting at most ``seconds``. Raises ``ConnectError``."""
        host = self.testinfra_host()
        text = base64.b64encode(script).decode()
        if len(text) > COMMAND_BYTES:
            words = f"the script of {len(script)} bytes is too long for a command line"
            raise self._error(Reason.UNSUPPORTED, words)
        result: list[ScriptOutput | str] = []
        self._done.clear()

        def run() -> None:
            try:
                done = host.run("echo %s | base64 -d | sh -s", text)
            except Exception as error:
                result.append(f"{type(error).__name__}: {error}")
            else:
                result.append(ScriptOutput(done.stdout_bytes, done.stderr_bytes, done.rc))
            self._done.set()

        threading.Thread(target=run, name=f"wfo-{self._name}", daemon=True).start()
        self._done.wait(seconds)
        if not result:
            raise self._error(Reason.DEADLINE, f"no complete answer within {seconds:g} s")
        if isinstance(result[0], str):
            raise self._error(Reason.SCRIPT_FAILED, f"testinfra reports {result[0]}")
        if len(result[0].stdout) + len(result[0].stderr) > ANSWER_BYTES:
            words = f"the answer is longer than {ANSWER_BYTES} bytes"
            raise self._error(Reason.ANSWER_UNREADABLE, words)
        return result[0]

    def testinfra_host(self) -> testinfra.host.Host:
        """The testinfra host itself. Raises ``ConnectError`` (unsupported)."""
        if self._host is None:
            try:
                self._host = testinfra.get_host(self._spec)
            except Exception as error:
                words = f"testinfra does not take {self.endpoint}: {error}"
                raise self._error(Reason.UNSUPPORTED, words) from None
        return self._host

    def abort(self) -> None:
        """Stop waiting. testinfra itself cannot be interrupted."""
        self._done.set()

    def close(self) -> None:
        """testinfra closes its connections when the objects go."""
        self._host = None

    def _error(self, reason: Reason, words: str) -> ConnectError:
        words = words.replace(self._spec, self.endpoint)
        return ConnectError(
            reason, self._name, self.endpoint, f"{self._name}: {self.endpoint}: {excerpt(words)}"
        )
