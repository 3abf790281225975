"""The same real sshd and the same care about threads as the connection tests."""

from tests.connect.conftest import no_thread_stays, sshd

__all__ = ["no_thread_stays", "sshd"]
