"""Where a host is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_wfo.connect.dial import Endpoint

if TYPE_CHECKING:
    from pytest_wfo.core.hosts import Host


def address_of(host: Host) -> str:
    """The management address: the connection's own, or else the first for WFO traffic."""
    return host.connection.address or host.addresses[0]


def endpoint_to_dial(host: Host) -> Endpoint:
    """What stage one needs to know of ``host``: itself, or the proxy before it."""
    connection = host.connection
    address, port = address_of(host), connection.port
    if connection.proxy:
        proxy = urlsplit(connection.proxy)
        address, port = proxy.hostname or "", proxy.port or 80
    return Endpoint(host.name, address, port, connection.timeouts.connect)
