"""The work no tool can avoid: one session and one script a host, on bare paramiko, in threads.

    python benchmarks/floor.py PORT USER KEY SCRIPTS THREADS NAME=ADDRESS...

SCRIPTS is a folder with NAME.sh for each host. Prints the number of complete answers. It trusts any
host key, reads no inventory, explains nothing and judges nothing.
"""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko


def ask(address: str, port: int, user: str, key: paramiko.PKey, script: bytes) -> bytes:
    """Log in, run ``script`` by sh, return what it printed."""
    with socket.create_connection((address, port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(sock)
        try:
            transport.connect(username=user, pkey=key)
            channel = transport.open_session()
            channel.exec_command("exec sh -s")
            channel.sendall(script)
            channel.shutdown_write()
            answer = b"".join(iter(lambda: channel.recv(65536), b""))
            channel.recv_exit_status()
            return answer
        finally:
            transport.close()


def main() -> int:
    """Ask all hosts; 0 if every one gave a complete answer."""
    port, user, key_file, folder, threads, *hosts = sys.argv[1:]
    key = paramiko.Ed25519Key.from_private_key_file(key_file)

    def one(host: str) -> bool:
        name, _, address = host.partition("=")
        script = (Path(folder) / f"{name}.sh").read_bytes()
        return b'"complete":true}' in ask(address, int(port), user, key, script)[-32:]

    with ThreadPoolExecutor(int(threads)) as pool:
        complete = sum(pool.map(one, hosts))
    print(complete)
    return 0 if complete == len(hosts) else 1


if __name__ == "__main__":
    sys.exit(main())
