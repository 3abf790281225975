"""HOST.sh: the automatic fixes of one Linux host, for any POSIX sh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from ipaddress import IPv4Address

from pytest_wfo.core.addresses import AddressSet
from pytest_wfo.core.fixes.changes import ChainAccept, Change, Fix, written
from pytest_wfo.report.fixes.quoting import shell_literal
from pytest_wfo.report.fixes.told import filled, heading, reasons
from pytest_wfo.report.model import SiteReport


def shell_script(report: SiteReport, host: str, fixes: Iterable[Fix]) -> str:
    """The script for ``fixes``, each of which is automatic."""
    template = files(__package__).joinpath("fixes.sh").read_text("ascii")
    steps = (line for fix in fixes for line in _steps(fix))
    return filled(template, heading(report, host), steps)


def _steps(fix: Fix) -> Iterator[str]:
    yield ""
    yield from reasons(fix)
    for change in fix.changes:
        yield from _step(change)


def _step(change: Change) -> Iterator[str]:
    if not isinstance(change, ChainAccept):
        raise TypeError(f"no step of a shell script: {change}")
    if change.tool == "nft":
        yield _call("nft_rule", change.name, *_place(change), _nft_rule(change))
        return
    ends = (change.sources, change.destinations)
    near, far = map(written, reversed(ends) if change.answers else ends)
    port, states = ("--sport", "ESTABLISHED") if change.answers else ("--dport", "NEW,ESTABLISHED")
    for source in near:
        for destination in far:
            yield _call(
                *("iptables_rule", change.name, change.tool, change.table, change.chain),
                *(
                    "-s",
                    source,
                    "-d",
                    destination,
                    "-p",
                    "tcp",
                    "-m",
                    "tcp",
                    port,
                    str(change.port),
                ),
                *("-m", "conntrack", "--ctstate", states),
            )


def _place(change: ChainAccept) -> tuple[str, str, str]:
    return change.family, change.table, change.chain


def _nft_rule(change: ChainAccept) -> str:
    near, far = map(_nft_set, (change.sources, change.destinations))
    if change.answers:
        return f"ip saddr {far} ip daddr {near} tcp sport {change.port} ct state established counter accept"
    return (
        f"ip saddr {near} ip daddr {far} tcp dport {change.port} "
        "ct state new,established counter accept"
    )


def _nft_set(addresses: AddressSet) -> str:
    """The set as nft lists it, which joins what is adjacent: the script compares."""
    told = []
    for interval in addresses.intervals:
        parts = written(AddressSet((interval,)))
        ends = (str(IPv4Address(number)) for number in interval)
        told.append(parts[0] if len(parts) == 1 else "-".join(ends))
    return f"{{ {', '.join(told)} }}"


def _call(*words: str) -> str:
    return " ".join(map(shell_literal, words))
