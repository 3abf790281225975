"""waivers.yml and attestations.yml -> ``core.waivers``, held against the site they speak of.

As with the inventory, a file is looked at as a whole and raises one ``DocumentError`` with all
problems. Dates are days in the site's time zone; ``today`` is the run's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_wfo.core.hosts import Role, Site
from pytest_wfo.core.requirements import Edition
from pytest_wfo.core.waivers import Accepted, AcceptedFile, Attestation, Scope, Waiver
from pytest_wfo.documents.host_names import MAX_HOSTS, parse_pattern
from pytest_wfo.documents.problems import did_you_mean, either, kind_of, shown
from pytest_wfo.documents.yaml_text import Document, read_yaml

if TYPE_CHECKING:
    from pytest_wfo.documents.problems import Path as Place
    from pytest_wfo.documents.waiver_types import AttestationEntry

T = TypeVar("T")

_ROLE = "role:"
_SUGGESTIONS = 5  # each compares a word with all names of the site


def load_waivers(path: Path | str, site: Site, edition: Edition) -> Accepted:
    """Read the waivers at ``path``; an expired one is no problem, it only does not count.

    Raises:
        DocumentError: the file cannot be used; it holds every problem with its position.
    """
    from pytest_wfo.documents.waiver_types import WaiverEntry

    reader = _Reader(read_yaml(path), site, edition)
    waivers = []
    for place, entry, scope in reader.entries("waivers", WaiverEntry):
        _check_expiry(reader.document, place)
        if entry is not None:
            waivers.append(Waiver(scope, entry.reason, entry.approver, entry.ticket, entry.expires))
    reader.document.raise_problems()
    return Accepted(waivers=tuple(waivers), files=(reader.file,))


def load_attestations(path: Path | str, site: Site, edition: Edition, today: date) -> Accepted:
    """Read the attestations at ``path`` and the files attached to them (relative to its folder).

    Raises:
        DocumentError: the file cannot be used; it holds every problem with its position.
    """
    from pytest_wfo.documents.waiver_types import AttestationEntry

    reader = _Reader(read_yaml(path), site, edition)
    folder = Path(path).absolute().parent
    attestations = []
    for place, entry, scope in reader.entries("attestations", AttestationEntry):
        if entry is None:
            continue
        _check_days(reader.document, place, entry, today)
        _check_file(reader.document, place, entry, folder)
        attestations.append(
            Attestation(
                scope, entry.who, entry.when, entry.until, entry.reference,
                entry.file or "", entry.sha256 or "",
            )
        )  # fmt: skip
    reader.document.raise_problems()
    return Accepted(attestations=tuple(attestations), files=(reader.file,))


class _Reader:
    """Reads the entries of one file; problems go to its document."""

    def __init__(self, document: Document, site: Site, edition: Edition) -> None:
        self.document, self._site, self._edition = document, site, edition
        digest = hashlib.sha256(document.data).hexdigest()
        self.file = AcceptedFile(Path(document.source).name, digest)
        self._suggested = 0

    def entries(self, section: str, kind: type[T]) -> Iterator[tuple[Place, T | None, Scope]]:
        """Every mapping in the file's one ``section``: its place, its value (None after adding
        problems) and what it speaks of."""
        from pytest_wfo.documents.validation import validated

        document, value = self.document, self.document.value
        if not isinstance(value, dict):
            document.add((), f'expected a mapping ("{section}:"), got {kind_of(value)}')
            return
        for key in value:
            if key != section:
                near = did_you_mean(key, [section])
                document.add((key,), f"unknown key{near}", at_key=True)
        if section not in value:
            document.add((section,), "missing")
            return
        items = value[section]
        if not isinstance(items, list):
            if items is not None:
                message = f'expected a list ("- requirement: ..."), got {kind_of(items)}'
                document.add((section,), message)
            return
        for index in range(len(items)):
            place = (section, index)
            entry = validated(document, kind, place)
            if isinstance(items[index], dict):
                yield place, entry, self._scope(place, items[index])

    def _scope(self, place: Place, item: dict[str, Any]) -> Scope:
        """What an entry speaks of; words that stand for nothing are problems.

        The entry may have problems of its own, so only what can be read is looked at.
        """
        ids, requirement = self._edition.by_id, item.get("requirement")
        matching: frozenset[str] = frozenset()
        if isinstance(requirement, str) and requirement.strip():
            matching = frozenset(name for name in ids if fnmatchcase(name, requirement))
            if not matching:
                message = f"no requirement of edition {self._edition.id} matches"
                message += did_you_mean(requirement, ids)
                self.document.add((*place, "requirement"), message)
        hosts = item.get("hosts")
        words = hosts if isinstance(hosts, list) else []
        names: set[str] = set()
        for index, word in enumerate(words):
            try:
                if isinstance(word, str) and word.strip():
                    names.update(self._hosts(word))
            except ValueError as error:
                self.document.add((*place, "hosts", index), str(error))
        at = f"{self.file.name}:{self.document.line(place)}"
        return Scope(str(requirement), tuple(map(str, words)), matching, frozenset(names), at)

    def _hosts(self, word: str) -> Iterator[str]:
        if word.startswith(_ROLE):
            yield from self._hosts_of_role(word)
            return
        pattern = parse_pattern(word)
        if pattern.count > MAX_HOSTS:
            raise ValueError(f"stands for more than {MAX_HOSTS:,} hosts")
        known = self._site.hosts
        unknown = []
        for name in pattern:
            if "*" in name or "?" in name:
                matching = [host for host in known if fnmatchcase(host, name)]
            else:
                matching = [name] if name in known else []
            if not matching:
                unknown.append(name)
            yield from matching
        if unknown:
            more = f" (and {len(unknown) - 1:,} more of them)" if len(unknown) > 1 else ""
            near = self._near(unknown[0])
            raise ValueError(f"no host of the inventory is {shown(unknown[0])}{more}{near}")

    def _hosts_of_role(self, word: str) -> Iterator[str]:
        roles = [f"{_ROLE}{role.value}" for role in Role]
        if word not in roles:
            near = did_you_mean(word, roles)
            raise ValueError(f"expected {either(roles)}, got {shown(word)}{near}")
        hosts = self._site.having(Role(word.removeprefix(_ROLE)))
        if not hosts:
            raise ValueError(f"no host of the inventory has the {word.replace(':', ' ')}")
        yield from (host.name for host in hosts)

    def _near(self, word: str) -> str:
        self._suggested += 1
        return did_you_mean(word, self._site.hosts) if self._suggested <= _SUGGESTIONS else ""


def _check_expiry(document: Document, place: Place) -> None:
    section, index = place
    written = document.value[section][index].keys() & {"expires", "permanent"}
    if len(written) > 1:
        message = "write expires or permanent, not both"
        document.add((*place, "permanent"), message, at_key=True)
    if not written:
        message = "missing; write the last day it holds (expires: 2026-12-31) or permanent: true"
        document.add((*place, "expires"), message)


def _check_days(document: Document, place: Place, entry: AttestationEntry, today: date) -> None:
    if entry.when > today:
        message = f"{entry.when} lies in the future: today is {today} at the site"
        document.add((*place, "when"), message)
    if entry.until < entry.when:
        document.add((*place, "until"), f"{entry.until} is before the day of looking, {entry.when}")


def _check_file(document: Document, place: Place, entry: AttestationEntry, folder: Path) -> None:
    """The attached file is there and is the one that was meant."""
    if entry.file is None:
        if entry.sha256 is not None:
            document.add((*place, "file"), "missing; sha256 is of an attached file")
        return
    file = Path(folder, os.path.expanduser(entry.file))  # noqa: PTH111 - as in the inventory
    try:
        if not file.is_file():
            document.add((*place, "file"), "no such file" if not file.exists() else "not a file")
            return
        with file.open("rb") as source:
            digest = hashlib.sha256()
            while chunk := source.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        document.add((*place, "file"), f"cannot be read: {error.strerror}")
        return
    actual = digest.hexdigest()
    if entry.sha256 is None:
        document.add((*place, "sha256"), f"missing; of the file as it is now it is {actual}")
    elif entry.sha256 != actual:
        message = f"the attached file is another one or was changed: its SHA-256 is {actual}"
        document.add((*place, "sha256"), message)
