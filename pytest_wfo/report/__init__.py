"""Findings -> files. Knows nothing of pytest."""
