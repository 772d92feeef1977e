"""Peak memory of each kind of process while many candidates, and a module on large tasks, are validated."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from batt.inputs.tasks import load_dataset
from benchmarks.corpus import DATASET, generated_module, mutated_candidates, write_lines
from benchmarks.measure import Scale
from benchmarks.ours import find_results, read_results
from benchmarks.processes import BATT, ROOT, adopt_orphans, cpu_now, environment, scratch
from benchmarks.report import Report, Target, cpu_count

LIMIT_MB = 200
"""Most that a worker may take at its peak: a pod, or one of its children, by its own resident memory."""

LOOK_SECONDS = 0.02
"""How often processes are looked at. Peaks of resident memory are the kernel's own and are not missed; PSS and USS are
what they were when looked at."""

CANDIDATES = {Scale.TINY: 20, Scale.QUICK: 1000, Scale.USUAL: 10_000, Scale.FULL: 100_000}
"""Plain candidates at each scale."""

LARGE_TASKS = {Scale.TINY: 1, Scale.QUICK: 2, Scale.USUAL: 4, Scale.FULL: 16}
"""How many of the largest tasks the module is run on."""

MB = 1024 * 1024


class Peak(NamedTuple):
    """Most memory of one process, in bytes: resident, its share of what is shared, what it has alone."""

    resident: int = 0
    proportional: int = 0
    unique: int = 0

    def merged(self, other: Peak) -> Peak:
        """Return the larger of both, figure by figure."""
        return Peak(*map(max, self, other))


class Seen(NamedTuple):
    """What was seen of the processes below a command: each one's parent and peak."""

    parents: dict[int, int]
    peaks: dict[int, Peak]


def measure(scale: Scale) -> Report:
    """Measure both kinds of work."""
    adopt_orphans()
    rows: list[tuple[str | int | float, ...]] = []
    with scratch() as folder:
        count = CANDIDATES[scale]
        lines = write_lines(folder / "candidates.jsonl", mutated_candidates(count, seed=2))
        rows += rows_of(f"{count} candidates", watch(["-b", str(lines)], folder / "plain", count))
        tasks = largest_tasks(LARGE_TASKS[scale])
        module = generated_module(folder, tasks[0], seed=2)
        count = 32 * len(tasks)
        seen = watch(["-b", str(module.with_suffix("")), "-i", *tasks], folder / "module", count)
        rows += rows_of(f"a module on the {len(tasks)} largest tasks", seen)
    worst = max(float(row[3]) for row in rows if row[1] in {"pod", "child"})
    run = max(float(row[3]) for row in rows)
    return Report(
        "memory",
        "Peak memory",
        ("work", "process", "number", "RSS MB", "PSS MB", "USS MB"),
        tuple(rows),
        (Target(f"under {LIMIT_MB} MB a worker (pod, child)", f"{worst:.0f} MB", worst < LIMIT_MB),),
        (
            f"largest process of each kind, {run:.0f} MB the largest of all; RSS counts what processes share in each",
            "run: `batt validate` itself, plans and collects; pod: works on shards; nursery: loads the DSL and forks; "
            "reader: inspects texts; child: evaluates candidates",
        ),
    )


def largest_tasks(count: int) -> list[str]:
    """Return the tasks with the most cells in their pairs."""
    sizes = {
        task.id: sum(len(grid) * len(grid[0]) for pair in task.train + task.test for grid in pair)
        for task in load_dataset(DATASET).tasks
    }
    return sorted(sizes, key=lambda task: (-sizes[task], task))[:count]


def watch(arguments: Iterable[str], results: Path, candidates: int) -> dict[str, list[Peak]]:
    """Run `batt validate`; return the peaks of its processes by kind.

    Raises:
        RuntimeError: it ended with another exit code than 0, or without a verdict for every candidate.
    """
    command = [*BATT, "validate", *arguments, "--results", str(results), "--no-cache", "-j", str(cpu_count())]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen = Seen({}, defaultdict(Peak))
    while process.poll() is None:
        look(process.pid, seen)
        time.sleep(LOOK_SECONDS)
    cpu_now()  # wait for whatever is still ending
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    found = read_results(find_results(results))["totals"]["candidates"]
    if found != candidates:
        raise RuntimeError(f"got verdicts for {found} of {candidates} candidates")
    return by_kind(process.pid, seen)


def look(root: int, seen: Seen) -> None:
    """Note parents and peaks of a process and of all below it."""
    pids = [root]
    while pids:
        pid = pids.pop()
        with contextlib.suppress(OSError):  # it has ended meanwhile
            seen.peaks[pid] = seen.peaks[pid].merged(peak_of(pid))
            children = (Path("/proc") / f"{pid}" / "task" / f"{pid}" / "children").read_text(encoding="ascii")
            below = [int(child) for child in children.split()]
            seen.parents.update(dict.fromkeys(below, pid))
            pids += below


def peak_of(pid: int) -> Peak:
    """Return a process's peak of resident memory, and what it shares or has alone at this moment; OSError if gone."""
    folder = Path("/proc") / str(pid)
    status = (folder / "status").read_text(encoding="ascii", errors="replace")
    resident = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    proportional = unique = 0
    for line in (folder / "smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            proportional = kilobytes(line)
        elif line.startswith(("Private_Clean:", "Private_Dirty:")):
            unique += kilobytes(line)
    return Peak(kilobytes(resident), proportional, unique)


def kilobytes(line: str) -> int:
    """Return the bytes of a line such as `Pss:  17 kB`."""
    return int(line.split()[1]) * 1024


def by_kind(root: int, seen: Seen) -> dict[str, list[Peak]]:
    """Return the peaks by kind of process, which its place in the tree tells.

    run > pod > nursery > child, and run > nursery > reader while texts are read.
    """
    below: dict[int, list[int]] = defaultdict(list)
    for pid, parent in seen.parents.items():
        below[parent].append(pid)

    def depth_below(pid: int) -> int:
        return 1 + max((depth_below(child) for child in below[pid]), default=-1)

    kinds: dict[str, list[Peak]] = defaultdict(list)

    def tell(pid: int, kind: str, kinds_below: tuple[str, ...]) -> None:
        kinds[kind].append(seen.peaks[pid])
        for child in below[pid]:
            tell(child, kinds_below[0], kinds_below[1:])

    kinds["run"].append(seen.peaks[root])
    for pid in below[root]:
        if depth_below(pid) >= 2:
            tell(pid, "pod", ("nursery", "child"))
        else:
            tell(pid, "nursery", ("reader",))
    return kinds


def rows_of(work: str, kinds: dict[str, list[Peak]]) -> list[tuple[str | int | float, ...]]:
    """Return a row for each kind of process."""
    rows: list[tuple[str | int | float, ...]] = []
    for kind in ("run", "pod", "nursery", "reader", "child"):
        if kinds.get(kind):
            peak = Peak(*(max(figures) for figures in zip(*kinds[kind], strict=True)))
            rows.append((work, kind, len(kinds[kind]), *(round(figure / MB, 1) for figure in peak)))
    return rows
