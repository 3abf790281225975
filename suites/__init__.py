"""What QA runs: one file per chapter of the document, one test per requirement and host."""
