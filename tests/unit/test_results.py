"""Two runs are compared without the fields that may differ; a stored summary comes back as it was."""

import json

from batt.results import TIMING_FIELDS, Score, Summary, Totals, summary_from_json, summary_to_json, without_timing
from batt.solver.verdicts import Verdict


def summary(missing: tuple[int, ...] = ()) -> Summary:
    totals = Totals(3, {Verdict.CORRECT: 1, Verdict.WRONG: 2}, 3, 2, 2, 1, 0, 4, 5, 0)
    phases = {"main.run_batt": [1, 0.5, 0.5, 0.5, [0] * 16]}
    return Summary("ns/run-1", "ns/run-1/out/1/results.json", 1, Score(1, 2), totals, phases, (("t", 2, 3),), missing)


def test_a_summary_survives_a_trip_through_json() -> None:
    value = json.loads(json.dumps(summary_to_json(summary((3, 4)))))

    assert summary_from_json(value) == summary((3, 4))


def test_a_summary_is_complete_when_no_shard_is_missing() -> None:
    assert summary().is_complete
    assert not summary((0,)).is_complete


def test_fields_of_time_are_left_out_wherever_they_stand() -> None:
    value = {
        "check_time": 1.5,
        "tasks": [{"candidates": [{"t_log": 11, "link": "a", "md5": "b", "is_near_timeout": True}], "phases": {}}],
        "run": {"uid": "c"},
    }

    assert without_timing(value) == {"tasks": [{"candidates": [{"md5": "b"}]}]}


def test_values_are_kept_whatever_they_are_called() -> None:
    value = {"verdict": "link", "list": ["phases", "run", None, 1.5, True]}

    assert without_timing(value) == value


def test_the_fields_of_time_are_those_that_the_documents_name() -> None:
    assert sorted(TIMING_FIELDS) == [
        "cached",
        "check_time",
        "differ_links",
        "is_near_timeout",
        "link",
        "phases",
        "run",
        "t_log",
    ]
