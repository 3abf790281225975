"""Text that people wrote -> core types; every problem at once, with file, line and column."""
