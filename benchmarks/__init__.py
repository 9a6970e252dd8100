"""Measurements of FileIntel, each one command: `python -m benchmarks.reports_168`; all short ones: `make bench`."""
