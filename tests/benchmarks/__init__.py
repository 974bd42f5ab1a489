"""Timings, for people: ``python -m tests.benchmarks``. Nothing here is a test, and no test asserts on time."""
