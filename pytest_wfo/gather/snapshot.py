"""A run in a file: the raw answers of all hosts, to be judged again offline.

The answers are kept as the hosts gave them, so that newer readers can judge old runs.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_wfo.core.facts import PROBES, Access
from pytest_wfo.gather.answers import HostAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_wfo.core.hosts import Site

SCHEMA = "pytest-wfo facts"
VERSION = 2

_GZIP_MAGIC = b"\x1f\x8b"


class SnapshotError(ValueError):
    """A file is not a facts file this program reads; the text says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All answers of one run.

    ``site`` is the site's name, ``inventory_sha256`` is of the inventory's bytes, ``edition`` the
    edition the run was made for, ``taken_at`` is UTC, ISO 8601; ``probe`` is what hosts could try
    ("none", "safe" or "canary"); ``resolved`` is what the controller resolved host names to.
    """

    tool_version: str
    site: str
    inventory_sha256: str
    edition: str
    taken_at: str
    probe: str
    resolved: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, HostAnswer]

    def mismatches(self, site: Site) -> tuple[str, ...]:
        """Sentences on what this snapshot and ``site`` disagree about; facts of another site or of
        an older inventory must not be taken for this one's."""
        notes = []
        if self.site != site.name:
            notes.append(f"the facts were gathered for the site {self.site}, not {site.name}")
        if self.inventory_sha256 != site.sha256:
            notes.append(f"the inventory changed since the facts were gathered ({self.taken_at})")
        if self.edition != site.edition:
            notes.append(f"the facts were gathered for edition {self.edition}, not {site.edition}")
        missing = [name for name in site.hosts if name not in self.answers]
        if missing:
            notes.append(f"the facts hold no answer of {len(missing)} hosts: {_some(missing)}")
        return tuple(notes)


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write ``snapshot`` to ``path``: gzip, unless its name ends in ".json". The file is there
    whole or not at all. Raises ``OSError``."""
    document = {"schema": SCHEMA, "version": VERSION, **asdict(snapshot)}
    data = json.dumps(document, indent=1).encode()
    if path.suffix != ".json":
        data = gzip.compress(data, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def load_snapshot(path: Path) -> Snapshot:
    """Read what ``save_snapshot`` wrote, compressed or not.

    Raises ``SnapshotError`` that says what is wrong with the file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read ({error.strerror})") from None
    if data.startswith(_GZIP_MAGIC):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            raise SnapshotError(f"{path}: the file is cut off or damaged") from None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise SnapshotError(f"{path}: not a facts file, or cut off: it is not JSON") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise SnapshotError(f"{path}: not a facts file of pytest-wfo")
    if document.get("version") != VERSION:
        raise SnapshotError(
            f"{path}: facts file version {document.get('version')!r}; this program reads {VERSION}: "
            "gather the facts again, or judge them with the program that saved them"
        )
    try:
        return _snapshot(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise SnapshotError(f"{path}: a damaged facts file ({error})") from None


def _snapshot(document: Mapping[str, Any]) -> Snapshot:
    answers = {
        name: HostAnswer(
            Access(**answer["access"]),
            _text(answer["output"]),
            float(answer["asked"]),
            float(answer["answered"]),
        )
        for name, answer in document["answers"].items()
    }
    resolved = {
        name: tuple(_text(address) for address in addresses)
        for name, addresses in document["resolved"].items()
    }
    texts = ("tool_version", "site", "inventory_sha256", "edition", "taken_at", "probe")
    fields = {name: _text(document[name]) for name in texts}
    if fields["probe"] not in PROBES:
        raise TypeError(f"probe is none of {', '.join(PROBES)}")
    return Snapshot(**fields, resolved=resolved, answers=answers)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not text")
    return value
