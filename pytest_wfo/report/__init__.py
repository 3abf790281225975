"""Findings -> files. Knows nothing of pytest."""

FOLDER = "wfo-report"
PAGE, SUMMARY, RESULTS = "report.html", "summary.md", "results.json"
"""Where the reports of a run are written."""
