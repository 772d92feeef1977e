"""The trees of solvers and differs: relative links, whole at any moment, whoever else writes them too."""

import multiprocessing
from collections.abc import Iterable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from batt.errors import StoreError
from batt.objects import TEMPORARY_PREFIX
from batt.store import DirectoryStore
from batt.tree import Link, differ_link, set_links, solver_file, solver_link, write_text
from tests.runs import as_written

FORK = multiprocessing.get_context("fork")

TASK = "007bbfb7"

HOME = f"solver_dir/solve_{TASK}"


def links_in(root: DirectoryStore, home: str = HOME) -> dict[str, str]:
    """Return link -> what it says, for all links below a folder; nothing else may be there."""
    found = [path for path in (root.root / home).rglob("*") if path.is_symlink() or not path.is_dir()]
    return {path.relative_to(root.root / home).as_posix(): str(path.readlink()) for path in sorted(found)}


def store_with(tmp_path: Path, md5s: Iterable[str]) -> DirectoryStore:
    root = DirectoryStore(tmp_path)
    for md5 in md5s:
        write_text(root, solver_file(md5), f"text of {md5}\n")
    return root


def test_paths_are_those_that_other_tools_use() -> None:
    assert solver_link(TASK, 6, 18, "abc") == Link("solver_dir/solve_007bbfb7/6/18/abc.py", "solver_md5/abc.py")
    assert differ_link("iz", TASK, 2, 11, "abc") == Link(
        "differ_dir/iz/solve_007bbfb7/2/11/abc.py", "differ_md5/abc.py"
    )


def test_a_link_leads_to_its_text_wherever_the_folder_is_moved(tmp_path: Path) -> None:
    root = store_with(tmp_path / "here", ["abc"])
    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc")])

    (tmp_path / "here").rename(tmp_path / "there")

    moved = tmp_path / "there" / HOME / "6" / "18" / "abc.py"
    assert moved.read_text() == "text of abc\n"
    assert str(moved.readlink()) == "../../../../solver_md5/abc.py"


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc", "def"])
    links = [solver_link(TASK, 6, 18, "abc"), solver_link(TASK, 2, -1, "def")]
    set_links(root, HOME, links)
    before = as_written(tmp_path)

    set_links(root, HOME, links)

    assert as_written(tmp_path) == before


def test_a_file_that_moves_leaves_no_old_link_and_no_empty_folder(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc", "def"])
    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc"), solver_link(TASK, 5, 17, "def")])

    set_links(root, HOME, [solver_link(TASK, 4, 16, "abc")])

    assert list(links_in(root)) == ["4/16/abc.py", "5/17/def.py"]
    assert sorted(path.name for path in (tmp_path / HOME).iterdir()) == ["4", "5"]


def test_files_of_other_runs_stay(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc", "def"])
    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc")])

    set_links(root, HOME, [solver_link(TASK, 6, 18, "def")])

    assert list(links_in(root)) == ["6/18/abc.py", "6/18/def.py"]


def test_evicted_files_lose_their_links_but_not_their_texts(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc", "def"])
    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc")])

    set_links(root, HOME, [solver_link(TASK, 7, 18, "def")], evicted=["abc.py", "never-there.py"])

    assert list(links_in(root)) == ["7/18/def.py"]
    assert (tmp_path / "solver_md5" / "abc.py").is_file()


def test_nothing_to_do_makes_no_folder(tmp_path: Path) -> None:
    set_links(DirectoryStore(tmp_path), HOME, [])

    assert list(tmp_path.iterdir()) == []


def test_a_copy_in_the_place_of_a_link_is_replaced(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc"])
    copy = tmp_path / HOME / "6" / "18" / "abc.py"
    copy.parent.mkdir(parents=True)
    copy.write_text("a copy that `cp -L` made")

    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc")])

    assert links_in(root) == {"6/18/abc.py": "../../../../solver_md5/abc.py"}


def test_what_a_killed_run_left_half_made_is_removed(tmp_path: Path) -> None:
    root = store_with(tmp_path, ["abc"])
    left = tmp_path / HOME / "6" / "17" / f"{TEMPORARY_PREFIX}0011223344556677"
    left.parent.mkdir(parents=True)
    left.symlink_to("../../../../solver_md5/abc.py")
    (left.parent / "abc.py").symlink_to("../../../../solver_md5/abc.py")

    set_links(root, HOME, [solver_link(TASK, 6, 18, "abc")])

    assert list(links_in(root)) == ["6/18/abc.py"]
    assert not left.parent.exists()


def test_a_folder_that_cannot_be_written_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "solver_dir").write_text("a file where the tree belongs")

    with pytest.raises(StoreError, match=r"solve_007bbfb7: got Not a directory; a part of the path is a file"):
        set_links(DirectoryStore(tmp_path), HOME, [solver_link(TASK, 6, 18, "abc")])


def move_often(folder: Path, time_class: int, start: Barrier) -> None:
    """Give 8 files of a task one t_log and then another, many times, as a run does that is repeated."""
    root = DirectoryStore(folder)
    start.wait()
    for turn in range(60):
        set_links(root, HOME, [solver_link(TASK, 6, time_class + turn % 2, f"{n:032x}") for n in range(8)])


def test_processes_that_move_the_same_files_leave_one_link_each(tmp_path: Path) -> None:
    md5s = [f"{n:032x}" for n in range(8)]
    root = store_with(tmp_path, md5s)
    start = FORK.Barrier(3)
    movers = [FORK.Process(target=move_often, args=(tmp_path, time_class, start)) for time_class in (10, 11, 20)]

    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()

    assert [mover.exitcode for mover in movers] == [0, 0, 0]
    assert sorted(Path(link).name for link in links_in(root)) == [f"{md5}.py" for md5 in md5s]
    assert all((tmp_path / HOME / link).resolve().is_file() for link in links_in(root))


def move_on(folder: Path, turns: int, step: Barrier) -> None:
    """Move 8 files from one t_log to the next, once a step."""
    for turn in range(turns):
        step.wait()
        set_links(DirectoryStore(folder), HOME, [solver_link(TASK, 6, 11 + turn, f"{n:032x}") for n in range(8)])
        step.wait()


def test_whoever_looks_while_files_move_finds_each_of_them(tmp_path: Path) -> None:
    root = store_with(tmp_path, [f"{n:032x}" for n in range(8)])
    set_links(root, HOME, [solver_link(TASK, 6, 10, f"{n:032x}") for n in range(8)])
    step = FORK.Barrier(2)
    mover = FORK.Process(target=move_on, args=(tmp_path, 20, step))
    mover.start()

    for turn in range(20):
        step.wait()
        old, new = (tmp_path / HOME / "6" / str(time_class) for time_class in (10 + turn, 11 + turn))
        while not (new / f"{7:032x}.py").exists() or any((old / f"{n:032x}.py").exists() for n in range(8)):
            for n in range(8):
                # where it was, and if not there, then it has been made where it goes
                assert (old / f"{n:032x}.py").exists() or (new / f"{n:032x}.py").exists()
        step.wait()

    mover.join()
    assert mover.exitcode == 0


def writer(folder: Path, start: Barrier) -> None:
    start.wait()
    for n in range(100):
        write_text(DirectoryStore(folder), solver_file(f"{n:032x}"), f"text {n}\n" * 50)


def test_processes_that_write_the_same_texts_agree(tmp_path: Path) -> None:
    start = FORK.Barrier(3)
    writers = [FORK.Process(target=writer, args=(tmp_path, start)) for _ in range(3)]

    for process in writers:
        process.start()
    for process in writers:
        process.join()

    assert [process.exitcode for process in writers] == [0, 0, 0]
    written = {path.name: path.read_text() for path in (tmp_path / "solver_md5").iterdir()}
    assert written == {f"{n:032x}.py": f"text {n}\n" * 50 for n in range(100)}
