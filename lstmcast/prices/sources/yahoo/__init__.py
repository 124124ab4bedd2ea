"""Yahoo Finance: the source, its client, its answers and its errors."""
