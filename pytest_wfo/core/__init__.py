"""The pure part: what the document asks, what hosts said, and what follows from it.

Standard library only; no I/O, no clock, no test runner. Everything is a frozen dataclass or a
function of its arguments, so that a saved run can be judged again and comes out the same.
"""
