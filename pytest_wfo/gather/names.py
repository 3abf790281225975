"""What the controller resolves the inventory's host names to."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

from pytest_wfo.core.site_facts import is_ip

# A resolver retries after 5 s; twice that means the name servers do not answer.
_SECONDS = 10.0
_THREADS = 32


def resolve_names(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """IPv4 addresses of every name that has some; names that do not resolve in time are left out."""
    waiting = deque(sorted({name for name in names if not is_ip(name)}))
    found: dict[str, tuple[str, ...]] = {}
    until = time.monotonic() + _SECONDS

    def work() -> None:
        while waiting:
            with suppress(IndexError):
                name = waiting.popleft()
                found[name] = _lookup(name)

    # A lookup cannot be cancelled: daemon threads do not keep the run from ending.
    threads = [
        threading.Thread(target=work, name="wfo-names", daemon=True)
        for _ in range(min(_THREADS, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: addresses for name, addresses in list(found.items()) if addresses}


def _lookup(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
