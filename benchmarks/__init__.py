"""Measurements of the main path against what cannot be avoided, and against other tools."""
