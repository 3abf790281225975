"""Hosts -> answers: all at once, bounded, with deadlines; snapshots for judging again offline."""
