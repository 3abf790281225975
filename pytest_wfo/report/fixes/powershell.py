"""HOST.ps1: the automatic fixes of one Windows host, for Windows PowerShell 3 and later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files

from pytest_wfo.core.fixes.changes import Change, DefenderExclusion, Fix, WindowsAllow, written
from pytest_wfo.core.policy import Direction
from pytest_wfo.core.windows_rules import ALL_PROFILES, Profile
from pytest_wfo.report.fixes.quoting import powershell_literal
from pytest_wfo.report.fixes.told import filled, heading, reasons
from pytest_wfo.report.model import SiteReport

# New-NetFirewallRule's rules carry this description; -Undo removes no other.
MARK = "Made by pytest-wfo"


def powershell_script(report: SiteReport, host: str, fixes: Iterable[Fix]) -> str:
    """The script for ``fixes``, each of which is automatic."""
    template = files(__package__).joinpath("fixes.ps1").read_text("ascii")
    steps = (line for fix in fixes for line in _steps(fix))
    return filled(template, heading(report, host), steps)


def _steps(fix: Fix) -> Iterator[str]:
    yield ""
    yield from reasons(fix)
    for change in fix.changes:
        yield _step(change, fix)


def _step(change: Change, fix: Fix) -> str:
    if isinstance(change, DefenderExclusion):
        return f"Set-WfoExclusion {change.list.value} {powershell_literal(change.value)}"
    if not isinstance(change, WindowsAllow):
        raise TypeError(f"no step of a Windows script: {change}")
    inward = change.direction is Direction.IN
    remote = ", ".join(map(powershell_literal, written(change.remote)))
    profiles = ", ".join(each.value for each in Profile if each in change.profiles)
    values = {
        "Name": powershell_literal(change.name),
        "DisplayName": powershell_literal(change.name),
        "Description": powershell_literal(f"{MARK}: {fix.cell.requirement.title}"),
        "Direction": "'Inbound'" if inward else "'Outbound'",
        "Action": "'Allow'",
        "Enabled": "'True'",
        "Protocol": "'TCP'",
        "LocalPort" if inward else "RemotePort": f"'{change.port}'",
        "RemoteAddress": f"@({remote})",
        "Profile": "'Any'" if change.profiles == ALL_PROFILES else f"'{profiles}'",
    }
    lines = [f"    {name} = {value}" for name, value in values.items()]
    return "\n".join(("Set-WfoFirewallRule @{", *lines, "}"))
