"""Timed comparisons: `make bench` runs them, `python -m benchmarks --only studio` runs some. Nothing here is a test."""
