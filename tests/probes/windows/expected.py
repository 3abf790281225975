"""Facts in the short form in which the states expect them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.antivirus.model import Antivirus, Exclusion
from pytest_wfo.core.facts import Fact, HostFacts, Known, Listener, Route, Unknown
from pytest_wfo.probes.windows_envelope import read_answer
from pytest_wfo.probes.windows_sockets import read_excluded_ports

if TYPE_CHECKING:
    from collections.abc import Callable

_LATER = {
    "access",
    "files",
    "probes",
    "firewall",
    "survival",
    "canary",
    "concerns",
}


def summary(text: str, facts: HostFacts) -> dict[str, Any]:
    """The facts as lists and names; None for what is unknown."""
    return {
        "identity": _short(facts.identity, lambda it: [it.hostname, it.boot_id]),
        "system": _short(facts.system, lambda it: [it.family, it.name, it.kernel]),
        "rights": _short(facts.rights, lambda it: [it.user, it.elevated]),
        "addresses": _short(
            facts.addresses, lambda all_: [[it.interface, it.address, it.prefix] for it in all_]
        ),
        "routes": _short(facts.routes, lambda all_: [_route(it) for it in all_]),
        "forwarding": _short(facts.forwarding, bool),
        "listeners": _short(facts.listeners, lambda all_: [_listener(it) for it in all_]),
        "processes": _short(facts.processes, len),
        "services": _short(facts.services, len),
        "antivirus": antivirus(facts.antivirus),
        "excluded": _short(
            read_excluded_ports(read_answer(text)), lambda all_: [list(it) for it in all_]
        ),
        "files": {path: _short(fact, lambda it: it.kind) for path, fact in facts.files.items()},
        "unknown": sorted(
            each.name
            for each in fields(HostFacts)
            if each.name not in _LATER and isinstance(getattr(facts, each.name), Unknown)
        ),
    }


def _short(fact: Fact[Any], show: Callable[[Any], Any]) -> Any:
    return show(fact.value) if isinstance(fact, Known) else None


def _route(route: Route) -> list[Any]:
    return [route.destination, route.kind, route.interface, route.gateway, route.metric]


def _listener(listener: Listener) -> list[Any]:
    owner = listener.owner.value if isinstance(listener.owner, Known) else None
    named = [owner.process, owner.user] if owner else [None, None]
    return [listener.address, listener.port, listener.ipv4, *named]


def antivirus(fact: Fact[Antivirus]) -> Any:
    """Every product by its name, or why they are not known."""
    if isinstance(fact, Unknown):
        return f"unknown: {fact.reason}"
    return [
        {
            "product": f"{each.name} {each.version}".strip(),
            "active": _told(each.active, str),
            "scanning": {scan.value: _told(it, str) for scan, it in each.scanning.items()},
            "reading": each.reading.value,
            "exclusions": _told(each.exclusions, lambda all_: [_entry(it) for it in all_]),
            "opinions": dict(each.opinions),
            "removals": _told(
                each.removals, lambda all_: [f"{it.path}: {it.action} ({it.threat})" for it in all_]
            ),
            "days": each.history_days,
            "warnings": list(each.warnings),
        }
        for each in fact.value.products
    ]


def _told(fact: Fact[Any], show: Callable[[Any], Any]) -> Any:
    return show(fact.value) if isinstance(fact, Known) else f"unknown: {fact.reason}"


def _entry(entry: Exclusion) -> str:
    scans = "+".join(sorted(scan.value for scan in entry.scans))
    said = [f"{entry.text} ({scans}; {entry.origin})"]
    said += [f"VOID {entry.void}"] if entry.void else []
    return "; ".join([*said, *([entry.note] if entry.note else [])])
