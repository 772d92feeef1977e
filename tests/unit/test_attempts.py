"""Further attempts work on what has no result; what pods cost is summed from their notes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batt.attempts import (
    PodTimes,
    ShardEnd,
    note_begin,
    note_end,
    note_session,
    plan_attempt,
    planned_attempt,
    read_notes,
    read_sessions,
    shard_of_pod,
    usage,
)
from batt.errors import InputError, SpecError
from batt.manifest import Manifest
from batt.store import DirectoryStore, ObjectStore, open_store
from tests.runs import SOLVE_MIRROR, SOLVE_SAME, SOLVE_TURN, make_run, plan_run, write_inputs


@pytest.fixture
def root(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "results")


@pytest.fixture
def manifest(tmp_path: Path, root: DirectoryStore) -> Manifest:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN, "b.py": SOLVE_MIRROR, "c.py": SOLVE_SAME})
    planned = plan_run(tmp_path, make_run(shards=3), root=root)
    assert len(planned.shards) == 3
    return planned


def store_result(root: ObjectStore, manifest: Manifest, shard: int) -> None:
    root.create(f"{manifest.ref.folder}/shards/{shard}.json.gz", b"")


def test_the_first_attempt_works_on_every_shard_whatever_is_done(root: DirectoryStore, manifest: Manifest) -> None:
    store_result(root, manifest, 1)

    assert plan_attempt(root, manifest, 1) == ((0, 1, 2), False)
    assert root.list(f"{manifest.ref.folder}/attempts/") == []
    assert [shard_of_pod(root, manifest, 1, index) for index in range(3)] == [0, 1, 2]


def test_a_later_attempt_works_on_the_shards_without_a_result(root: DirectoryStore, manifest: Manifest) -> None:
    store_result(root, manifest, 1)

    assert plan_attempt(root, manifest, 2) == ((0, 2), False)
    assert [shard_of_pod(root, manifest, 2, index) for index in range(2)] == [0, 2]


def test_an_attempt_planned_again_says_the_same(root: DirectoryStore, manifest: Manifest) -> None:
    plan_attempt(root, manifest, 2)
    store_result(root, manifest, 0)

    assert plan_attempt(root, manifest, 2) == ((0, 1, 2), False)
    assert plan_attempt(root, manifest, 3) == ((1, 2), False)
    assert planned_attempt(root, manifest, 2) == ((0, 1, 2), False)


def test_an_attempt_of_a_finished_run_has_nothing_to_do(root: DirectoryStore, manifest: Manifest) -> None:
    for shard in range(3):
        store_result(root, manifest, shard)

    assert plan_attempt(root, manifest, 2) == ((), False)


def test_a_regrade_works_on_nothing_and_stays_one(root: DirectoryStore, manifest: Manifest) -> None:
    assert plan_attempt(root, manifest, 2, is_regrade=True) == ((), True)
    assert plan_attempt(root, manifest, 2) == ((), True)  # whatever the run says by now


def test_the_first_attempt_is_no_regrade(root: DirectoryStore, manifest: Manifest) -> None:
    assert plan_attempt(root, manifest, 1, is_regrade=True) == ((0, 1, 2), False)


def test_a_job_works_on_its_part_of_an_attempt(root: DirectoryStore, manifest: Manifest) -> None:
    def odd(shard: int) -> bool:
        return shard % 2 == 1

    assert shard_of_pod(root, manifest, 1, 0, odd) == 1
    with pytest.raises(SpecError, match="must be below 1, the shards of attempt 1 in this Job"):
        shard_of_pod(root, manifest, 1, 1, odd)


def test_an_index_beyond_the_attempt_is_refused(root: DirectoryStore, manifest: Manifest) -> None:
    store_result(root, manifest, 1)
    plan_attempt(root, manifest, 2)

    with pytest.raises(SpecError, match=r"JOB_COMPLETION_INDEX: got 2; must be below 2, the shards of attempt 2"):
        shard_of_pod(root, manifest, 2, 2)


def test_an_attempt_that_nobody_planned_is_refused(root: DirectoryStore, manifest: Manifest) -> None:
    with pytest.raises(InputError, match=r"attempts/4\.json: got nothing; attempt 4 must be planned"):
        shard_of_pod(root, manifest, 4, 0)


def test_notes_are_read_back(root: DirectoryStore, manifest: Manifest) -> None:
    pods = [
        PodTimes(0, "a", 10.0, 12.5, 74),
        PodTimes(0, "b", 13.0, None, None, 2),
        PodTimes(12, "a-b-c", 1.5, 2.0, 74),
    ]
    for pod in pods:
        note_begin(root, manifest, pod, pod.attempt)
        if pod.end is not None:
            note_end(root, manifest, pod, 74)
    plan_attempt(root, manifest, 2)  # lies beside the notes

    assert sorted(read_notes(root, manifest.ref.folder)) == sorted(pods)


def test_a_pod_that_is_started_again_keeps_its_first_notes(root: DirectoryStore, manifest: Manifest) -> None:
    first, second = PodTimes(0, "a", 10.0, 12.0, 0), PodTimes(0, "a", 11.0, 13.0, 0)
    for pod in (first, second):
        note_begin(root, manifest, pod, attempt=1)
        note_end(root, manifest, pod, 0)

    assert read_notes(root, manifest.ref.folder) == [first]


def test_sessions_on_a_laptop_are_read_back_and_are_no_pods(root: DirectoryStore, manifest: Manifest) -> None:
    sessions = [
        [PodTimes(0, "process 7", 10.0, 12.5, -9), PodTimes(0, "process 8", 12.5, 14.0, 75)],
        [PodTimes(0, "process 9", 20.0, 21.0, 0, 2)],
        [],
    ]
    for pods in sessions:
        note_session(root, manifest, pods)

    assert sorted(read_sessions(root, manifest.ref.folder)) == sorted([*sessions[0], *sessions[1]])
    assert read_notes(root, manifest.ref.folder) == []


def test_a_session_that_cannot_be_noted_loses_nothing_else(
    tmp_path: Path, manifest: Manifest, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")

    note_session(DirectoryStore(tmp_path / "file"), manifest, [PodTimes(0, "process 7", 10.0, 12.5, 0)])

    assert "batt: what worked when is not noted: " in capsys.readouterr().err


def test_notes_of_thousands_of_shards_are_read_from_a_bucket(manifest: Manifest, gcs: str, tmp_path: Path) -> None:
    root = open_store(gcs, tmp_path)
    pods = [PodTimes(shard, f"pod-{shard}", float(shard), shard + 1.0, 0) for shard in range(300)]
    for pod in pods:
        note_begin(root, manifest, pod, attempt=1)
        note_end(root, manifest, pod, 0)

    assert sorted(read_notes(root, manifest.ref.folder)) == pods


NOW = 1000.0


@pytest.mark.parametrize(
    ("pods", "results", "expected"),
    [
        pytest.param([], {}, (0, 0), id="no pods"),
        pytest.param([PodTimes(0, "a", 10, 30)], {0: ShardEnd("a", 29)}, (20, 0), id="one pod, its result"),
        pytest.param([PodTimes(0, "a", 10, 30)], {}, (20, 20), id="ended without a result"),
        pytest.param([PodTimes(0, "a", 990, None)], {}, (10, 10), id="killed, nothing since: until now"),
        pytest.param([PodTimes(0, "a", 10, None)], {0: ShardEnd("a", 25)}, (15, 0), id="killed after its result"),
        pytest.param(
            [PodTimes(0, "b", 50, 60), PodTimes(0, "a", 10, None)],
            {0: ShardEnd("b", 59)},
            (50, 40),
            id="killed: until the next pod began",
        ),
        pytest.param(
            [PodTimes(0, "a", 10, 30), PodTimes(0, "b", 12, None)],
            {0: ShardEnd("a", 29)},
            (37, 17),
            id="a duplicate that was killed: until the result",
        ),
        pytest.param(
            [PodTimes(0, "a", 10, 30), PodTimes(0, "b", 12, 40)], {0: ShardEnd("a", 29)}, (48, 28), id="a duplicate"
        ),
        pytest.param(
            [PodTimes(0, "a", 10, 30), PodTimes(1, "b", 12, 13)],
            {0: ShardEnd("a", 29), 1: ShardEnd("b", 13)},
            (21, 0),
            id="two shards",
        ),
        pytest.param([PodTimes(0, "a", 10, 9.5)], {0: ShardEnd("a", 9.4)}, (0, 0), id="clocks that differ"),
        pytest.param([PodTimes(0, "a", 10, 30)], {0: ShardEnd("", 5.0)}, (20, 20), id="a result made on a laptop"),
    ],
)
def test_seconds_are_summed_and_what_gave_no_result_is_waste(
    pods: list[PodTimes], results: dict[int, ShardEnd], expected: tuple[float, float]
) -> None:
    assert usage(pods, results, NOW) == expected


PODS = st.builds(
    PodTimes,
    st.integers(0, 3),
    st.sampled_from("abcdef"),
    st.floats(0, NOW),
    st.none() | st.floats(0, NOW),
)


@given(
    st.lists(PODS, unique_by=lambda pod: (pod.shard, pod.pod)),
    st.dictionaries(st.integers(0, 3), st.builds(ShardEnd, st.sampled_from("abcdef"), st.floats(0, NOW))),
)
def test_waste_is_a_part_of_all_and_the_order_of_pods_is_no_matter(
    pods: list[PodTimes], results: dict[int, ShardEnd]
) -> None:
    used = usage(pods, results, NOW)

    assert 0 <= used.wasted_seconds <= used.pod_seconds <= NOW * len(pods)
    assert usage(sorted(pods, key=lambda pod: pod.shard), results, NOW) == pytest.approx(used)
