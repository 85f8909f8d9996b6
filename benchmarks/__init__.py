"""Benchmarks: `make bench`. Times are compared inside one run, on one machine."""
