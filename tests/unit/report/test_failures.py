"""Failures are grouped by how they ended and why, most frequent first, in bounded memory."""

from functools import partial

from batt.report.failures import EXAMPLES, MOST_GROUPS, MOST_KEPT, OTHER, FailureGroups, more_of
from batt.report.model import Example, Tone


def test_groups_come_by_their_number_with_a_few_examples() -> None:
    failures = FailureGroups()
    for number in range(9):
        failures.add("error", "ValueError", partial(Example, f"task {number}", "at step 3"))
    failures.add("refused", "must be a call", partial(Example, "a.py (line 3)"))

    section = failures.section("Failures", "Lead.")

    assert [(one.word.text, one.message, one.number) for one in section.groups] == [
        ("error", "ValueError", 9),
        ("refused", "must be a call", 1),
    ]
    assert [one.where for one in section.groups[0].examples] == [f"task {number}" for number in range(EXAMPLES)]
    assert [one.word.tone for one in section.groups] == [Tone.BAD, Tone.WARN]
    assert more_of(section.groups[0]) == "and 4 more; results.json has them all"
    assert more_of(section.groups[1]) == ""


def test_messages_without_end_make_no_groups_without_end() -> None:
    failures = FailureGroups()
    for number in range(3 * MOST_KEPT):
        failures.add("agent_error", f"at {number}", partial(Example, "task"))

    section = failures.section("Failures", "Lead.")

    assert len(failures.numbers) == MOST_KEPT + 1
    assert (section.groups[0].message, section.groups[0].number) == (OTHER, 2 * MOST_KEPT)
    assert len(section.groups) == MOST_GROUPS
    assert sum(one.number for one in section.groups) + section.left_out == 3 * MOST_KEPT


def test_nothing_failed_is_said() -> None:
    assert FailureGroups().section("Failures", "Lead.").lead == "Lead. There is none."
