"""Findings -> files. Knows nothing of pytest."""

FOLDER = "wfo-report"
PAGE, SUMMARY, RESULTS, CTRF = "report.html", "summary.md", "results.json", "ctrf.json"
"""Where the reports of a run are written."""
GATES = ("advisory", "strict")
"""What blocks: all but advisory requirements, or these too."""
