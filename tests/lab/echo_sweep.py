"""Real TCP conversations with hundreds of addresses at once; runs inside a network namespace.

``echo_sweep.py serve PORT`` echoes one byte a connection until it is ended.
``echo_sweep.py sweep PORT IDLE`` reads "source destination" lines and prints the number of each
line whose conversation (connect, send a byte, get it back) worked. It gives up when nothing has
happened for IDLE seconds.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # no TIME_WAIT: the next sweep starts clean


def serve(port: int) -> None:
    """Echo one byte per connection, for ever."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(1024)
    listener.setblocking(False)
    with selectors.DefaultSelector() as waiting:
        waiting.register(listener, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            for key, _ in waiting.select():
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                try:
                    if peer is listener:
                        accepted, _ = listener.accept()
                        accepted.setblocking(False)
                        waiting.register(accepted, selectors.EVENT_READ)
                        continue
                    data = peer.recv(1)
                    if data:
                        peer.send(data)
                        continue
                except OSError:
                    if peer is listener:
                        continue
                waiting.unregister(peer)
                peer.close()


def sweep(port: int, idle: float, pairs: list[tuple[str, str]]) -> list[int]:
    """The numbers of the pairs that could converse."""
    worked = []
    with selectors.DefaultSelector() as waiting:
        for number, (source, destination) in enumerate(pairs):
            client = socket.socket()
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            try:
                client.bind((source, 0))
                client.connect_ex((destination, port))
                waiting.register(client, selectors.EVENT_WRITE, number)
            except OSError:
                client.close()
        while waiting.get_map():
            ready = waiting.select(idle)
            if not ready:
                break
            for key, event in ready:
                assert isinstance(key.fileobj, socket.socket)
                client = key.fileobj
                try:
                    if event & selectors.EVENT_WRITE:
                        client.send(b"x")
                        waiting.modify(client, selectors.EVENT_READ, key.data)
                        continue
                    if client.recv(1) == b"x":
                        worked.append(key.data)
                except OSError:
                    pass
                waiting.unregister(client)
                client.close()
    return worked


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        asked = [(line.split()[0], line.split()[1]) for line in sys.stdin]
        done = sweep(int(sys.argv[2]), float(sys.argv[3]), asked)
        sys.stdout.write(" ".join(map(str, done)))
