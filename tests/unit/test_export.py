"""Results brought home from a bucket: the same trees as a run into a folder makes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from batt.collect import collect
from batt.errors import InputError, StoreError
from batt.export import (
    RunPlace,
    export_hal,
    export_tree,
    find_results,
    links_of,
    parse_results,
    read_files,
    read_results,
)
from batt.folder import DirectoryStore
from batt.store import open_store
from tests.runs import SAME, SOLVE_MIRROR, SOLVE_SAME, SOLVE_TURN, as_written, make_run, plan_run, work_on, write_inputs

MODULE = (
    "def batt(task_id, S, I, C, log_path):\n"
    "    s = []\n    o = []\n    t1 = rot90(I)\n    o.append((1, False, 'one', t1))\n"
    "    t4 = palette(C)\n    t5 = astuple(ONE, t4)\n    s.append((5, 'None', 'differ_a', t5))\n    return o, s\n"
)
"""A batt module with a candidate and a differ."""

TREES = ("solver_md5", "solver_dir", "differ_md5", "differ_dir")


def run_into(base: Path, uri: str, name: str = "small") -> str:
    """Run three solvers with their results under a URI; return the run's folder."""
    texts = {"solve_1a1a1a1a.py": SOLVE_TURN, "solve_2b2b2b2b.py": SOLVE_MIRROR, f"solve_{SAME}.py": SOLVE_SAME}
    texts |= {"m.py": MODULE, "m_call.py": "t_call = {1: 'rot90, I'}\n"}
    write_inputs(base, texts)
    root = open_store(uri, base)
    manifest = plan_run(base, make_run(name, cache=False), root=root)
    work_on(manifest, root)
    collect(manifest, root)
    return f"{root.uri}/{manifest.ref.folder}"


def tree_of(root: Path) -> dict[str, str]:
    """Return the files of the trees by path without the t_log, which depends on time, and what links say."""
    found = {}
    for tree in TREES:
        for path in (root / tree).rglob("*.py"):
            parts = path.relative_to(root).parts
            key = "/".join(parts if tree.endswith("md5") else (*parts[:-2], parts[-1]))
            found[key] = str(path.readlink()) if path.is_symlink() else path.read_text()
    return found


def exported(uri: str, target: Path) -> Any:
    place = find_results(uri, Path())
    return export_tree(parse_results(read_results(place), place.uri), place, DirectoryStore(target))


def test_the_trees_from_a_bucket_are_those_that_a_folder_has(tmp_path: Path, gcs: str) -> None:
    run_into(tmp_path / "folder", "results")
    uri = run_into(tmp_path / "bucket", f"{gcs}/deep/results")

    made = exported(uri, tmp_path / "here")

    tree = tree_of(tmp_path / "here")
    assert tree == tree_of(tmp_path / "folder" / "results")
    assert {path.split("/")[0] for path in tree} == set(TREES)
    texts = [path for path in tree if path.startswith(("solver_md5", "differ_md5"))]
    assert (made.links, made.texts) == (len(tree) - len(texts), len(texts))


def test_the_same_again_fetches_and_changes_nothing(tmp_path: Path, gcs: str) -> None:
    uri = run_into(tmp_path / "run", gcs)
    exported(uri, tmp_path / "here")
    before = as_written(tmp_path / "here")

    made = exported(f"{uri}/out/1/results.json", tmp_path / "here")

    assert made.texts == 0
    assert as_written(tmp_path / "here") == before


def test_progress_is_told_of_what_is_fetched(tmp_path: Path) -> None:
    place = find_results(run_into(tmp_path, "results"), Path())
    told: list[tuple[int, int]] = []

    export_tree(
        parse_results(read_results(place), place.uri),
        place,
        DirectoryStore(tmp_path / "here"),
        lambda done, texts: told.append((done, texts)),
    )

    texts = told[-1][1]
    assert told == [(done, texts) for done in range(1, texts + 1)]


def test_files_beside_the_results_come_along(tmp_path: Path) -> None:
    uri = run_into(tmp_path, "results")
    (Path(uri) / "out" / "1" / "report.html").write_text("<html>")

    files = read_files(find_results(uri, Path()))

    assert set(files) == {"results.json", "summary.json", "report.html"}
    assert files["report.html"] == b"<html>"


def test_the_last_attempt_that_has_results_counts(tmp_path: Path) -> None:
    uri = run_into(tmp_path, "results")
    for attempt in ("2", "10"):
        shutil.copytree(Path(uri) / "out" / "1", Path(uri) / "out" / attempt)
    (Path(uri) / "out" / "11").mkdir()
    (Path(uri) / "out" / "11" / "summary.json").write_text("{}")  # killed before it wrote its results

    assert find_results(uri, Path()).attempt == 10
    assert find_results(f"{uri}/out/2", Path()).attempt == 2
    with pytest.raises(InputError, match=r"got no results of attempt 3 there yet; choose one of \[1, 2, 10\]"):
        find_results(f"{uri}/out/3", Path())


def test_a_results_folder_is_no_run_but_names_those_in_it(tmp_path: Path) -> None:
    run_into(tmp_path, "results")

    with pytest.raises(InputError, match=r"must be the folder of a run.*name one of those below it: default/small-0"):
        find_results(str(tmp_path / "results"), Path())
    with pytest.raises(InputError, match=r"must be the folder of a run.*name one of those below it: small-0"):
        find_results(str(tmp_path / "results" / "default"), Path())


def test_a_bucket_alone_is_no_run(gcs: str) -> None:
    with pytest.raises(InputError, match=r"got no manifest\.json there; must be the folder of a run"):
        find_results(gcs, Path())


def test_a_run_without_results_says_so(tmp_path: Path) -> None:
    uri = run_into(tmp_path, "results")
    shutil.rmtree(Path(uri) / "out")

    with pytest.raises(InputError, match="got no results there yet; wait for the run's end"):
        find_results(uri, Path())


@pytest.mark.parametrize(
    "link",
    [
        "../../../etc/cron.d/x.py",
        "solver_dir/solve_a/../1/0123456789abcdef0123456789abcdef.py",
        "solver_md5/0123456789abcdef0123456789abcdef.py",
        "solver_dir/solve_a/1/1/evil.py",
    ],
)
def test_results_cannot_make_links_elsewhere(link: str) -> None:
    results = {"tasks": [{"candidates": [{"link": link}]}]}

    with pytest.raises(InputError, match="must lie in solver_dir or differ_dir"):
        list(links_of(results, "gs://b/r"))


def test_a_text_that_is_gone_is_an_error(tmp_path: Path) -> None:
    uri = run_into(tmp_path, "results")
    shutil.rmtree(tmp_path / "results" / "solver_md5")

    with pytest.raises(StoreError, match="there is no such object"):
        exported(uri, tmp_path / "here")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"schema":2}'])
def test_other_files_are_no_results(data: bytes) -> None:
    with pytest.raises(InputError, match=r"x: got .*; must be results\.json"):
        parse_results(data, "x")


@pytest.mark.parametrize("results", [{}, {"tasks": 3}, {"tasks": [{}]}, {"tasks": [{"candidates": [{"link": 1}]}]}])
def test_results_of_another_form_are_named(results: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^out/1/results.json: got another form .*; must be results as batt writes"):
        list(links_of(results, "out/1/results.json"))


def test_results_of_agents_of_another_form_are_named(tmp_path: Path) -> None:
    place = RunPlace(DirectoryStore(tmp_path), "default/a-1", 1)

    with pytest.raises(InputError, match=r"default/a-1/out/1/results.json: got another form .*; must be results as"):
        export_hal({"hal": {"benchmark": "jsonl"}}, place, tmp_path)
