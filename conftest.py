"""Repository work only: never anything a user's run depends on. Test settings are in tests/."""

collect_ignore_glob = ["benchmarks/*", "examples/*", "docs/*"]
