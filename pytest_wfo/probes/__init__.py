"""One script a platform, and the pure readers of what it prints."""
