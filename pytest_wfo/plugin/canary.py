"""The antivirus canary: when it may be tried, and what those who watch alerts must know of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from pytest_wfo.core.antivirus.model import Canary
from pytest_wfo.core.facts import Known
from pytest_wfo.core.hosts import Host, Site
from pytest_wfo.core.site_facts import SiteFacts

SCRIPT_SECONDS = 120.0
"""A minute for the control at most, and a minute for on-demand scans and all that is read besides."""

THREAT = "the EICAR test file (Microsoft Defender: Virus:DOS/EICAR_Test_File)"


def canary_refused(site: Site, now: datetime) -> str:
    """Why the canary must not be tried now; "" if it may."""
    window = site.av_canary
    if window is None:
        return (
            f"{site.source}: --wfo-probe=canary needs site.av_canary with the ticket and the window that "
            "were agreed with those who watch the alerts (docs/antivirus.md)"
        )
    if not window.opens <= now < window.closes:
        zone = window.opens.tzinfo
        return (
            f"{site.source}: --wfo-probe=canary is outside its window (ticket {window.ticket}): "
            f"{window.opens:%Y-%m-%d %H:%M} to {window.closes:%Y-%m-%d %H:%M} {zone}; there it is "
            f"{now.astimezone(zone):%Y-%m-%d %H:%M} now"
        )
    short = [host.name for host in site.hosts.values() if _too_short(host)]
    if short:
        more = f" and {len(short) - 1} more" if len(short) > 1 else ""
        return (
            f"{site.source}: --wfo-probe=canary takes up to {SCRIPT_SECONDS:.0f} s on a host; "
            f"timeouts.script is shorter for {short[0]}{more}"
        )
    return ""


def _too_short(host: Host) -> bool:
    return host.connection.timeouts.script < SCRIPT_SECONDS


def canary_notes(facts: SiteFacts) -> Iterator[str]:
    """One line for each host that wrote canary files: what, when, where, under which names."""
    window = facts.site.av_canary
    ticket = f", ticket {window.ticket}" if window else ""
    for name, host in facts.hosts.items():
        if isinstance(host.canary, Known):
            yield f"canary test on {name}{ticket}: {_told(host.canary.value)}"


def _told(canary: Canary) -> str:
    folders = dict.fromkeys(re.split(r"[/\\][^/\\]*$", file.path)[0] for file in canary.files)
    told = (
        f"{canary.started} to {canary.ended}, run {canary.run}; alerts about {THREAT} in files "
        f"wfo-canary-{canary.run}.* in {', '.join(folders)} belong to it"
    )
    if canary.leftovers:
        told += f"; to be removed by hand: {', '.join(canary.leftovers)}"
    return told
