"""What several benchmarks share: symbols to run on, and what a command takes."""
