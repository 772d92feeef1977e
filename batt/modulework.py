"""A batt module on a task: puts its samples together to scores, verdicts and names, one row in the end."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from batt.engine.pool import Died
from batt.solver.module import Module, body_md5, module_from_json, solver_program
from batt.solver.texts import DIFFER_HEADER, Texts, name_program
from batt.solver.verdicts import judge, pair_from_json, verdict_to_json
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

MARK_VERDICT = 4
"""Where a mark of a row has its verdict (ModuleWork.finish)."""


class ModuleTexts:
    """A module and the names of its programs, which are the same on every task: found once a shard.

    bodies: body md5 of each candidate mark. names: of programs by body md5. differ_md5s: of files by differ.
    """

    def __init__(self, text: str) -> None:
        self.module = module_from_json(json.loads(text))
        self.bodies: list[str] = []
        self.names: dict[str, Texts] = {}
        self.differ_md5s: dict[str, str] = {}
        self.is_named = False

    def name(self, clock: PhaseClock) -> None:
        """Find the names, if that was not done yet."""
        if self.is_named:
            return
        self.is_named = True
        with clock.phase(FILTER):
            self.bodies = [body_md5(self.module, mark.node) for mark in self.module.candidates]
        with clock.phase(INLINE_BATCH):
            for mark, body in zip(self.module.candidates, self.bodies, strict=True):
                if body not in self.names:  # equal bodies are inlined once
                    with clock.phase(INLINE_TOTAL):
                        self.names[body] = name_program(solver_program(self.module, mark.node))
        with clock.phase(DIFFERS):
            for differ in self.module.differs:
                if differ.solver_id == "None" and differ.differ not in self.differ_md5s:
                    with clock.phase(INLINE_TOTAL):
                        texts = name_program(solver_program(self.module, differ.node), DIFFER_HEADER)
                    self.differ_md5s[differ.differ] = texts.md5


class ModuleWork:
    """The samples of one module on one task, as they come in.

    poison: for each sample, the steps that ended a child on it, as [step index, verdict]: they fail unrun from then on.
    """

    def __init__(self, texts: ModuleTexts, demos: int, count: int, timeout_seconds: float) -> None:
        self.texts = texts
        self.demos = demos
        self.count = count
        self.timeout_seconds = timeout_seconds
        self.samples: dict[int, Any] = {}
        self.poison: dict[int, list[list[Any]]] = {}
        self.begun = math.inf
        self.ended = -math.inf

    def missing(self) -> list[int]:
        """Return the samples that are not known yet."""
        return [place for place in range(self.count) if place not in self.samples]

    def add_sample(self, place: int, sample: Any, now: float | None = None) -> None:  # modulerun.SampleResult as JSON
        """Take what a child found out on one sample, at `now` by time.perf_counter(); None for one of an earlier run.

        It began about as long ago as it took: the module's own time is from its first sample's begin to its last end.
        """
        self.samples[place] = sample
        if now is not None:
            self.begun = min(self.begun, now - sample[3] - sample[4])
            self.ended = max(self.ended, now)

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
        return [[["crashed", False, pair] for _ in self.texts.module.candidates], [], {}, 0.0, 0.0]

    def finish(self, clock: PhaseClock) -> dict[str, Any]:
        """Return the row: what every candidate mark is worth, under which names, and what the differs say.

        marks: [o score, body md5, file md5, is_inlined, *verdict row] each, in the module's order.
        outputs: number of distinct (step, flag, solver id, value): the candidates as the original counts them.
        differs: [mark, differ, iz, zo], summed over samples. differ_names: {differ: [file md5, CPU seconds]}.
        """
        self.texts.name(clock)
        if self.ended >= self.begun:
            clock.add(CHECK_BATT, self.ended - self.begun)
        module, names = self.texts.module, self.texts.names
        samples = [self.samples[place] for place in range(self.count)]
        for place, sample in enumerate(samples):
            clock.add(DEMO if place < self.demos else TEST, sample[3] + sample[4])
        with clock.phase(VALIDATE):
            verdicts = [self.verdict(samples, mark) for mark in range(len(module.candidates))]
        with clock.phase(DIFFERS):
            differs = sum_differs(samples)
            differ_names = {
                differ: [md5, sum(sample[2].get(differ, 0.0) for sample in samples)]
                for differ, md5 in self.texts.differ_md5s.items()
            }
        scores = [sum(sample[0][mark][1] for sample in samples) for mark in range(len(module.candidates))]
        return {
            "outputs": count_outputs(module, samples),
            "marks": [
                [scores[mark], body, *names[body], *verdicts[mark]] for mark, body in enumerate(self.texts.bodies)
            ],
            "differs": differs,
            "differ_names": differ_names,
        }

    def verdict(self, samples: Sequence[Any], mark: int) -> list[Any]:
        """Return the verdict row of one candidate mark over all samples."""
        return verdict_to_json(judge([pair_from_json(sample[0][mark][2]) for sample in samples], self.timeout_seconds))


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
