"""What a host is asked about antivirus, besides what every host says of itself."""

from __future__ import annotations

from dataclasses import dataclass

HISTORY_DAYS = 90
"""How far back removals count. Microsoft Defender keeps quarantined items for 90 days
(Get-MpPreference, QuarantinePurgeItemsAfterDelay); what is older may have been forgotten."""

SURVIVAL_SECONDS = 10.0
"""How long a harmless file is left alone, at least, before it is looked at again."""


@dataclass(frozen=True, slots=True)
class AntivirusTask:
    """What one host is asked; empty for a host of which nothing is asked.

    ``folders``, ``processes`` and ``extensions`` are what the site wants excluded there (folders as
    the host writes them, program names, ".vid"); ``file_types`` are the types that must be left
    alone. ``run`` is a word of letters and digits in the name of every file that the run writes; ""
    means that it writes none. ``canary`` asks for the canary test as well, ``concerns`` for files below
    the folders that are worth excluding.
    """

    folders: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    run: str = ""
    canary: bool = False
    concerns: bool = False
