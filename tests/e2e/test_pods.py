"""Containers of a run, from outside: exit codes, termination messages, what they store, and how they stop."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from batt.message import CollectMessage, ErrorMessage, PlanMessage
from batt.results import without_timing
from batt.store import read_json
from tests.answers import answering
from tests.e2e.command import (
    BATT,
    PATIENCE_SECONDS,
    batt,
    ended,
    environment,
    finish,
    results_of,
    session_of,
    started,
    wait_for,
)
from tests.e2e.mixed import TASKS, write_candidates, write_run, write_slow
from tests.e2e.pods import UID, Pods, results_json, run_store, write_pods

SHARDS = 3

SOON_SECONDS = 15.0
"""What a spot node gives; asked to stop, containers take about one."""


class Mixed(NamedTuple):
    """A run file, and the results that `batt run` gives for it."""

    file: Path
    expected: Any


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    folder = tmp_path_factory.mktemp("mixed")
    write_candidates(folder / "candidates")
    write_slow(folder / "candidates", 300)
    file = write_run(folder / "run.yaml", shards=SHARDS, cache=False)
    finished = finish("run", file, "--results", "expected", cwd=folder)
    return Mixed(file, comparable(results_of(finished, folder)))


def comparable(results: dict[str, Any]) -> Any:
    """Return results without times and without where the inputs lay."""
    return without_timing({**results, "solvers": {}})


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.full)])
def pods(request: pytest.FixtureRequest, mixed: Mixed, tmp_path: Path) -> Pods:
    bucket = request.getfixturevalue("gcs") if request.param == "bucket" else ""
    return write_pods(tmp_path / "pod", mixed.file, f"{bucket}/runs" if bucket else str(tmp_path / "results"))


@pytest.fixture
def here(mixed: Mixed, tmp_path: Path) -> Pods:
    return write_pods(tmp_path / "pod", mixed.file, str(tmp_path / "results"))


def test_containers_give_what_a_run_on_a_laptop_gives(mixed: Mixed, pods: Pods) -> None:
    planned = pods.finish("plan")
    told_of_plan = pods.message
    for index in range(SHARDS):
        pods.finish("work", index=index, pod=f"worker-{index}")
        assert pods.message_path.read_bytes() == b""
    collected = pods.finish("collect")
    told_of_collect = pods.message

    assert comparable(results_json(pods)) == mixed.expected
    totals = results_json(pods)["totals"]
    assert told_of_plan == PlanMessage(
        f"default/mixed-{UID[:8]}", SHARDS, SHARDS, len(TASKS), totals["candidates"], totals["refused"]
    )
    assert f"attempt 1, {SHARDS} shards to do" in planned.out
    assert "refused: " in planned.out
    assert isinstance(told_of_collect, CollectMessage)
    assert (told_of_collect.attempt, told_of_collect.missing, told_of_collect.missing_indexes) == (1, 0, "")
    assert (told_of_collect.solved, told_of_collect.tasks) == (len(TASKS), len(TASKS))
    assert told_of_collect.verdicts == totals["verdicts"]
    assert told_of_collect.path == f"default/mixed-{UID[:8]}/out/1/results.json"
    assert told_of_collect.pod_seconds > 0
    assert told_of_collect.wasted_seconds == 0
    assert "run_batt.phase3a_validate_batch" in told_of_collect.phases
    assert "score       6 of 6 tasks solved" in collected.out
    assert f"results     {pods.results}/default/mixed-" in collected.out


@pytest.mark.full
def test_every_stage_can_be_done_twice_and_says_the_same(pods: Pods) -> None:
    pods.finish("plan")
    planned = pods.message
    pods.finish("plan", pod="00000000-2")
    planned_again = pods.message
    for index in (0, 1, 2, 2):
        worked = pods.finish("work", index=index, pod="worker")
    before = pods.store.list()
    pods.finish("collect")
    collected = pods.message
    pods.finish("collect", pod="00000000-2")
    collected_again = pods.message

    assert planned == planned_again is not None
    assert "shard 2: has its result already" in worked.out
    assert len([path for path in before if "/attempts/" in path]) == 2 * SHARDS
    assert collected == collected_again is not None


@pytest.mark.full
def test_a_further_attempt_does_what_is_missing(mixed: Mixed, pods: Pods) -> None:
    pods.finish("plan")
    pods.finish("work", index=1, pod="worker-1")
    pods.finish("collect")
    partial = pods.message
    pods.finish("plan", attempt=2)
    planned = pods.message
    pods.finish("work", attempt=2, index=0, pod="worker-2")
    pods.finish("work", attempt=2, index=1, pod="worker-3")
    beyond = pods.run("work", attempt=2, index=2, pod="worker-4")
    told_of_beyond = pods.message
    pods.finish("collect", attempt=2)
    whole = pods.message

    assert isinstance(partial, CollectMessage)
    assert (partial.attempt, partial.missing, partial.missing_indexes) == (1, 2, "0,2")
    assert isinstance(planned, PlanMessage)
    assert (planned.shards, planned.todo) == (SHARDS, 2)
    assert beyond.code == 64
    assert isinstance(told_of_beyond, ErrorMessage)
    assert "JOB_COMPLETION_INDEX: got 2; must be below 2, the shards of attempt 2" in told_of_beyond.error
    assert isinstance(whole, CollectMessage)
    assert (whole.attempt, whole.missing) == (2, 0)
    assert whole.path.endswith("/out/2/results.json")
    assert comparable(results_json(pods, 2)) == mixed.expected


@pytest.mark.full
def test_an_attempt_that_found_nothing_new_has_results_of_its_own_number(here: Pods) -> None:
    here.finish("plan")
    here.finish("work", index=1, pod="worker-1")
    here.finish("collect")
    here.finish("plan", attempt=2)
    here.finish("collect", attempt=2)

    assert isinstance(here.message, CollectMessage)
    assert here.message.path.endswith("/out/2/results.json")
    assert without_timing(results_json(here, 2)) == without_timing(results_json(here, 1))


def test_a_duplicate_is_waste(here: Pods) -> None:
    """Two pods of one shard, as after a node was lost: one result, both paid for."""
    here.finish("plan")
    with (
        started("pod", "work", cwd=here.folder, **here.environment(pod="worker-a", index=0)) as first,
        started("pod", "work", cwd=here.folder, **here.environment(pod="worker-b", index=0)) as second,
    ):
        assert {ended(first).code, ended(second).code} == {0}
    here.finish("collect")

    (winner,) = (read_json(run_store(here), path)["pod"] for path in run_store(here).list("shards/"))
    loser = {"worker-a": "worker-b", "worker-b": "worker-a"}[winner]
    assert isinstance(here.message, CollectMessage)
    notes = {path: read_json(run_store(here), path) for path in run_store(here).list("attempts/0/")}
    if f"attempts/0/{loser}.json" in notes:  # else it came after the result
        spent = notes[f"attempts/0/{loser}.end.json"]["end"] - notes[f"attempts/0/{loser}.json"]["begin"]
        assert here.message.wasted_seconds == pytest.approx(spent, rel=1e-4)
        assert here.message.pod_seconds > here.message.wasted_seconds


# failures


def error_of(pods: Pods) -> ErrorMessage:
    assert isinstance(pods.message, ErrorMessage), pods.message_path.read_text()
    return pods.message


@pytest.mark.parametrize("field", ["candidates", "dataset", "dsl"])
@pytest.mark.parametrize("uri", ["image:/nowhere/at/all", "file:///nowhere/at/all"])
def test_inputs_that_are_not_there_are_bad_data(here: Pods, field: str, uri: str) -> None:
    value = json.loads((here.folder / "run.json").read_text())
    value["run"]["spec"]["solvers"][field] = uri
    (here.folder / "run.json").write_text(json.dumps(value))

    refused = here.run("plan")

    assert refused.code == 65, refused.told
    told = error_of(here)
    assert (told.stage, told.code) == ("plan", 65)
    assert "/nowhere/at/all" in told.error
    assert told.error in refused.err


@pytest.mark.parametrize("uri", ["candidates", "./x.py", "file:x.py", "~/x"])
def test_paths_of_a_laptop_are_refused_with_the_way_out(here: Pods, uri: str) -> None:
    value = json.loads((here.folder / "run.json").read_text())
    value["run"]["spec"]["solvers"]["candidates"] = uri
    (here.folder / "run.json").write_text(json.dumps({**value, "results": "results"}))

    refused = here.run("plan")

    assert refused.code == 64, refused.told
    assert f"spec.solvers.candidates: got {uri!r}; a plain path or file: means something on a laptop only" in (
        error_of(here).error
    )
    assert "use `batt submit`, which uploads it" in error_of(here).error
    assert "results: got 'results'; must not be relative in a pod" in error_of(here).error


@pytest.mark.parametrize("stage", ["work", "collect"])
def test_a_stage_without_a_plan_is_refused(here: Pods, stage: str) -> None:
    refused = here.run(stage, index=0)

    assert refused.code == 65, refused.told
    assert f"default/mixed-{UID[:8]}: there is no run in {here.results}" in error_of(here).error


def test_a_bucket_that_is_not_there_is_a_wrong_configuration(mixed: Mixed, tmp_path: Path, gcs: str) -> None:
    pods = write_pods(tmp_path / "pod", mixed.file, f"{gcs}-not/runs")

    refused = pods.run("plan")

    assert refused.code == 78, refused.told
    assert "there is no bucket" in error_of(pods).error


def test_a_store_that_cannot_be_written_is_a_store_error(mixed: Mixed, tmp_path: Path) -> None:
    pods = write_pods(tmp_path / "pod", mixed.file, "/proc/no-such-place")

    refused = pods.run("plan")

    assert refused.code == 74, refused.told
    assert error_of(pods).code == 74


@pytest.mark.parametrize("stage", ["plan", "work", "collect"])
def test_a_store_that_refuses_is_told_apart(mixed: Mixed, tmp_path: Path, stage: str) -> None:
    pods = write_pods(tmp_path / "pod", mixed.file, "gs://bucket/runs")

    with answering(403) as address:
        variables = {**pods.environment(index=0), "STORAGE_EMULATOR_HOST": address, "BATT_ACCESS_SECONDS": "0.5"}
        refused = batt("pod", stage, cwd=pods.folder, **variables)

    assert refused.code == 77, refused.told
    told = error_of(pods)
    assert (told.stage, told.code) == (stage, 77)
    assert "for 0.5 s; permission is needed; grant this account roles/storage.objectUser" in told.error


def test_access_that_comes_late_is_waited_for_and_may_be_stopped(mixed: Mixed, tmp_path: Path) -> None:
    """Without BATT_ACCESS_SECONDS a pod waits for minutes: it is still there when it is asked to stop."""
    pods = write_pods(tmp_path / "pod", mixed.file, "gs://bucket/runs")
    variables = pods.environment()
    del variables["BATT_ACCESS_SECONDS"]
    asked: list[str] = []

    with answering(403, seen=asked) as address:
        variables["STORAGE_EMULATOR_HOST"] = address
        with started("pod", "plan", cwd=pods.folder, **variables) as plan:
            wait_for(lambda: len(asked) > 1, "a second request")
            begin = time.monotonic()
            plan.terminate()
            stopped = ended(plan)
            took = time.monotonic() - begin

    assert stopped.code == 75, stopped.told
    assert took < 5
    assert error_of(pods).code == 75


@pytest.mark.parametrize(
    ("stage", "damaged"),
    [
        pytest.param("plan", "manifest.json", marks=pytest.mark.full),
        ("work", "manifest.json"),
        pytest.param("collect", "shards/0.json.gz", marks=pytest.mark.full),
    ],
)
def test_what_nobody_expected_is_a_fault_of_batt(here: Pods, stage: str, damaged: str) -> None:
    here.finish("plan")
    here.finish("work", index=0)
    path = Path(run_store(here).uri) / damaged
    path.unlink()
    run_store(here).create(damaged, b'{"schema": 1}' if damaged.endswith("json") else gzipped(b"{}"))

    failed = here.run(stage, index=1)

    assert failed.code == 70, failed.told
    assert "Traceback" in failed.err
    assert error_of(here).error.startswith("KeyError: ")
    assert "this is a fault of batt, please report it with the pod's log" in error_of(here).error


def gzipped(data: bytes) -> bytes:
    import gzip

    return gzip.compress(data)


@pytest.mark.parametrize("path", [pytest.param("absent/file", marks=pytest.mark.full), "."])
def test_a_message_that_cannot_be_written_changes_nothing(here: Pods, path: str) -> None:
    variables = {**here.environment(), "BATT_MESSAGE": path}

    done = batt("pod", "plan", cwd=here.folder, **variables)
    refused = batt("pod", "plan", cwd=here.folder, **{**variables, "BATT_ATTEMPT": "none"})

    assert done.code == 0, done.told
    assert refused.code == 64
    for one in (done, refused):
        assert f"batt: {path}: the termination message is not written: " in one.err
        assert "Traceback" not in one.told
    assert not (here.folder / "absent").exists()


def test_every_fault_of_the_environment_is_said_at_once(here: Pods) -> None:
    variables = here.environment()
    for name in ("BATT_RUN", "BATT_ATTEMPT", "BATT_POD_UID"):
        variables[name] = ""

    refused = batt("pod", "work", cwd=here.folder, **variables)

    assert refused.code == 64
    for name in ("BATT_RUN", "BATT_ATTEMPT", "BATT_POD_UID", "JOB_COMPLETION_INDEX"):
        assert f"{name}: got " in error_of(here).error


# being asked to stop


def is_listening(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def stop_after(pods: Pods, stage: str, seconds: float, pod: str, index: int | None = None) -> int:
    """Run a stage and ask it to stop some seconds after it listens; return its exit code."""
    with started("pod", stage, cwd=pods.folder, **pods.environment(pod=pod, index=index)) as process:
        wait_for(lambda: process.poll() is not None or is_listening(process.pid), "a handler for SIGTERM")
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)  # this is the moment of the signal
        begin = time.monotonic()
        process.terminate()
        stopped = ended(process)
        took = time.monotonic() - begin
        wait_for(lambda: session_of(process.pid) == [], "its children to go away")
    assert stopped.code in {0, 75}, stopped.told
    assert "Traceback" not in stopped.told
    assert took < SOON_SECONDS, (stage, seconds)
    if stopped.code == 75:
        assert error_of(pods).code == 75
    return stopped.code


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 6))
def test_asked_to_stop_at_any_moment_a_stage_ends_with_75_and_goes_on_later(
    mixed: Mixed, here: Pods, seed: int
) -> None:
    assert_stops_cost_nothing(here, seed, mixed.expected)


@pytest.mark.full
def test_asked_to_stop_at_any_moment_nothing_is_lost_in_a_bucket(mixed: Mixed, tmp_path: Path, gcs: str) -> None:
    assert_stops_cost_nothing(write_pods(tmp_path / "pod", mixed.file, f"{gcs}/runs"), 1, mixed.expected)


def assert_stops_cost_nothing(pods: Pods, seed: int, expected: Any) -> None:
    """Stop every container of a run at nine moments, each a little later than the one before, then let it end."""
    rng = random.Random(seed)
    moments = [0.0, *(rng.uniform(0.05 * step, 0.25 * step) for step in range(1, 9))]
    codes: dict[str, list[int]] = {}
    for stage, index in [("plan", None), *(("work", index) for index in range(SHARDS)), ("collect", None)]:
        name = f"{stage}-{index}"
        codes[name] = [stop_after(pods, stage, moment, f"{name}-{n}", index) for n, moment in enumerate(moments)]
        pods.finish(stage, index=index, pod=f"{name}-last")

    assert all(75 in some for some in codes.values()), codes
    assert comparable(results_json(pods)) == expected
    assert isinstance(pods.message, CollectMessage)
    assert pods.message.pod_seconds > pods.message.wasted_seconds


def test_a_stopped_worker_has_stored_what_it_knew_and_its_cost_is_told_as_waste(here: Pods) -> None:
    here.finish("plan")
    store = run_store(here)
    with started("pod", "work", cwd=here.folder, **here.environment(pod="stopped", index=0)) as worker:
        wait_for(lambda: bool(store.list("progress/0/")), "a progress segment")
        worker.terminate()
        stopped = ended(worker)

    assert stopped.code == 75, stopped.told
    noted = read_json(store, "attempts/0/stopped.end.json")
    assert noted["code"] == 75
    assert store.list("shards/") == []
    here.finish("work", pod="next", index=0)
    here.finish("collect")
    assert isinstance(here.message, CollectMessage)
    spent = noted["end"] - read_json(store, "attempts/0/stopped.json")["begin"]
    assert here.message.wasted_seconds == pytest.approx(spent, rel=1e-4)
    assert here.message.pod_seconds > here.message.wasted_seconds
    page = store.read("out/1/report.html").decode()
    assert "worked on 2 times; 1 asked to stop: preempted or suspended." in page
    assert "stopped, attempt 1: " in page


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="process 1 of a namespace needs root and unshare: run as root, apt-get install util-linux",
)
@pytest.mark.parametrize("stage", ["plan", "work", "collect"])
def test_process_1_of_a_container_hears_sigterm(here: Pods, stage: str) -> None:
    """Signals without a handler do not reach the first process of a namespace: it would be killed after the grace."""
    run = json.loads((here.folder / "run.json").read_text())
    (here.folder / "run.json").write_text(json.dumps({**run, "results": "gs://bucket/runs"}))
    variables = here.environment(pod="one", index=0)
    with answering(403) as address:  # a store that lets it wait for ever
        variables |= {"STORAGE_EMULATOR_HOST": address, "BATT_ACCESS_SECONDS": "600"}
        outer = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", *BATT, "pod", stage],
            cwd=here.folder,
            env=environment(**variables),
            start_new_session=True,
        )
        try:
            wait_for(lambda: bool(children_of(outer.pid)) and is_listening(children_of(outer.pid)[0]), "process 1")
            (first,) = children_of(outer.pid)
            assert Path(f"/proc/{first}/status").read_text().split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
            os.kill(first, signal.SIGTERM)
            code = outer.wait(timeout=PATIENCE_SECONDS)
        finally:
            outer.kill()
            outer.wait()

    assert code == 75
    assert error_of(here).code == 75


def children_of(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
