"""What was done on hosts besides reading, in words; of merged runs, in how many of them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_wfo.core.facts import PROBES
from pytest_wfo.report.model import GATHERED, UNFINISHED, RunInfo

_WORDS = {
    "safe": "connections and harmless test files, where a check needed them",
    "canary": "the antivirus canary (the EICAR test file)",
}


def tried(runs: Sequence[RunInfo]) -> str:
    """What hosts were made to try when the facts of ``runs`` were gathered."""
    told = []
    for probe, words in _WORDS.items():
        number = sum(PROBES.index(run.probe) >= PROBES.index(probe) for run in runs)
        if number:
            told.append(words + _share(number, runs))
    probes = [probe for probe in PROBES if any(run.probe == probe for run in runs)]
    return f"Tried on hosts: {'; '.join(told) or 'nothing'} (probe: {', '.join(probes)})"


def not_contacted(runs: Sequence[RunInfo]) -> str:
    """Which of ``runs`` contacted no host, as a sentence; "" if each did."""
    offline = [run for run in runs if run.facts not in (GATHERED, UNFINISHED)]
    if not offline:
        return ""
    if len(runs) == 1:
        told = f"This run contacted no host: the facts were {runs[0].facts}"
    elif len(offline) == len(runs):
        told = "None of the runs contacted a host: they judged facts gathered earlier"
    else:
        told = f"{len(offline)} of {len(runs)} runs contacted no host and judged facts gathered earlier"
    return f"{told}; each check names when its facts were collected."


def _share(number: int, runs: Sequence[RunInfo]) -> str:
    return "" if number == len(runs) else f", in {number} of {len(runs)} runs"
