"""Makes the recorded answers in data/windows: ``python -m tests.probes.windows.record``."""

from __future__ import annotations

from pytest_wfo.core.facts import Target, Transport
from tests.probes.windows.host import RECORDED, WindowsHost, load
from tests.probes.windows.test_states import FILES

# Nothing listens there.
TARGETS = (Target("127.0.0.1", 1, Transport.TCP, "premises"),)
NAMES = (
    "av-constrained", "av-detections", "av-detections-ja", "av-entries", "av-hidden", "av-mdm",
    "av-merge-disabled", "av-passive", "av-removed", "av-sep-14-0", "av-sep-14-3-ru1", "av-stopped",
    "av-trend", "av-two-active", "av-unknown-filter", "base", "broken-wmi", "client-11",
    "constrained", "german", "gpo-no-merge", "half-24", "http-sys", "japanese", "non-admin",
    "popup-block", "powershell-3", "powershell-7", "uac-filtered",
)  # fmt: skip

if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    for name in NAMES:
        text = WindowsHost(load(name)).ask(TARGETS, FILES).text
        (RECORDED / f"{name}.txt").write_text(text, "ascii", newline="")
