"""A small folder in the layout of HAL's USACO data, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SUM = ("print(sum(map(int, input().split())))", {"1 2": "3", "10000 20000": "30000"})
MIRROR = ("import sys\nfor line in sys.stdin:\n    print(line.rstrip()[::-1])", {"ab\ncd": "ba\ndc", "": ""})
LARGEST = ("input()\nprint(max(map(int, input().split())))", {"3\n5 90001 7": "90001"})
"""Problems: solution, inputs with their outputs."""

NAMES = {"1_bronze_sum": SUM, "2_silver_mirror": MIRROR, "3_gold_largest": LARGEST}


def problem(name: str, content: tuple[str, dict[str, str]], **changes: Any) -> dict[str, Any]:
    """Return a problem as HAL's file has it."""
    solution, tests = content
    first = next(iter(tests))
    level = name.split("_")[1]
    return {
        "name": name.split("_")[2],
        "problem_id": name,
        "problem_level": level,
        "problem_link": f"http://example.org/{name}",
        "description": f"Compute the {name.split('_')[2]}.\n\nSAMPLE INPUT:\n{first}",
        "description_no_samples": f"Compute the {name.split('_')[2]}.",
        "samples": [{"input": first, "output": tests[first], "explanation": ""}],
        "num_tests": len(tests),
        "runtime_limit": 2,
        "memory_limit": 64,
        "solution": "int main() { return 0; }",
        "solution_python3": solution,
        "solution_english": "Add them.",
    } | changes


def make_data(folder: Path, **changes: Any) -> Path:
    """Write the data as it lies in HAL's folder; changes are of every problem. Return the file of problems."""
    datasets = folder / "data" / "datasets"
    datasets.mkdir(parents=True, exist_ok=True)
    problems = {name: problem(name, content, **changes) for name, content in NAMES.items()}
    path = datasets / "usaco_subset307_dict.json"
    path.write_text(json.dumps(problems))
    for name, (_, tests) in NAMES.items():
        place = datasets / "usaco_v3" / "tests" / name
        place.mkdir(parents=True, exist_ok=True)
        for number, (given, expected) in enumerate(tests.items(), 1):
            names = (f"{number}.in", f"{number}.out") if name != "2_silver_mirror" else (f"I.{number}", f"O.{number}")
            (place / names[0]).write_text(given + "\n")
            (place / names[1]).write_text(expected + "\r\n")
    return path
