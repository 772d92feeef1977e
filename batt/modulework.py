"""A batt module on a task: puts its samples together to scores, verdicts and names, one row in the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from batt.engine import Died
from batt.module import Module, body_md5, module_from_json, solver_program
from batt.texts import DIFFER_HEADER, Texts, name_program
from batt.timing import (
    CHECK_BATT,
    DEMO,
    DIFFERS,
    FILTER,
    INLINE_BATCH,
    INLINE_TOTAL,
    TEST,
    VALIDATE,
    PhaseClock,
)
from batt.verdicts import judge, pair_from_json, verdict_to_json

MARK_VERDICT = 4
"""Where a mark of a row has its verdict (ModuleWork.finish)."""


class ModuleWork:
    """The samples of one module on one task, as they come in.

    poison: for each sample, the steps that ended a child on it, as [step index, verdict]: they fail unrun from then on.
    """

    def __init__(self, value: dict[str, Any], demos: int, count: int, timeout_seconds: float) -> None:
        self.value = value
        self.demos = demos
        self.count = count
        self.timeout_seconds = timeout_seconds
        self.samples: dict[int, Any] = {}
        self.poison: dict[int, list[list[Any]]] = {}
        self.begun = time.perf_counter()

    def missing(self) -> list[int]:
        """Return the samples that are not known yet."""
        return [place for place in range(self.count) if place not in self.samples]

    def add_sample(self, place: int, sample: Any) -> None:  # evaluate.SampleResult as JSON
        """Take what a child found out on one sample."""
        self.samples[place] = sample

    def add_poison(self, place: int, died: Died) -> bool:
        """Remember the step that ended a child on a sample; False if no step did, or one that was left out already."""
        known = self.poison.setdefault(place, [])
        if died.position is None or any(position == died.position for position, _ in known):
            return False
        known.append([died.position, died.how])
        return True

    def lost_sample(self, died: Died) -> list[Any]:
        """Return the sample that ends its child whatever is left out: every candidate ends on it."""
        pair = [died.how, 0.0, died.detail, 0]
        return [[["crashed", False, pair] for _ in self.value["candidates"]], [], {}, 0.0, 0.0]

    def finish(self, clock: PhaseClock) -> dict[str, Any]:
        """Return the row: what every candidate mark is worth, under which names, and what the differs say.

        marks: [o score, body md5, file md5, is_inlined, *verdict row] each, in the module's order.
        outputs: number of distinct (step, flag, solver id, value): the candidates as the original counts them.
        differs: [mark, differ, iz, zo], summed over samples. differ_names: {differ: [file md5, CPU seconds]}.
        """
        clock.add(CHECK_BATT, time.perf_counter() - self.begun)
        module = module_from_json(self.value)
        samples = [self.samples[place] for place in range(self.count)]
        for place, sample in enumerate(samples):
            clock.add(DEMO if place < self.demos else TEST, sample[3] + sample[4])
        with clock.phase(VALIDATE):
            verdicts = [self.verdict(samples, mark) for mark in range(len(module.candidates))]
        with clock.phase(FILTER):
            bodies = [body_md5(module, mark.node) for mark in module.candidates]
        with clock.phase(INLINE_BATCH):
            names = name_all(module, bodies, clock)
        with clock.phase(DIFFERS):
            differs = sum_differs(samples)
            differ_names = self.name_differs(module, samples, clock)
        scores = [sum(sample[0][mark][1] for sample in samples) for mark in range(len(module.candidates))]
        return {
            "outputs": count_outputs(module, samples),
            "marks": [
                [scores[mark], bodies[mark], *names[bodies[mark]], *verdicts[mark]] for mark in range(len(verdicts))
            ],
            "differs": differs,
            "differ_names": differ_names,
        }

    def verdict(self, samples: Sequence[Any], mark: int) -> list[Any]:
        """Return the verdict row of one candidate mark over all samples."""
        return verdict_to_json(judge([pair_from_json(sample[0][mark][2]) for sample in samples], self.timeout_seconds))

    def name_differs(self, module: Module, samples: Sequence[Any], clock: PhaseClock) -> dict[str, list[Any]]:
        """Return [file md5, CPU seconds over all samples] of each differ, from its neutral instance."""
        named: dict[str, list[Any]] = {}
        for mark in module.differs:
            if mark.solver_id == "None" and mark.differ not in named:
                begin = time.perf_counter()
                md5 = name_program(solver_program(module, mark.node), DIFFER_HEADER).md5
                clock.add(INLINE_TOTAL, time.perf_counter() - begin)
                named[mark.differ] = [md5, sum(sample[2].get(mark.differ, 0.0) for sample in samples)]
        return named


def name_all(module: Module, bodies: Sequence[str], clock: PhaseClock) -> dict[str, Texts]:
    """Return the names of the programs that marks lead to, by body md5: equal bodies are inlined once."""
    names: dict[str, Texts] = {}
    for mark, body in zip(module.candidates, bodies, strict=True):
        if body not in names:
            begin = time.perf_counter()
            names[body] = name_program(solver_program(module, mark.node))
            clock.add(INLINE_TOTAL, time.perf_counter() - begin)
    return names


def count_outputs(module: Module, samples: Sequence[Any]) -> int:
    """Return how many distinct (step, flag, solver id, value) the samples gave together."""
    marks = enumerate(module.candidates)
    return len(
        {(mark.number, mark.is_evolved, mark.solver_id, s[0][place][0]) for place, mark in marks for s in samples}
    )


def sum_differs(samples: Sequence[Any]) -> list[list[Any]]:
    """Return [mark, differ, iz, zo] summed over the samples, in the order of marks and differ names."""
    sums: dict[tuple[int, str], list[int]] = {}
    for sample in samples:
        for mark, differ, iz, zo in sample[1]:
            score = sums.setdefault((mark, differ), [0, 0])
            score[0] += iz
            score[1] += zo
    return [[mark, differ, *score] for (mark, differ), score in sorted(sums.items())]
