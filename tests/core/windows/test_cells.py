"""Sharing addresses out among claims."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.intervals import Intervals, contains, normalize
from pytest_wfo.core.policy import Decision
from pytest_wfo.core.windows_cells import Cell, Claim, shared_out

spans = st.tuples(st.integers(0, 15), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair)))
sets = st.lists(spans, max_size=4).map(normalize)


def named(number: int, claim: Intervals) -> Claim:
    return claim, lambda got: Cell(Decision.PERMITTED, got, str(number), "")


@settings(max_examples=300)
@given(sets, st.lists(sets, max_size=6))
def test_each_address_goes_to_the_first_claim_on_it(
    addresses: Intervals, claims: list[Intervals]
) -> None:
    cells, rest = shared_out(addresses, [named(n, claim) for n, claim in enumerate(claims)])
    for address in range(24):
        found = [cell.rule for cell in cells if contains(cell.remote, address)]
        first = [str(n) for n, claim in enumerate(claims) if contains(claim, address)][:1]
        inside = contains(addresses, address)
        assert found == (first if inside else [])
        assert contains(rest, address) is (inside and not first)
    assert all(cell.remote == normalize(cell.remote) for cell in cells)
