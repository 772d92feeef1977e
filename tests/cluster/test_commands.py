"""The commands on a real API server. The test plays the operator: it writes what the status would say."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from batt.collect import collect
from batt.store import open_store
from batt_operator.cluster import open_api
from batt_operator.commands.client import Cluster as Client
from batt_operator.commands.client import ConflictError, ExpiredError
from batt_operator.commands.runs import Run, change_run
from tests.cluster.client import Cluster
from tests.cluster.commanding import Started, User, condition, write_status
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemons import Daemon, wait_until
from tests.cluster.fakenodes import FakeNodes
from tests.cluster.node import Node
from tests.cluster.operating import RUNS, Operator, collect_words, plan_words, run_object, run_of
from tests.images import base_image
from tests.runs import SOLVE_MIRROR, SOLVE_TURN, make_run, plan_run, tasks_json, work_on, write_inputs

pytestmark = pytest.mark.timeout(1800)  # the first run builds Kubernetes

CRD = Path(__file__).parents[2] / "crds" / "benchmarkruns.yaml"

RUN_FILE = """
apiVersion: batt.dev/v1alpha1
kind: BenchmarkRun
metadata:
  name: mine
spec:
  maxConcurrency: 4
  solvers:
    dataset: arc-agi-1/training
    tasks: ["67a3c6ac"]
    candidates: builtin:starter
"""

LOCAL_FILE = """
apiVersion: batt.dev/v1alpha1
kind: BenchmarkRun
metadata: {name: local}
spec:
  solvers: {dataset: tasks.json, candidates: candidates}
"""

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of these tests' own: they restart its API server, and begin without our definition."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="module")
def bare_cluster(plane: ControlPlane) -> Cluster:
    """The cluster before BenchmarkRuns are installed."""
    return plane.cluster


@pytest.fixture(scope="module")
def cluster(bare_cluster: Cluster) -> Cluster:
    """The cluster with BenchmarkRuns."""
    bare_cluster.kubectl("apply", "--server-side", "-f", str(CRD))
    bare_cluster.wait_crd()
    return bare_cluster


@pytest.fixture
def user(cluster: Cluster, tmp_path: Path) -> Iterator[User]:
    """Someone who may do everything, in a fresh namespace, with run.yaml in their folder."""
    with cluster.namespace() as namespace:
        (tmp_path / "run.yaml").write_text(RUN_FILE)
        yield User(cluster, namespace, tmp_path)


def started_run(user: User, name: str = "mine", **status: Any) -> None:
    """Create a run and write its status."""
    user.cluster.apply(run_object(name, user.namespace))
    if status:
        write_status(user.cluster, user.namespace, name, **status)


def spec_of(user: User, name: str = "mine") -> dict[str, Any]:
    spec: dict[str, Any] = run_of(user.cluster, user.namespace, name)["spec"]
    return spec


def says(command: Started, text: str) -> None:
    """Wait until a command has said something."""
    wait_until(f"{text!r} of a command", lambda: text in command.said or command.process.poll() is not None)
    assert text in command.said, command.said


def limited(user: User, rules: list[dict[str, Any]]) -> User:
    """Return the user as a service account with a role of these rules."""
    name = f"limited-{next(NUMBERS)}"
    account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name, "namespace": user.namespace}}
    role = {
        "kind": "Role",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name, "namespace": user.namespace},
        "rules": rules,
    }
    binding = {
        "kind": "RoleBinding",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name, "namespace": user.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": user.namespace}],
    }
    user.cluster.apply(account, role, binding)
    return User(user.cluster.as_service_account(user.namespace, name, user.folder), user.namespace, user.folder)


def test_a_cluster_without_batt_is_told_how_to_get_it(bare_cluster: Cluster, tmp_path: Path) -> None:
    someone = User(bare_cluster, "default", tmp_path)
    (tmp_path / "run.yaml").write_text(RUN_FILE)

    for arguments in (["list"], ["watch", "mine"], ["submit", "run.yaml"]):
        ended = someone.batt(*arguments)

        assert ended.code == 69, ended.told
        assert "got no BenchmarkRuns there; batt must be installed; install it: helm install batt" in ended.err


# submit


def test_submit_creates_a_run_and_the_same_again_changes_nothing(user: User) -> None:
    first = user.batt_process("submit", "run.yaml")
    version = run_of(user.cluster, user.namespace, "mine")["metadata"]["resourceVersion"]
    second = user.finish("submit", "run.yaml")

    assert first.out == f"mine: created in namespace {user.namespace}; follow it: batt watch mine\n"
    assert second.out == f"mine: unchanged in namespace {user.namespace}; follow it: batt watch mine\n"
    assert run_of(user.cluster, user.namespace, "mine")["metadata"]["resourceVersion"] == version


def test_submit_changes_what_may_change(user: User) -> None:
    user.finish("submit", "run.yaml")
    (user.folder / "run.yaml").write_text(RUN_FILE.replace("maxConcurrency: 4", "maxConcurrency: 9"))

    ended = user.finish("submit", "run.yaml")

    assert ended.out.startswith("mine: changed")
    assert spec_of(user)["maxConcurrency"] == 9


def test_submit_does_not_resume_what_was_suspended_since(user: User) -> None:
    user.finish("submit", "run.yaml")
    user.finish("suspend", "mine")

    ended = user.finish("submit", "run.yaml")

    assert ended.out.startswith("mine: unchanged")
    assert spec_of(user)["suspend"] is True


def test_submit_names_every_field_that_cannot_change(user: User) -> None:
    user.finish("submit", "run.yaml")
    changed = RUN_FILE.replace('["67a3c6ac"]', '["68b16354"]').replace("  solvers:", "  pool: l4\n  solvers:")
    (user.folder / "run.yaml").write_text(changed)

    ended = user.batt("submit", "run.yaml")

    assert ended.code == 64
    assert ended.err.startswith("batt: 2 faults:\n")
    assert "spec.pool: got 'l4'; is not set in the run mine on the cluster and cannot change" in ended.err
    assert "spec.solvers.tasks: got ['68b16354']; is ['67a3c6ac'] in the run mine" in ended.err


def test_submit_of_a_run_that_has_ended_says_how_to_run_it_again(user: User) -> None:
    user.finish("submit", "run.yaml")
    write_status(user.cluster, user.namespace, "mine", phase="Failed", attempt=1)

    again = user.finish("submit", "run.yaml")
    other = user.finish("submit", "run.yaml", "--name", "other")

    assert "mine: unchanged; it has ended (Failed); to run it again: batt submit run.yaml --name OTHER" in again.out
    assert other.out.startswith("other: created")


def test_a_dry_run_asks_the_cluster_and_stores_nothing(user: User) -> None:
    ended = user.finish("submit", "run.yaml", "--dry-run")
    (user.folder / "copy.yaml").write_text(ended.out)

    assert "mine: created (dry run); would upload nothing" in ended.err
    assert user.cluster.find(f"{RUNS.format(user.namespace)}/mine") is None
    user.cluster.kubectl("apply", "-f", str(user.folder / "copy.yaml"))


def test_a_namespace_that_is_not_there_is_named(user: User) -> None:
    ended = User(user.cluster, "nowhere", user.folder).batt("submit", "run.yaml")

    assert ended.code == 66
    assert 'namespaces "nowhere" not found' in ended.err


def test_what_the_file_names_here_is_uploaded_once_and_its_place_is_in_the_run(user: User, gcs: str) -> None:
    write_inputs(user.folder, {"a.py": SOLVE_TURN, "b.py": SOLVE_MIRROR})
    (user.folder / "local.yaml").write_text(LOCAL_FILE)

    first = user.finish("submit", "local.yaml", "--results", f"{gcs}/runs")
    objects = open_store(f"{gcs}/runs", Path()).list()
    second = user.finish("submit", "local.yaml", "--results", f"{gcs}/runs")

    solvers = spec_of(user, "local")["solvers"]
    assert spec_of(user, "local")["results"] == f"{gcs}/runs"
    assert "candidates: 2/2 files" in first.err
    assert f"candidates: is in {solvers['candidates']} already" in second.err
    assert open_store(solvers["candidates"], Path()).list() == ["a.py", "b.py"]
    folder, _, name = solvers["dataset"].rpartition("/")
    assert json.loads(open_store(folder, Path()).read(name)) == tasks_json()
    assert open_store(f"{gcs}/runs", Path()).list() == objects
    assert all(path.startswith("uploads/") for path in objects)


def test_nothing_is_uploaded_for_a_run_that_the_cluster_refuses(user: User, gcs: str) -> None:
    write_inputs(user.folder, {"a.py": SOLVE_TURN})
    (user.folder / "local.yaml").write_text(LOCAL_FILE)
    stranger = limited(user, [])

    ended = stranger.batt("submit", "local.yaml", "--results", gcs)

    assert ended.code == 77
    assert 'cannot create resource "benchmarkruns" in API group "batt.dev"' in ended.err
    assert open_store(gcs, Path()).list() == []


# watch


def test_watch_tells_every_change_and_ends_with_the_summary(user: User) -> None:
    started_run(user)
    phases = [{"name": "run_batt.check_batt", "count": 1, "sum": 2.5, "min": 2.5, "max": 2.5, "p50": 2.5, "p95": 2.5}]
    with user.start("watch", "mine") as watch:
        says(watch, "Pending")
        write_status(user.cluster, user.namespace, "mine", phase="Planning")
        says(watch, "Planning")
        stalled = condition("Stalled", "Unschedulable", message="0/3 nodes are available")
        write_status(user.cluster, user.namespace, "mine", phase="Running", conditions=[stalled])
        says(watch, "STALLED: 0/3 nodes are available")
        write_status(
            user.cluster, user.namespace, "mine", phase="Complete", conditions=[condition("Complete", "AllShardsDone")],
            shards={"total": 3, "succeeded": 3}, tasks={"total": 2, "solved": 1}, phases=phases,
            results="gs://bucket/runs/x",
        )  # fmt: skip
        ended = watch.end()

    assert ended.code == 0, ended.told
    assert "score       1 of 2 tasks solved (50.0 %)" in ended.out
    assert "shards      3 of 3 with a result" in ended.out
    assert "results     gs://bucket/runs/x" in ended.out
    assert "Timing summary (seconds):\n  run_batt.check_batt                 2.500" in ended.out


@pytest.mark.parametrize(
    ("phase", "reason"),
    [("Complete", "CompletedWithFailures"), ("Failed", "TooManyFailures"), ("Cancelled", "Cancelled")],
)
def test_watch_of_a_run_without_all_results_exits_with_1(user: User, phase: str, reason: str) -> None:
    started_run(user, phase=phase, conditions=[condition(phase, reason)])

    ended = user.batt("watch", "mine")

    assert ended.code == 1, ended.told
    assert f"mine: {phase} ({reason})" in ended.out


def test_watch_for_machines_prints_json_lines(user: User) -> None:
    started_run(user, phase="Running", shards={"total": 4, "succeeded": 1})
    with user.start("watch", "mine", "--json") as watch:
        says(watch, '"progress"')
        write_status(
            user.cluster, user.namespace, "mine", phase="Failed", conditions=[condition("Failed", "PlanRejected")]
        )
        ended = watch.end()

    first, *_, last = map(json.loads, ended.out.splitlines())
    assert ended.code == 1
    assert first["counts"] == {"total": 4, "active": 0, "succeeded": 1, "failed": 0}
    assert (last["event"], last["reason"], last["complete"]) == ("summary", "PlanRejected", False)


@pytest.mark.full
def test_watch_survives_a_restart_of_the_api_server(user: User, plane: ControlPlane) -> None:
    started_run(user, phase="Running")
    with user.start("watch", "mine") as watch:
        says(watch, "Running")
        restart_apiserver(plane, lambda: says(watch, "trying again"))
        write_status(
            user.cluster, user.namespace, "mine", phase="Complete", conditions=[condition("Complete", "AllShardsDone")]
        )
        ended = watch.end()

    assert ended.code == 0, ended.told


def restart_apiserver(plane: ControlPlane, meanwhile: Any) -> None:
    """Stop the API server, do something, start it as it was, and wait until it answers."""
    [server] = [daemon for daemon in plane._daemons if daemon.name == "kube-apiserver"]
    command = cast("list[str]", server.process.args)  # as Daemon made it
    server.stop()
    meanwhile()
    again: Daemon = plane.run("kube-apiserver", command[command.index("--") + 1 :])
    plane._daemons.remove(server)
    wait_until("API server ready", lambda: plane._is_ready(again), daemons=[again])


def test_watch_says_that_the_run_was_deleted(user: User) -> None:
    started_run(user, phase="Running", results="gs://bucket/runs/x")
    with user.start("watch", "mine") as watch:
        says(watch, "Running")
        user.cluster.delete(f"{RUNS.format(user.namespace)}/mine")
        ended = watch.end()

    assert ended.code == 1
    assert "mine: was deleted while it was Running; what it had finished stays in gs://bucket/runs/x" in ended.err


def test_watch_follows_a_further_attempt_from_the_moment_it_is_asked_for(user: User) -> None:
    started_run(user, phase="Failed", attempt=1, conditions=[condition("Failed", "TooManyFailures")])
    user.finish("retry-failed", "mine")
    with user.start("watch", "mine") as watch:
        says(watch, "Failed")
        write_status(user.cluster, user.namespace, "mine", phase="Running", attempt=2, conditions=[])
        says(watch, "Running (attempt 2)")
        write_status(
            user.cluster, user.namespace, "mine", phase="Complete", conditions=[condition("Complete", "AllShardsDone")]
        )
        ended = watch.end()

    assert ended.code == 0, ended.told


def test_watch_shows_the_jobs_own_counts_where_it_may(user: User) -> None:
    started_run(user, phase="Running", shards={"total": 10, "succeeded": 0})
    uid = run_of(user.cluster, user.namespace, "mine")["metadata"]["uid"]
    make_work_job(user.cluster, user.namespace, "mine", uid, succeeded="0-3,7", failed="5")

    with user.start("watch", "mine") as watch:
        says(watch, "Running, 5/10 shards, 1 failed")


def make_work_job(cluster: Cluster, namespace: str, run: str, uid: str, succeeded: str, failed: str) -> None:
    """Create a run's work Job, suspended so that its controller leaves the status that we write."""
    container = {"name": "worker", "image": "none"}
    owner = {"apiVersion": "batt.dev/v1alpha1", "kind": "BenchmarkRun", "name": run, "uid": uid, "controller": True}
    spec = {
        "completionMode": "Indexed", "completions": 10, "parallelism": 10, "suspend": True, "backoffLimitPerIndex": 1,
        "managedBy": "batt.dev/test",  # so that no controller corrects the counts
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }  # fmt: skip
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    job = {"metadata": {"name": f"{run}-work", "ownerReferences": [owner]}, "spec": spec}
    cluster.post(path, job)
    status = {"succeeded": 5, "completedIndexes": succeeded, "failed": 2, "failedIndexes": failed, "active": 0}
    cluster.patch(f"{path}/{run}-work/status", {"status": status})


def test_watch_needs_only_to_read_runs(user: User) -> None:
    started_run(user, phase="Running", shards={"total": 3, "succeeded": 1})
    reader = limited(user, [{"apiGroups": ["batt.dev"], "resources": ["benchmarkruns"], "verbs": ["get"]}])
    with reader.start("watch", "mine") as watch:
        says(watch, "Running, 1/3 shards")
        write_status(
            user.cluster, user.namespace, "mine", phase="Failed", conditions=[condition("Failed", "PlanRejected")]
        )
        ended = watch.end()

    assert ended.code == 1
    assert "mine: Failed (PlanRejected)" in ended.out


def test_a_name_that_is_not_there_is_answered_with_one_that_is(user: User) -> None:
    started_run(user, "nightly-training")

    for command in ("watch", "logs", "results", "suspend", "retry-failed"):
        ended = user.batt(command, "nightly-trainin")

        assert ended.code == 66, ended.told
        assert "run: got 'nightly-trainin'; must be a run of namespace" in ended.err
        assert "did you mean nightly-training?" in ended.err


def test_an_old_version_is_looked_up_anew(user: User) -> None:
    with pytest.raises(ExpiredError):
        list(client_of(user).watch(RUNS.format(user.namespace), {"resourceVersion": "1"}, 5))


# suspend, resume, cancel, retry-failed


def test_a_run_is_suspended_resumed_and_cancelled(user: User) -> None:
    started_run(user, phase="Running")

    told = [user.finish(command, "mine").out for command in ("suspend", "suspend", "resume", "resume")]

    assert [line.split(";")[0].split(":")[1].strip() for line in told] == [
        "is being suspended", "is suspended already", "goes on with what is missing", "is not suspended",
    ]  # fmt: skip
    assert spec_of(user)["suspend"] is False
    assert "is being cancelled" in user.finish("cancel", "mine").out
    assert spec_of(user)["cancel"] is True


def test_a_failed_run_is_retried_once_however_often_it_is_asked_for(user: User) -> None:
    started_run(user, phase="Cancelled", attempt=1, conditions=[condition("Cancelled", "Cancelled")])
    user.cluster.patch(f"{RUNS.format(user.namespace)}/mine", {"spec": {"cancel": True}})

    first, second = user.finish("retry-failed", "mine"), user.finish("retry-failed", "mine")

    assert "tries again what has no result, as attempt 2" in first.out
    assert "has been asked for attempt 2 already" in second.out
    assert (spec_of(user)["attempt"], spec_of(user)["cancel"]) == (2, False)


def test_a_run_that_goes_on_is_not_retried(user: User) -> None:
    started_run(user, phase="Running")

    ended = user.batt("retry-failed", "mine")

    assert ended.code == 1
    assert "mine: got phase Running; only a run that has ended can have a further attempt" in ended.err
    assert spec_of(user).get("attempt", 1) == 1


def client_of(user: User) -> Client:
    """Return the cluster as the commands see it."""
    return Client(open_api(user.cluster.kubeconfig), user.namespace)


def test_a_change_is_decided_anew_where_the_run_changed_meanwhile(user: User) -> None:
    started_run(user, phase="Running")
    seen: list[str] = []

    def decide(run: Run) -> dict[str, Any]:
        seen.append(run.status.phase)
        if len(seen) == 1:
            write_status(user.cluster, user.namespace, "mine", phase="Failed")
        return {"spec": {"suspend": True}}

    change_run(client_of(user), "mine", decide)

    assert seen == ["Running", "Failed"]
    assert spec_of(user)["suspend"] is True


def test_a_change_gives_up_where_others_never_stop_writing(user: User) -> None:
    started_run(user, phase="Running")
    looks = itertools.count()

    def decide(_run: Run) -> dict[str, Any]:
        write_status(user.cluster, user.namespace, "mine", message=f"look {next(looks)}")
        return {"spec": {"suspend": True}}

    with pytest.raises(ConflictError, match="run mine: got 20 changes by others meanwhile"):
        change_run(client_of(user), "mine", decide)

    assert spec_of(user).get("suspend", False) is False


# list, logs, results, export


def test_list_shows_the_runs_of_a_namespace_or_of_all(user: User) -> None:
    started_run(user, phase="Running", kind="solvers", progress="1/3", shards={"failed": 0})
    with user.cluster.namespace() as other:
        started_run(User(user.cluster, other, user.folder), "elsewhere")
        here, everywhere = user.finish("list").out, user.finish("list", "-A").out
        told = json.loads(user.finish("list", "-o", "json").out)

    assert [line.split()[:5] for line in here.splitlines()] == [
        ["NAME", "KIND", "PHASE", "DONE/TOTAL", "FAILED"],
        ["mine", "solvers", "Running", "1/3", "0"],
    ]
    assert {(line.split()[0], line.split()[1]) for line in everywhere.splitlines()[1:]} >= {
        (user.namespace, "mine"),
        (other, "elsewhere"),
    }
    assert [run["metadata"]["name"] for run in told["items"]] == ["mine"]


def test_logs_say_why_a_pod_has_none(user: User) -> None:
    started_run(user, phase="Running", message="work begins")
    uid = run_of(user.cluster, user.namespace, "mine")["metadata"]["uid"]
    none = user.finish("logs", "mine").out
    for index in (0, 1):
        make_pod(user.cluster, user.namespace, uid, index)
    user.cluster.patch(
        f"/api/v1/namespaces/{user.namespace}/pods/work-1/status", {"status": {"phase": "Failed", "reason": "Evicted"}}
    )

    both, failed = user.finish("logs", "mine").out, user.finish("logs", "mine", "--failed").out
    first = user.finish("logs", "mine", "--stage", "work", "--index", "0").out

    assert none == "(mine has no such pods; the run is Running: work begins; pods of an ended stage go with its Job)\n"
    assert [line.split(" ")[0] for line in both.splitlines()] == ["[work/0]", "[work/1]"]
    assert failed == "[work/1] (work-1 failed: Evicted)\n"
    assert first.startswith("[work/0] (work-0 has not started: ")


def make_pod(cluster: Cluster, namespace: str, uid: str, index: int) -> None:
    """Create a pod as a run's work Job would; no node takes it."""
    labels = {
        "batt.dev/run": "mine", "batt.dev/run-uid": uid, "batt.dev/stage": "work", "batt.dev/attempt": "1",
        "batch.kubernetes.io/job-completion-index": str(index),
    }  # fmt: skip
    spec = {"containers": [{"name": "worker", "image": "none"}], "nodeSelector": {"no": "node"}}
    body = {"metadata": {"name": f"work-{index}", "labels": labels}, "spec": spec}
    cluster.post(f"/api/v1/namespaces/{namespace}/pods", body)


def collected_run(user: User, uri: str, shards: list[int] | None = None) -> None:
    """Run two solvers into a bucket and write the status that the operator would write then."""
    write_inputs(user.folder, {"solve_1a1a1a1a.py": SOLVE_TURN, "solve_2b2b2b2b.py": SOLVE_MIRROR})
    root = open_store(uri, Path())
    manifest = plan_run(user.folder, make_run("mine", shards=2), root=root)
    work_on(manifest, root, shards)
    collect(manifest, root)
    reason = "CompletedWithFailures" if shards else "AllShardsDone"
    started_run(
        user, phase="Complete", conditions=[condition("Complete", reason)], runId=manifest.ref.folder,
        results=f"{uri}/{manifest.ref.folder}",
    )  # fmt: skip


def test_results_come_home_with_their_trees_and_are_not_overwritten(user: User, gcs: str) -> None:
    collected_run(user, f"{gcs}/runs")

    first, again = user.finish("results", "mine", "-o", "home"), user.finish("results", "mine", "-o", "home")
    (user.folder / "home" / "mine" / "results.json").write_text("mine")
    refused = user.batt("results", "mine", "-o", "home")

    home = user.folder / "home" / "mine"
    told = f"{home}: results.json, 2 links to solvers and differs\nreport      {home}/report.html\n"
    assert first.out == again.out == told
    assert [path.read_text() for path in (home / "solver_dir").rglob("*.py")] != []
    files = {"results.json", "summary.json", "report.html"}
    assert {path.name for path in home.iterdir()} == {*files, "solver_dir", "solver_md5"}
    assert "2 of 3 tasks solved" in (home / "report.html").read_text()
    assert refused.code == 74
    assert "got another results.json there; results are not overwritten" in refused.err


def test_partial_results_come_too_and_say_so(user: User, gcs: str) -> None:
    collected_run(user, gcs, shards=[0])

    ended = user.batt("results", "mine")

    assert ended.code == 1
    assert "PARTIAL: the run is Complete, 1 of its shards have no result; batt retry-failed mine" in ended.err
    assert json.loads((user.folder / "mine" / "results.json").read_text())["missing_shards"] == [1]


def test_results_of_a_run_that_goes_on_are_not_there_yet(user: User, gcs: str) -> None:
    started_run(user, phase="Running", runId="team/mine-1", results=f"{gcs}/team/mine-1")

    ended = user.batt("results", "mine")

    assert ended.code == 1
    assert "mine: got no results yet, it is Running; it must end first; batt watch mine" in ended.err


def test_a_run_that_ended_without_results_says_why(user: User, gcs: str) -> None:
    started_run(
        user, phase="Failed", message="no candidate could be read", conditions=[condition("Failed", "PlanRejected")],
        runId="team/mine-1", results=f"{gcs}/team/mine-1",
    )  # fmt: skip

    ended = user.batt("results", "mine")

    assert ended.code == 1
    assert "mine: got no results; it ended without any: no candidate could be read; batt logs mine" in ended.err


def test_export_takes_a_name_or_a_uri(user: User, gcs: str) -> None:
    collected_run(user, gcs)
    uri = run_of(user.cluster, user.namespace, "mine")["status"]["results"]

    by_name, by_uri = user.finish("export", "mine", "one"), user.finish("export", uri, "two")

    trees = [
        sorted(str(path.relative_to(user.folder / name)) for path in (user.folder / name).rglob("*.py"))
        for name in ("one", "two")
    ]
    assert by_name.out == "one: 2 links, 2 new texts\n"
    assert by_uri.out == "two: 2 links, 2 new texts\n"
    assert trees[0] == trees[1] != []


# who asks


def test_what_is_forbidden_is_named_by_verb_and_resource(user: User) -> None:
    stranger = limited(user, [])

    for command, verb in ((["list"], "list"), (["watch", "mine"], "get"), (["suspend", "mine"], "get")):
        ended = stranger.batt(*command)

        assert ended.code == 77, ended.told
        assert f'cannot {verb} resource "benchmarkruns" in API group "batt.dev"' in ended.err


def test_a_cluster_that_does_not_answer_is_named_with_what_to_do(user: User) -> None:
    kubeconfig = user.folder / "other.kubeconfig"
    text = user.cluster.kubeconfig.read_text()
    server = next(line.split()[-1] for line in text.splitlines() if "server:" in line)
    kubeconfig.write_text(text.replace(server, "https://127.0.0.1:1"))

    ended = user.batt("list", "--kubeconfig", kubeconfig)

    assert ended.code == 69
    assert ended.err.startswith("batt: cluster https://127.0.0.1:1: got ")
    assert "must be reachable; check that it runs and that kubectl reaches it" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_context_that_is_not_there_is_named(user: User) -> None:
    ended = user.batt("list", "--context", "nowhere")

    assert ended.code != 0
    assert "nowhere" in ended.err
    assert "Traceback" not in ended.err


def test_costs_are_estimated_with_the_prices_of_the_charts_config_map(user: User) -> None:
    data = {"config.yaml": "pools: {cheap: {price: {perHour: 0.5, dated: '2026-01-01'}}}\n"}
    metadata = {"name": "batt-operator", "labels": {"app.kubernetes.io/name": "batt"}}
    user.cluster.post(f"/api/v1/namespaces/{user.namespace}/configmaps", {"metadata": metadata, "data": data})

    ended = user.finish("cost", "run.yaml")

    assert "cheap *" in ended.out
    assert f"prices     ConfigMap {user.namespace}/batt-operator" in ended.out


# beside the real operator


def test_a_run_is_submitted_watched_suspended_and_retried(
    control_plane: Cluster, fake_nodes: FakeNodes, operator: Operator, held_namespace: str, tmp_path: Path
) -> None:
    user, ns = User(control_plane, held_namespace, tmp_path), held_namespace
    retries = "  retries: {perShard: 0, failedShards: 3}\n"
    (tmp_path / "run.yaml").write_text(RUN_FILE + retries)
    begin = time.monotonic()
    with user.start("submit", "run.yaml", "--watch") as watch:
        fake_nodes.finish_pod(ns, fake_nodes.wait_pods(ns, "mine-plan", 1)[0], message=plan_words(3))
        says(watch, "Running, 0/3 shards")
        user.finish("suspend", "mine")
        says(watch, "Suspended")
        user.finish("resume", "mine")
        pods = fake_nodes.wait_pods(ns, "mine-work", 3)
        for pod, code in zip(pods, (0, 0, 70), strict=True):
            fake_nodes.finish_pod(ns, pod, code=code)
        fake_nodes.finish_pod(ns, fake_nodes.wait_pods(ns, "mine-collect", 1)[0], message=collect_words(1, "2"))
        first = watch.end()
    submitted_seconds = time.monotonic() - begin + 1  # the run's begin is written in whole seconds
    user.finish("retry-failed", "mine")
    with user.start("watch", "mine") as watch:
        fake_nodes.finish_pod(ns, fake_nodes.wait_pods(ns, "mine-plan-2", 1)[0], message=plan_words(3, 1))
        fake_nodes.finish_pod(ns, fake_nodes.wait_pods(ns, "mine-work-2", 1)[0])
        fake_nodes.finish_pod(ns, fake_nodes.wait_pods(ns, "mine-collect-2", 1)[0], message=collect_words())
        second = watch.end()

    assert first.code == 1, first.told
    assert "mine: Complete (CompletedWithFailures)" in first.out
    assert "shards      2 of 3 with a result, 1 failed: 2" in first.out
    [whole] = re.findall(r"^Timing summary \(seconds\):\n  main\.run_batt +(\d+\.\d{3})$", first.out, re.MULTILINE)
    assert 0 < float(whole) <= submitted_seconds  # the run from its begin to its end, not what collect took
    assert second.code == 0, second.told
    assert "mine: Complete (AllShardsDone)" in second.out
    assert user.finish("list").out.splitlines()[1].split()[:4] == ["mine", "solvers", "Complete", "3/3"]


# real pods


@pytest.fixture
def node_user(node_cluster: Cluster, tmp_path: Path) -> Iterator[User]:
    """Someone on a cluster whose pods run. The definition goes again unless it was there: others install it by Helm."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/benchmarkruns.batt.dev"
    was_there = node_cluster.find(path) is not None
    if not was_there:
        node_cluster.kubectl("apply", "--server-side", "-f", str(CRD))
        node_cluster.wait_crd()
    with node_cluster.namespace() as namespace:
        yield User(node_cluster, namespace, tmp_path)
    if not was_there:
        node_cluster.delete(path)
        wait_until("the definition to go", lambda: node_cluster.find(path) is None)


TALK = """
import os, pathlib, sys, time
index = int(os.environ["JOB_COMPLETION_INDEX"])
print("first of", index, flush=True)
until = time.monotonic() + 30
while index == 0 and not pathlib.Path("/tmp/go").exists() and time.monotonic() < until:
    time.sleep(0.05)
print("last of", index, flush=True)
sys.exit(70 * index)
"""
"""What the pods do: shard 0 speaks, waits for a file, speaks again; shard 1 fails."""


def run_talking_pods(user: User, image: str) -> None:
    """Create a run's work Job of two pods."""
    uid = run_of(user.cluster, user.namespace, "mine")["metadata"]["uid"]
    labels = {"batt.dev/run": "mine", "batt.dev/run-uid": uid, "batt.dev/stage": "work", "batt.dev/attempt": "1"}
    container = {"name": "worker", "image": image, "command": ["python3", "-c", TALK]}
    pod = {"metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [70]}}
    spec = {
        "completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 0,
        "podFailurePolicy": {"rules": [rule]}, "template": pod,
    }  # fmt: skip
    job = {"metadata": {"name": "mine-work"}, "spec": spec}
    user.cluster.post(f"/apis/batch/v1/namespaces/{user.namespace}/jobs", job)


def pod_of(user: User, index: int, phase: str) -> str:
    """Return the name of a shard's pod once it is in a phase."""
    label = f"batch.kubernetes.io/job-completion-index%3D{index}"

    def look() -> str:
        pods = user.cluster.items(f"/api/v1/namespaces/{user.namespace}/pods?labelSelector={label}")
        return next((str(pod["metadata"]["name"]) for pod in pods if pod["status"]["phase"] == phase), "")

    return wait_until(f"pod {index} {phase}", look)


@pytest.mark.full
@pytest.mark.node
def test_logs_are_told_while_pods_speak_and_after(node_user: User, node: Node) -> None:
    user = node_user
    started_run(user, phase="Running")
    with user.start("logs", "mine", "--follow") as follow:
        run_talking_pods(user, node.load(base_image()))
        says(follow, "[work/0] first of 0\n")
        says(follow, "[work/1] last of 1\n")
        assert "last of 0" not in follow.said
        failed = pod_of(user, 1, "Failed")
        all_failed = user.finish("logs", "mine", "--failed").out
        last_lines = user.finish("logs", "mine", "--tail", "1").out
        user.cluster.kubectl("exec", "-n", user.namespace, pod_of(user, 0, "Running"), "--", "touch", "/tmp/go")
        says(follow, "[work/0] last of 0\n")
        write_status(
            user.cluster, user.namespace, "mine", phase="Failed", conditions=[condition("Failed", "TooManyFailures")]
        )
        ended = follow.end()

    told = f"[work/1] ({failed} failed: Error, exit code 70)\n"
    assert all_failed == f"[work/1] first of 1\n[work/1] last of 1\n{told}"
    assert last_lines == f"[work/0] first of 0\n[work/1] last of 1\n{told}"
    assert ended.code == 0, ended.told
    assert sorted(ended.out.splitlines()) == [
        "[work/0] first of 0", "[work/0] last of 0", "[work/1] first of 1", "[work/1] last of 1",
    ]  # fmt: skip
