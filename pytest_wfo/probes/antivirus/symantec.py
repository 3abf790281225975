"""Symantec Endpoint Protection: exclusions in the registry, up to version 14.3.

Layout: Broadcom article 180368 and exports of registries. From 14.3 RU1 on "exclusions are no longer
viewable in the registry" (same article). Wildcards in paths work from 14.3 RU5 on (article 151461);
before, they are letters like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_wfo.core.antivirus.model import Covered, Exclusion, Product, Reading, Scan
from pytest_wfo.core.antivirus.paths import has_wildcard
from pytest_wfo.core.antivirus.patterns import NOTHING, UNCLEAR, FileExtension, PathGlob
from pytest_wfo.core.facts import Fact, Known, Unknown
from pytest_wfo.probes.antivirus.detection import Signs, WindowsHost, traces
from pytest_wfo.probes.antivirus.products import ATTEST, Reader, hidden, product_of
from pytest_wfo.probes.windows_envelope import Answer, Failure, Values

SIGNS = Signs.of(
    "Symantec Endpoint Protection",
    "SepMasterService|SepScanService",
    "ccSvcHst|Rtvscan",
    "srtsp|srtsp64|eectrl",
    "symantec endpoint protection",
)
_ROOTS = tuple(
    rf"HKLM:\SOFTWARE{branch}\Symantec\Symantec Endpoint Protection\AV\Exclusions\ScanningEngines"
    for branch in ("", r"\WOW6432Node")
)
_ORIGINS = {"admin": "policy of the SEP manager", "client": "local"}
_RU1 = (14, 3, 3384)  # the build of 14.3 RU1
_ALL_SCANS = -1  # ScanCategories ffffffff, as every export has it
_LITERAL = "this version takes wildcards in paths for plain letters"


def _read(host: WindowsHost) -> Product | None:
    exclusions = _exclusions(host.answer, traces(host, SIGNS).version)
    stored = isinstance(exclusions, Known)
    return product_of(
        host,
        SIGNS,
        exclusions=exclusions,
        reading=Reading.STORED if stored else Reading.NONE,
        scanning={
            Scan.MEMORY_RESIDENT: Unknown("whether Auto-Protect is on is not read"),
            Scan.ON_DEMAND: Known(True, "a scan can be started at any time"),
        },
    )


SYMANTEC = Reader(SIGNS, _read)


def _exclusions(answer: Answer, version: str) -> Fact[tuple[Exclusion, ...]]:
    if not re.fullmatch(r"\d+(\.\d+)+", version):
        return Unknown(
            "Symantec Endpoint Protection: its version is not known, and from 14.3 RU1 on the registry "
            "does not show its exclusions",
            ATTEST,
        )
    if tuple(map(int, version.split(".")[:3])) >= _RU1:
        return hidden(
            f"Symantec Endpoint Protection {version}", "the SEP manager or the cloud console"
        )
    keys = {
        path: answer.key(path)
        for path in answer.registry
        if any(path == root or path.startswith(root + "\\") for root in _ROOTS)
    }
    for path, values in keys.items():
        if isinstance(values, Failure):
            return Unknown(f"{path}: {values.words}", values.remedy)
    if all(keys.get(root) is None for root in _ROOTS):
        return Unknown(
            "Symantec Endpoint Protection: the registry key of its exclusions is missing", ATTEST
        )
    found = [
        entry
        for path, values in keys.items()
        if values is not None and not isinstance(values, Failure)
        for entry in _entries(path, values)
    ]
    return Known(tuple(found), "registry, Symantec Endpoint Protection, ScanningEngines")


def _entries(path: str, values: Values) -> Iterator[Exclusion]:
    """The entries in one key: ...\\ScanningEngines\\<kind>\\<Admin or Client>\\<number>."""
    parts = path.rpartition("\\ScanningEngines\\")[2].split("\\")
    if len(parts) != 3:
        return
    kind, owner, _ = (part.lower() for part in parts)
    origin = _ORIGINS.get(owner, parts[1])
    held = {name.lower(): value for name, value in values}
    certain = held.get("scancategories", _ALL_SCANS) == _ALL_SCANS
    note = "" if certain else "for some kinds of scanning only; which ones is not documented"
    if kind == "extensions" and isinstance(held.get("exts"), str):
        for extension in filter(None, map(str.strip, str(held["exts"]).split(","))):
            pattern = FileExtension.of(extension, certain=certain)
            yield Exclusion(extension, pattern, origin=origin, note=note)
    for name, below in (("directoryname", Covered.YES), ("filename", Covered.NO)):
        text = held.get(name)
        if isinstance(text, str) and text:
            deep = below is Covered.YES and held.get("excludesubdirs") == 1
            flat = below is Covered.YES and not deep
            shape = PathGlob.of(
                text.rstrip("\\") + "\\*" if flat else text,
                Covered.YES if deep else Covered.NO,
                certain=certain,
            )
            yield _judged(Exclusion(text, shape, origin=origin, note=note))


def _judged(entry: Exclusion) -> Exclusion:
    if has_wildcard(entry.text):
        return replace(entry, pattern=NOTHING, void=_LITERAL)
    if entry.text.startswith("["):
        note = "a prefix variable of the product; which folder it stands for is not known here"
        return replace(entry, pattern=UNCLEAR, note=note)
    return entry
