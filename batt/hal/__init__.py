"""Runs of kind `hal`: unmodified HAL agents on benchmarks, one task at a time, and the files that HAL's tools read."""
