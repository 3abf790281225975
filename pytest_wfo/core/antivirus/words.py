"""What is said of products and their entries, in evidence and remedies.

The list of exclusions is itself worth protecting: it says where malware is not looked for. Only the
entries that bear on what the document asks are shown; the others are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pytest_wfo.core.antivirus.coverage import Answer, Coverage
from pytest_wfo.core.antivirus.model import Covered, Exclusion, Product, Scan
from pytest_wfo.core.antivirus.subjects import Part

_ADVICE = {
    "folder": "exclude the folder {} with everything below it",
    "extension": "exclude the extension {}",
    "process": "exclude the process {}",
    "file": "exclude the program file {}",
}


def named(product: Product) -> str:
    """The product with its version."""
    return f"{product.name} {product.version}" if product.version else product.name


def entry_words(entry: Exclusion) -> str:
    """An entry, where it comes from, and what to know of it."""
    origin = f" ({entry.origin})" if entry.origin else ""
    note = f"; {entry.note}" if entry.note else ""
    return f"{entry.text}{origin}{note}"


def answer_words(answer: Answer) -> str:
    """What holds for one part, and what decides it."""
    if answer.entry is None:
        reason = answer.why or "no entry that is in force covers it"
        return f"{answer.part.words}: {reason}"
    doubt = {Covered.YES: "excluded by", Covered.MAYBE: "perhaps excluded by"}
    why = f"; {answer.why}" if answer.why else ""
    said = doubt.get(answer.covered, "not excluded by")
    return f"{answer.part.words}: {said} {entry_words(answer.entry)}{why}"


def coverage_words(found: Coverage, total: int) -> Iterable[str]:
    """Everything a sceptic can check: the deciding entries, near misses, how many are not shown."""
    shown: set[str] = set()
    for answer in found.answers:
        yield answer_words(answer)
        shown |= {answer.entry.text} if answer.entry else set()
    for near in found.near:
        yield f"nearly: {entry_words(near.entry)}: {near.why}"
        shown.add(near.entry.text)
    if total > len(shown):
        others = total - len(shown)
        yield f"{others} other {'entry' if others == 1 else 'entries'}, not shown"


def remedy(product: Product, parts: Iterable[Part], scan: Scan) -> str:
    """The entries to add, in the product's own words where they are known."""
    steps = [_step(product, part, scan) for part in parts]
    where = ", in the policy that manages this host" if product.central else ""
    return f"in {product.name}, {' and '.join(dict.fromkeys(steps))}{where}"


def _step(product: Product, part: Part, scan: Scan) -> str:
    own = product.advice.get((scan, part.kind))
    if own is None:
        return f"{_ADVICE[part.kind].replace('{}', part.place)} from {scan.value} scanning"
    bare = part.place.rstrip("/\\") or part.place
    expression = re.sub(r"[][\\.^$*+?(){}|]", r"\\\g<0>", bare)
    return own.replace("{regex}", expression).replace("{}", bare)
