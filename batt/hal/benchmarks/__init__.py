"""Benchmarks as batt sees them, one file each; base.py says what a benchmark is, and how to add one."""
