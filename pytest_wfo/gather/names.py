"""What the controller resolves the inventory's host names to."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from pytest_wfo.core.site_facts import is_ipv4

# A resolver retries after 5 s; twice that means the name servers do not answer.
_SECONDS = 10.0
_THREADS = 32


def resolve_names(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """IPv4 addresses of every name that has some; names that do not resolve in time are left out."""
    wanted = sorted({name for name in names if not is_ipv4(name) and ":" not in name})
    if not wanted:
        return {}
    pool = ThreadPoolExecutor(min(_THREADS, len(wanted)), thread_name_prefix="wfo-names")
    futures = {pool.submit(_lookup, name): name for name in wanted}
    done, _ = wait(futures, timeout=_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return {futures[future]: future.result() for future in done if future.result()}


def _lookup(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))
