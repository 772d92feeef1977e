"""What a run file names on this machine: which files go to the bucket, under which names, and what is refused."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from batt.api import API_VERSION, KIND, BenchmarkRun, hal_of, solvers_of
from batt.errors import InputError, SpecError
from batt.folder import DirectoryStore
from batt.hal.plan import read_hal_inputs
from batt.inputs.sources import Source, read_sources
from batt.inputs.task_ids import read_task_ids
from batt.inputs.tasks import load_dataset
from batt.runfile import parse_run
from batt.solver.dslfiles import find_dsl
from batt.store import open_store
from batt_operator.commands import uploads
from batt_operator.commands.uploads import Upload, find_uploads, missing_files, send, with_uploads
from tests.runs import MIRROR, SAME, SOLVE_MIRROR, SOLVE_TURN, TURN, make_run, write_inputs

MODULE = "from dsl import *\n\ndef batt(task_id, S, I, C, log_path):\n    s = []\n    o = []\n    return s, o\n"
CALL = "batt\n"


def find(run: BenchmarkRun, base: Path, *, may_leave: bool = False) -> list[Upload]:
    scratch = base / "scratch"
    scratch.mkdir(exist_ok=True)
    return find_uploads(run, base, scratch, may_leave=may_leave)


def found(base: Path, **fields: Any) -> dict[str, Upload]:
    return {upload.field.removeprefix("solvers."): upload for upload in find(make_run(**fields), base)}


def only_candidates(**fields: Any) -> dict[str, Any]:
    return {"dataset": "arc-agi-1/training", **fields}


def paths(upload: Upload) -> list[str]:
    return [file.path for file in upload.files]


def send_all(found_uploads: list[Upload], root: str) -> None:
    store = open_store(root, Path())
    for upload in found_uploads:
        send(upload, missing_files(upload, store), store, lambda _file: None)


def names_and_digests(uri: str, base: Path) -> list[tuple[str, str]]:
    sources = read_sources(uri, base, frozenset({TURN, MIRROR, SAME}))
    return [(source.name, source.digest) for source in sources if isinstance(source, Source)]


def sent_run(base: Path, root: str, **fields: Any) -> BenchmarkRun:
    run = make_run(**fields)
    uploads_of_run = find(run, base)
    send_all(uploads_of_run, root)
    return with_uploads(run, uploads_of_run, root)


def test_only_what_lies_on_this_machine_is_uploaded(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})

    assert found(tmp_path, dataset="arc-agi-1/training", candidates="builtin:starter") == {}
    assert found(tmp_path, dataset="gs://bucket/tasks", candidates="image:/candidates") == {}
    assert set(found(tmp_path, dataset="tasks.json", candidates="file:candidates")) == {"dataset", "candidates"}


def test_a_folder_keeps_its_name_and_only_its_candidates_go(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN, "deep/b.jsonl": "{}\n", ".git/x.py": "", "README.md": "", "c.txt": ""})

    upload = found(tmp_path, **only_candidates())["candidates"]

    assert paths(upload) == ["candidates/a.py", "candidates/deep/b.jsonl"]
    assert upload.uri("gs://b/up/") == f"gs://b/up/{upload.digest}/candidates"


@pytest.mark.parametrize("uri", ["candidates/mod", "candidates/mod.py"])
def test_a_module_brings_its_call_file(tmp_path: Path, uri: str) -> None:
    write_inputs(tmp_path, {"mod.py": MODULE, "mod_call.py": CALL, "other.py": SOLVE_TURN})

    upload = found(tmp_path, **only_candidates(candidates=uri))["candidates"]

    assert (upload.name, paths(upload)) == ("mod.py", ["mod.py", "mod_call.py"])


def test_the_place_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    for place in ("here", "there"):
        write_inputs(tmp_path / place, {"a.py": SOLVE_TURN})
    same = [found(tmp_path / place, **only_candidates())["candidates"].digest for place in ("here", "there")]
    (tmp_path / "there" / "candidates" / "a.py").write_text(SOLVE_MIRROR)
    changed = found(tmp_path / "there", **only_candidates())["candidates"].digest

    assert same[0] == same[1] != changed


def test_what_is_read_from_the_bucket_is_what_lies_here_under_the_same_names(tmp_path: Path, gcs: str) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN, "deep/mod.py": MODULE, "deep/mod_call.py": CALL})
    with tarfile.open(tmp_path / "more.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo(f"solve_{MIRROR}.py")
        member.size = len(SOLVE_MIRROR)
        archive.addfile(member, io.BytesIO(SOLVE_MIRROR.encode()))

    for uri in ("candidates", "candidates/a.py", "candidates/deep/mod", "more.tar.gz"):
        run = sent_run(tmp_path, f"{gcs}/up", **only_candidates(candidates=uri))

        assert names_and_digests(solvers_of(run).candidates, Path()) == names_and_digests(uri, tmp_path)


def test_tasks_ids_and_language_are_read_from_the_bucket_as_from_here(tmp_path: Path, gcs: str) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})
    (tmp_path / "ids.txt").write_text(f"{TURN}\n{SAME}\n")
    (tmp_path / "lang").mkdir()
    (tmp_path / "lang" / "dsl.py").write_text("def one(): return 1\n")
    (tmp_path / "lang" / "constants.py").write_text("X = 1\n")

    run = sent_run(tmp_path, gcs, dataset="tasks.json", tasksFrom="ids.txt", dsl="lang/dsl.py")
    solvers = solvers_of(run)

    assert solvers.tasks_from is not None
    assert read_task_ids(solvers.tasks_from, Path()) == [TURN, SAME]
    assert load_dataset(solvers.dataset).digest == load_dataset("tasks.json", base=tmp_path).digest
    copied = find_dsl(solvers.dsl, Path())
    assert copied is not None
    assert copied.read_text() == "def one(): return 1\n"
    assert (copied.parent / "constants.py").read_text() == "X = 1\n"


def test_a_file_of_challenges_brings_its_solutions(tmp_path: Path) -> None:
    for name in ("arc_challenges.json", "arc_solutions.json"):
        (tmp_path / name).write_text("{}")

    upload = found(tmp_path, dataset="arc_challenges.json", candidates="builtin:starter")["dataset"]

    assert paths(upload) == ["arc_challenges.json", "arc_solutions.json"]


def test_a_folder_of_tasks_leaves_out_what_is_deeper_and_hidden(tmp_path: Path) -> None:
    for name in ("tasks/a.json", "tasks/.b.json", "tasks/deep/c.json", "tasks/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")

    upload = found(tmp_path, dataset="tasks", candidates="builtin:starter")["dataset"]

    assert paths(upload) == ["tasks/a.json"]


def test_a_folder_named_like_a_file_gets_a_name_that_a_bucket_takes_for_a_folder(tmp_path: Path, gcs: str) -> None:
    (tmp_path / "odd.py").mkdir()
    (tmp_path / "odd.py" / "a.py").write_text(SOLVE_TURN)

    run = sent_run(tmp_path, gcs, **only_candidates(candidates="odd.py"))

    assert solvers_of(run).candidates.endswith("/odd.py-folder")
    assert [name for name, _ in names_and_digests(solvers_of(run).candidates, Path())] == ["odd.py-folder/a.py"]


def test_a_second_submit_uploads_nothing_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    write_inputs(tmp_path, {f"{n}.py": SOLVE_TURN for n in range(5)})
    upload = found(tmp_path, **only_candidates())["candidates"]
    root = DirectoryStore(tmp_path / "store")
    sent: list[str] = []

    send(upload, upload.files[:2], root, lambda file: sent.append(file.path))
    send(upload, missing_files(upload, root), root, lambda file: sent.append(file.path))

    assert sent == paths(upload)
    assert missing_files(upload, root) == []


def test_files_that_are_there_already_stay(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})
    upload = found(tmp_path, **only_candidates())["candidates"]
    root = DirectoryStore(tmp_path / "store")
    send(upload, upload.files, root, lambda _file: None)

    send(upload, upload.files, root, lambda _file: None)  # another submit, at the same moment

    assert root.list() == [f"{upload.digest}/candidates/a.py"]


def test_a_file_that_changes_while_it_is_uploaded_is_refused(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})
    upload = found(tmp_path, **only_candidates())["candidates"]
    (tmp_path / "candidates" / "a.py").write_text(SOLVE_MIRROR)

    with pytest.raises(InputError, match="got other content than a moment ago"):
        send(upload, upload.files, DirectoryStore(tmp_path / "store"), lambda _file: None)

    assert not (tmp_path / "store").exists()


def test_a_link_out_of_the_folders_is_refused_unless_asked_for(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("key = 1\n")
    write_inputs(tmp_path / "base", {"a.py": SOLVE_TURN})
    (tmp_path / "base" / "candidates" / "b.py").symlink_to(tmp_path / "secret.py")
    run = make_run(**only_candidates())

    with pytest.raises(SpecError, match=r"b\.py: got a link to .*secret\.py; links must lead to files below"):
        find(run, tmp_path / "base")
    followed = find(run, tmp_path / "base", may_leave=True)

    assert paths(followed[0]) == ["candidates/a.py", "candidates/b.py"]


def test_links_beside_the_run_file_are_followed_as_in_a_tree_of_solvers(tmp_path: Path) -> None:
    (tmp_path / "solver_md5").mkdir()
    (tmp_path / "solver_md5" / "abc.py").write_text(SOLVE_TURN)
    (tmp_path / "solver_dir" / f"solve_{TURN}").mkdir(parents=True)
    (tmp_path / "solver_dir" / f"solve_{TURN}" / "abc.py").symlink_to("../../solver_md5/abc.py")

    upload = found(tmp_path, **only_candidates(candidates="solver_dir"))["candidates"]

    assert paths(upload) == [f"solver_dir/solve_{TURN}/abc.py"]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(SpecError) as caught:
        find(make_run(dataset="gone.json", candidates="empty", tasksFrom="ids.txt"), tmp_path)

    assert [fault.where for fault in caught.value.faults] == [
        "spec.solvers.candidates", "spec.solvers.dataset", "spec.solvers.tasksFrom",
    ]  # fmt: skip


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN})
    os.mkfifo(tmp_path / "candidates" / "b.py")

    with pytest.raises(SpecError, match=r"b\.py: got a pipe, device or folder"):
        find(make_run(**only_candidates()), tmp_path)


def test_files_too_big_or_too_many_are_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_inputs(tmp_path, {"a.py": SOLVE_TURN, "b.py": SOLVE_MIRROR})
    run = make_run(**only_candidates())

    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 10)
    with pytest.raises(SpecError, match=r"a\.py: got .* bytes; must be at most 10 bytes, .*gcloud storage cp"):
        find(run, tmp_path)
    monkeypatch.setattr(uploads, "MAX_FILES", 1)
    with pytest.raises(SpecError, match="got 2 files; must be at most 1; pack them"):
        find(run, tmp_path)


AGENT = "def run(input, **arguments):\n    return dict(input)\n"


def hal_run(source: str, **more: Any) -> BenchmarkRun:
    """Return a run of an agent from this machine."""
    agent = {"name": "mine", "source": source}
    spec = {"hal": {"benchmark": "jsonl", "agent": agent, **more}}
    return parse_run({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "mine"}, "spec": spec})


def write_agent(base: Path) -> None:
    (base / "agent" / "tools").mkdir(parents=True)
    (base / "agent" / "main.py").write_text(AGENT)
    (base / "agent" / "tools" / "go.sh").write_text("true\n")
    (base / "agent" / "tools" / "go.sh").chmod(0o755)
    (base / "agent" / "__pycache__").mkdir()
    (base / "agent" / "__pycache__" / "main.pyc").write_bytes(b"old")


def test_an_agent_is_packed_and_is_the_same_agent_in_the_bucket(gcs: str, tmp_path: Path) -> None:
    write_agent(tmp_path)
    (tmp_path / "questions.jsonl").write_text('{"id": "q", "prompt": "1", "answer": "1"}\n')
    (tmp_path / "ids.txt").write_text("q\n")
    here = hal_run("agent", data="questions.jsonl", tasksFrom="ids.txt")
    uploads_of_run = find(here, tmp_path)
    send_all(uploads_of_run, gcs)
    there = with_uploads(here, uploads_of_run, gcs)

    inputs = [read_hal_inputs(run, tmp_path, tmp_path / name) for name, run in (("a", here), ("b", there))]

    assert {upload.field for upload in uploads_of_run} == {"hal.agent.source", "hal.data", "hal.tasks_from"}
    assert hal_of(there).agent.source.startswith(f"{gcs}/")
    assert hal_of(there).agent.source.endswith("/agent.tar.gz")
    assert inputs[0].agent.hash == inputs[1].agent.hash
    assert inputs[0].benchmark_digest == inputs[1].benchmark_digest
    assert os.access(inputs[1].agent.folder / "tools" / "go.sh", os.X_OK)


def test_the_same_agent_is_uploaded_once(tmp_path: Path) -> None:
    write_agent(tmp_path)
    [first] = find(hal_run("agent"), tmp_path)
    (tmp_path / "agent" / "__pycache__" / "main.pyc").write_bytes(b"new")
    (tmp_path / "agent" / "main.py").touch()

    [second] = find(hal_run("agent"), tmp_path)

    assert first.digest == second.digest


def test_a_folder_of_data_is_uploaded_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "USACO" / "data" / "tests").mkdir(parents=True)
    (tmp_path / "USACO" / "data" / "problems.json").write_text("{}")
    (tmp_path / "USACO" / "data" / "tests" / "1.in").write_text("1")

    [upload] = find(hal_run("builtin:oracle", data="USACO"), tmp_path)

    assert paths(upload) == ["USACO/data/problems.json", "USACO/data/tests/1.in"]


def test_an_agent_without_its_function_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    write_agent(tmp_path)
    (tmp_path / "agent" / "main.py").rename(tmp_path / "agent" / "other.py")

    with pytest.raises(SpecError) as caught:
        find(hal_run("agent", data="gone.jsonl"), tmp_path)

    assert [fault.where for fault in caught.value.faults] == ["spec.hal.agent.function", "spec.hal.data"]


def test_an_agent_with_links_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    write_agent(tmp_path)
    (tmp_path / "secret").write_text("no")
    (tmp_path / "agent" / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(SpecError, match=r"spec\.hal\.agent\.source: .*which leads out of the folder"):
        find(hal_run("agent"), tmp_path)
