"""Measurements of whole commands, beside what else could do the work: ``python -m benchmarks`` (README.md)."""
