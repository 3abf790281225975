"""Sets of integers as sorted, disjoint, merged inclusive intervals.

Addresses and ports alike. Plain tuples and functions: a firewall of thousands of rules is a few
thousand of these operations, and a sorted tuple is the fastest set there is for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]

EMPTY: Intervals = ()

# Up to this many intervals are cut out one by one by bisection; above, both lists are walked.
_FEW = 4


def normalize(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """Sort and merge inclusive pairs in any order; pairs with ``low > high`` are empty."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def union(a: Intervals, b: Intervals) -> Intervals:
    """All members of either set."""
    if not a or not b:
        return a or b
    return normalize(a + b)


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """All members of both sets."""
    if len(a) > len(b):
        a, b = b, a
    if not a or a[-1][1] < b[0][0] or b[-1][1] < a[0][0]:
        return EMPTY
    if len(a) == 1 and a[0][0] <= b[0][0] and b[-1][1] <= a[0][1]:
        return b
    if len(a) <= _FEW:
        return _few_in_many(a, b)
    common = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            common.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(a: Intervals, b: Intervals) -> Intervals:
    """The members of ``a`` that are not in ``b``."""
    if not a or not b or a[-1][1] < b[0][0] or b[-1][1] < a[0][0]:
        return a
    if len(b) <= _FEW:
        for low, high in b:
            a = _cut(a, low, high)
        return a
    rest = []
    j = 0
    for low, high in a:
        while j < len(b) and b[j][1] < low:
            j += 1
        k = j
        while k < len(b) and b[k][0] <= high:
            if low < b[k][0]:
                rest.append((low, b[k][0] - 1))
            low = b[k][1] + 1  # noqa: PLW2901 - what is left of this interval
            k += 1
        j = max(j, k - 1)
        if low <= high:
            rest.append((low, high))
    return tuple(rest)


def count(a: Intervals) -> int:
    """How many integers are in the set."""
    return sum(high - low + 1 for low, high in a)


def contains(a: Intervals, value: int) -> bool:
    """Whether ``value`` is a member."""
    index = _first_ending_at_or_after(a, value)
    return index < len(a) and a[index][0] <= value


def _first_ending_at_or_after(a: Intervals, value: int) -> int:
    # Intervals are disjoint, so sorting by low is sorting by high: step back over at most one.
    index = bisect_left(a, (value,))
    return index - 1 if index and a[index - 1][1] >= value else index


def _few_in_many(few: Intervals, many: Intervals) -> Intervals:
    common: list[tuple[int, int]] = []
    for low, high in few:
        index = _first_ending_at_or_after(many, low)
        while index < len(many) and many[index][0] <= high:
            common.append((max(low, many[index][0]), min(high, many[index][1])))
            index += 1
    return tuple(common)


def _cut(a: Intervals, low: int, high: int) -> Intervals:
    start = _first_ending_at_or_after(a, low)
    end = bisect_left(a, (high + 1,), start)
    if start >= end:
        return a
    left = ((a[start][0], low - 1),) if a[start][0] < low else ()
    right = ((high + 1, a[end - 1][1]),) if a[end - 1][1] > high else ()
    return (*a[:start], *left, *right, *a[end:])
