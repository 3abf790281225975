"""Editions of the vendor's document: package data -> ``core.requirements.Edition``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from pytest_wfo.core.antivirus.model import Concern
from pytest_wfo.core.facts import Transport
from pytest_wfo.core.hosts import Feature, Folder, Role
from pytest_wfo.core.requirements import Claim, Edition, Item, ItemKind, Requirement, Source

_PREFIX, _SUFFIX = "wfo-", ".yaml"


class EditionError(Exception):
    """An edition that does not exist or whose data is broken; the message is for the user."""


def known_editions() -> tuple[str, ...]:
    """The ids of the shipped editions, e.g. ``("16.1",)``."""
    names = (entry.name for entry in resources.files("pytest_wfo").joinpath("editions").iterdir())
    return tuple(
        sorted(
            name[len(_PREFIX) : -len(_SUFFIX)]
            for name in names
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
        )
    )


def load_edition(edition: str) -> Edition:
    """Load a shipped edition by its id.

    Raises:
        EditionError: there is no such edition, or its data is not as it must be.
    """
    from ruamel.yaml import YAML

    if edition not in known_editions():
        raise EditionError(
            f"edition {edition!r} is not known; this version ships {', '.join(known_editions())}"
        )
    file = resources.files("pytest_wfo").joinpath(f"editions/{_PREFIX}{edition}{_SUFFIX}")
    data = file.read_bytes()
    document = YAML(typ="safe", pure=False).load(data)
    try:
        items = {row["row"]: _item(row) for row in document["rows"] if "item" in row}
        requirements = tuple(
            requirement
            for row in document["rows"]
            for requirement in _requirements(row, document["claims"], items)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EditionError(f"edition {edition}: broken data: {error}") from error
    return Edition(
        id=document["edition"],
        title=document["title"],
        requirements=requirements,
        ambiguities=tuple(" ".join(text.split()) for text in document["ambiguities"]),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _item(row: Mapping[str, Any]) -> Item:
    folder = Folder(row["folder"]) if "folder" in row else None
    return Item(ItemKind(row["item_kind"]), row["item"], folder)


def _requirements(
    row: Mapping[str, Any], phrases: Mapping[str, str], items: Mapping[str, Item]
) -> Iterator[Requirement]:
    for name, roles in row["claims"].items():
        claim = Claim(name)
        yield Requirement(
            id=f"{row['row']}.{name}",
            row=row["row"],
            claim=claim,
            title=f"{row['title']}: {phrases[name]}",
            source=Source(row["section"], " ".join(row["words"].split()), row.get("ours", False)),
            roles=frozenset(Role(role) for role in roles),
            chapter=row["chapter"],
            feature=Feature(row["feature"]) if "feature" in row else None,
            advisory=row.get("advisory", False),
            port=row.get("port", 0),
            transport=Transport(row.get("transport", "tcp")),
            ranges=tuple(row.get("ranges", ())),
            item=items.get(row["row"]),
            items=tuple(items[name] for name in row.get("items", ())),
            common=row.get("common", False),
            concern=Concern(row["concern"]) if "concern" in row else None,
            grants_port=row.get("grants_port", 0),
            asks_itself=row.get("asks_itself", False),
            reading=" ".join(row.get("reading", "").split()),
        )
