"""The TCP listeners of one lab host, each of which can be told to misbehave.

Runs on the system's Python inside the lab host: standard library only.

==============  =========================================================================
mode            the listener
==============  =========================================================================
ok              speaks its protocol
off             is not there
silent          accepts and never speaks
slow:SECONDS    speaks late
close           hears the request and closes without a word
rst             resets right after the handshake
garbage         is another program: its bytes are no protocol of ours
http500         is HTTP, with an error
plain           speaks HTTP without TLS on a TLS port
grants:RANGE    hands out a Silverlight policy that grants these ports only
loopback        is bound to 127.0.0.1
v6only          is bound to [::], IPv6 only
dual            is bound to [::], both families
==============  =========================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from typing import TYPE_CHECKING

from tests.lab.topology import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MODES = re.compile(
    r"ok|off|silent|close|rst|garbage|http500|plain|loopback|v6only|dual"
    r"|slow:[0-9.]+|grants:[0-9]+(-[0-9]+)?"
)
_WITHOUT_TLS = ("silent", "close", "rst", "garbage", "plain")
_GARBAGE = bytes(range(128, 192))
_POLICY_REQUEST = b"<policy-file-request/>"
_POLICY = """<?xml version="1.0" encoding="utf-8"?>
<access-policy><cross-domain-access><policy>
<allow-from http-request-headers="*"><domain uri="*"/></allow-from>
<grant-to><socket-resource port="{ports}" protocol="tcp"/></grant-to>
</policy></cross-domain-access></access-policy>
"""
_PATIENCE = 10.0  # seconds for a request to arrive


class Listeners:
    """The listeners of one host; ``folder`` holds ``tls.crt`` and ``tls.key``."""

    def __init__(self, protocols: Mapping[int, Protocol], folder: Path) -> None:
        self.modes = dict.fromkeys(protocols, "off")
        self._protocols = protocols
        self._servers: dict[int, asyncio.Server] = {}
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")

    async def set_mode(self, port: int, mode: str) -> None:
        """Make the listener on ``port`` behave as ``mode`` says.

        Raises:
            ValueError: there is no such mode.
            KeyError: the host has no such listener.
        """
        if not _MODES.fullmatch(mode):
            raise ValueError(f"no such mode: {mode}")
        if self.modes[port] == mode:
            return
        if server := self._servers.pop(port, None):
            server.close()
        self.modes[port] = mode
        if mode == "off":
            return
        protocol = self._protocols[port]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, EOFError, asyncio.TimeoutError):
                await _answer(protocol, mode, reader, writer)
            writer.close()

        tls = self._tls if protocol is Protocol.HTTPS and mode not in _WITHOUT_TLS else None
        self._servers[port] = await asyncio.start_server(
            serve, sock=_socket(port, mode), ssl=tls, backlog=1024
        )


def _socket(port: int, mode: str) -> socket.socket:
    ipv6 = mode in {"v6only", "dual"}
    listening = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ipv6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(mode == "v6only"))
        listening.bind(("::", port))
    else:
        listening.bind(("127.0.0.1" if mode == "loopback" else "0.0.0.0", port))
    return listening


async def _answer(
    protocol: Protocol, mode: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if mode == "silent":
        await reader.read()  # until the peer gives up
    elif mode == "close":
        await asyncio.wait_for(reader.read(4096), _PATIENCE)
    elif mode == "rst":
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif mode == "garbage":
        writer.write(_GARBAGE)
        await writer.drain()
        await asyncio.wait_for(reader.read(4096), _PATIENCE)
    else:
        if mode.startswith("slow:"):
            await asyncio.sleep(float(mode.removeprefix("slow:")))
        await _speak(protocol, mode, reader, writer)
        await writer.drain()


async def _speak(
    protocol: Protocol, mode: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if protocol is Protocol.POLICY:
        request = await asyncio.wait_for(reader.readexactly(len(_POLICY_REQUEST)), _PATIENCE)
        if request == _POLICY_REQUEST:
            ports = mode.removeprefix("grants:") if mode.startswith("grants:") else "4502-4534"
            writer.write(_POLICY.format(ports=ports).encode())
    elif protocol is Protocol.TCP:
        writer.write(b"heard " + await asyncio.wait_for(reader.readline(), _PATIENCE))
    else:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        status = "500 Internal Server Error" if mode == "http500" else "200 OK"
        writer.write(
            f"HTTP/1.1 {status}\r\nServer: wfo-lab\r\nContent-Type: text/plain\r\n"
            "Content-Length: 3\r\nConnection: close\r\n\r\nok\n".encode()
        )
