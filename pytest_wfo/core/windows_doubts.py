"""When the rules are not the whole truth: stopped services, other firewalls, parts not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_wfo.core.policy import Decision
from pytest_wfo.core.windows_cells import Cell
from pytest_wfo.core.windows_firewall import Area, ServiceState, WindowsFirewall

_Doubts = Sequence[tuple[str, str]]  # what is to blame, and why

_NOT_IN_FORCE = "what the rules say is not what happens"
_NOT_READ = "part of the firewall could not be read"


def doubted(firewall: WindowsFirewall, cells: list[Cell]) -> list[Cell]:
    """``cells`` with every decision taken back that something speaks against."""
    against = list(_against_everything(firewall))
    hardening = [(reason, _NOT_READ) for reason in _unread(firewall, Area.HARDENING)]
    interfaces = "; ".join(_unread(firewall, Area.INTERFACES))
    return [_doubted(cell, against, hardening, interfaces) for cell in cells]


def _doubted(cell: Cell, against: _Doubts, hardening: _Doubts, interfaces: str) -> Cell:
    if against:
        cell = _undecided(cell, against)
    elif hardening and cell.decision is Decision.PERMITTED:
        cell = _undecided(cell, hardening)
    elif interfaces and cell.decision is Decision.UNDECIDED:
        cell = replace(cell, why=f"{cell.why} ({interfaces})")
    return cell


def _unread(firewall: WindowsFirewall, area: Area) -> list[str]:
    return [each.reason for each in firewall.unread if each.area is area]


def _against_everything(firewall: WindowsFirewall) -> Iterator[tuple[str, str]]:
    yield from _service("MpsSvc (Windows Defender Firewall)", firewall.mpssvc)
    yield from _service("BFE (Base Filtering Engine)", firewall.bfe)
    for product in firewall.products:
        if product.enabled is None:
            yield f"firewall product {product.name}", "whether it has taken over is not known"
        elif product.enabled:
            yield f"firewall product {product.name}", f"it has taken over: {_NOT_IN_FORCE}"
    for each in firewall.unread:
        if each.area not in (Area.HARDENING, Area.INTERFACES):
            yield each.reason, _NOT_READ


def _service(name: str, state: ServiceState | None) -> Iterator[tuple[str, str]]:
    if state is None:
        yield f"service {name}", "its state is not known"
    elif not state.running:
        yield f"service {name} does not run", f"unsupported by Microsoft: {_NOT_IN_FORCE}"
    elif state.disabled:
        yield f"service {name} is disabled", "unsupported by Microsoft: it ends with the next start"


def _undecided(cell: Cell, against: _Doubts) -> Cell:
    if cell.decision is Decision.UNDECIDED:
        return cell
    rules, whys = zip(*against, strict=True)
    why = f"{'; '.join(dict.fromkeys(whys))}; by its rules alone: {cell.decision.value} by {cell.rule}"
    return replace(cell, decision=Decision.UNDECIDED, rule="; ".join(rules), why=why)
