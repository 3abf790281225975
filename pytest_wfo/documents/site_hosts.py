"""``hosts`` and ``jump_hosts`` of an inventory: ranges expanded, names unique, ``via`` sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_wfo.core.hosts import Connection, Folder, Host
from pytest_wfo.documents.connections import PSRP_KEYS, psrp_problem
from pytest_wfo.documents.host_names import (
    MAX_HOSTS,
    Pattern,
    check_management_address,
    check_name,
    check_service_address,
    parse_pattern,
)
from pytest_wfo.documents.problems import did_you_mean, key_text, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_wfo.documents.connections import Defaults
    from pytest_wfo.documents.inventory_types import FolderKeys, HostEntry, JumpHostEntry
    from pytest_wfo.documents.problems import Path
    from pytest_wfo.documents.yaml_text import Document

_SUGGESTIONS = 5  # each compares a name with all names of the site


@dataclass(slots=True)
class SiteHosts:
    """Collects hosts entry by entry; problems go to the document. ``folders`` are the site's."""

    document: Document
    defaults: Defaults
    folders: Mapping[Folder, str]
    hosts: dict[str, Host] = field(default_factory=dict)
    jump_hosts: dict[str, Connection] = field(default_factory=dict)
    _origins: dict[str, tuple[str, str]] = field(default_factory=dict)  # of lower-case names
    _spelling: dict[str, None] = field(default_factory=dict)  # every name, also of bad entries
    _full: bool = False

    def add(self, key: str, entry: HostEntry | None) -> None:
        """Add the host or range ``key``; a bad entry (None) still takes its names."""
        names = self._take_names("hosts", key)
        if entry is None or not names:
            return
        path = ("hosts", key)
        self._check_entry(path, entry)
        addresses = self._addresses(path, entry, names)
        public = self._in_step(
            path, "public_address", entry.public_address, names, check_service_address, shared=True
        )
        management = self._in_step(
            path, "management_address", entry.management_address, names, check_management_address
        )
        roles = frozenset(entry.roles or ([entry.role] if entry.role else []))
        _, platform = self.defaults.way(entry)
        connection = self.defaults.for_host(entry)
        self._check_psrp(path, entry, connection)
        dialed = connection.kind in {"ssh", "psrp"}
        folders = {**self.folders, **folders_of(entry.folders)}
        for index, name in enumerate(names):
            own = tuple(dict.fromkeys(column[index] for column in addresses)) or (name,)
            address = (management[index] if management else own[0]) if dialed else ""
            via = "" if entry.via is None and connection.via == name else connection.via
            self.hosts[name] = Host(
                name=name,
                roles=roles,
                addresses=own,
                connection=replace(connection, address=address, via=via),
                platform=platform,
                public_address=public[index] if public else "",
                folders=folders,
            )

    def add_jump_host(self, name: str, entry: JumpHostEntry | None) -> None:
        """Add the jump host ``name``."""
        path = ("jump_hosts", name)
        if "[" in name or "]" in name:
            self.document.add(path, "a jump host has one name, no range", at_key=True)
            return
        if not self._take_names("jump_hosts", name) or entry is None:
            return
        address = self._in_step(path, "address", entry.address, [name], check_management_address)
        self.jump_hosts[name] = self.defaults.for_jump_host(entry, address[0] if address else name)

    def check_via(self) -> None:
        """After all entries: every ``via`` names a host that can be jumped through; no circles."""
        connections = {name: host.connection for name, host in self.hosts.items()}
        connections |= self.jump_hosts
        vias = {name: at.via for name, at in connections.items() if at.via and at.kind == "ssh"}
        told: set[Path] = set()
        for name, via in vias.items():
            path = self._path_of_via(name)
            if path in told:
                continue
            if via not in self._spelling:
                near = did_you_mean(via, self._spelling) if len(told) < _SUGGESTIONS else ""
                message = f"no host or jump host has the name {shown(via)}{near}"
            elif via in connections and connections[via].kind != "ssh":
                message = f"{shown(via)} is not reached by SSH and cannot be jumped through"
            else:
                continue
            told.add(path)
            self.document.add(path, message)
        for circle in _circles(vias):
            path = self._path_of_via(circle[0])
            if path not in told:
                told.add(path)
                chain = " -> ".join(key_text(name) for name in (*circle, circle[0]))
                self.document.add(path, f"runs in a circle: {chain}")

    def twins(self) -> list[tuple[str, str]]:
        """Pairs of hosts that are reached at the same place: likely one machine named twice."""
        first: dict[tuple[str, ...], str] = {}
        pairs = []
        for name, host in self.hosts.items():
            at = host.connection
            place = (at.kind, at.spec, at.address.lower(), str(at.port), at.via)
            other = first.setdefault(place, name)
            if other != name:
                pairs.append((other, name))
        return pairs

    def _path_of_via(self, name: str) -> Path:
        section, key = self._origins[name.lower()]
        own = self.document.value[section][key]
        return (section, key, "via") if "via" in own else ("defaults", "via")

    def _take_names(self, section: str, key: str) -> list[str]:
        """The names that ``key`` stands for, if all are good and new."""
        path = (section, key)
        try:
            pattern = parse_pattern(key)
            if self._full:
                return []
            if len(self._spelling) + pattern.count > MAX_HOSTS:
                self._full = True
                raise ValueError(f"with this, the inventory has more than {MAX_HOSTS:,} hosts")
            names = list(pattern)
            for name in names:
                check_name(name)
            _check_no_name_twice(names)
        except ValueError as error:
            self.document.add(path, str(error), at_key=True)
            return []
        taken: dict[tuple[str, str], list[str]] = {}
        for name in names:
            origin = self._origins.setdefault(name.lower(), path)
            if origin is path:
                self._spelling[name] = None
            else:
                taken.setdefault(origin, []).append(name)
        for origin, twice in taken.items():
            self.document.add(path, self._taken(origin, twice), at_key=True)
        return [] if taken else names

    def _taken(self, origin: tuple[str, str], names: list[str]) -> str:
        others = f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
        key = f' as "{key_text(origin[1])}"' if origin[1] != names[0] else ""
        return f'host "{names[0]}"{others} is already at line {self.document.line(origin)}{key}'

    def _check_entry(self, path: tuple[str, str], entry: HostEntry) -> None:
        if entry.role and entry.roles:
            self.document.add((*path, "roles"), "write role or roles, not both", at_key=True)
        if not entry.role and not entry.roles:
            self.document.add((*path, "role"), "missing; say what the host is for the site")
        word, platform = self.defaults.way(entry)
        if word == "psrp" and platform != "windows":
            where = "platform" if entry.platform else "connection"
            self.document.add((*path, where), "psrp reaches Windows hosts only; use ssh")
        if entry.via and word != "ssh":
            self.document.add((*path, "via"), "only SSH hosts are reached through a jump host")

    def _check_psrp(self, path: tuple[str, str], entry: HostEntry, connection: Connection) -> None:
        if connection.kind != "psrp":
            for key in PSRP_KEYS:
                if getattr(entry, key) is not None:
                    self.document.add((*path, key), "only psrp hosts have it", at_key=True)
            return
        problem = psrp_problem(connection)
        if problem is not None:
            key, words = problem
            own = getattr(entry, key) is not None
            self.document.add((*path, key) if own else path, words, at_key=not own)

    def _addresses(self, path: Path, entry: HostEntry, names: list[str]) -> list[list[str]]:
        """One column for each address the entry gives, one row a name."""
        check = check_service_address
        if entry.address and entry.addresses:
            message = "write address or addresses, not both"
            self.document.add((*path, "addresses"), message, at_key=True)
        if entry.addresses:
            path = (*path, "addresses")
            columns = [
                self._in_step(path, index, text, names, check)
                for index, text in enumerate(entry.addresses)
            ]
        else:
            columns = [self._in_step(path, "address", entry.address, names, check)]
        return [column for column in columns if column]

    def _in_step(
        self,
        path: Path,
        key: str | int,
        text: str | None,
        names: list[str],
        check: Callable[[str], None],
        *,
        shared: bool = False,
    ) -> list[str]:
        """``text`` for each of ``names``, its ranges run in step; [] if absent or bad.

        Without a range it stands for one machine, except where several may be ``shared``.
        """
        if text is None:
            return []
        try:
            pattern = parse_pattern(text)
            if pattern.count == 1 and (shared or len(names) == 1):
                values = list(pattern) * len(names)
            elif pattern.count == 1:
                raise ValueError(
                    f"{len(names):,} hosts cannot share one address;"
                    " write a range such as 10.20.1.[1:250]"
                )
            else:
                values = _as_many(pattern, len(names))
            for value in values:
                check(value)
        except ValueError as error:
            self.document.add((*path, key), str(error))
            return []
        return values


def folders_of(keys: FolderKeys | None) -> dict[Folder, str]:
    """The folders that an entry names."""
    named = {folder: getattr(keys, folder.value, None) for folder in Folder}
    return {folder: path for folder, path in named.items() if path is not None}


def _check_no_name_twice(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:  # "pc[1:11][1:11]" is pc111 twice
            raise ValueError(f'stands for "{name}" twice; write a hyphen between the ranges')
        seen.add(name)


def _as_many(pattern: Pattern, wanted: int) -> list[str]:
    if pattern.count != wanted:
        raise ValueError(
            f"stands for {pattern.count:,} addresses, but the name for {wanted:,}"
            f" host{'s' if wanted > 1 else ''}"
        )
    return list(pattern)


def _circles(vias: dict[str, str]) -> list[list[str]]:
    """The circles in which names point at each other."""
    circles = []
    done: set[str] = set()
    for start in vias:
        trail: dict[str, None] = {}
        name = start
        while name in vias and name not in done and name not in trail:
            trail[name] = None
            name = vias[name]
        if name in trail:
            steps = list(trail)
            circles.append(steps[steps.index(name) :])
        done.update(trail)
    return circles
