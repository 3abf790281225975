"""The kit that lets auditors ask a Windows host through a session configuration (JEA).

Such a session runs no script, only commands that an administrator installed. The kit's one command is
the collector itself, which is put in here so that its text is kept once. docs/jea.md has the rest.
"""

from __future__ import annotations

from importlib.resources import files as resources

from pytest_wfo.probes.windows import collector, collector_id

# Where each file of the kit lies: a module's role capabilities are looked for in that folder of it.
_PLACES = {
    "WfoFact.psd1": "WfoFact/WfoFact.psd1",
    "WfoFact.psm1": "WfoFact/WfoFact.psm1",
    "WfoFact.psrc": "WfoFact/RoleCapabilities/WfoFact.psrc",
    "WfoFact.pssc": "WfoFact.pssc",
}


def kit() -> dict[str, str]:
    """The files of the kit with the current collector: path in the kit to text, all of it ASCII."""
    folder = resources(__name__).joinpath("kit")
    return {
        place: folder.joinpath(name)
        .read_text(encoding="ascii")
        .replace("@COLLECTOR-ID@", collector_id())
        .replace("@COLLECTOR@", collector().rstrip("\n"))
        for name, place in _PLACES.items()
    }
