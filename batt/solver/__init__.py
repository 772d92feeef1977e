"""Solver programs: read as data, named by their texts, evaluated, judged, selected."""
