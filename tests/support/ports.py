"""Ports of loopback on which no connection comes about: one refuses, one never answers."""

from __future__ import annotations

import select
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def closed_port() -> int:
    """A TCP port that refuses connections. It stays taken until this process ends: a port that was
    given back may belong to a server of another test a moment later."""
    holder = socket.socket()
    holder.bind(("0.0.0.0", 0))
    port = int(holder.getsockname()[1])
    holder.detach()
    return port


@contextmanager
def full_port() -> Iterator[int]:
    """A TCP port that answers no SYN: the one place in its accept queue is taken."""
    with socket.socket() as server, socket.socket() as filler:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        filler.connect(server.getsockname())
        select.select([server], [], [])  # the client's side stands a moment before it is queued
        yield int(server.getsockname()[1])
