"""A real sudo for tests: a throw-away user in a mount namespace with an /etc of its own.

Nothing of the machine's own /etc is changed: it is covered by an overlay that only the server and
what it starts can see.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

USER = "wfotest"

_SCRIPT = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/run"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/up,workdir=$1/work" /etc
mkdir -p /run/sudo && mount --bind "$1/run" /run/sudo
echo "$2:x:6299:6299::/tmp:/bin/sh" >>/etc/passwd
echo "$2:x:6299:" >>/etc/group
echo "$2:$3:19000:0:99999:7:::" >>/etc/shadow
rm -rf /etc/sudoers.d; mkdir -m 755 /etc/sudoers.d
printf '%s\\n' "Defaults !fqdn" "$4" >/etc/sudoers
chmod 440 /etc/sudoers
shift 4
exec "$@"
"""


def missing() -> str:
    """Why there can be no such host here; "" if there can."""
    if os.geteuid() != 0:
        return "needs root for a mount namespace"
    tools = [tool for tool in ("unshare", "sudo", "openssl") if shutil.which(tool) is None]
    return f"needs {', '.join(tools)}" if tools else ""


def wrapper(folder: Path, rule: str, password: str) -> list[str]:
    """The command that runs the rest of its arguments where ``rule`` is all of /etc/sudoers and
    ``USER`` has ``password``. ``folder`` must exist; it stays empty outside."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password.encode(),
        capture_output=True,
        check=True,
    )
    digest = done.stdout.decode().strip()
    script = folder.with_name(f"{folder.name}.sh")
    script.write_text(_SCRIPT)
    return ["unshare", "-m", "sh", str(script), str(folder), USER, digest, rule]
