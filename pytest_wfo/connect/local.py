"""``connection: local``: the machine this program runs on."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import testinfra
import testinfra.host

from pytest_wfo.connect.errors import ConnectError, Reason, excerpt
from pytest_wfo.connect.script import ANSWER_BYTES, ScriptOutput

if TYPE_CHECKING:
    from pytest_wfo.core.hosts import Host


class LocalConnection:
    """Runs scripts by the ``sh`` of this machine."""

    endpoint = "this machine"
    host_key = ""

    def __init__(self, host: Host) -> None:
        self._name = host.name
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        """Nothing to do."""

    def run_script(self, script: bytes, seconds: float) -> ScriptOutput:
        """Run ``script`` by ``sh``, for at most ``seconds``. Raises ``ConnectError``."""
        try:
            process = subprocess.Popen(
                ["sh", "-s"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that its children end with it
            )
        except OSError as error:
            words = f"sh could not be started ({error.strerror})"
            raise self._error(Reason.SCRIPT_FAILED, words) from None
        self._process = process
        with process:
            try:
                stdout, stderr = process.communicate(script, timeout=seconds)
            except subprocess.TimeoutExpired:
                words = f"no complete answer within {seconds:g} s; the script was ended"
                raise self._error(Reason.DEADLINE, words) from None
            finally:
                self.abort()
                self._process = None
        if len(stdout) + len(stderr) > ANSWER_BYTES:
            words = f"the answer is longer than {ANSWER_BYTES} bytes"
            raise self._error(Reason.ANSWER_UNREADABLE, words)
        return ScriptOutput(stdout, stderr, process.returncode)

    def testinfra_host(self) -> testinfra.host.Host:
        """testinfra's local host."""
        return testinfra.get_host("local://")

    def abort(self) -> None:
        """End the script that is running, if any, with everything it started."""
        process = self._process
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Nothing stays open."""

    def _error(self, reason: Reason, words: str) -> ConnectError:
        message = f"{self._name}: {self.endpoint}: {excerpt(words)}"
        return ConnectError(reason, self._name, self.endpoint, message)
