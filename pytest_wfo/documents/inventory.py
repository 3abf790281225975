"""inventory.yml -> ``core.hosts.Site``.

``load_inventory`` looks at the whole file and raises one ``DocumentError`` with all problems: each
entry is validated by itself, so that a slip in one does not hide those of the others. pydantic and
ruamel.yaml are imported at the first call; other pytest runs do not pay for them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.hosts import CanaryWindow, Folder, Role, SetAside, Site
from pytest_wfo.documents.connections import Defaults
from pytest_wfo.documents.editions import EditionError, load_edition
from pytest_wfo.documents.problems import did_you_mean, kind_of
from pytest_wfo.documents.site_hosts import SiteHosts, folders_of
from pytest_wfo.documents.yaml_text import Document, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_wfo.documents.inventory_types import OverlayEntry, SiteEntry


def load_inventory(path: Path | str) -> Site:
    """Read the inventory at ``path``; relative paths in it refer to its folder.

    No host is contacted, no secret is looked up and no name is resolved: where the inventory gives
    only a DNS name, ``Host.addresses`` holds the name.

    Raises:
        DocumentError: the file cannot be used; it holds every problem with its position.
    """
    from pytest_wfo.documents.inventory_types import ConnectionKeys, SiteEntry
    from pytest_wfo.documents.validation import validated

    document = read_yaml(path)
    _check_sections(document)
    site = validated(document, SiteEntry, ("site",)) if "site" in document.value else None
    defaults: ConnectionKeys | None = ConnectionKeys()
    if "defaults" in document.value:
        defaults = validated(document, ConnectionKeys, ("defaults",))
    folder = str(Path(path).absolute().parent)
    elsewhere = folders_of(site.folders if site else None)
    hosts = _hosts(document, Defaults(defaults or ConnectionKeys(), folder), elsewhere)
    window = _canary_window(document, site)
    overlay = _overlay(document, site.edition if site else "")
    accepted = {name: _file(document, name, folder) for name in ("waivers", "attestations")}
    document.raise_problems()
    assert site is not None  # noqa: S101  without a site there is a problem
    return Site(
        name=site.name,
        ticket=site.ticket,
        edition=site.edition,
        hosts=hosts.hosts,
        features=frozenset(site.features),
        cloud_endpoints=tuple(dict.fromkeys(site.cloud_endpoints)),
        set_aside=tuple(
            SetAside(entry.requirement, entry.because, entry.approved_by) for entry in overlay
        ),
        timezone=site.timezone,
        source=os.fspath(path),
        sha256=hashlib.sha256(document.data).hexdigest(),
        warnings=_warnings(hosts, site),
        jump_hosts=hosts.jump_hosts,
        av_canary=window,
        **accepted,
    )


def _canary_window(document: Document, site: SiteEntry | None) -> CanaryWindow | None:
    """The window with the site's time zone, which it cannot do without."""
    if site is None or site.av_canary is None:
        return None
    if site.timezone is None:
        message = (
            'the window needs a time zone; add "timezone: America/New_York" or the like to site'
        )
        document.add(("site", "av_canary", "window"), message)
        return None
    opens, closes = (moment.replace(tzinfo=site.timezone) for moment in site.av_canary.window)
    return CanaryWindow(site.av_canary.ticket, opens, closes)


def _check_sections(document: Document) -> None:
    """The top level. Leaves in ``document.value`` what can be read further."""
    from pytest_wfo.documents.inventory_types import Inventory

    if not isinstance(document.value, dict):
        got = kind_of(document.value)
        document.add((), f'expected an inventory ("site:" and "hosts:"), got {got}')
        document.raise_problems()
    sections = [field.name for field in fields(Inventory)]
    for key in document.value:
        if key not in sections:
            near = did_you_mean(key, sections)
            document.add((key,), f"unknown key{near}", at_key=True)
    for key in ("site", "hosts"):
        if key not in document.value:
            document.add((key,), "missing")


def _entries(document: Document, section: str) -> dict[str, Any]:
    """The entries of a section that maps names to something; {} after noting it is none."""
    entries = document.value.get(section)
    if isinstance(entries, dict):
        return entries
    if entries is not None:
        document.add((section,), f"expected a mapping of names, got {kind_of(entries)}")
    return {}


def _hosts(document: Document, defaults: Defaults, folders: Mapping[Folder, str]) -> SiteHosts:
    from pytest_wfo.documents.inventory_types import HostEntry, JumpHostEntry
    from pytest_wfo.documents.validation import validated

    hosts = SiteHosts(document, defaults, folders)
    entries = _entries(document, "hosts")
    if document.value.get("hosts") == {}:
        document.add(("hosts",), "no host to examine", at_key=True)
    for key in entries:
        hosts.add(key, validated(document, HostEntry, ("hosts", key)))
    for key in _entries(document, "jump_hosts"):
        hosts.add_jump_host(key, validated(document, JumpHostEntry, ("jump_hosts", key)))
    hosts.check_via()
    return hosts


def _overlay(document: Document, edition: str) -> list[OverlayEntry]:
    from pytest_wfo.documents.inventory_types import OverlayEntry
    from pytest_wfo.documents.validation import validated

    items = document.value.get("overlay")
    if items is None:
        return []
    if not isinstance(items, list):
        document.add(("overlay",), f'expected a list ("- requirement: ..."), got {kind_of(items)}')
        return []
    known = _requirement_ids(edition) if items else ()
    overlay = []
    for index in range(len(items)):
        entry = validated(document, OverlayEntry, ("overlay", index))
        if entry is None:
            continue
        overlay.append(entry)
        if known and not any(fnmatchcase(name, entry.requirement) for name in known):
            near = did_you_mean(entry.requirement, known)
            message = f"no requirement of edition {edition} matches{near}"
            document.add(("overlay", index, "requirement"), message)
    return overlay


def _file(document: Document, key: str, folder: str) -> str:
    """The path of the file that ``key`` names; "" if there is none."""
    from pytest_wfo.documents.inventory_fields import FileName
    from pytest_wfo.documents.validation import validated

    if document.value.get(key) is None:
        return ""
    kind: Any = FileName
    name = validated(document, kind, (key,))
    return str(Path(folder, os.path.expanduser(name or "")))  # noqa: PTH111 - as in connections


def _requirement_ids(edition: str) -> tuple[str, ...]:
    """The ids that an overlay can name; none if the edition is not known or broken (told there)."""
    try:
        return tuple(load_edition(edition).by_id)
    except EditionError:
        return ()


def _warnings(hosts: SiteHosts, site: SiteEntry) -> tuple[str, ...]:
    roles = {role for host in hosts.hosts.values() for role in host.roles}
    warnings = []
    if Role.PREMISES not in roles:
        warnings.append('no host has the role "premises": nothing is verified about the server')
        if Role.CLIENT in roles:
            warnings.append(
                "there are clients but no PREMISES server: their connections are not verified"
            )
    if site.features and Role.CLIENT not in roles:
        names = ", ".join(sorted(feature.value for feature in site.features))
        warnings.append(f'no host has the role "client": nothing is verified about {names} there')
    warnings += [
        f'"{first}" and "{second}" are reached at the same address: is it one machine?'
        for first, second in hosts.twins()
    ]
    return tuple(warnings)
