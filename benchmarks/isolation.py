"""A place of its own for a benchmark: network, processes and mounts, gone with the benchmark.

In it the ports are free, the collector sees the benchmark's processes only, and dead hosts can be
made by a packet filter. Without root a benchmark runs where it is, with what it may use there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_INSIDE = "WFO_BENCHMARK_ISOLATED"


def isolated() -> bool:
    """Whether this process runs in a place of its own."""
    return _INSIDE in os.environ


def isolate() -> None:
    """Start this program again in namespaces of its own, if that is possible and not done yet."""
    if isolated():
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        print("not root on Linux: measured without a namespace of its own", file=sys.stderr)
        return
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    trial = subprocess.run([*command, "true"], check=False, capture_output=True, text=True)
    if trial.returncode != 0:
        print(f"no namespaces here ({trial.stderr.strip()}): measured without", file=sys.stderr)
        return
    arguments = [*command, sys.executable, *sys.argv]
    os.execvpe(command[0], arguments, {**os.environ, _INSIDE: "1"})
