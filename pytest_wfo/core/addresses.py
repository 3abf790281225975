"""Sets of IPv4 addresses with set algebra, and how people read them.

The vendor's ranges are IPv4, so nothing here speaks of IPv6.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_wfo.core import intervals
from pytest_wfo.core.intervals import Intervals

LAST = 2**32 - 1

# A person reads about this many pieces of a set; more say nothing.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class AddressSet:
    """A set of IPv4 addresses. ``intervals`` are inclusive, sorted, disjoint and merged."""

    intervals: Intervals = ()

    @classmethod
    def of(cls, texts: str | Iterable[str]) -> AddressSet:
        """From one text or several: "207.166.94.0/24", "10.0.0.1" or "10.0.0.1-10.0.0.9".

        Host bits in a CIDR text are cleared, as firewalls do. Raises ValueError for other text.
        """
        texts = (texts,) if isinstance(texts, str) else texts
        return cls(intervals.normalize(_parse(text) for text in texts))

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]]) -> AddressSet:
        """From inclusive integer pairs in any order. Raises ValueError outside IPv4."""
        merged = intervals.normalize(pairs)
        if merged and not (merged[0][0] >= 0 and merged[-1][1] <= LAST):
            raise ValueError("not an IPv4 address range")
        return cls(merged)

    @classmethod
    def everything(cls) -> AddressSet:
        """All of 0.0.0.0/0."""
        return cls(((0, LAST),))

    def __or__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.union(self.intervals, other.intervals))

    def __and__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.intersection(self.intervals, other.intervals))

    def __sub__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.difference(self.intervals, other.intervals))

    def __invert__(self) -> AddressSet:
        return AddressSet(intervals.difference(((0, LAST),), self.intervals))

    def __le__(self, other: AddressSet) -> bool:
        """Whether every address is in ``other`` too."""
        return not self - other

    def __contains__(self, address: object) -> bool:
        """Whether the address ("10.0.0.1") is a member; a text that is no address is none."""
        try:
            value = int(ipaddress.IPv4Address(str(address)))
        except ValueError:
            return False
        return intervals.contains(self.intervals, value)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __len__(self) -> int:
        """How many addresses are in the set."""
        return intervals.count(self.intervals)

    def cidrs(self) -> tuple[str, ...]:
        """The fewest CIDR blocks that make up the set, in order."""
        return tuple(f"{_dotted(low)}/{length}" for low, length in self._blocks())

    def __str__(self) -> str:
        blocks = list(self._blocks())
        if not blocks:
            return "no address"
        shown = [_dotted(low) if size == 32 else f"{_dotted(low)}/{size}" for low, size in blocks]
        if len(shown) > _SHOWN + 1:  # "and 1 more" would be no shorter than the block itself
            return f"{', '.join(shown[:_SHOWN])} and {len(shown) - _SHOWN} more"
        return ", ".join(shown)

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Lowest address and prefix length of each block."""
        for start, high in self.intervals:
            low = start
            while low <= high:
                aligned = (low & -low).bit_length() - 1 if low else 32
                bits = min(aligned, (high - low + 1).bit_length() - 1)
                yield low, 32 - bits
                low += 1 << bits


def _dotted(value: int) -> str:
    return str(ipaddress.IPv4Address(value))


@lru_cache(1024)  # the same few texts come up in every cell of a site
def _parse(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if dash:
        low, high = (
            int(ipaddress.IPv4Address(first.strip())),
            int(ipaddress.IPv4Address(last.strip())),
        )
        if low > high:
            raise ValueError(f"{text!r}: the range runs backwards")
        return low, high
    network = ipaddress.IPv4Network(text.strip(), strict=False)
    return int(network.network_address), int(network.broadcast_address)
