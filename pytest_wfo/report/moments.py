"""Moments of a run in the time of the site."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def site_time(started: str, finished: str, timezone: str) -> str:
    """``2026-11-23 05:00:02 to 05:00:09 (America/New_York)``; "" where that cannot be told here.

    ``started`` and ``finished`` are ISO 8601 with an offset; ``timezone`` is an IANA name.
    """
    try:
        zone = ZoneInfo(timezone)
        first, last = (
            datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(zone)
            for moment in (started, finished)
        )
    except (
        ValueError,
        OSError,
        LookupError,
        OverflowError,
    ):  # no name, a machine without zones, a clock at the end of the calendar
        return ""
    same_day = first.date() == last.date()
    end = f"{last:%H:%M:%S}" if same_day else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} to {end} ({timezone})"
