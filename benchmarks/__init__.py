"""Measurements of batt beside its alternatives, as its users would write them today: `python -m benchmarks`.

Every benchmark runs its alternatives in turns within one run, asserts that all of them give the same answers, and
tells minimum, median and ratio: only what was measured side by side on one machine says anything.
"""
