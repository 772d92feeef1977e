"""Records: as they are stored, and as HAL's files hold them."""

import json
import sys

import pytest

from batt.errors import InputError
from batt.hal.outcomes import Outcome
from batt.hal.records import hal_submission, record_from_json, record_to_json
from tests.unit.hal.builders import BEGIN, WEIRD, record


def test_a_record_survives_a_trip_through_json() -> None:
    for task in WEIRD:
        one = record(task, {"answer": task, "metrics": {"cost": 1}}, message=task, tries=2)
        assert record_from_json(json.loads(json.dumps(record_to_json(one), allow_nan=False))) == one


def test_a_record_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"record\.schema: got 2; must be 1"):
        record_from_json({**record_to_json(record("a", "x")), "schema": 2})


def test_what_stands_in_hals_files_is_the_submission_or_an_error() -> None:
    late, refused = record("a", outcome=Outcome.TIMEOUT), record("a", outcome=Outcome.AUTH_OR_QUOTA, message="no key")

    assert hal_submission(record("a", {"answer": 1}), 60.0) == {"answer": 1}
    assert hal_submission(late, 2700.0) == "ERROR: Task timed out after 2700 seconds"
    assert hal_submission(refused, 60.0) == "ERROR: auth_or_quota: no key"


@pytest.mark.parametrize("output", ["", "{", "[]", "3", '{"b": 1}', "[" * (2 * sys.getrecursionlimit())])
def test_an_output_that_cannot_be_read_is_an_error(output: str) -> None:
    text = hal_submission(record("a", "x")._replace(output=output), 60.0)

    assert text.startswith("ERROR: invalid_output: the output cannot be read: ")


def test_the_wall_clock_is_that_of_all_tries_with_their_pauses() -> None:
    assert record("a", "x", tries=3).wall_clock_seconds == 40.0


def test_without_tries_the_wall_clock_is_that_of_the_pod() -> None:
    assert record("a", outcome=Outcome.INFRA, tries=0)._replace(end=BEGIN + 3).wall_clock_seconds == 3.0
