"""Antivirus on a host: what runs, what it leaves alone, what it took away. Pure."""
