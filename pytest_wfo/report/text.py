"""Findings in words, for terminals and logs. Text from hosts is made printable here."""

from __future__ import annotations

import unicodedata

from pytest_wfo.core.requirements import Requirement
from pytest_wfo.core.verdicts import Finding, Verdict
from pytest_wfo.report.accepted import accepted_by, contradicts

# Evidence in a terminal: enough to act on; everything stands in the reports.
_SHOWN = 6
_EXCERPT = 300
# Characters of each half of a line; pytest cuts a JUnit message after 500.
_PART = 200


def explain(finding: Finding, requirement: Requirement) -> str:
    """A finding as a block of text: what was asked, what was seen, what to do, where it stands."""
    judgement = finding.judgement
    lines = [f"{finding.host}: {judgement.verdict.value}: {printable(judgement.summary)}"]
    for label, words in (
        (judgement.verdict.value, accepted_by(finding)),
        ("attested", contradicts(finding)),
    ):
        if words:
            lines.append(f"  {label} by: {printable(words)}")
    if not finding.depends_on_access:
        lines.append(f"  requirement: {requirement.title} [{requirement.id}]")
        for item in judgement.evidence[:_SHOWN]:
            source = f" [{printable(item.source)}]" if item.source else ""
            lines.append(f"  evidence: {printable(item.statement)}{source}")
            if item.excerpt:
                lines.append(f"    {printable(item.excerpt[:_EXCERPT])!r}")
        if len(judgement.evidence) > _SHOWN:
            lines.append(f"  and {len(judgement.evidence) - _SHOWN} more pieces of evidence")
    if judgement.remedy and finding.verdict is not Verdict.MET:
        lines.append(f"  what to do: {printable(judgement.remedy)}")
    if not finding.depends_on_access:
        whose = "ours" if requirement.source.ours else "the document"
        lines.append(f"  source: {whose}, {requirement.source.section}: {requirement.source.words}")
    return "\n".join(lines)


def in_one_line(finding: Finding) -> str:
    """Verdict and fix in one line of bounded length, for lists that show no more than that."""
    judgement = finding.judgement
    line = f"{cut(finding.host)}: {judgement.verdict.value}: {cut(judgement.summary)}"
    return f"{line}; what to do: {cut(judgement.remedy)}" if judgement.remedy else line


def cut(text: str) -> str:
    """``text`` made printable, at most so long that it fits into a line with others."""
    text = printable(text)
    return text if len(text) <= _PART else f"{text[:_PART]} ..."


def printable(text: str) -> str:
    """``text`` with every control character, line break and bidirectional override made visible.

    What a host sends must not move the cursor, change colours or forge lines of a log.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character == " " or _harmless(character) else _visible(character)
        for character in text
    )


def _harmless(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
