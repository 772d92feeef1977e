"""The starter set: solvers of ARC training tasks in the builtin DSL, as files in the form users write them.

`solvers/solve_<task>.py` each hold one program, `solve_<task>(I)` or `solve(S, I, C)`. They are data: read with `ast`,
never imported. Each gives the right output on all demo and test pairs of its task (tests/unit/test_starter.py).
"""
