"""The plan: which requirement is asked of which host, known before any connection is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_wfo.core.facts import Target
from pytest_wfo.core.hosts import Host, Role, Site
from pytest_wfo.core.requirements import Claim, Edition, Requirement


@dataclass(frozen=True, slots=True)
class Cell:
    """One (requirement, host) pair that must get exactly one finding."""

    requirement: Requirement
    host: Host

    @property
    def key(self) -> tuple[str, str]:
        """(requirement id, host name)."""
        return self.requirement.id, self.host.name

    @property
    def id(self) -> str:
        """The test's parameter id, ``row-host``: matches ``[A-Za-z0-9._:-]+``."""
        return f"{self.requirement.row}-{self.host.name}"


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """A requirement that is not asked of a host ("" = of no host of the site), and why."""

    requirement: str
    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells in the edition's order, then the inventory's; and what was left out."""

    cells: tuple[Cell, ...]
    not_planned: tuple[NotPlanned, ...]


def plan(edition: Edition, site: Site) -> Plan:
    """Compute the plan of a site. A host gets every requirement that speaks of one of its roles."""
    cells: list[Cell] = []
    left_out: list[NotPlanned] = []
    for requirement in edition.requirements:
        reason = _left_out(requirement, site)
        if reason:
            left_out.append(NotPlanned(requirement.id, "", reason))
            continue
        cells.extend(
            Cell(requirement, host)
            for host in site.hosts.values()
            if requirement.roles & host.roles
        )
    return Plan(tuple(cells), tuple(left_out))


def _left_out(requirement: Requirement, site: Site) -> str:
    for overlay in site.set_aside:
        if fnmatchcase(requirement.id, overlay.requirement):
            return f"set aside by {overlay.approved_by}: {overlay.because}"
    if requirement.feature and requirement.feature not in site.features:
        return f"the site does not use {requirement.feature.value.replace('_', ' ')}"
    roles = sorted(role.value for role in requirement.roles)
    if not any(requirement.roles & host.roles for host in site.hosts.values()):
        return f"the inventory has no {' or '.join(roles)} host"
    asks_cloud = requirement.claim is Claim.CONNECTS and Role.PREMISES in requirement.roles
    if asks_cloud and not site.cloud_endpoints:
        return "the inventory names no address that answers in the cloud (site.cloud_endpoints)"
    return ""


Resolved = Mapping[str, tuple[str, ...]]
"""Host names of the inventory -> the IP addresses the controller resolved them to."""


def targets_of(
    cells: Iterable[Cell], site: Site, resolved: Resolved
) -> Mapping[str, tuple[Target, ...]]:
    """The connections each host must try so that ``cells`` can be judged: host name -> targets."""
    targets: dict[str, dict[Target, None]] = {}
    for cell in cells:
        wanted = dict.fromkeys(targets_of_cell(cell, site, resolved))
        targets.setdefault(cell.host.name, {}).update(wanted)
    return {name: tuple(wanted) for name, wanted in targets.items()}


def targets_of_cell(cell: Cell, site: Site, resolved: Resolved) -> Iterator[Target]:
    """The connections that decide one cell (none for claims that need no connection).

    A name is replaced by all its addresses; one that was not resolved stays, and cannot be tried.
    """
    requirement = cell.requirement
    for name, peer in _asked(cell, site):
        for address in resolved.get(name, (name,)):
            yield Target(address, requirement.port, requirement.transport, peer)


def _asked(cell: Cell, site: Site) -> Iterator[tuple[str, str]]:
    """(address or name, peer) pairs."""
    requirement, servers = cell.requirement, site.having(Role.PREMISES)
    if requirement.claim is Claim.CONNECTS and Role.CLIENT in requirement.roles:
        for server in servers:
            for address in server.addresses:
                yield address, server.name
    elif requirement.claim is Claim.CONNECTS:
        for address in site.cloud_endpoints:
            yield address, ""
    elif requirement.claim is Claim.CONNECTS_IN:
        for server in servers:
            yield server.public_address or server.addresses[0], server.name
    elif requirement.claim is Claim.LISTENS and requirement.asks_itself:
        yield cell.host.addresses[0], cell.host.name
