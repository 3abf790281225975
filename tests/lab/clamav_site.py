"""A server of WFO with a ClamAV: the recorder's folders, its logger, and a log of some age."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.lab.clamav import DATA, HOME, ClamAv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.machines import RunningHost

FOLDERS = {"screen_recording": f"{DATA}/temp", "logging": f"{DATA}/logs"}
LOGGER = f"{DATA}/bin/cc_loggerservice.exe"
LOG_DAYS = 100
MET, NOT_MET, NOT_VERIFIED = "met", "not met", "not verified"
NOT_APPLICABLE = "not applicable"


def server(host: RunningHost, files: Sequence[str] = ()) -> ClamAv:
    """A prepared ClamAV whose log is 100 days old; everybody may write to WFO's folders. The recorder's
    logger runs, its screen capture does not."""
    found = ClamAv(host)
    found.prepare(files)
    day = time.localtime(time.time() - LOG_DAYS * 86400)
    begun = time.strftime("%a %b %e %H:%M:%S %Y", day)
    found.write({f"{HOME}/log/clamd.log": f"{begun} -> +++ Started\n"})
    found.run("chown", "clamav:clamav", f"{HOME}/log/clamd.log")
    found.run("mkdir", "-p", f"{DATA}/bin", *FOLDERS.values())
    found.run("chmod", "1777", *FOLDERS.values())
    found.run("cp", "/usr/bin/sleep", LOGGER)
    host.tell("start", "logger", f'["{LOGGER}", "600"]')
    return found
