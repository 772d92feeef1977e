"""Benchmark runs as batch work: plan, shards, results, on a laptop or on Kubernetes."""

__version__ = "0.1.0"
